"""Differences of neighbours along a dimension."""

from __future__ import annotations

from minigrad.ops.joining import cat
from minigrad.ops.pointwise import logical_xor, sub
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import clone, narrow
from minigrad.shapes import axis_of
from minigrad.tensor import Tensor


@numpy_names
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """What each element has more than the one before it, n times over.  `prepend` and `append` are
    joined to the ends first."""
    if not input.array.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = axis_of(dim, input.array.ndim)
    for end in (prepend, append):
        if end is not None and end.array.ndim != input.array.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    ends = [x for x in (prepend, input, append) if x is not None]
    x: Tensor = cat(ends, axis) if len(ends) > 1 else input
    minus = logical_xor if x.array.dtype.kind == "b" else sub
    for _ in range(min(n, x.array.shape[axis])):
        rest = x.array.shape[axis] - 1
        x = minus(narrow(x, axis, 1, rest), narrow(x, axis, 0, rest))
    return clone(x) if n == 0 else x
