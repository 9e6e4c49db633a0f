"""The worker processes of a DataLoader, as the process that reads its batches sees them."""

import os
import pickle
import signal
import time
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from minigrad.utils.data.worker import BEGIN, FETCH, LEAVE, READY, Job, message, work

PATIENCE = 5.0  # seconds that a worker has to end what it is doing


class Worker:
    """One process and our end of the pipe to it."""

    def __init__(self, job: Job, number: int, context: Any) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(job, number, theirs, self.connection), daemon=True
        )
        self.number, self.epoch = number, 0
        try:
            self.process.start()
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()  # so that the pipe ends with the process

    def send(self, task: str, content: Any) -> None:
        with suppress(OSError):  # a worker that died is noticed when its answer is due
            self.connection.send_bytes(message(task, content))

    def answer(self, timeout: float) -> tuple[str, Any]:
        """Its next message; RuntimeError if it dies, or if (0: never) the time is over."""
        awaited = wait([self.connection, self.process.sentinel], timeout or None)
        if not awaited:
            raise RuntimeError(
                f"DataLoader timed out after {timeout} seconds waiting for worker process "
                f"{self.number} (pid {self.process.pid})"
            )
        try:
            received = self.connection.recv_bytes() if self.connection in awaited else None
        except (EOFError, OSError):
            received = None
        if received is None:
            raise RuntimeError(self.end())
        return pickle.loads(received)

    def end(self) -> str:
        """How the process ended, in words."""
        self.process.join(PATIENCE)
        who, code = f"DataLoader worker (pid {self.process.pid})", self.process.exitcode
        if code is not None and code < 0:
            name = signal.strsignal(-code) or code
            return f"{who} is killed by signal: {name}.  It may have run out of memory."
        return (
            f"{who} exited unexpectedly with exit code {code}.  What it printed may say why; "
            "num_workers=0 runs the same code in this process.  Where processes are spawned, a "
            'script starts its work under `if __name__ == "__main__":`.'
        )

    def tell_to_leave(self) -> None:
        with suppress(OSError):
            self.connection.send_bytes(LEAVE)

    def see_off(self, deadline: float) -> None:
        """Wait until it ended; end it if it takes too long."""
        self.process.join(max(0, deadline - time.monotonic()))
        for end in (self.process.terminate, self.process.kill):
            if self.process.is_alive():
                end()
                self.process.join(1)
        self.connection.close()


class Crew:
    """All workers of a loader."""

    def __init__(self, job: Job, context: Any, timeout: float) -> None:
        self.timeout, self.owner, self.epoch = timeout, os.getpid(), 0
        self.workers: list[Worker] = []
        try:
            for number in range(job.num_workers):
                self.workers.append(Worker(job, number, context))
        except BaseException:
            self.dismiss()
            raise

    def begin(self, base_seed: int) -> None:
        """Start an epoch: what was asked for before will not be received."""
        self.epoch += 1
        for worker in self.workers:
            worker.send(BEGIN, (self.epoch, base_seed))

    def ask(self, number: int, places: Any) -> None:
        """Ask a worker for a batch."""
        self.workers[number].send(FETCH, places)

    def receive(self, number: int) -> tuple[str, Any]:
        """The kind and content of a worker's next answer in this epoch."""
        self.await_begin(number)
        return self.workers[number].answer(self.timeout)

    def await_begin(self, number: int) -> None:
        """Drop answers of earlier epochs; raise if this worker could not begin."""
        worker = self.workers[number]
        while worker.epoch < self.epoch:
            kind, content = worker.answer(self.timeout)
            if kind == READY:
                worker.epoch, failed = content
                if failed and worker.epoch == self.epoch:
                    raise failed.exception()

    def first_to_answer(self, numbers: list[int]) -> int:
        """Which of these workers answers, or dies, before the others."""
        for number in numbers:
            self.await_begin(number)
        workers = [self.workers[number] for number in numbers]
        ends = [end for w in workers for end in (w.connection, w.process.sentinel)]
        awaited = wait(ends, self.timeout or None)
        return numbers[ends.index(awaited[0]) // 2] if awaited else numbers[0]

    def dismiss(self) -> None:
        """End all workers.  A forked process that inherited this object leaves them alone."""
        if os.getpid() != self.owner:
            return
        deadline = time.monotonic() + PATIENCE
        for worker in self.workers:
            worker.tell_to_leave()
        for worker in self.workers:
            worker.see_off(deadline)
        self.workers.clear()
