"""Datasets made of others, and containers of samples, with results worked out by hand."""

from collections import OrderedDict, UserList, defaultdict
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
    random_split,
)


class Count(IterableDataset[int]):
    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size))

    def __len__(self) -> int:
        return self.size


class Squares(Dataset[int]):
    """Counts how often it is asked for many at once."""

    asked = 0

    def __getitem__(self, index: int) -> int:
        return index * index

    def __getitems__(self, indices: list[int]) -> list[int]:
        self.asked += 1
        return [self[index] for index in indices]

    def __len__(self) -> int:
        return 4


def test_datasets_in_a_row() -> None:
    row = Squares() + Squares()
    assert isinstance(row, ConcatDataset)
    assert [row[i] for i in range(8)] == [0, 1, 4, 9] * 2
    assert (len(row), row[-1], row[-8], row.cumulative_sizes) == (8, 9, 0, [4, 8])
    assert len(list(row)) == 8
    with pytest.raises(IndexError, match="there are 8 samples"):
        row[8]
    with pytest.raises(ValueError, match="should not exceed dataset length"):
        row[-9]
    with pytest.raises(AssertionError, match="use ChainDataset"):
        ConcatDataset([Count(2)])


def test_streams_in_a_row() -> None:
    row = Count(2) + Count(3)
    assert isinstance(row, ChainDataset)
    assert (list(row), len(row)) == ([0, 1, 0, 1, 2], 5)
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([[1]]))


def test_datasets_side_by_side() -> None:
    squares = Squares()
    pairs, named = StackDataset(squares, "abcd"), StackDataset(n=squares, c="abcd")
    assert (pairs[2], named[2], len(pairs)) == ((4, "c"), {"n": 4, "c": "c"}, 4)
    assert pairs.__getitems__([3, 0]) == [(9, "d"), (0, "a")]
    assert named.__getitems__([3]) == [{"n": 9, "c": "d"}]
    assert squares.asked == 2


class Forgetful(Squares):
    def __getitems__(self, indices: list[int]) -> list[int]:
        return []


def test_side_by_side_with_one_that_forgets() -> None:
    with pytest.raises(ValueError, match=r"size mismatch\. Expected 2, got 0"):
        StackDataset(Forgetful()).__getitems__([1, 2])


def test_parts_ask_for_many_at_once_unless_their_samples_are_their_own() -> None:
    class Doubled(Subset[int]):
        def __getitem__(self, index: int) -> int:
            return 2 * super().__getitem__(index)

    squares = Squares()
    assert Subset(squares, [3, 1]).__getitems__([1, 0]) == [1, 9]
    assert squares.asked == 1
    (batch,) = DataLoader(Doubled(squares, [3, 1]), batch_size=2)
    assert batch.tolist() == [18, 2]


def test_batches_of_a_part_of_a_table_are_those_of_its_samples() -> None:
    table = TensorDataset(minigrad.arange(6), minigrad.eye(6))
    part = Subset(Subset(table, [5, 3, 1, 0]), [2, 0, 3])
    (whole,) = DataLoader(part, batch_size=3)
    one_by_one = default_collate([part[i] for i in range(3)])
    assert [x.tolist() for x in whole] == [x.tolist() for x in one_by_one]
    assert whole[0].tolist() == [1, 5, 0]


def test_an_empty_part_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        parts = random_split(range(1), [0.5, 0.5])
    assert [len(part) for part in parts] == [1, 0]


def test_streams_in_batches() -> None:
    loader = DataLoader(Count(5), batch_size=2)
    assert len(loader) == 3
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]
    dropping = DataLoader(Count(5), batch_size=2, drop_last=True)
    assert [batch.tolist() for batch in dropping] == [[0, 1], [2, 3]]
    assert len(dropping) == 2
    assert list(DataLoader(Count(2), batch_size=None)) == [0, 1]


@pytest.mark.parametrize("option", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_a_stream_has_an_order_of_its_own(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"expected unspecified {next(iter(option))} option"):
        DataLoader(Count(2), **option)


def test_containers_keep_their_types() -> None:
    batch = [defaultdict(list, a=1), defaultdict(list, a=2)]
    collated = default_collate(batch)
    assert collated["a"].tolist() == [1, 2]
    assert collated["other"] == []
    assert batch[0]["a"] == 1
    assert type(default_collate([OrderedDict(a=1)])) is OrderedDict
    assert type(default_collate([MappingProxyType({"a": 1})])) is MappingProxyType
    assert type(default_collate([UserList([1])])) is UserList
    assert type(default_collate([range(2)])) is list


def test_conversion_without_batches() -> None:
    samples: list[Any] = [{"a": np.ones(2), "b": ("text", np.float32(1))}, 3, np.array(["text"])]
    first, second, third = DataLoader(samples, batch_size=None)
    assert first["a"].tolist() == [1, 1]
    assert first["b"][0] == "text"
    assert first["b"][1].dtype == minigrad.float32
    assert (second, third is samples[2]) == (3, True)
    assert default_convert("text") == "text"


@pytest.mark.parametrize("dtype", ["U1", "S1", "O"])
def test_arrays_of_no_numbers(dtype: str) -> None:
    with pytest.raises(TypeError, match="batch must contain tensors, numpy arrays"):
        default_collate([np.array(["a"], dtype)])


def test_pinned_memory_is_refused_aloud() -> None:
    with pytest.warns(UserWarning, match="'pin_memory' .* no pinned memory"):
        assert len(list(DataLoader(range(2), pin_memory=True))) == 2


def test_the_loader_of_a_stream_notices_a_wrong_length() -> None:
    loader = DataLoader(Count(2))
    assert len(loader) == 2
    loader.dataset.size = 3
    with pytest.warns(UserWarning, match="reported to be 2 .* but 3 samples"):
        list(loader)
