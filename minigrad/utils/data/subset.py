"""Parts of a dataset: those you name, or a random split."""

import math
import warnings
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from minigrad.ops.draw import source
from minigrad.random import Generator
from minigrad.utils.data.columns import samples
from minigrad.utils.data.dataset import Dataset, Sample_co


class Subset(Dataset[Sample_co]):
    """The samples of a dataset with the given numbers, in that order."""

    def __init__(self, dataset: Dataset[Sample_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Sample_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Sample_co]:
        if type(self).__getitem__ is not Subset.__getitem__:  # a subclass has its own samples
            return [self[index] for index in indices]
        return samples(self.dataset, [self.indices[index] for index in indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[Any]]:
    """Split at random into parts of the given lengths, or of fractions that add up to 1."""
    size = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = whole_lengths(size, lengths)
    if sum(lengths) != size:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = source(generator).permutation(size).tolist()
    return [
        Subset(dataset, order[int(end - length) : int(end)])
        for length, end in zip(lengths, accumulate(lengths), strict=True)
    ]


def whole_lengths(size: int, fractions: Sequence[float]) -> list[int]:
    """The fractions as numbers of samples; what rounding leaves over goes round from the first."""
    for index, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {index} is not between 0 and 1")
    lengths = [math.floor(size * fraction) for fraction in fractions]
    for index in range(size - sum(lengths)):
        lengths[index % len(lengths)] += 1
    for index, length in enumerate(lengths):
        if length == 0:
            warnings.warn(
                f"Length of split at index {index} is 0. This might result in an empty dataset.",
                stacklevel=3,
            )
    return lengths
