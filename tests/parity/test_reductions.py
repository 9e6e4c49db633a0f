"""Reductions, scans and sorting under both libraries: odd arguments, nothing, NaN, errors."""

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error, same_tree

# x: (3, 4) with a gradient; a: with NaN and infinities; s: a number; e: empty; m: (0, 3).
CALLS = """
    ones(2, 3).all(())
    ones(2, 3).any([])
    ones(2, 3).mean(())
    ones(2, 3, 4).all((0, 2), keepdim=True)
    ones(2, 3).any([0, 0])
    ones(2, 3).sum(None, True)
    ones(2, 3).prod((0, 1))
    ones(2, 3).argmax((0,))
    ones(2, 3).argmax(None, True)
    ones(2, 3).max((0, 1))
    ones(1).var()
    ones(2).var(correction=5)
    ones(2, 3).var(1, False, True)
    ones(2, 3).var(False)
    ones(2, 3).var(1, True, correction=2)
    e.long().var()
    gradient(lambda v: v.var(correction=2), [1.0, 2.0])
    gradient(lambda v: v.var(correction=3), [1.0, 2.0])
    gradient(lambda v: v.std(correction=3), [1.0, 2.0])
    gradient(lambda v: v.var(), [nan])
    gradient(lambda v: v.var(0), [nan])
    gradient(lambda v: v.var(0, correction=2), [1.0, 2.0])
    gradient(lambda v: v.var(0, correction=3), [1.0, 2.0])
    gradient(lambda v: v.std(0, correction=3), [1.0, 2.0])
    gradient(lambda v: v.nanmean(), [nan])
    x.sum(axis=1, keepdims=True)
    x.max(axis=1)
    x.sort(axis=0)
    x.sum(dim=1, axis=1)
    tensor([1.5]).cumsum(0, dtype=torch.int64)
    tensor([1.5]).sum(dtype=torch.int64)
    tensor([1, 2]).mean(dtype=torch.float32)
    tensor([1.0]).mean(dtype=torch.int64)
    tensor([1, 2], dtype=torch.uint8).all()
    tensor([1, 2]).nansum()
    tensor([1, 2]).nanmean()
    tensor([1, 2]).softmax(0)
    tensor([1, 2]).logcumsumexp(0)
    tensor([True]).argmax()
    tensor([True, False]).topk(1)
    a.sort()
    a.sort(descending=True)
    a.topk(3)
    a.topk(7)
    a.cummax(0)
    a.cummin(0)
    a.median()
    a.nanmedian()
    a.quantile(0.5)
    a.nanquantile(0.5)
    a.aminmax()
    a.logcumsumexp(0)
    a.mode()
    a.unique()
    s.topk(1)
    s.sort()
    s.cummax(-1)
    s.median(0)
    s.quantile(0.5, keepdim=True)
    s.unique(return_inverse=True)
    s.aminmax(dim=0, keepdim=True)
    s.sum(1)
    e.median()
    e.mode()
    e.amax()
    e.max(0)
    e.argmax()
    e.aminmax()
    e.kthvalue(1)
    e.quantile(0.5)
    e.unique(return_counts=True)
    e.histc(5)
    m.median(0)
    m.median(1)
    m.kthvalue(1, 1)
    m.cummax(0)
    m.aminmax(dim=0)
    m.unique(dim=1)
    x.quantile(tensor([0.1, 0.9]).double(), 1, True)
    x.quantile(tensor([0.1, 0.9]), 1)
    x.quantile(-0.5)
    x.kthvalue(9)
    x.kthvalue(1.5)
    x.select(0, 1.5)
    x.trace()
    s.trace()
    x.cumsum()
    x.cumsum(2)
    torch.bincount(tensor([-1]))
    torch.bincount(tensor([1.0]))
    torch.bincount(tensor([1]), tensor([1.0, 2.0]))
    torch.bincount(e.long(), tensor([1.0, 2.0]), 3)
    cancelled(2, 3, 4).nansum((0, 2))
    cancelled(600, 1001).nansum(0)
    cancelled(70, 2).nansum(0)
    x.detach()[:0].diff(dim=0)
    torch.bincount(tensor([1, 2, 2]), weights=tensor([1, 5, 2]))
    torch.histogram(a[:1], tensor([0.0, 1.0, 5.0]), weight=a[:1])
    tensor([1.0, 2.0]).histc(4, 3, 0)
    torch.nn.functional.softmax(ones(2, 3))
    x.detach().cumsum_(0)
    tensor([1, 2]).cumprod_(0, dtype=torch.float32)
"""


def cancelled(library: Any, *shape: int) -> Any:
    """Ones, with both infinities next to each other at the beginning, and a NaN at the end."""
    x = np.ones(shape)
    flat = x.reshape(-1, shape[-1])
    flat[0, 0], flat[0, -1], flat[1, 0], flat[-1, -1] = np.inf, -np.inf, -np.inf, np.nan
    return library.tensor(x)


def gradient(library: Any, function: Any, numbers: list[float]) -> Any:
    x = library.tensor(numbers, requires_grad=True)
    return library.autograd.grad(function(x), x)


def operands(library: Any) -> dict[str, Any]:
    tensor = library.tensor
    return {
        "torch": library,
        "tensor": tensor,
        "ones": library.ones,
        "cancelled": partial(cancelled, library),
        "gradient": partial(gradient, library),
        "nan": np.nan,
        "x": tensor(np.linspace(-1, 2, 12).reshape(3, 4)).requires_grad_(),
        "a": tensor([3.0, np.nan, 1.0, np.nan, -np.inf, np.inf]),
        "s": tensor(3.0),
        "e": library.zeros(0),
        "m": library.zeros(0, 3),
    }


@pytest.mark.parametrize("call", [line.strip() for line in CALLS.strip().splitlines()])
def test_calls(call: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (theirs, error), (ours, our_error) = (
            outcome(lambda lib: eval(call, operands(lib)), library) for library in LIBRARIES
        )
    if error is not None:
        same_error(error, our_error)
        return
    if our_error is not None:
        raise our_error
    same_tree(theirs, ours)
