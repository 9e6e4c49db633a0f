"""DataLoader, TensorDataset and default_collate."""

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.random import Generator
from minigrad.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)

Point = namedtuple("Point", ["x", "y"])


def numbers(size: int) -> TensorDataset:
    """Sample i is (i, 10 * i)."""
    return TensorDataset(minigrad.arange(size), minigrad.arange(size) * 10)


class Squares(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        return index * index

    def __len__(self) -> int:
        return 5


def lists(batches: Any) -> list[Any]:
    return [[column.tolist() for column in batch] for batch in batches]


def test_batches_in_order() -> None:
    loader = DataLoader(numbers(5), batch_size=2)
    assert lists(loader) == [[[0, 1], [0, 10]], [[2, 3], [20, 30]], [[4], [40]]]
    assert len(loader) == 3


def test_drop_last() -> None:
    loader = DataLoader(numbers(5), batch_size=2, drop_last=True)
    assert len(loader) == len(lists(loader)) == 2


def test_shuffle_keeps_samples_together_and_changes_each_time() -> None:
    loader = DataLoader(numbers(50), batch_size=8, shuffle=True, generator=Generator())
    epochs = [np.concatenate([np.array(b) for b in lists(loader)], axis=1) for _ in range(2)]
    for first, second in epochs:
        assert sorted(first) == list(range(50))
        np.testing.assert_array_equal(second, 10 * first)
    assert (epochs[0] != epochs[1]).any()


def test_the_seed_decides_the_order() -> None:
    orders = []
    for _ in range(2):
        minigrad.manual_seed(7)
        orders.append(lists(DataLoader(numbers(20), batch_size=5, shuffle=True)))
    assert orders[0] == orders[1]


def test_without_batches() -> None:
    assert lists(DataLoader(numbers(2), batch_size=None)) == [[0, 0], [1, 10]]


def test_own_samplers() -> None:
    assert lists(DataLoader(numbers(5), sampler=[3, 1])) == [[[3], [30]], [[1], [10]]]
    batches = BatchSampler(SequentialSampler(range(3)), 3, False)
    loader = DataLoader(numbers(5), batch_sampler=batches)
    assert lists(loader) == [[[0, 1, 2], [0, 10, 20]]]
    assert len(loader) == 1


def test_dataset_of_python_numbers_and_own_collate() -> None:
    (batch,) = DataLoader(Squares(), batch_size=5)
    assert batch.tolist() == [0, 1, 4, 9, 16]
    assert list(DataLoader(Squares(), batch_size=3, collate_fn=sum)) == [5, 25]


def test_batches_of_tensors_are_those_of_their_samples() -> None:
    dataset = TensorDataset(minigrad.randn(6, 2, 3), minigrad.arange(6))
    indices = [4, 0, 4, -1]
    whole, collated = dataset.batch(indices), default_collate([dataset[i] for i in indices])
    assert [x.tolist() for x in whole] == [x.tolist() for x in collated]
    assert [x.dtype for x in whole] == [x.dtype for x in collated]


class Batched(Squares):
    def __getitems__(self, indices: list[int]) -> list[int]:
        return [-self[index] for index in indices]


def test_a_dataset_that_fetches_batches_itself() -> None:
    assert [batch.tolist() for batch in DataLoader(Batched(), batch_size=3)] == [
        [0, -1, -4],
        [-9, -16],
    ]


def test_subset() -> None:
    subset = Subset(Squares(), [4, 2])
    assert [subset[0], subset[1], len(subset)] == [16, 4, 2]


@pytest.mark.parametrize(
    ("batch", "expected", "dtype"),
    [
        ([1, 2], [1, 2], "int64"),
        ([True, False], [True, False], "bool"),
        ([1.0, 2.0], [1.0, 2.0], "float64"),
        ([np.float32(1), np.float32(2)], [1.0, 2.0], "float32"),
        ([np.zeros(2), np.ones(2)], [[0.0, 0.0], [1.0, 1.0]], "float64"),
    ],
)
def test_collate_makes_tensors(batch: list[Any], expected: list[Any], dtype: str) -> None:
    result = default_collate(batch)
    assert result.tolist() == expected
    assert result.dtype == getattr(minigrad, dtype)


def test_collate_goes_into_containers() -> None:
    batch = [{"point": Point(1, 2), "name": "a"}, {"point": Point(3, 4), "name": "b"}]
    result = default_collate(batch)
    assert result["name"] == ["a", "b"]
    assert type(result["point"]) is Point
    assert result["point"].y.tolist() == [2, 4]
    first, second = default_collate([(1, [2.0]), (3, [4.0])])
    assert (first.tolist(), second[0].tolist()) == ([1, 3], [2.0, 4.0])


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (
            [object()],
            TypeError,
            "batch must contain tensors, numpy arrays, numbers, dicts or lists",
        ),
        ([[1, 2], [3]], RuntimeError, "each element in list of batch should be of equal size"),
    ],
)
def test_what_cannot_be_collated(batch: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        default_collate(batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size should be a positive integer value"),
        ({"sampler": [1], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_size": 2, "batch_sampler": [[1]]}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataLoader(numbers(4), **options)


def test_tensors_of_different_sizes() -> None:
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(minigrad.arange(2), minigrad.arange(3))


@pytest.mark.parity
@pytest.mark.parametrize("batch", [[1, 2], [1.5, 2.0], [(1, 2.0), (3, 4.0)], [np.ones(2)] * 2])
def test_collate_as_torch_does(batch: list[Any]) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = default_collate(batch), torch.utils.data.default_collate(batch)
    if not isinstance(ours, list):
        ours, theirs = [ours], [theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.tolist() == other.tolist()
        assert str(mine.dtype).split(".")[1] == str(other.dtype).split(".")[1]
