"""Norms of vectors and matrices, and what is measured with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad import dtypes, kernels
from minigrad.dtypes import type_name
from minigrad.formats import check_no_out
from minigrad.node import Node
from minigrad.ops.arguments import Dims, Number, typed
from minigrad.ops.either import Either, check_are_tensors
from minigrad.ops.extremes import amax, amin
from minigrad.ops.pointwise import (
    abs,
    add,
    clamp_min,
    div,
    eq,
    isnan,
    logical_and,
    logical_or,
    mul,
    ne,
    pow,
    rsub,
    sign,
    sub,
    where,
)
from minigrad.ops.reduction import cast, sum
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import expand, expand_as, unsqueeze_axes
from minigrad.saved import saved_values
from minigrad.shapes import axes_of, axis_of, broadcast_shape
from minigrad.tensor import Tensor, constant, record

Array = Any


class LinalgVectorNormBackward0(Node):
    """The gradient of a norm is 0 at 0, where it has a kink."""

    __slots__ = ("axes", "keepdim", "ord")
    saved_names = ("self", "result")
    axes: tuple[int, ...]
    keepdim: bool
    ord: float

    def vjp(self, grad: Either) -> Any:
        x, norm = saved_values(self, grad)
        if self.ord == 0:  # a count does not change
            return (None,)
        if not self.keepdim:
            grad, norm = unsqueeze_axes(grad, self.axes), unsqueeze_axes(norm, self.axes)
        if math.isinf(self.ord):
            return (grad_of_extreme(grad, x, norm, self.axes),)
        return (grad_of_power_sum(grad, x, norm, self.ord),)


class NormBackward1(LinalgVectorNormBackward0):
    __slots__ = ()


def grad_of_extreme(grad: Either, x: Either, norm: Either, axes: tuple[int, ...] | None) -> Either:
    """Equal extremes share the gradient; without axes, each gets all."""
    size = abs(x)
    chosen = logical_or(eq(size, norm), logical_and(isnan(size), isnan(norm)))
    share = grad if axes is None else div(grad, sum(chosen, axes, True))
    return where(chosen, mul(sign(x), share), 0)


def grad_of_power_sum(grad: Either, x: Either, norm: Either, p: float) -> Either:
    """d norm / d x = sign(x) * (|x| / norm) ** (p - 1)"""
    if p == 1:
        return mul(sign(x), grad)
    if p < 1:
        powers = where(eq(x, 0), 0, mul(sign(x), pow(abs(x), p - 1)))
        return mul(mul(powers, grad), pow(norm, 1 - p))
    scale = where(eq(norm, 0), 0, div(grad, pow(norm, p - 1)))
    if p == 2:
        return mul(x, scale)
    powers = mul(sign(x), pow(abs(x), p - 1)) if p < 2 else mul(x, pow(abs(x), p - 2))
    return mul(powers, scale)


def norm_of(array: Array, p: float, axes: tuple[int, ...], keepdim: bool) -> Array:
    """The p-norm of an array along axes: the p-th root of the sum of |x| ** p."""
    if not array.ndim:
        return abs(array) if p else converted_to(ne(array, 0), array)
    if p == 2:
        return kernels.two_norm(array, axes, keepdim)
    if p == 1:
        return kernels.one_norm(array, axes, keepdim)
    if math.isinf(p):
        extreme = kernels.largest_size if p > 0 else kernels.smallest_size
        return extreme(array, axes, keepdim)
    if p == 0:
        return converted_to(kernels.sum(ne(array, 0), axes, keepdim), array)
    return pow(kernels.sum(pow(abs(array), p), axes, keepdim), 1 / p)


def converted_to(x: Array, like: Array) -> Array:
    return kernels.converted(x, like.dtype)


# ------------------------------------------------------------------------------------- of vectors


@typed
def vector_norm(
    x: Tensor,
    ord: Number = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dtypes.dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The p-norm of the elements along `dim` (an int, several, or None for all), with p = `ord`:
    the p-th root of the sum of |x| ** p; for inf and -inf the largest and the smallest |x|, for 0
    the number of elements that are not 0."""
    check_no_out("linalg.vector_norm", out)
    if isinstance(ord, str) or not isinstance(ord, int | float):
        raise TypeError(
            "linalg_vector_norm(): argument 'ord' (position 2) must be Number, not "
            f"{type(ord).__name__}"
        )
    x = in_dtype("linalg.vector_norm", x, dtype)
    axes = axes_of(dim, x.array.ndim)
    if ord < 0 or ord == math.inf:
        check_not_empty(x.array, ord, axes, dim)
    return recorded_norm(LinalgVectorNormBackward0, x, ord, axes, keepdim)


def recorded_norm(
    node: type[Node], x: Tensor, p: float, axes: tuple[int, ...], keepdim: bool
) -> Tensor:
    result = norm_of(x.array, p, axes, keepdim)
    keepdim = keepdim or not x.array.ndim
    saved = (x.array, result)
    return record(node, result, (x,), saved, axes=axes, keepdim=keepdim, ord=float(p))


def in_dtype(name: str, x: Tensor, dtype: dtypes.dtype | None) -> Tensor:
    """x in the dtype that is to be computed in: only floats have norms, and none is narrowed."""
    if x.array.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {type_name(x.array.dtype)}"
        )
    if dtype is None:
        return x
    if not dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: dtype should be floating point or complex, but got {type_name(dtype.numpy)}"
        )
    if dtype.numpy.itemsize < x.array.dtype.itemsize:
        raise RuntimeError(
            f"{name}: the dtype of the input ({type_name(x.array.dtype)}) should be convertible "
            f"without narrowing to the specified dtype ({type_name(dtype.numpy)})"
        )
    converted: Tensor = cast(x, dtype.numpy)
    return x if dtype.numpy == x.array.dtype else converted


