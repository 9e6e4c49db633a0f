"""Samplers: in which order a DataLoader takes the samples.

A random order depends on nothing but where the generator stands when iter() is called.
"""

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from minigrad.dtypes import float64
from minigrad.kernels.philox import blocks_for
from minigrad.ops.creation import as_tensor
from minigrad.ops.draw import source
from minigrad.ops.random import multinomial
from minigrad.random import Generator, chosen_generator

Index_co = TypeVar("Index_co", covariant=True)


class Sampler(Generic[Index_co]):
    """Base of all samplers: define __iter__, and __len__ if the number is known."""

    def __iter__(self) -> Iterator[Index_co]:
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class SequentialSampler(Sampler[int]):
    """0, 1, 2 and so on."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """A new random order each time; with replacement, a number may come more than once."""

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got {replacement=}")
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                "num_samples should be a positive integer value, but got "
                f"num_samples={self.num_samples}"
            )

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size, wanted = len(self.data_source), self.num_samples
        rounds = [min(size, wanted - start) for start in range(0, wanted, size)]
        stream = set_aside(self.generator, len(rounds) * blocks_for("integers_int64", size))
        return chain.from_iterable(self.numbers(stream, size, count) for count in rounds)

    def numbers(self, stream: Generator, size: int, count: int) -> list[int]:
        """So many numbers below `size`."""
        if self.replacement:
            return source(stream).integers(0, size, (count,)).tolist()
        return source(stream).permutation(size).tolist()[:count]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given numbers, each once, in a new random order each time."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = source(self.generator).permutation(len(self.indices)).tolist()
        return (self.indices[number] for number in order)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Numbers drawn with probabilities in proportion to the weights of 0, 1, 2 and so on."""

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        check_count("num_samples", num_samples)
        check_bool("replacement", replacement)
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights.dim() != 1:
            shape = tuple(self.weights.shape)
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {shape}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(
            self.weights, self.num_samples, self.replacement, generator=self.generator
        )
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[Any]]):
    """Lists of batch_size numbers from another sampler; the last may be shorter, or dropped."""

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        check_count("batch_size", batch_size)
        check_bool("drop_last", drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[Any]]:
        return self.batches(iter(self.sampler))

    def batches(self, numbers: Iterator[Any]) -> Iterator[list[Any]]:
        while batch := list(islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]
        return size // self.batch_size if self.drop_last else math.ceil(size / self.batch_size)


def set_aside(generator: Generator | None, blocks: int) -> Generator:
    """A generator of numbers that nobody else will draw, whenever they are asked for.

    So a pass over the data is decided the moment it begins, whatever else is drawn in between.
    """
    whole = chosen_generator(generator)
    stream = whole.clone_state()
    whole.take(blocks)
    return stream


def check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} should be a boolean value, but got {name}={value}")
