"""Datasets: samples by number, or one after the other; `+` puts two in a row."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, Generic, TypeVar

Sample_co = TypeVar("Sample_co", covariant=True)


class Dataset(Generic[Sample_co]):
    """Base of all datasets: define __getitem__(index), and __len__ for samplers.

    One that has __getitems__(indices) is asked for all samples of a batch at once.
    """

    def __getitem__(self, index: Any) -> Sample_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Any) -> Any:
        """The samples of this dataset, then those of the other."""
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample_co]):
    """Base of datasets that are streams: define __iter__, and __len__ if the length is known.

    Each worker of a DataLoader goes through a copy of its own; get_worker_info() tells which part
    is its share.
    """

    def __iter__(self) -> Iterator[Sample_co]:
        raise NotImplementedError("Subclasses of IterableDataset should implement __iter__.")

    def __add__(self, other: Any) -> Any:
        """The stream of this dataset, then that of the other."""
        return ChainDataset([self, other])


class ConcatDataset(Dataset[Sample_co]):
    """Several datasets in a row."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError(
                "ConcatDataset does not support IterableDataset, which has no numbers for its "
                "samples; use ChainDataset."
            )
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, index: int) -> Sample_co:
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect_right(self.cumulative_sizes, index)
        if which == len(self.datasets):
            raise IndexError(f"index {index} is out of range: there are {len(self)} samples")
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[Sample_co]):
    """Several streams, one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Sample_co]:
        for stream in self.datasets:
            yield from checked_stream(stream)

    def __len__(self) -> int:
        return sum(len(checked_stream(stream)) for stream in self.datasets)


def checked_stream(dataset: Any) -> Any:
    if not isinstance(dataset, IterableDataset):
        raise AssertionError(f"ChainDataset only supports IterableDataset, got {type(dataset)}")
    return dataset
