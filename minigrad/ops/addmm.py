"""Products added to something: addmm, addbmm, addmv, addr, baddbmm; linear and bilinear layers.

All are beta * input + alpha * product.  With beta = 0 the input's values count for nothing, NaN
and infinity included.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, check_are_tensors
from minigrad.ops.matmul import (
    bmm,
    check_batches,
    check_mv,
    check_product,
    grad_of_second,
    lies_by_columns,
    matmul,
    mm,
    mv,
    products,
    what_is_needed,
)
from minigrad.ops.pointwise import add, mul
from minigrad.ops.reduction import sum
from minigrad.ops.view import (
    TBackward0,
    ViewBackward0,
    expand,
    expanded_shape,
    reshape,
    t,
    transpose,
    view,
)
from minigrad.saved import saved_values
from minigrad.shapes import is_stretched
from minigrad.tensor import TENSORS, Tensor, record

Array = Any


class AddNode(Node):
    """Of (input, first factor, second factor)."""

    __slots__ = ("alpha", "beta")
    alpha: float
    beta: float

    def vjp(self, grad: Either) -> Any:
        _, a, b = saved_values(self, grad)
        return times(grad, self.beta), *self.of_factors(times(grad, self.alpha), a, b)

    def of_factors(self, grad: Either, a: Either, b: Either) -> Any:
        """The gradients of the factors; one of them is None if the other needs no gradient."""
        raise NotImplementedError


def times(x: Either, number: float) -> Either:
    return x if number == 1 else mul(x, number)


def blended(x: Array, product: Array, beta: float, alpha: float) -> Array:
    """beta * x + alpha * product, written over the product."""
    if product.dtype.kind != "f":
        alpha, beta = int(alpha), int(beta)
    product = times(product, alpha)
    return product if beta == 0 else kernels.add_reusing(product, times(x, beta))


def check_addable(x: Array, like: Array, shape: tuple[int, ...]) -> None:
    """RuntimeError unless x can be added to a product of this shape, and the dtype of `like`."""
    kernels.check_one_device((x, like))
    if not is_stretched(x.shape, shape) or len(x.shape) > len(shape):
        expanded_shape(x.shape, shape)  # raises
    if x.dtype != like.dtype:
        raise RuntimeError(
            "self and mat2 must have the same dtype, but got "
            f"{type_name(x.dtype)} and {type_name(like.dtype)}"
        )


class AddmmBackward0(AddNode):
    __slots__ = ("by_columns",)
    saved_names = ("self", "mat1", "mat2")
    by_columns: bool

    def of_factors(self, grad: Either, a: Either, b: Either) -> Any:
        return (
            None if b is None else mm(grad, t(b)),
            None if a is None else grad_of_second(a, grad, self.by_columns),
        )


@typed
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)"""
    return added_to_product(input, mat1, mat2, beta, alpha)


def added_to_product(
    input: Tensor, mat1: Tensor, mat2: Tensor, beta: float = 1, alpha: float = 1
) -> Tensor:
    x, y, bias = mat1.array, mat2.array, input.array
    if x.ndim != 2 or y.ndim != 2:
        name, ndim = ("mat1", x.ndim) if x.ndim != 2 else ("mat2", y.ndim)
        raise RuntimeError(f"{name} must be a matrix, got {ndim}-D tensor")
    check_product("mat1 and mat2 shapes cannot be multiplied", x, y)
    if type(bias) is not type(x) or bias.dtype is not x.dtype or bias.shape != y.shape[1:]:
        check_addable(bias, x, (x.shape[0], y.shape[1]))  # not the bias of a layer
    result = blended(bias, product_of_matrices(x, y, alpha), beta, alpha)
    saved = (None, *what_is_needed(mat1, mat2))
    details = {"alpha": alpha, "beta": beta, "by_columns": lies_by_columns(y)}
    return record(AddmmBackward0, result, (input, mat1, mat2), saved, **details)


def product_of_matrices(x: Array, y: Array, alpha: float) -> Array:
    """Where alpha is 0, what is in the matrices counts for nothing."""
    if alpha == 0:
        return kernels.full((x.shape[0], y.shape[1]), 0, x.dtype, x)
    return kernels.matmul(x, y)


class AddmvBackward0(AddNode):
    __slots__ = ()
    saved_names = ("self", "mat", "vec")

    def of_factors(self, grad: Either, a: Either, b: Either) -> Any:
        return (
            None if b is None else products(grad, b),
            None if a is None else mv(t(a), grad),
        )


