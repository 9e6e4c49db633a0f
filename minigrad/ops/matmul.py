"""Matrix products: mm, bmm, mv, dot and addmm have nodes; matmul and linear are made of them."""

from __future__ import annotations

import math
from typing import Any

from minigrad import kernels
from minigrad.leaf import Leaf
from minigrad.node import NO_EDGE, Node
from minigrad.ops.pointwise import add, mul
from minigrad.ops.view import (
    SqueezeBackward4,
    TBackward0,
    UnsafeViewBackward0,
    contiguous,
    expand,
    matrix_transpose,
    reshape,
    t,
    transpose,
    unsqueeze,
    view,
)
from minigrad.saved import saved_values
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, edge_of, record

Array = Any
Either = Any  # a Tensor or an array: the same comes out as went in


class MmBackward0(Node):
    """C = A B gives dA = dC B^T and dB = A^T dC."""

    __slots__ = ("by_columns",)
    saved_names = ("self", "mat2")
    by_columns: bool  # whether the columns of B lie in memory one after the other

    def vjp(self, grad: Either) -> Any:
        a, b = saved_values(self, grad)
        return (
            None if b is None else mm(grad, t(b)),
            None if a is None else grad_of_second(a, grad, self.by_columns),
        )


def grad_of_second(a: Either, grad: Either, by_columns: bool) -> Either:
    """A^T dC, laid out in memory as B is: B is most often a transposed weight, and the gradient
    of the weight then lies in order, too."""
    return t(mm(t(grad), a)) if by_columns else mm(t(a), grad)


def lies_by_columns(array: Array) -> bool:
    down, right = array.strides
    return bool(down < right)


def mm(input: Either, mat2: Either) -> Either:
    """The product of two matrices."""
    if type(input) not in TENSORS:
        return kernels.matmul(input, mat2)
    x, y = input.array, mat2.array
    if x.ndim != 2 or y.ndim != 2:
        raise RuntimeError(f"self must be a matrix: mm of {x.ndim}-D and {y.ndim}-D tensors")
    check_product("mat1 and mat2 shapes cannot be multiplied", x, y)
    result, saved = kernels.matmul(x, y), what_is_needed(input, mat2)
    return record(MmBackward0, result, (input, mat2), saved, by_columns=lies_by_columns(y))


def what_is_needed(a: Tensor, b: Tensor) -> tuple[Array, Array]:
    """Each operand is saved for the gradient of the other."""
    return (
        a.array if leads_somewhere(b) else None,
        b.array if leads_somewhere(a) else None,
    )


def leads_somewhere(x: Tensor) -> bool:
    """x.requires_grad, without asking a leaf for its node."""
    return x.edge is not NO_EDGE and (type(x.edge) is Leaf or edge_of(x) is not NO_EDGE)


def check_product(message: str, x: Array, y: Array) -> None:
    kernels.check_one_device((x, y))
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise RuntimeError(
            f"{message} ({'x'.join(map(str, x.shape))} and {'x'.join(map(str, y.shape))})"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {x.dtype} != {y.dtype}. "
            "Convert one with .to(dtype)."
        )


class BmmBackward0(Node):
    __slots__ = ()
    saved_names = ("self", "mat2")

    def vjp(self, grad: Either) -> Any:
        a, b = saved_values(self, grad)
        return (
            None if b is None else bmm(grad, transpose(b, 1, 2)),
            None if a is None else bmm(transpose(a, 1, 2), grad),
        )


def bmm(input: Either, mat2: Either) -> Either:
    """The products of two batches of matrices: (B, M, K) and (B, K, N)."""
    if type(input) not in TENSORS:
        return kernels.matmul(input, mat2)
    x, y = input.array, mat2.array
    if x.ndim != 3 or y.ndim != 3:
        raise RuntimeError(f"batch1 must be a 3D tensor: bmm of {x.ndim}-D and {y.ndim}-D tensors")
    if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
        expected = [x.shape[0], x.shape[2]]
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {expected} "
            f"but got: {list(y.shape[:2])}."
        )
    check_product("batches of matrices cannot be multiplied", x, y)
    return record(BmmBackward0, kernels.matmul(x, y), (input, mat2), what_is_needed(input, mat2))


