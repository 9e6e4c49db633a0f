"""Reductions beyond their samples: named results, other spellings, empty operands, NaN."""

import math
import pickle
from typing import Any

import pytest

import minigrad
from minigrad import tensor

NAN, INF = math.nan, math.inf


def test_results_have_names() -> None:
    found = tensor([[1.0, 3.0], [5.0, 4.0]]).max(1)
    assert found.values.tolist() == [3.0, 5.0]
    assert found.indices.tolist() == [1, 0]
    values, indices = found
    assert values is found.values
    assert type(found) is minigrad.return_types.max
    assert repr(found).startswith("minigrad.return_types.max(\nvalues=tensor([3., 5.]),\nindices=")
    copy = pickle.loads(pickle.dumps(found))
    assert type(copy) is type(found)
    assert copy.indices.tolist() == indices.tolist()


def test_numpys_names_of_arguments() -> None:
    x = tensor([[1.0, 3.0], [5.0, 4.0]])
    assert x.sum(axis=1, keepdims=True).tolist() == [[4.0], [9.0]]
    assert minigrad.sort(x, axis=0).indices.tolist() == [[0, 0], [1, 1]]
    assert minigrad.mean(x=x).item() == 3.25
    with pytest.raises(TypeError, match="under two names"):
        x.sum(dim=0, axis=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'along'"):
        x.sum(along=0)


def test_no_dimension_is_none_for_truths_and_all_for_sums() -> None:
    x = tensor([[1.0, 0.0]])
    assert x.all(()).tolist() == x.any([]).tolist() == [[True, False]]
    assert x.sum(()).item() == 1.0
    assert x.all(keepdim=True).tolist() == [[False]]


def test_dtypes_of_results() -> None:
    x = tensor([1.9, 1.9], requires_grad=True)
    whole = x.sum(dtype=minigrad.int64)
    assert (whole.item(), whole.requires_grad) == (2, False)
    assert tensor([1, 2]).sum(dtype=minigrad.int32).dtype == minigrad.int32
    assert tensor([True, True]).cumsum(0).dtype == minigrad.int64
    assert x.prod(dtype=minigrad.float64).requires_grad
    with pytest.raises(RuntimeError, match="Optional dtype must be"):
        x.mean(dtype=minigrad.int64)


def test_too_much_correction() -> None:
    x = tensor([1.0, 3.0], requires_grad=True)
    with pytest.warns(UserWarning, match="degrees of freedom"):
        result = x.var(correction=3)
    assert result.item() == INF
    with pytest.warns(UserWarning, match=r"std\(\): degrees"):
        assert math.isnan(tensor(1.0).std().item())
    with pytest.raises(TypeError, match="unbiased or correction"):
        x.var(0, True, correction=1)


EMPTY = [
    ("e.amax()", RuntimeError, "dim to be specified"),
    ("e.max(0)", IndexError, r"max\(\): Expected reduction dim 0 to have non-zero size"),
    ("e.aminmax()", RuntimeError, "no identity"),
    ("e.argmax()", IndexError, "dim to be specified"),
    ("e.mode()", IndexError, "non-zero size"),
    ("e.kthvalue(1)", IndexError, "non-zero size"),
    ("e.quantile(0.5)", RuntimeError, "non-empty"),
    ("e.median(0)", IndexError, "non-zero size"),
]


@pytest.mark.parametrize(("call", "kind", "words"), EMPTY)
def test_nothing_has_no_extreme(call: str, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        eval(call, {"e": minigrad.zeros(0)})


def test_what_nothing_gives() -> None:
    e = minigrad.zeros(0, 3)
    assert e.sum(0).tolist() == [0.0] * 3
    assert e.prod(0).tolist() == [1.0] * 3
    assert e.median(1).indices.tolist() == []
    assert math.isnan(e.median().item())
    assert e.sort(0).values.shape == e.cumsum(0).shape == e.cummax(0).indices.shape == (0, 3)
    assert e.unique(dim=0).shape == (0, 3)
    assert e.logsumexp(0).tolist() == [-INF] * 3
    assert minigrad.bincount(tensor([], dtype=minigrad.int64), minlength=2).tolist() == [0, 0]


def test_gradients_of_aminmax_are_added() -> None:
    x = tensor([1.0, 1.0, 4.0], requires_grad=True)
    found = x.aminmax()
    (found.min + 3 * found.max).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.5, 0.5, 3.0]


def test_products_with_zeros_are_differentiated_twice() -> None:
    for zeros in ([2.0, 0.0, 3.0, 5.0], [0.0, 2.0, 0.0, 3.0]):
        x = tensor(zeros, dtype=minigrad.float64, requires_grad=True)
        assert minigrad.autograd.gradcheck(lambda v: v.cumprod(0), x)
        assert minigrad.autograd.gradgradcheck(lambda v: v.cumprod(0), x)
        assert minigrad.autograd.gradgradcheck(lambda v: v.prod(), x)


def test_sums_of_exponentials_reach_beyond_floats() -> None:
    x = tensor([1000.0, 1000.0, -INF, 2000.0], requires_grad=True)
    y = x.logcumsumexp(0)
    assert y.tolist() == pytest.approx([1000.0, 1000.6931, 1000.6931, 2000.0])
    y[1].backward()
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0], abs=1e-4)
    assert tensor([NAN, 1.0]).logcumsumexp(0).isnan().all()
    assert tensor([INF, INF]).logcumsumexp(0).tolist() == [INF, INF]


def test_running_extremes_name_the_last_of_equals_and_keep_nan() -> None:
    found = tensor([1.0, 3.0, 3.0, NAN, 5.0, NAN]).cummax(0)
    assert found.indices.tolist() == [0, 1, 2, 3, 3, 5]
    assert found.values[3:].isnan().all()
    wide = tensor([[1.0, NAN, 2.0, 7.0, 5.0], [1.0, 0.0, 1.0, 9.0, NAN], [0.0, NAN, 3.0, 8.0, 0.0]])
    assert wide.cummin(0).indices.tolist() == [[0] * 5, [1, 0, 1, 0, 1], [2, 2, 1, 0, 1]]


@pytest.mark.parametrize("shape", [(2, 3), (600, 1000), (4000, 100)])
def test_both_infinities_are_no_missing_number(shape: tuple[int, int]) -> None:
    """However many parts are added, side by side or one after the other."""
    x = minigrad.ones(shape)
    x[0, 0], x[0, 1], x[-1, -1] = INF, -INF, NAN
    assert x.nansum().isnan()
    x[0, 1] = NAN
    assert x.nansum().item() == INF
    x[0, 0] = NAN
    assert x.nansum().item() == x.numel() - 3


@pytest.mark.parametrize("name", ["max", "min"])
def test_two_tensors_leave_no_dimension_out(name: str) -> None:
    x = minigrad.ones(2, 3)
    function = getattr(minigrad, name)
    with pytest.raises(TypeError, match="takes neither dim nor keepdim"):
        function(x, x, True)
    with pytest.raises(TypeError, match="takes neither dim nor keepdim"):
        function(x, 0, other=x)
    assert function(x, x * 2).shape == function(x, other=x).shape == (2, 3)
