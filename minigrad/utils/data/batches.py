"""Iterators over the batches of a DataLoader: made here, or by worker processes."""

import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from minigrad.utils.data.crew import Crew
from minigrad.utils.data.worker import END, Failure, Job


class Batches:
    """An epoch.  `expected` is how many batches len(loader) promised for a stream, if asked."""

    def __init__(self, dataset: Any, expected: int | None) -> None:
        self.dataset, self.expected, self.count = dataset, expected, 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        batch = self.next_batch()
        self.count += 1
        if self.expected is not None and self.count > self.expected:
            warnings.warn(
                f"Length of IterableDataset {self.dataset} was reported to be {self.expected} "
                f"(when accessing len(dataloader)), but {self.count} samples have been fetched.  "
                "With workers, each must be given a share of its own: see get_worker_info().",
                stacklevel=2,
            )
        return batch

    def next_batch(self) -> Any:
        raise NotImplementedError


class OwnBatches(Batches):
    """Batches made by the process that asks for them."""

    def __init__(self, job: Job, expected: int | None, places: Iterator[Any]) -> None:
        super().__init__(job.dataset, expected)
        self.places, self.fetcher = places, job.fetcher()

    def next_batch(self) -> Any:
        return self.fetcher.fetch(next(self.places))


class WorkerBatches(Batches):
    """Batches made by a crew, received in the order in which they were asked for.

    The workers are asked in turn, `ahead` batches each before the first is wanted.  So the order
    does not depend on how fast they are, unless `in_order` is off.
    """

    def __init__(self, job: Job, crew: Crew, ahead: int, in_order: bool, keep: bool) -> None:
        super().__init__(job.dataset, None)
        self.crew, self.size = crew, job.num_workers
        self.ahead, self.in_order, self.keep = ahead, in_order, keep
        self.asked: deque[int] = deque()  # whose turn each batch was that is on its way
        self.dismiss = weakref.finalize(self, crew.dismiss)

    def begin(self, expected: int | None, places: Iterator[Any], base_seed: int) -> None:
        """Start an epoch; what is left of the one before is dropped."""
        self.expected, self.count, self.places = expected, 0, places
        self.active = set(range(self.size))
        self.turns = cycle(range(self.size))
        self.asked.clear()
        self.crew.begin(base_seed)
        for _ in range(self.ahead * self.size):
            self.ask()

    def ask(self) -> None:
        """Ask for the next batch, if there is one, the worker whose turn it is."""
        for places in self.places:
            worker = next(number for number in self.turns if number in self.active)
            self.crew.ask(worker, places)
            self.asked.append(worker)
            return

    def next_batch(self) -> Any:
        while self.asked and self.crew.workers:
            worker, kind, content = self.next_answer()
            if kind == END:
                self.retire(worker)
            if self.active:
                self.ask()
            if isinstance(content, Failure):
                raise content.exception()
            if kind != END:
                return content
        if not self.keep:
            self.dismiss()
        raise StopIteration

    def next_answer(self) -> tuple[int, str, Any]:
        """Whose answer it is, its kind and its content."""
        try:
            if self.in_order:
                worker = self.asked.popleft()
            else:
                worker = self.crew.first_to_answer(sorted(set(self.asked)))
                self.asked.remove(worker)
            return worker, *self.crew.receive(worker)
        except BaseException:  # Ctrl-C as well: half a message may have been read
            self.dismiss()
            raise

    def retire(self, worker: int) -> None:
        """The stream of this worker is at its end."""
        self.active.discard(worker)
        self.asked = deque(number for number in self.asked if number != worker)

    def __getstate__(self) -> Any:
        raise NotImplementedError("an iterator over batches cannot be pickled; pickle the loader")
