"""Matrix products: mm, bmm, mv, dot and vdot have nodes; matmul, inner and the like are made of
them."""

from __future__ import annotations

import math
from typing import Any

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.formats import check_no_out
from minigrad.leaf import Leaf
from minigrad.node import NO_EDGE, Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, check_are_arrays, check_are_tensors
from minigrad.ops.pointwise import mul
from minigrad.ops.reduction import sum
from minigrad.ops.view import (
    SqueezeBackward4,
    UnsafeViewBackward0,
    contiguous,
    expand,
    matrix_transpose,
    permute,
    reshape,
    t,
    transpose,
    unsqueeze,
)
from minigrad.saved import saved_values
from minigrad.shapes import axis_of, broadcast_shape
from minigrad.tensor import TENSORS, Tensor, edge_of, record

Array = Any


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
        return of_arrays(kernels.matmul, "mm", "mat2", input, mat2)
    if type(mat2) not in TENSORS:
        check_are_tensors("mm", mat2=mat2)
    x, y = input.array, mat2.array
    if x.ndim != 2 or y.ndim != 2:
        wrong = "self" if x.ndim != 2 else "mat2"
        raise RuntimeError(f"{wrong} must be a matrix: mm of {x.ndim}-D and {y.ndim}-D tensors")
    check_product("mat1 and mat2 shapes cannot be multiplied", x, y)
    result, saved = kernels.matmul(x, y), what_is_needed(input, mat2)
    return record(MmBackward0, result, (input, mat2), saved, by_columns=lies_by_columns(y))


def of_arrays(product: Any, function: str, second: str, x: Any, y: Any) -> Array:
    """A product of arrays.  TypeError where it fails and one of them is none."""
    try:
        return product(x, y)
    except Exception:
        check_are_arrays(function, **{"input": x, second: y})
        raise


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
        return of_arrays(kernels.matmul, "bmm", "mat2", input, mat2)
    if type(mat2) not in TENSORS:
        check_are_tensors("bmm", mat2=mat2)
    x, y = input.array, mat2.array
    if x.ndim != 3 or y.ndim != 3:
        wrong = "batch1" if x.ndim != 3 else "batch2"
        raise RuntimeError(f"{wrong} must be a 3D tensor: bmm of {x.ndim}-D and {y.ndim}-D tensors")
    check_batches(x, y)
    if x.dtype != y.dtype:
        found = type_name(x.dtype), type_name(y.dtype)
        raise RuntimeError(f"expected scalar type {found[0]} but found {found[1]} in bmm")
    return record(BmmBackward0, kernels.matmul(x, y), (input, mat2), what_is_needed(input, mat2))


def check_batches(x: Array, y: Array) -> None:
    kernels.check_one_device((x, y))
    if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
        expected = [x.shape[0], x.shape[2]]
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {expected} "
            f"but got: {list(y.shape[:2])}."
        )


class MvBackward0(Node):
    __slots__ = ()
    saved_names = ("self", "vec")

    def vjp(self, grad: Either) -> Any:
        a, v = saved_values(self, grad)
        return (
            None if v is None else products(grad, v),
            None if a is None else mv(t(a), grad),
        )


def products(x: Either, y: Either) -> Either:
    """All products of elements of two vectors of one dtype."""
    if type(x) not in TENSORS:
        return kernels.outer(x, y)
    return mul(unsqueeze(x, 1), unsqueeze(y, 0))


def mv(input: Either, vec: Either) -> Either:
    """The product of a matrix and a vector."""
    if type(input) not in TENSORS:
        return of_arrays(times_column, "mv", "vec", input, vec)
    if type(vec) not in TENSORS:
        check_are_tensors("mv", vec=vec)
    x, y = input.array, vec.array
    check_mv(x, y)
    if x.dtype != y.dtype:
        names = type_name(y.dtype), type_name(x.dtype), type_name(y.dtype)
        raise RuntimeError(
            f"addmv input tensors must have the same dtype, but got {', '.join(names)}"
        )
    return record(MvBackward0, times_column(x, y), (input, vec), what_is_needed(input, vec))


def times_column(x: Array, y: Array) -> Array:
    return kernels.matmul(x, y.reshape(-1, 1)).reshape(-1)


def check_mv(x: Array, y: Array, ndim: int = 1) -> None:
    """`ndim`: of the result."""
    kernels.check_one_device((x, y))
    if x.ndim != 2 or y.ndim != 1 or ndim > 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {ndim}, {x.ndim}, {y.ndim} dimensions"
        )
    if x.shape[1] != y.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({x.shape[0]}), mat ({x.shape[0]}x{x.shape[1]}), "
            f"vec ({y.shape[0]})"
        )


class DotBackward0(Node):
    __slots__ = ()
    saved_names = ("self", "tensor")

    def vjp(self, grad: Either) -> Any:
        x, y = saved_values(self, grad)
        return None if y is None else mul(grad, y), None if x is None else mul(grad, x)


def dot(input: Either, tensor: Either) -> Either:
    """The sum of the products of two vectors' elements."""
    if type(input) not in TENSORS:
        return of_arrays(row_times_column, "dot", "tensor", input, tensor)
    if type(tensor) not in TENSORS:
        check_are_tensors("dot", tensor=tensor)
    check_dot(input.array, tensor.array)
    result = row_times_column(input.array, tensor.array)
    return record(DotBackward0, result, (input, tensor), what_is_needed(input, tensor))


