"""What a worker process of a DataLoader does: it gets tasks, and sends batches back."""

import os
import pickle
import random
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

import numpy as np

from minigrad.kernels.threads import set_num_threads
from minigrad.random import manual_seed
from minigrad.utils.data.dataset import IterableDataset
from minigrad.utils.data.fetch import Collate, MapFetcher, StreamFetcher

# What the parent may send, and what a worker may answer.
BEGIN, FETCH, LEAVE = "begin", "fetch", b"leave"
READY, BATCH, END = "ready", "batch", "end"


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker this process is, of how many, its seed, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """What this worker knows of itself (id, num_workers, seed, dataset); None in other processes.

    The seed is another for each worker and each epoch.
    """
    return _worker_info


@dataclass(frozen=True)
class Job:
    """What all workers of a DataLoader are told when they start."""

    dataset: Any
    collate_fn: Collate
    batched: bool
    drop_last: bool
    num_workers: int
    worker_init_fn: Callable[[int], None] | None

    def fetcher(self) -> MapFetcher | StreamFetcher:
        """What gets the batches of a new epoch."""
        if isinstance(self.dataset, IterableDataset):
            return StreamFetcher(iter(self.dataset), self.collate_fn, self.batched, self.drop_last)
        return MapFetcher(self.dataset, self.collate_fn, self.batched)


@dataclass(frozen=True)
class Failure:
    """An exception on its way to the parent, with its traceback as text."""

    kind: type[Exception]
    text: str

    def exception(self) -> Exception:
        try:
            return self.kind(Text(self.text))
        except Exception:  # its constructor takes other arguments
            return RuntimeError(self.text)


class Text(str):
    """A text that KeyError, too, shows with its line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def failure(error: Exception, worker: int) -> Failure:
    """The exception to send; a RuntimeError if the parent could not read its type."""
    lines = "".join(traceback.format_exception(error))
    kind = type(error)
    text = f"Caught {kind.__name__} in DataLoader worker process {worker}.\nOriginal {lines}"
    try:
        ForkingPickler.dumps(kind)
    except Exception:
        kind = RuntimeError
    return Failure(kind, text)


def message(kind: str, content: Any = None) -> bytes:
    return bytes(ForkingPickler.dumps((kind, content)))


def work(job: Job, worker: int, connection: Connection, parents_end: Connection) -> None:
    """The life of a worker: answer every task in turn, until told to leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after Ctrl-C the parent ends the workers
    parents_end.close()  # a fork has a copy of it, and would keep the pipe open
    set_num_threads(1)
    inbox: SimpleQueue[bytes | None] = SimpleQueue()
    outbox: SimpleQueue[bytes] = SimpleQueue()
    leaving = Event()
    Thread(target=listen, args=(connection, inbox, leaving), daemon=True).start()
    Thread(target=deliver, args=(connection, outbox), daemon=True).start()
    fetcher: MapFetcher | StreamFetcher | None = None
    while (received := inbox.get()) is not None and not leaving.is_set():
        task, content = pickle.loads(received)
        if task == FETCH:
            if fetcher is not None:  # after a failed beginning the parent asks no more
                outbox.put(fetch(fetcher, worker, content))
            continue
        epoch, base_seed = content
        try:
            fetcher = begin(job, worker, base_seed, first=fetcher is None)
            outbox.put(message(READY, (epoch, None)))
        except Exception as error:
            outbox.put(message(READY, (epoch, failure(error, worker))))


def listen(connection: Connection, inbox: SimpleQueue[bytes | None], leaving: Event) -> None:
    """Read what the parent sends as it comes, so that sending never waits for a batch.

    LEAVE overtakes the tasks that were not begun.  When the parent is gone, however it died, the
    pipe ends, and nobody wants the rest.
    """
    try:
        while (received := connection.recv_bytes()) != LEAVE:
            inbox.put(received)
    except (EOFError, OSError):
        os._exit(1)
    leaving.set()
    inbox.put(None)


def deliver(connection: Connection, outbox: SimpleQueue[bytes]) -> None:
    """Send answers as fast as the parent takes them, while the next ones are made."""
    with suppress(OSError):
        while True:
            connection.send_bytes(outbox.get())


def begin(job: Job, worker: int, base_seed: int, first: bool) -> MapFetcher | StreamFetcher:
    """A new epoch: seeds that only depend on its base seed, and what fetches its batches."""
    global _worker_info
    seed = base_seed + worker
    random.seed(seed)
    manual_seed(seed)
    np.random.seed(np.random.SeedSequence([base_seed, worker]).generate_state(4))
    _worker_info = WorkerInfo(worker, job.num_workers, seed, job.dataset)
    if first and job.worker_init_fn is not None:
        job.worker_init_fn(worker)
    return job.fetcher()


def fetch(fetcher: MapFetcher | StreamFetcher, worker: int, places: Any) -> bytes:
    """The message with a batch, or with what went wrong."""
    try:
        return message(BATCH, fetcher.fetch(places))
    except Exception as error:
        if isinstance(error, StopIteration) and isinstance(fetcher, StreamFetcher):
            return message(END)
        return message(BATCH, failure(error, worker))
