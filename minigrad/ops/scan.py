"""Scans along a dimension: what all elements up to each one make."""

from __future__ import annotations

import math
from typing import Any

from minigrad import dtypes, kernels, return_types
from minigrad.dtypes import check_floats
from minigrad.node import Node
from minigrad.ops.chosen import ChoiceNode
from minigrad.ops.either import Either, array_of, constant_like
from minigrad.ops.joining import cat
from minigrad.ops.pointwise import exp, mul, sub
from minigrad.ops.reduction import as_dtype, narrowed
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import narrow
from minigrad.saved import saved_values
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any


def along(kernel: Any, array: Array, axis: int, *options: Any) -> Any:
    """A scan of an array, where one number is a line of one element."""
    if array.ndim:
        return kernel(array, axis, *options)
    result = kernel(array.reshape(1), 0, *options)
    return tuple(x.reshape(()) for x in result) if isinstance(result, tuple) else result.reshape(())


# ------------------------------------------------------------------------------------------- sums


class CumsumBackward0(Node):
    """y[k] = x[0] + ... + x[k]: x[k] is a part of y[k], y[k + 1], ..."""

    __slots__ = ("axis", "from_end")
    axis: int
    from_end: bool

    def vjp(self, grad: Either) -> Any:
        return (running_sum(grad, self.axis, not self.from_end),)


def running_sum(x: Either, axis: int, from_end: bool) -> Either:
    """The sum of all elements up to each one, or from each one on."""
    if type(x) not in TENSORS:
        return along(kernels.cumsum, x, axis, from_end)
    result = along(kernels.cumsum, x.array, axis, from_end)
    return record(CumsumBackward0, result, (x,), axis=axis, from_end=from_end)


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """y[k] = x[0] + ... + x[k] along a dimension.  Integers and bools give int64."""
    source, array = as_dtype(input, dtype)
    axis = axis_of(dim, array.ndim)
    result = narrowed(along(kernels.cumsum, array, axis, False), dtype)
    return record(CumsumBackward0, result, (source,), axis=axis, from_end=False)


# --------------------------------------------------------------------------------------- products


class CumprodBackward0(Node):
    """y[k] = x[0] ... x[k].  With s[k] = g[k] + x[k + 1] s[k + 1], in which x[k] is left out, the
    gradient is y[k - 1] s[k]: nothing is divided by an x that may be 0."""

    __slots__ = ("axis",)
    saved_names = ("self", "result")
    axis: int

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        rest = recurrence(grad, neighbours(x, self.axis, 1), self.axis, True)
        return (mul(neighbours(result, self.axis, -1, 1), rest),)


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """y[k] = x[0] * ... * x[k] along a dimension.  Integers and bools give int64."""
    source, array = as_dtype(input, dtype)
    axis = axis_of(dim, array.ndim)
    result = narrowed(along(kernels.cumprod, array, axis), dtype)
    return record(CumprodBackward0, result, (source,), (array, result), axis=axis)


class RecurrenceBackward0(Node):
    """y[k] = x[k] + factor[k] y[k - 1], or y[k + 1] with from_end."""

    __slots__ = ("axis", "from_end")
    saved_names = ("x", "factor", "result")
    axis: int
    from_end: bool

    def vjp(self, grad: Either) -> Any:
        _, factor, result = saved_values(self, grad)
        ahead = 1 if not self.from_end else -1
        of_x = recurrence(grad, neighbours(factor, self.axis, ahead), self.axis, not self.from_end)
        return of_x, mul(of_x, neighbours(result, self.axis, -ahead))


def linear_recurrence(x: Array, factor: Array, axis: int, from_end: bool) -> Array:
    return kernels.recurrence(x, factor, axis, from_end) if x.ndim else x


def recurrence(x: Either, factor: Either, axis: int, from_end: bool) -> Either:
    """y[k] = x[k] + factor[k] * y[k - 1] along a dimension (y[k + 1], with from_end)."""
    if type(x) not in TENSORS:
        return linear_recurrence(x, factor, axis, from_end)
    result = linear_recurrence(x.array, factor.array, axis, from_end)
    saved = (None, factor.array, result)
    return record(RecurrenceBackward0, result, (x, factor), saved, axis=axis, from_end=from_end)


def neighbours(x: Either, axis: int, step: int, end: float = 0.0) -> Either:
    """x[k + step] in the place of x[k], for a step of 1 or -1, and `end` where there is none."""
    array = array_of(x)
    if array.ndim and not array.shape[axis]:
        return x
    shape = (*array.shape[:axis], 1, *array.shape[axis + 1 :]) if array.ndim else ()
    edge: Any = kernels.full(shape, end, array.dtype, array)
    edge = constant_like(edge, x)
    if not array.ndim:
        return edge
    kept = narrow(x, axis, max(step, 0), array.shape[axis] - 1)
    return cat([kept, edge] if step > 0 else [edge, kept], axis)


# ---------------------------------------------------------------------------- sums of exponentials


class LogcumsumexpBackward0(Node):
    """x[k] has the part exp(x[k] - y[j]) in each y[j] from k on.  With r[k] = g[k] + exp(y[k] -
    y[k + 1]) r[k + 1], in which no exponent is positive, the gradient is exp(x[k] - y[k]) r[k]."""

    __slots__ = ("axis",)
    saved_names = ("self", "result")
    axis: int

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        growth = exp(sub(result, neighbours(result, self.axis, 1, math.inf)))
        return (mul(exp(sub(x, result)), recurrence(grad, growth, self.axis, True)),)


@numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """y[k] = log(exp(x[0]) + ... + exp(x[k])) along a dimension."""
    x = input.array
    check_floats("logcumsumexp_out_cpu", x.dtype)
    axis = axis_of(dim, x.ndim)
    result = along(kernels.logcumsumexp, x, axis)
    return record(LogcumsumexpBackward0, result, (input,), (x, result), axis=axis)


# --------------------------------------------------------------------------------------- extremes


class CummaxBackward0(ChoiceNode):
    __slots__ = ()


class CumminBackward0(ChoiceNode):
    __slots__ = ()


@numpy_names
def cummax(input: Tensor, dim: int) -> Any:
    """(values, indices): the largest of all elements up to each one, and the last place of it."""
    return return_types.cummax(*extremes_so_far(CummaxBackward0, kernels.cummax, input, dim))


@numpy_names
def cummin(input: Tensor, dim: int) -> Any:
    """(values, indices): the smallest of all elements up to each one, and the last place of it."""
    return return_types.cummin(*extremes_so_far(CumminBackward0, kernels.cummin, input, dim))


def extremes_so_far(
    node: type[ChoiceNode], find: Any, x: Tensor, dim: int
) -> tuple[Tensor, Tensor]:
    axis = axis_of(dim, x.array.ndim)
    values, indices = along(find, x.array, axis)
    details = {"axis": axis, "input_shape": x.array.shape, "keepdim": True}
    return record(node, values, (x,), (indices,), **details), constant(indices)