@typed
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec)"""
    x, y, bias = mat.array, vec.array, input.array
    check_mv(x, y, max(bias.ndim, 1))
    if not x.dtype == y.dtype == bias.dtype:
        names = [type_name(array.dtype) for array in (bias, x, y)]
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {', '.join(names)}"
        )
    check_addable(bias, x, x.shape[:1])
    product = product_of_matrices(x, y.reshape(-1, 1), alpha).reshape(-1)
    result = blended(bias, product, beta, alpha)
    saved = (None, *what_is_needed(mat, vec))
    return record(AddmvBackward0, result, (input, mat, vec), saved, alpha=alpha, beta=beta)


class AddrBackward0(AddNode):
    __slots__ = ()
    saved_names = ("self", "vec1", "vec2")

    def of_factors(self, grad: Either, a: Either, b: Either) -> Any:
        return None if b is None else mv(grad, b), None if a is None else mv(t(grad), a)


@typed
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2)"""
    bias, x, y = input.array, vec1.array, vec2.array
    for name, vector in (("vec1", x), ("vec2", y)):
        if vector.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {vector.ndim}-D")
    kernels.check_one_device((bias, x, y))
    expanded_shape(bias.shape, (x.size, y.size))
    if "f" not in (bias.dtype.kind, x.dtype.kind, y.dtype.kind):
        for name, number in (("beta", beta), ("alpha", alpha)):
            if isinstance(number, float):
                raise RuntimeError(
                    f"For integral input tensors, argument {name} must not be a floating point "
                    "number."
                )
    if bias.dtype == x.dtype == y.dtype:
        result = blended(bias, kernels.outer(times(x, alpha), y), beta, 1)
    else:
        product = times(mul(x.reshape(-1, 1), y), alpha)
        result = product if beta == 0 else add(times(bias, beta), product)
    saved = (None, *what_is_needed(vec1, vec2))
    return record(AddrBackward0, result, (input, vec1, vec2), saved, alpha=alpha, beta=beta)


class AddbmmBackward0(AddNode):
    __slots__ = ("batch",)
    saved_names = ("self", "batch1", "batch2")
    batch: int

    def of_factors(self, grad: Either, a: Either, b: Either) -> Any:
        spread = expand(grad, (self.batch, *grad.shape))
        return (
            None if b is None else bmm(spread, transpose(b, 1, 2)),
            None if a is None else bmm(transpose(a, 1, 2), spread),
        )


@typed
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * the sum of the products of two batches of matrices"""
    x, y, bias = batch1.array, batch2.array, input.array
    if x.ndim != 3 or y.ndim != 3:
        raise RuntimeError(f"addbmm expects batches of matrices, got {x.ndim}-D and {y.ndim}-D")
    if x.shape[0] != y.shape[0]:
        raise RuntimeError(
            f"batch1 and batch2 must have same number of batches, got {x.shape[0]} and {y.shape[0]}"
        )
    if x.shape[2] != y.shape[1]:
        raise RuntimeError(
            f"Incompatible matrix sizes for bmm ({x.shape[1]}x{x.shape[2]} and "
            f"{y.shape[1]}x{y.shape[2]})"
        )
    check_addable(bias, x, (x.shape[1], y.shape[2]))
    check_addable(y, x, y.shape)
    # The sum over the batch is one more sum over the inner dimension.
    side_by_side = x.transpose((1, 0, 2)).reshape((x.shape[1], x.shape[0] * x.shape[2]))
    below = y.reshape((y.shape[0] * y.shape[1], y.shape[2]))
    result = blended(bias, product_of_matrices(side_by_side, below, alpha), beta, alpha)
    saved = (None, *what_is_needed(batch1, batch2))
    details = {"alpha": alpha, "beta": beta, "batch": x.shape[0]}
    return record(AddbmmBackward0, result, (input, batch1, batch2), saved, **details)


class BaddbmmBackward0(AddNode):
    __slots__ = ()
    saved_names = ("self", "batch1", "batch2")

    def of_factors(self, grad: Either, a: Either, b: Either) -> Any:
        return (
            None if b is None else bmm(grad, transpose(b, 1, 2)),
            None if a is None else bmm(transpose(a, 1, 2), grad),
        )


@typed
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2)"""
    x, y, bias = batch1.array, batch2.array, input.array
    for name, batch in (("batch1", x), ("batch2", y)):
        if batch.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor, got {batch.ndim}-D")
    check_batches(x, y)
    if not bias.dtype == x.dtype == y.dtype:
        raise RuntimeError(
            f"Input dtypes must be the same, got: input {bias.dtype}, batch1: {x.dtype}, "
            f"batch2: {y.dtype}"
        )
    check_addable(bias, x, (*x.shape[:2], y.shape[2]))
    result = blended(bias, kernels.matmul(x, y), beta, alpha)
    saved = (None, *what_is_needed(batch1, batch2))
    details = {"alpha": alpha, "beta": beta}
    return record(BaddbmmBackward0, result, (input, batch1, batch2), saved, **details)