def check_not_empty(x: Array, p: float, axes: Sequence[int], dim: Any) -> None:
    where_ = "an empty tensor because the operation does not have an identity"
    if dim is not None:
        empty = [axis for axis in axes if x.shape[axis] == 0]
        where_ = (
            f"the dimension {empty[0] if empty else 0} because this dimension is empty and the "
            "operation does not have an identity"
        )
    if 0 in [x.shape[axis] for axis in axes]:
        raise RuntimeError(f"linalg.vector_norm cannot compute the {p:g} norm on {where_}")


# ------------------------------------------------------------------------------------ of matrices


@numpy_names
def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Dims = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: dtypes.dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The norm of matrices along two dimensions: "fro", the root of the sum of squares; 1 and -1,
    the largest and smallest sum of |x| of a column; inf and -inf, those of a row."""
    check_no_out("linalg.matrix_norm", out)
    if A.array.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    A = in_dtype("linalg.matrix_norm", A, dtype)
    row, column = matrix_dims(dim, A.array.ndim)
    if ord == "fro":
        return vector_norm(A, 2, (row, column), keepdim)
    check_order(ord)
    added, compared = (row, column) if ord in (1, -1) else (column, row)
    sums = vector_norm(A, 1, added, keepdim)
    if not keepdim and added < compared:
        compared -= 1
    if ord > 0 and sums.array.shape[compared] == 0:
        return sum(sums.detach(), compared, keepdim)  # of nothing: 0
    extreme = amax if ord > 0 else amin
    result: Tensor = extreme(sums, compared, keepdim)
    return result


def matrix_dims(dim: Any, ndim: int) -> tuple[int, int]:
    dims = [dim] if isinstance(dim, int) else list(dim)
    if len(dims) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}"
        )
    row, column = (axis_of(d, ndim) for d in dims)
    if row == column:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {tuple(dims)}")
    return row, column


def check_order(ord: Any) -> None:
    if not isinstance(ord, int | float | str):
        kind = type(ord).__name__
        raise TypeError(f"linalg.matrix_norm: ord must be Number or str, not {kind}")
    if ord in (2, -2, "nuc"):
        raise NotImplementedError(
            f"linalg.matrix_norm: order {ord} needs singular values, which minigrad does not "
            "compute. 'fro', 1, -1, inf and -inf are there."
        )
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")


# ------------------------------------------------------------------------------------- of either


@numpy_names
def linalg_norm(
    A: Tensor,
    ord: Any = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    out: Tensor | None = None,
    dtype: dtypes.dtype | None = None,
) -> Tensor:
    """The vector norm along one dimension, the matrix norm along two.  Without `ord`, the root of
    the sum of squares, of whatever dimensions."""
    check_no_out("linalg.norm", out)
    dims = () if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if dim is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}"
        )
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.array.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {A.array.ndim}D."
        )
    if isinstance(ord, str) or len(dims) == 2 or (dim is None and A.array.ndim == 2):
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


@numpy_names
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: dtypes.dtype | None = None,
) -> Tensor:
    """The p-norm of the elements along `dim`, or of all; "fro" is 2."""
    check_no_out("norm", out)
    if isinstance(p, str):
        if p != "fro" or (dim is not None and not isinstance(dim, int) and len(dim) > 2):
            return matrix_norm(input, p, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
        p = 2
    return vector_norm(input, 2 if p is None else p, dim, keepdim, dtype=dtype)


# ------------------------------------------------------------------------------ measured with norms


@typed
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference."""
    check_are_tensors("dist", input=input, other=other)
    difference = sub(input, other)
    check_floating(difference)
    return vector_norm(difference, p)


def check_floating(x: Tensor) -> None:
    if x.array.dtype.kind != "f":
        raise RuntimeError(
            "norm(): input dtype should be either floating point or complex. "
            f"Got {type_name(x.array.dtype)} instead."
        )


@typed
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    check_are_tensors("pairwise_distance", x1=x1, x2=x2)
    difference = add(sub(x1, x2), eps)
    last = max(difference.array.ndim - 1, 0)
    return recorded_norm(NormBackward1, difference, p, (last,), keepdim)


@typed
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`: their product over their lengths, of
    which none counts as shorter than eps."""
    if "f" not in (x1.array.dtype.kind, x2.array.dtype.kind):
        raise RuntimeError(
            "expected common dtype to be floating point, yet common dtype is "
            f"{type_name(x1.array.dtype)}"
        )
    if eps < 0:
        raise RuntimeError(f"cosine_similarity: eps must be non-negative, got: {eps}")
    shape = broadcast_shape(x1.array.shape, x2.array.shape)
    axis = axis_of(dim, len(shape))
    first, second = (x if x.array.shape == shape else expand(x, shape) for x in (x1, x2))
    return sum(mul(of_length_one(first, axis, eps), of_length_one(second, axis, eps)), axis)


def of_length_one(x: Tensor, axis: int, eps: float) -> Tensor:
    """x over its length.  The gradient takes no notice of eps."""
    length = vector_norm(x, 2, axis, True)
    short = constant(clamp_min(rsub(length.array, float(eps)), 0))
    return div(x, add(length, short))


@numpy_names
def normalize(
    input: Tensor, p: float = 2.0, dim: Dims = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Vectors along `dim`, each divided by its p-norm, which counts as eps where it is less."""
    check_no_out("normalize", out)
    length = clamp_min(vector_norm(input, p, dim, True), eps)
    return div(input, expand_as(length, input))
