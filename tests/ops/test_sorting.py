"""Sorting and what goes by order: NaN, signs of zero, ties, every length and dtype."""

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor

NAN, INF = math.nan, math.inf


def test_nan_is_above_all_numbers() -> None:
    x = tensor([3.0, NAN, -INF, NAN, INF])
    assert x.sort().indices.tolist() == [2, 0, 4, 1, 3]
    assert x.sort(descending=True).indices.tolist() == [1, 3, 4, 0, 2]
    assert x.topk(3).indices.tolist() == [1, 3, 4]
    assert x.topk(2, largest=False).values.tolist() == [-INF, 3.0]
    assert x.kthvalue(2).values.item() == 3.0
    assert x.median().isnan()
    assert x.nanmedian().item() == 3.0


def test_equal_elements_keep_their_order_and_their_signs() -> None:
    zeros = tensor([0.0, -0.0, 0.0, -0.0])
    for descending in (False, True):
        found = zeros.sort(descending=descending)
        assert found.indices.tolist() == [0, 1, 2, 3]
        assert np.signbit(found.values.numpy()).tolist() == [False, True, False, True]


@pytest.mark.parametrize("n", [1, 2, 31, 33, 300, 5000])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint8"])
def test_every_length_and_dtype(n: int, dtype: str) -> None:
    values = np.random.default_rng(n).integers(0, 100, (2, n)).astype(dtype)
    values = values - np.array(50, dtype) if dtype != "uint8" else values
    x = tensor(values)
    order = np.argsort(values, 1, kind="stable")
    assert x.argsort().tolist() == order.tolist()
    assert x.sort().values.tolist() == np.sort(values, 1).tolist()
    assert x.sort(0, True).values.tolist() == np.sort(values, 0)[::-1].tolist()
    k = (n + 1) // 2
    assert x.kthvalue(k).values.tolist() == np.sort(values, 1)[:, k - 1].tolist()
    assert x.kthvalue(k).indices.tolist() == [
        row.tolist().index(value)
        for row, value in zip(values, np.sort(values, 1)[:, k - 1], strict=True)
    ]
    assert x.topk(k).values.tolist() == np.sort(values, 1)[:, ::-1][:, :k].tolist()


def test_the_most_frequent_is_the_smallest_of_several_and_named_last() -> None:
    assert tensor([2, 2, 1, 1]).mode() == (1, 3)
    assert tensor([3.0, NAN, NAN]).mode() == (3.0, 0)


def test_what_is_not_there_cannot_be_selected() -> None:
    x = tensor([1.0, 2.0])
    for k in (-1, 3):
        with pytest.raises(RuntimeError, match="selected index k out of range"):
            x.topk(k)
    for k in (0, 3):
        with pytest.raises(RuntimeError, match="selected number k out of range"):
            x.kthvalue(k)
    with pytest.raises(TypeError, match=r"dim. must be int, not bool"):
        x.sort(True)


def test_quantiles() -> None:
    x = tensor([4.0, 1.0, 3.0, 2.0])
    ways = {"linear": 2.2, "lower": 2.0, "higher": 3.0, "midpoint": 2.5, "nearest": 2.0}
    for way, value in ways.items():
        assert x.quantile(0.4, interpolation=way).item() == pytest.approx(value)
    assert x.quantile(tensor([0.0, 1.0])).tolist() == [1.0, 4.0]
    assert tensor([[1.0, NAN, 3.0]]).nanquantile(0.5, 1).tolist() == [2.0]
    assert tensor([[1.0, NAN, 3.0]]).quantile(0.5, 1).isnan().all()


QUANTILE_ERRORS = [
    ("x.quantile(1.5)", "in the range"),
    ("x.quantile(torch.tensor([2.0]))", "in the range"),
    ("x.quantile(torch.tensor([[0.5]]))", "scalar or 1D"),
    ("x.quantile(torch.tensor(0.5).double())", "same dtype"),
    ("x.long().quantile(0.5)", "float or double"),
    ("x.quantile(0.5, interpolation='cubic')", "must be one of"),
]


@pytest.mark.parametrize(("call", "words"), QUANTILE_ERRORS)
def test_quantiles_that_are_refused(call: str, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        eval(call, {"x": tensor([1.0, 2.0]), "torch": minigrad})


def test_different_elements() -> None:
    x = tensor([[3.0, 1.0], [2.0, 1.0], [3.0, 1.0]], requires_grad=True)
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert values.tolist() == [1.0, 2.0, 3.0]
    assert values[inverse].tolist() == x.tolist()
    assert counts.tolist() == [3, 1, 2]
    rows, inverse = x.unique(dim=0, return_inverse=True)
    assert rows.tolist() == [[2.0, 1.0], [3.0, 1.0]]
    assert inverse.tolist() == [1, 0, 1]
    assert len(tensor([NAN, NAN]).unique()) == 2
    with pytest.raises(RuntimeError, match="derivative for '_unique2' is not implemented"):
        values.sum().backward()


def test_runs_of_equal_elements() -> None:
    found: Any = minigrad.unique_consecutive(tensor([1, 1, 2, 1]), True, True)
    assert [part.tolist() for part in found] == [[1, 2, 1], [0, 0, 1, 2], [2, 1, 1]]


def test_counting() -> None:
    assert minigrad.bincount(tensor([1, 2, 2]), minlength=4).tolist() == [0, 1, 2, 0]
    weights = tensor([1.0, 0.5, 0.25])
    assert minigrad.bincount(tensor([1, 2, 2]), weights).tolist() == [0.0, 1.0, 0.75]
    x = tensor([1.0, 2.0, 1.0, 3.0])
    assert x.histc(4).tolist() == [2.0, 0.0, 1.0, 1.0]
    assert x.histc(2, 0, 2).tolist() == [0.0, 3.0]
    hist, edges = minigrad.histogram(x, 2, density=True)
    assert (hist.tolist(), edges.tolist()) == ([0.5, 0.5], [1.0, 2.0, 3.0])
    for values, kind, words in (
        ([-1], RuntimeError, "non-negative"),
        ([0.5], NotImplementedError, "bincount_cpu"),
    ):
        with pytest.raises(kind, match=words):
            minigrad.bincount(tensor(values))
    with pytest.raises(RuntimeError, match="not finite"):
        tensor([1.0, NAN]).histc()
    with pytest.raises(RuntimeError, match="must be > 0"):
        x.histc(0)
