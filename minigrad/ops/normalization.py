"""softmax, log_softmax and layer_norm: one pass over a row for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad import dtypes, kernels
from minigrad.dtypes import check_floats, check_same_floats, to_numpy
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.pointwise import exp, mul, sub
from minigrad.ops.reduction import cast, mean, sum
from minigrad.ops.spelling import numpy_names
from minigrad.saved import saved_values
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any


class RowNode(Node):
    __slots__ = ("axis",)
    saved_names = ("self", "result")
    axis: int


class SoftmaxBackward0(RowNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        _, y = saved_values(self, grad)
        if type(grad) not in TENSORS:
            return (kernels.softmax_backward(grad, y, self.axis),)
        return (mul(y, sub(grad, sum(mul(grad, y), self.axis, True))),)


class LogSoftmaxBackward0(RowNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        _, y = saved_values(self, grad)
        if type(grad) not in TENSORS:
            return (kernels.log_softmax_backward(grad, y, self.axis),)
        return (sub(grad, mul(exp(y), sum(grad, self.axis, True))),)


@numpy_names
def softmax(input: Tensor, dim: int, dtype: dtypes.dtype | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along one dimension."""
    return by_rows(SoftmaxBackward0, kernels.softmax, input, dim, dtype)


@numpy_names
def log_softmax(input: Tensor, dim: int, dtype: dtypes.dtype | None = None) -> Tensor:
    """log(softmax(x)), without the loss of small values."""
    return by_rows(LogSoftmaxBackward0, kernels.log_softmax, input, dim, dtype)


def by_rows(
    node: type[RowNode], kernel: Any, x: Tensor, dim: int, dtype: dtypes.dtype | None
) -> Tensor:
    """A kernel that maps rows to rows, along one dimension, in `dtype`."""
    if dtype is not None and x.array.dtype != to_numpy(dtype):
        x = cast(x, to_numpy(dtype))
    array = x.array
    check_floats(f"{kernel.__name__}_kernel", array.dtype)
    axis = axis_of(dim, array.ndim)
    rows = array if array.ndim else array.reshape(1)
    result = kernel(rows, axis).reshape(array.shape)
    return record(node, result, (x,), (None, result), axis=axis)


# ----------------------------------------------------------------------------------- layer norm


class NativeLayerNormBackward0(Node):
    """Of (input, weight, bias); the kernel works on rows."""

    __slots__ = ("eps", "mean", "row_shape", "rstd")
    saved_names = ("input", "weight", "bias", "result")
    mean: Any
    rstd: Any
    row_shape: tuple[int, ...]
    eps: float

    def vjp(self, grad: Either) -> Any:
        x, weight, _, _ = saved_values(self, grad)
        if type(grad) in TENSORS:
            return self.vjp_written_out(grad, x, weight)
        d = math.prod(self.row_shape)
        flat_weight = None if weight is None else weight.reshape(d)
        rows, flat = grad.reshape(-1, d), x.reshape(-1, d)
        needed = self.needs_input_grad
        dx, dweight, dbias = kernels.layer_norm_backward(
            rows, flat, self.mean, self.rstd, flat_weight, needed
        )
        return (
            None if dx is None else dx.reshape(x.shape),
            None if dweight is None else dweight.reshape(self.row_shape),
            None if dbias is None else dbias.reshape(self.row_shape),
        )

    def vjp_written_out(self, grad: Tensor, x: Tensor, weight: Tensor | None) -> Any:
        """The same in differentiable operations, for higher derivatives."""
        axes = tuple(range(x.array.ndim - len(self.row_shape), x.array.ndim))
        centred = x - mean(x, axes, True)
        rstd = (mean(centred * centred, axes, True) + self.eps) ** -0.5
        normal = centred * rstd
        inner = grad if weight is None else grad * weight
        projection = normal * mean(inner * normal, axes, True)
        dx = (inner - mean(inner, axes, True) - projection) * rstd
        return dx, None if weight is None else grad * normal, grad


def check_rows(
    row_shape: tuple[int, ...], array: Array, weight: Tensor | None, bias: Tensor | None
) -> None:
    """RuntimeError unless the last dimensions, weight and bias have the shape of a row, and are
    on one device."""
    if not row_shape or array.shape[array.ndim - len(row_shape) :] != row_shape:
        raise RuntimeError(
            f"Given normalized_shape={list(row_shape)}, expected input with shape "
            f"[*, {', '.join(map(str, row_shape))}], but got input of size{list(array.shape)}"
        )
    for name, given in (("weight", weight), ("bias", bias)):
        if given is None:
            continue
        kernels.check_one_device((array, given.array))
        if given.array.shape != row_shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(given.array.shape)} and normalized_shape = {list(row_shape)}"
            )


@typed
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Rows with mean 0 and variance 1, times weight, plus bias.  A row is the last dimensions,
    of shape `normalized_shape`, which weight and bias have too."""
    row_shape = tuple(normalized_shape)
    array = input.array
    check_rows(row_shape, array, weight, bias)
    parameters = (None if x is None else x.array.dtype for x in (weight, bias))
    check_same_floats("LayerNormKernelImpl", array.dtype, *parameters)
    d = math.prod(row_shape)
    flat = [None if p is None else p.array.reshape(d) for p in (weight, bias)]
    out, mean_, rstd = kernels.layer_norm(array.reshape(-1, d), *flat, eps)
    missing = constant(array)  # stands for a weight or bias that is not there
    inputs = (
        input,
        weight if weight is not None else missing,
        bias if bias is not None else missing,
    )
    return record(
        NativeLayerNormBackward0,
        out.reshape(array.shape),
        inputs,
        (array, None if weight is None else weight.array, None, None),
        mean=mean_,
        rstd=rstd,
        row_shape=row_shape,
        eps=eps,
    )