# ----------------------------------------------------------------------------------------- layers


def transposed_operand(x: Tensor) -> Tensor:
    """x.t() for a product: nobody can write to it, so it needs no View's way back to x."""
    return record(TBackward0, x.array.transpose((1, 0)), (x,), inverse=(1, 0))


def rows_operand(x: Tensor) -> Tensor:
    """x as a matrix of rows for a product, in the same way."""
    shape = x.array.shape
    rows = x.array.reshape((math.prod(shape[:-1]), shape[-1]))
    return record(ViewBackward0, rows, (x,), input_shape=shape)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias.  input: (..., in), weight: (out, in), bias: (out,)."""
    if type(weight) not in TENSORS:
        check_are_tensors("linear", input=input, weight=weight)
    if bias is None:
        return matmul(input, t(weight))
    if type(input) not in TENSORS or type(bias) not in TENSORS:
        check_are_tensors("linear", input=input, bias=bias)
    shape = input.array.shape
    if len(shape) == 2 and weight.array.ndim == 2:
        return added_to_product(bias, input, transposed_operand(weight))
    if 0 in (len(shape), weight.array.ndim):
        raise RuntimeError(
            "both arguments to linear need to be at least 1D, but they are "
            f"{len(shape)}D and {weight.array.ndim}D"
        )
    if weight.array.ndim != 2 or not input.array.flags.c_contiguous:
        product = matmul(input, t(weight))
        out = add(product, bias)
        if out.array.shape != product.array.shape:
            raise RuntimeError(
                f"output with shape {list(product.array.shape)} doesn't match the broadcast shape "
                f"{list(out.array.shape)}: linear's bias adds no dimensions"
            )
        return out
    product = added_to_product(bias, rows_operand(input), transposed_operand(weight))
    return view(product, (*shape[:-1], product.array.shape[1]))


@typed
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W[k] y + bias[k], for every k.  input1: (..., in1), input2: (..., in2), weight:
    (out, in1, in2), bias: (out,)."""
    check_bilinear(input1.array, input2.array, weight.array, bias)
    out, in1, in2 = weight.array.shape
    batch = input1.array.shape[:-1]
    rows = math.prod(batch)
    first, second = reshape(input1, (-1, in1)), reshape(input2, (-1, 1, in2))
    halves = mm(first, reshape(transpose(weight, 0, 1), (in1, out * in2)))
    products = mul(reshape(halves, (rows, out, in2)), second)
    result = sum(products, 2, dtype=products.dtype)
    result = reshape(result, (*batch, out))
    return result if bias is None else add(result, bias)


def check_bilinear(x: Array, y: Array, weight: Array, bias: Tensor | None) -> None:
    if x.ndim != y.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {x.ndim} and {y.ndim}")
    for axis, (n, m) in enumerate(zip(x.shape[:-1], y.shape[:-1], strict=True)):
        if n != m:
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {axis}: got {n} and {m}"
            )
    if weight.ndim != 3:
        raise IndexError(
            f"Dimension out of range: bilinear() takes a weight of 3 dimensions, got {weight.ndim}"
        )
    for number, array in ((1, x), (2, y)):
        if array.shape[-1] != weight.shape[number]:
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: got "
                f"{array.shape[-1]} but expected {weight.shape[number]}"
            )
    if bias is not None and bias.array.shape != weight.shape[:1]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.array.shape[0]} but "
            f"expected {weight.shape[0]}"
        )
    given = {"input1": x, "input2": y, "weight": weight}
    given |= {} if bias is None else {"bias": bias.array}
    if len({array.dtype for array in given.values()}) > 1:
        names = ", ".join(f"{name}: {array.dtype}" for name, array in given.items())
        raise RuntimeError(f"All tensors must have the same dtype, got {names}")
