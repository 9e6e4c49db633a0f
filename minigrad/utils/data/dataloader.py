"""DataLoader: a dataset in batches."""

import math
import multiprocessing
from collections.abc import Callable, Iterable
from itertools import repeat
from multiprocessing.context import BaseContext
from typing import Any, Generic

import numpy as np

from minigrad.random import Generator, chosen_generator
from minigrad.utils.data.batches import Batches, OwnBatches, WorkerBatches
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.crew import Crew
from minigrad.utils.data.dataset import IterableDataset, Sample_co
from minigrad.utils.data.fetch import Collate
from minigrad.utils.data.options import check_order, check_pinned, check_stream, check_workers
from minigrad.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from minigrad.utils.data.worker import Job

# What an order was made of: setting it later would change nothing.
FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class DataLoader(Generic[Sample_co]):
    """Iterates over a dataset in batches, each time in a new order if `shuffle` is set.

    The order depends on nothing but where the generator stands when iter() is called, and is the
    same for any number of workers: docs/data.md says how to go on in the middle of an epoch.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Collate | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        check_pinned(pin_memory, pin_memory_device)
        self.dataset, self.generator = dataset, generator
        self.num_workers, self.timeout, self.worker_init_fn = num_workers, timeout, worker_init_fn
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers, self.in_order = persistent_workers, in_order
        self.pin_memory, self.drop_last = pin_memory, drop_last
        self.multiprocessing_context = start_method(multiprocessing_context, num_workers)
        self.is_stream = isinstance(dataset, IterableDataset)
        if self.is_stream:
            check_stream(shuffle, sampler, batch_sampler)
        check_order(batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.sampler = self.default_sampler(shuffle) if sampler is None else sampler
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.batch_size, self.batch_sampler = batch_size, batch_sampler
        self.collate_fn = collate_fn or (default_collate if self.batched else default_convert)
        self._expected: int | None = None
        self._kept: WorkerBatches | None = None
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and "_complete" in self.__dict__:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized; "
                "make a new loader"
            )
        super().__setattr__(name, value)

    def default_sampler(self, shuffle: bool | None) -> Iterable[Any]:
        """The order where none was given."""
        if self.is_stream:
            return repeat(None)  # the next one, whichever that is
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    @property
    def batched(self) -> bool:
        """Whether samples are put together here; otherwise they come one by one."""
        return self.batch_sampler is not None

    @property
    def places(self) -> Any:
        """What says which samples make each batch."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Batches:
        places, base_seed = iter(self.places), self.draw_seed()
        if self.num_workers == 0:
            if self.timeout:
                raise AssertionError(f"timeout={self.timeout} requires num_workers > 0")
            return OwnBatches(self.job(), self._expected, places)
        batches = self._kept
        if batches is None or not batches.crew.workers:
            batches = self.worker_batches()
        self._kept = batches if self.persistent_workers else None
        batches.begin(self._expected, places, base_seed)
        return batches

    def draw_seed(self) -> int:
        """What the seeds of the workers are made of, in this epoch."""
        words = chosen_generator(self.generator).take(1)
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)

    def job(self) -> Job:
        """What those who make the batches have to know."""
        return Job(
            self.dataset,
            self.collate_fn,
            self.batched,
            self.drop_last,
            self.num_workers,
            self.worker_init_fn,
        )

    def worker_batches(self) -> WorkerBatches:
        """New workers, and what receives their batches."""
        context = self.multiprocessing_context or multiprocessing.get_context()
        job, ahead = self.job(), self.prefetch_factor or 2
        crew = Crew(job, context, self.timeout)
        return WorkerBatches(job, crew, ahead, self.in_order, self.persistent_workers)

    def __len__(self) -> int:
        """The number of batches; of a stream that has a length, what one process would make."""
        if not self.is_stream:
            return len(self.places)
        samples = len(self.dataset)
        if self.batch_size is None:
            self._expected = samples
        elif self.drop_last:
            self._expected = samples // self.batch_size
        else:
            self._expected = math.ceil(samples / self.batch_size)
        return self._expected


def start_method(chosen: Any, num_workers: int) -> Any:
    """The context that makes the workers: None for Python's default, "fork", "spawn" or one."""
    if chosen is None:
        return None
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading "
            "(num_workers > 0), but got num_workers=0"
        )
    if isinstance(chosen, str):
        valid = multiprocessing.get_all_start_methods()
        if chosen not in valid:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{valid!r}, but got multiprocessing_context={chosen!r}"
            )
        return multiprocessing.get_context(chosen)
    if not isinstance(chosen, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={chosen}"
        )
    return chosen