class MvBackward0(Node):
    __slots__ = ()
    saved_names = ("self", "vec")

    def vjp(self, grad: Either) -> Any:
        a, v = saved_values(self, grad)
        return (
            None if v is None else mul(unsqueeze(grad, 1), unsqueeze(v, 0)),
            None if a is None else mv(t(a), grad),
        )


def mv(input: Either, vec: Either) -> Either:
    """The product of a matrix and a vector."""
    if type(input) not in TENSORS:
        return kernels.matmul(input, vec.reshape(-1, 1)).reshape(-1)
    x, y = input.array, vec.array
    if x.ndim != 2 or y.ndim != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {x.ndim}-D and {y.ndim}-D tensors"
        )
    if x.shape[1] != y.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({x.shape[0]}), mat ({x.shape[0]}x{x.shape[1]}), "
            f"vec ({y.shape[0]})"
        )
    check_product("", x, y)
    return record(MvBackward0, mv(x, y), (input, vec), what_is_needed(input, vec))


class DotBackward0(Node):
    __slots__ = ()
    saved_names = ("self", "tensor")

    def vjp(self, grad: Either) -> Any:
        x, y = saved_values(self, grad)
        return None if y is None else mul(grad, y), None if x is None else mul(grad, x)


def dot(input: Either, tensor: Either) -> Either:
    """The sum of the products of two vectors' elements."""
    if type(input) not in TENSORS:
        return kernels.matmul(input.reshape(1, -1), tensor.reshape(-1, 1)).reshape(())
    x, y = input.array, tensor.array
    if x.ndim != 1 or y.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {x.ndim}D and {y.ndim}D tensors")
    if x.shape != y.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{x.size}] and src [{y.size}] to have the "
            f"same number of elements, but got {x.size} and {y.size} elements respectively"
        )
    check_product("", x, y)
    return record(DotBackward0, dot(x, y), (input, tensor), what_is_needed(input, tensor))


class AddmmBackward0(Node):
    __slots__ = ("alpha", "beta", "by_columns")
    saved_names = ("self", "mat1", "mat2")
    alpha: float
    beta: float
    by_columns: bool

    def vjp(self, grad: Either) -> Any:
        _, a, b = saved_values(self, grad)
        scaled = grad if self.alpha == 1 else mul(grad, self.alpha)
        return (
            grad if self.beta == 1 else mul(grad, self.beta),
            None if b is None else mm(scaled, t(b)),
            None if a is None else grad_of_second(a, scaled, self.by_columns),
        )


