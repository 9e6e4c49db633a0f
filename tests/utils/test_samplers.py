"""Samplers and splits need no tensors: orders of numbers."""

import pytest

from minigrad.random import Generator, manual_seed
from minigrad.utils.data import BatchSampler, RandomSampler, SequentialSampler, random_split

TEN = range(10)


def test_sequential_sampler() -> None:
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    assert len(SequentialSampler("abc")) == 3


def test_random_sampler_visits_each_once_and_reorders_each_time() -> None:
    manual_seed(0)
    sampler = RandomSampler(TEN)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(TEN)
    assert first != second
    manual_seed(0)
    assert list(sampler) == first


def test_random_sampler_draws_from_its_own_generator() -> None:
    orders = [list(RandomSampler(TEN, generator=Generator().manual_seed(3))) for _ in range(2)]
    assert orders[0] == orders[1]


def test_more_samples_than_there_are() -> None:
    numbers = list(RandomSampler(range(3), num_samples=7))
    assert len(numbers) == 7
    assert sorted(numbers[:3]) == sorted(numbers[3:6]) == [0, 1, 2]


def test_replacement_repeats_numbers() -> None:
    manual_seed(0)
    numbers = list(RandomSampler(range(3), replacement=True, num_samples=50))
    assert len(numbers) == 50
    assert set(numbers) == {0, 1, 2}


@pytest.mark.parametrize(("drop_last", "last"), [(False, [[3]]), (True, [])])
def test_batches(drop_last: bool, last: list[list[int]]) -> None:
    sampler = BatchSampler(range(4), 3, drop_last)
    assert list(sampler) == [[0, 1, 2], *last]
    assert len(sampler) == 1 + len(last)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomSampler([]), ValueError, "num_samples should be a positive integer value"),
        (lambda: RandomSampler(TEN, num_samples=-1), ValueError, "num_samples=-1"),
        (lambda: RandomSampler(TEN, replacement=3), TypeError, "replacement should be a boolean"),
        (lambda: BatchSampler(TEN, 0, False), ValueError, "batch_size should be a positive"),
        (lambda: BatchSampler(TEN, True, False), ValueError, "batch_size should be a positive"),
        (lambda: BatchSampler(TEN, 2, 1), ValueError, "drop_last should be a boolean"),
    ],
)
def test_bad_options(make: object, error: type[Exception], message: str) -> None:
    assert callable(make)
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([7, 3], [7, 3]), ([0.5, 0.5], [5, 5]), ([0.33, 0.33, 0.34], [4, 3, 3]), ([10, 0], [10, 0])],
)
def test_random_split(lengths: list[float], sizes: list[int]) -> None:
    parts = random_split(TEN, lengths, Generator().manual_seed(1))
    assert [len(part) for part in parts] == sizes
    assert sorted(number for part in parts for number in part.indices) == list(TEN)
    assert [part[0] for part in parts if part] == [part.indices[0] for part in parts if part]


@pytest.mark.parametrize("lengths", [[5, 6], [0.5, 0.6]])
def test_random_split_must_use_every_sample(lengths: list[float]) -> None:
    with pytest.raises(ValueError, match="Sum of input lengths does not equal"):
        random_split(TEN, lengths)