def row_times_column(x: Array, y: Array) -> Array:
    return kernels.matmul(x.reshape(1, -1), y.reshape(-1, 1)).reshape(())


def check_dot(x: Array, y: Array) -> None:
    kernels.check_one_device((x, y))
    if x.ndim != 1 or y.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {x.ndim}D and {y.ndim}D tensors")
    if x.dtype != y.dtype:
        raise RuntimeError(
            "dot : expected both vectors to have same dtype, but found "
            f"{type_name(x.dtype)} and {type_name(y.dtype)}"
        )
    if x.shape != y.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{x.size}] and src [{y.size}] to have the "
            f"same number of elements, but got {x.size} and {y.size} elements respectively"
        )


class VdotBackward0(DotBackward0):
    __slots__ = ()
    saved_names = ("self", "other")


@typed
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The same as dot, for real numbers."""
    check_dot(input.array, other.array)
    result = row_times_column(input.array, other.array)
    return record(VdotBackward0, result, (input, other), what_is_needed(input, other))


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


@typed
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """All products of an element of one vector and one of the other."""
    for name, x in (("self", input.array), ("vec2", vec2.array)):
        if x.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    column = reshape(input, (input.array.size, 1))
    if input.array.dtype != vec2.array.dtype:
        return mul(column, vec2)
    kernels.check_one_device((input.array, vec2.array))
    saved = (*what_is_needed(column, vec2), None)
    return record(mul.node_type, kernels.outer(input.array, vec2.array), (column, vec2), saved)


@typed
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Dot products along the last dimension of both: (..., K) and (---, K) give (..., ---)."""
    x, y = input.array, other.array
    if not x.ndim or not y.ndim:
        return mul(input, other)
    if x.shape[-1] != y.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(x.shape)} and {list(y.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@typed
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sums of products over some dimensions: the last `dims` of a and the first of b, or those in a
    pair of lists.  The others stay, first those of a."""
    check_no_out("tensordot", out)
    axes_a, axes_b = contracted_axes(a.array, b.array, dims)
    if a.array.dtype != b.array.dtype:
        raise RuntimeError("both inputs should have same dtype")
    for i, j in zip(axes_a, axes_b, strict=True):
        n, m = a.array.shape[i], b.array.shape[j]
        if n != m and 1 in (n, m):  # the single one is multiplied with the sum of the others
            a, b = (sum(a, i, True), b) if m == 1 else (a, sum(b, j, True))
        elif n != m:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {n} in dim {i} and "
                f"second has size {m} in dim {j}"
            )
    free_a = [i for i in range(a.array.ndim) if i not in axes_a]
    free_b = [j for j in range(b.array.ndim) if j not in axes_b]
    size = math.prod(a.array.shape[i] for i in axes_a)
    rows = [a.array.shape[i] for i in free_a]
    columns = [b.array.shape[j] for j in free_b]
    left = reshape(permute(a, (*free_a, *axes_a)), (math.prod(rows), size))
    right = reshape(permute(b, (*axes_b, *free_b)), (size, math.prod(columns)))
    return reshape(mm(left, right), (*rows, *columns))


def contracted_axes(x: Array, y: Array, dims: Any) -> tuple[list[int], list[int]]:
    """The dimensions that tensordot sums over, of both operands."""
    if type(dims) in TENSORS:
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(x.ndim, y.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return list(range(x.ndim - dims, x.ndim)), list(range(dims))
    if not isinstance(dims, tuple | list):
        raise RuntimeError(
            "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] "
            f"containing two lists, but got dims={dims}"
        )
    of_x, of_y = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(of_x) != len(of_y):
        raise RuntimeError("both dimension lists should have same length")
    of_x, of_y = [axis_of(d, x.ndim) for d in of_x], [axis_of(d, y.ndim) for d in of_y]
    for axes in (of_x, of_y):
        for axis in axes:
            if axes.count(axis) > 1:
                raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return of_x, of_y


@typed
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: a copy of `other` in the place of each element, times the element."""
    ndim = max(input.array.ndim, other.array.ndim)
    x = (1,) * (ndim - input.array.ndim) + input.array.shape
    y = (1,) * (ndim - other.array.ndim) + other.array.shape
    if not ndim:
        return mul(input, other)
    left, right = reshape(input, (*x, 1)), reshape(other, (*y[:-1], 1, y[-1]))
    *pairs, (n, m) = zip(x, y, strict=True)
    last: tuple[tuple[int, ...], ...] = (n, 1), (1, m)
    if m < kernels.SHORT:  # the last dimension as it will be: the innermost loops are long then
        left, right = expand(left, (*x, m)), expand(right, (*y[:-1], n, m))
        last = (n * m,), (n * m,)
    left = reshape(left, [*[size for a, _ in pairs for size in (a, 1)], *last[0]])
    right = reshape(right, [*[size for _, b in pairs for size in (1, b)], *last[1]])
    return reshape(mul(left, right), [a * b for a, b in (*pairs, (n, m))])