def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)"""
    x, y = mat1.array, mat2.array
    if x.ndim != 2 or y.ndim != 2:
        raise RuntimeError(f"mat1 must be a matrix, got {x.ndim}-D and {y.ndim}-D tensors")
    check_product("mat1 and mat2 shapes cannot be multiplied", x, y)
    kernels.check_one_device((input.array, x))
    result = kernels.matmul(x, y)
    if result.dtype.kind != "f":
        alpha, beta = int(alpha), int(beta)
    if alpha != 1:
        result = mul(result, alpha)
    bias = input.array if beta == 1 else mul(input.array, beta)
    if beta == 0:  # NaN and infinity count for nothing then
        bias = kernels.full(bias.shape, 0, bias.dtype, bias)
    is_row = bias.shape == result.shape[1:]
    if bias.dtype == result.dtype and (
        is_row or broadcast_shape(bias.shape, result.shape) == result.shape
    ):
        result = kernels.add_reusing(result, bias)
    else:
        raise RuntimeError(
            f"addmm: input of shape {list(bias.shape)} and dtype {bias.dtype} cannot be added to "
            f"the product, of shape {list(result.shape)} and dtype {result.dtype}"
        )
    saved = (None, *what_is_needed(mat1, mat2))
    details = {"alpha": alpha, "beta": beta, "by_columns": lies_by_columns(y)}
    return record(AddmmBackward0, result, (input, mat1, mat2), saved, **details)


# ------------------------------------------------------------------------------- made of the above


def matmul(input: Any, other: Any) -> Any:
    """The matrix product, as torch has it for every number of dimensions: vectors are rows on the
    left and columns on the right, and batch dimensions are broadcast."""
    if type(input) not in TENSORS or type(other) not in TENSORS:
        wrong = other if type(input) in TENSORS else input
        raise TypeError(f"matmul(): argument must be Tensor, not {type(wrong).__name__}")
    dims = input.array.ndim, other.array.ndim
    if 0 in dims:
        raise RuntimeError(
            "both arguments to matmul need to be at least 1D, but they are "
            f"{dims[0]}D and {dims[1]}D"
        )
    if dims == (2, 2):
        return mm(input, other)
    if dims == (1, 1):
        return dot(input, other)
    if dims == (2, 1):
        return mv(input, other)
    if dims == (1, 2):
        return squeeze_row(mm(unsqueeze(input, 0), other))
    return folded(input, other) if may_fold(input, other) else batched(input, other)


def squeeze_row(x: Tensor) -> Tensor:
    shape = x.array.shape
    return record(SqueezeBackward4, x.array.reshape(shape[1:]), (x,), input_shape=shape)


def may_fold(a: Tensor, b: Tensor) -> bool:
    """Whether the batch of the larger operand can become rows of one matrix, so that one large
    product takes the place of many small ones."""
    larger, smaller = (a, b) if a.array.ndim >= b.array.ndim else (b, a)
    if larger.array.ndim < 3 or smaller.array.ndim > 2:
        return False
    if smaller.requires_grad:
        return True
    if a.array.ndim == 2:
        return False
    array = larger.array if larger is a else larger.array.swapaxes(-2, -1)
    return bool(array.size == 0 or array.flags.c_contiguous)


def folded(a: Tensor, b: Tensor) -> Tensor:
    if a.array.ndim < b.array.ndim:
        swapped = folded(matrix_transpose(b), t(a) if a.array.ndim == 2 else a)
        if a.array.ndim == 1:
            return swapped
        return contiguous(matrix_transpose(swapped))
    shape = a.array.shape
    rows = reshape(a, (math.prod(shape[:-1]), shape[-1]))
    if b.array.ndim == 1:
        return unsafe_view(mv(rows, b), shape[:-1])
    return unsafe_view(mm(rows, b), (*shape[:-1], b.array.shape[1]))


def unsafe_view(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return record(UnsafeViewBackward0, x.array.reshape(shape), (x,), input_shape=x.array.shape)


def batched(a: Tensor, b: Tensor) -> Tensor:
    a_vector, b_vector = a.array.ndim == 1, b.array.ndim == 1
    if a_vector:
        a = unsqueeze(a, 0)
    if b_vector:
        b = unsqueeze(b, 1)
    x, y = a.array.shape, b.array.shape
    if x[-1] != y[-2]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({x[-2]}x{x[-1]} and {y[-2]}x{y[-1]})"
        )
    batch = broadcast_shape(x[:-2], y[:-2])
    size = math.prod(batch)
    left = reshape(expand(a, (*batch, *x[-2:])), (size, *x[-2:]))
    right = reshape(expand(b, (*batch, *y[-2:])), (size, *y[-2:]))
    rows = () if a_vector else (x[-2],)
    columns = () if b_vector else (y[-1],)
    return unsafe_view(bmm(left, right), (*batch, *rows, *columns))


def transposed_operand(x: Tensor) -> Tensor:
    """x.t() for a product: nobody can write to it, so it needs no View's way back to x."""
    return record(TBackward0, x.array.transpose((1, 0)), (x,), inverse=(1, 0))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias.  input: (..., in), weight: (out, in), bias: (out,)."""
    if bias is None:
        return matmul(input, t(weight))
    shape = input.array.shape
    if len(shape) == 2 and weight.array.ndim == 2:
        return addmm(bias, input, transposed_operand(weight))
    if weight.array.ndim == 1 or not input.is_contiguous():
        return add(matmul(input, t(weight)), bias)
    rows = view(input, (-1, shape[-1]))
    return view(addmm(bias, rows, t(weight)), (*shape[:-1], weight.array.shape[0]))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of an element of a and one of b."""
    if input.array.ndim != 1 or vec2.array.ndim != 1:
        raise RuntimeError(
            f"outer: expected 1D tensors, got {input.array.ndim}D and {vec2.array.ndim}D"
        )
    return mul(reshape(input, (input.array.size, 1)), vec2)
