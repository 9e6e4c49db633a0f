"""Linear algebra: inverses, linear systems, determinants and factorizations of square matrices, all
in batches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels, return_types
from minigrad.dtypes import type_name
from minigrad.formats import check_no_out
from minigrad.node import Edge, Node
from minigrad.ops.counted import eye
from minigrad.ops.diagonals import tril, triu
from minigrad.ops.either import Either
from minigrad.ops.joining import cat
from minigrad.ops.matmul import matmul, mm
from minigrad.ops.pointwise import add, eq, mul, neg, sub, where
from minigrad.ops.reduction import sum
from minigrad.ops.view import expand, narrow, squeeze, transpose, unsqueeze
from minigrad.saved import saved_values, with_histories
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, record, record_several

Array = Any


# ------------------------------------------------------------------------ matrices, of either kind


def product(a: Either, b: Either) -> Either:
    return matmul(a, b) if type(a) in TENSORS else kernels.matmul(a, b)


def turned(x: Either) -> Either:
    """Every matrix transposed."""
    return transpose(x, -2, -1)


def check_matrices(name: str, x: Array, letter: str = "A") -> None:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def check_square(name: str, x: Array) -> None:
    check_matrices(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {x.shape[-2]} by "
            f"{x.shape[-1]} matrices"
        )


def check_floating(name: str, x: Array) -> None:
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {type_name(x.dtype)}"
        )
    if x.dtype.itemsize < 4:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {type_name(x.dtype)}")


def check_same_dtype(name: str, a: Array, b: Array) -> None:
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type "
            f"{type_name(a.dtype)} and B of type {type_name(b.dtype)} instead"
        )


# --------------------------------------------------------------------------- inverses and systems


class LinalgInvExBackward0(Node):
    """Y = A^-1 gives dA = -Y^T dY Y^T."""

    __slots__ = ()
    saved_names = ("A", "inverse")

    def vjp(self, grad: Either) -> Any:
        _, y = saved_values(self, grad)
        return (neg(product(turned(y), product(grad, turned(y)))),)


def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of a square matrix; LinAlgError if it is singular."""
    check_no_out("linalg.inv", out)
    check_square("linalg.inv", A.array)
    check_floating("linalg.inv", A.array)
    result = kernels.inverse(A.array)
    return record(LinalgInvExBackward0, result, (A,), (None, result))


def inverse(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of a square matrix; LinAlgError if it is singular."""
    return inv(input, out=out)


class LinalgSolveExBackward0(Node):
    """A X = B gives dB = A^-T dX and dA = -dB X^T; X A = B has the transposed of these."""

    __slots__ = ("is_vector", "left")
    saved_names = ("A", "B", "result")
    left: bool
    is_vector: bool

    def vjp(self, grad: Either) -> Any:
        a, _, x = saved_values(self, grad)
        if self.is_vector:
            grad, x = unsqueeze(grad, -1), unsqueeze(x, -1)
        of_b = solution(turned(a), grad, self.left)
        of_a = product(of_b, turned(x)) if self.left else product(turned(x), of_b)
        return neg(of_a), squeezed(of_b) if self.is_vector else of_b


def squeezed(x: Either) -> Either:
    """Columns as vectors."""
    return squeeze(x, -1) if type(x) in TENSORS else x.reshape(x.shape[:-1])


def solution(a: Either, b: Either, left: bool = True) -> Either:
    """x with a @ x = b, or x @ a = b."""
    if type(a) in TENSORS:
        return solve(a, b, left=left)
    return kernels.solve(a, b) if left else turned(kernels.solve(turned(a), turned(b)))


def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """X with A X = B (or X A = B, if not `left`).  A: (..., n, n), B: (..., n, k), (n,) or, for as
    many matrices, (..., n).  LinAlgError if A is singular."""
    name = "linalg.solve"
    check_no_out(name, out)
    a, b = A.array, B.array
    kernels.check_one_device((a, b))
    check_square(name, a)
    check_floating(name, a)
    check_same_dtype(name, a, b)
    is_vector = b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1])
    columns = b.reshape((*b.shape, 1)) if is_vector else b
    check_system(name, a, columns, left)
    if is_vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for "
            "left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    result = solution(a, columns, left)
    if is_vector:
        result = squeezed(result)
    details = {"left": left, "is_vector": is_vector}
    return record(LinalgSolveExBackward0, result, (A, B), (a, None, result), **details)


def check_system(name: str, a: Array, b: Array, left: bool) -> None:
    check_matrices(name, b, "B")
    rows, columns = b.shape[-2:]
    if a.shape[-1] != (rows if left else columns):
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {equation} "
            f"({a.shape[-2]}x{a.shape[-1]} and {rows}x{columns})"
        )
    broadcast_shape(a.shape[:-2], b.shape[:-2])


class LinalgSolveTriangularBackward0(Node):
    """As of solve, but that the half of A that was not read has no gradient."""

    __slots__ = ("left", "unitriangular", "upper")
    saved_names = ("self", "B", "result")
    upper: bool
    left: bool
    unitriangular: bool

    def vjp(self, grad: Either) -> Any:
        a, _, x = saved_values(self, grad)
        of_b = triangular_solution(turned(a), grad, not self.upper, self.left, self.unitriangular)
        of_a = product(of_b, turned(x)) if self.left else product(turned(x), of_b)
        without = int(self.unitriangular)  # the diagonal has no gradient then
        half = triu(neg(of_a), without) if self.upper else tril(neg(of_a), -without)
        return half, of_b


def triangular_solution(
    a: Either, b: Either, upper: bool, left: bool = True, unit: bool = False
) -> Either:
    if type(a) in TENSORS:
        return solve_triangular(a, b, upper=upper, left=left, unitriangular=unit)
    if left:
        return kernels.solve_triangular(a, b, upper, unit)
    return turned(kernels.solve_triangular(turned(a), turned(b), not upper, unit))


def solve_triangular(
    A: Tensor,
    B: Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """X with A X = B (or X A = B, if not `left`) for a triangular A, of which the other half is not
    read; with `unitriangular` the diagonal is not, either, and counts as ones."""
    name = "linalg.solve_triangular"
    check_no_out(name, out)
    a, b = A.array, B.array
    kernels.check_one_device((a, b))
    check_square(name, a)
    check_matrices(name, b, "B")
    check_floating(name, a)
    check_same_dtype(name, a, b)
    check_system(name, a, b, left)
    result = triangular_solution(a, b, upper, left, unitriangular)
    details = {"upper": upper, "left": left, "unitriangular": unitriangular}
    return record(LinalgSolveTriangularBackward0, result, (A, B), (a, None, result), **details)


# ----------------------------------------------------------------------------------- determinants


class LinalgDetBackward0(Node):
    """The derivative of a determinant by A is det(A) A^-T, the matrix of cofactors."""

    __slots__ = ()
    saved_names = ("A", "result")

    def vjp(self, grad: Either) -> Any:
        a, result = saved_values(self, grad)
        if type(grad) in TENSORS:
            return (mul(as_matrix(mul(grad, result)), turned(inv(a))),)
        return (mul(as_matrix(grad), kernels.cofactors(a, result)),)


def as_matrix(x: Either) -> Either:
    """A matrix of one element for each number."""
    return unsqueeze(unsqueeze(x, -1), -1)


def linalg_det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinant of a square matrix."""
    check_no_out("linalg.det", out)
    check_square("linalg.det", A.array)
    check_floating("linalg.det", A.array)
    result = kernels.det(A.array)
    return record(LinalgDetBackward0, result, (A,), (A.array, result))


def det(input: Tensor) -> Tensor:
    """The determinant of a square matrix."""
    return linalg_det(input)


class NodeOfSeveral(Node):
    """A node with several outputs, which are saved after the input."""

    __slots__ = ("kinds", "outputs")
    plain = False
    kinds: list[tuple[tuple[int, ...], Any]]  # shape and dtype of each output

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        return self.kinds[output_nr]

    def saved_edges(self) -> Sequence[Edge]:
        return *self.next_functions, *[(self, nr) for nr in range(self.outputs)]


def kinds_of(results: Sequence[Array]) -> dict[str, Any]:
    """What a node has to know of its outputs."""
    kinds = [(result.shape, result.dtype) for result in results]
    return {"kinds": kinds, "outputs": len(kinds)}


class LinalgSlogdetBackward0(NodeOfSeveral):
    """The derivative of log |det(A)| is A^-T; that of the sign is 0."""

    __slots__ = ()
    saved_names = ("A", "sign", "logabsdet")

    def vjp(self, grads: Sequence[Either]) -> Any:
        _, grad = grads
        like = grads[0] if grad is None else grad
        (a, *_) = saved_values(self, like)
        if grad is None:
            return (mul(a, 0),)
        inverses = turned(inv(a)) if type(grad) in TENSORS else kernels.log_cofactors(a)
        return (mul(as_matrix(grad), inverses),)


def linalg_slogdet(A: Tensor, *, out: Any = None) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    check_no_out("linalg.slogdet", out)
    check_square("linalg.slogdet", A.array)
    check_floating("linalg.slogdet", A.array)
    results = kernels.slogdet(A.array)
    saved, kinds = (A.array, None, None), kinds_of(results)
    made = record_several(LinalgSlogdetBackward0, results, (A,), saved, **kinds)
    return return_types.linalg_slogdet(*made)


def slogdet(input: Tensor) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    return return_types.slogdet(*linalg_slogdet(input))


def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where it is negative."""
    check_square("logdet", input.array)
    check_floating("logdet", input.array)
    sign, logarithm = linalg_slogdet(input)
    return where(eq(sign.detach(), -1), np.nan, logarithm)


# --------------------------------------------------------------------------------- factorizations


class CholeskyNode(Node):
    """A = L L^T gives dA = L^-T S L^-1, where S is half of P + P^T and P the lower triangle of
    L^T dL with half of its diagonal.  (Murray, "Differentiation of the Cholesky decomposition".)
    """

    __slots__ = ("upper",)
    saved_names = ("self", "result")
    upper: bool

    def vjp(self, grad: Either) -> Any:
        _, factor = saved_values(self, grad)
        if self.upper:
            factor, grad = turned(factor), turned(grad)
        inner = product(turned(factor), grad)
        both = add(tril(inner, -1), tril(inner))
        symmetric = mul(add(both, turned(both)), 0.25)
        right = triangular_solution(factor, symmetric, upper=False, left=False)
        return (triangular_solution(turned(factor), right, upper=True),)


class LinalgCholeskyExBackward0(CholeskyNode):
    __slots__ = ()


class CholeskyBackward0(CholeskyNode):
    __slots__ = ()


def linalg_cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """The lower triangular L with A = L L^T, for a positive-definite A; or, with `upper`, L^T.
    Only that triangle of A is read."""
    check_no_out("linalg.cholesky", out)
    return factorized(LinalgCholeskyExBackward0, "linalg.cholesky", A, upper)


def cholesky(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The lower triangular L with A = L L^T, for a positive-definite A; or, with `upper`, L^T.
    Only that triangle of A is read."""
    check_no_out("cholesky", out)
    return factorized(CholeskyBackward0, "cholesky", input, upper)


def factorized(node: type[CholeskyNode], name: str, x: Tensor, upper: bool) -> Tensor:
    check_square(name, x.array)
    check_floating(name, x.array)
    if upper:
        result = turned(kernels.cholesky(turned(x.array), name))
    else:
        result = kernels.cholesky(x.array, name)
    return record(node, result, (x,), (None, result), upper=upper)


def cholesky_solve(
    input: Tensor, input2: Tensor, upper: bool = False, *, out: Tensor | None = None
) -> Tensor:
    """X with A X = input, for the Cholesky factor input2 of A (its transpose with `upper`)."""
    check_no_out("cholesky_solve", out)
    for letter, x in (("b", input.array), ("u", input2.array)):
        if x.ndim < 2:
            raise RuntimeError(
                f"{letter} should have at least 2 dimensions, but has {x.ndim} dimensions instead"
            )
    kernels.check_on_cpu("cholesky_solve", input2.array)
    lower = turned(input2) if upper else input2
    half = solve_triangular(lower, input, upper=False)
    return solve_triangular(turned(lower), half, upper=True)


def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The inverse of the A that has the Cholesky factor `input` (its transpose with `upper`)."""
    check_square("cholesky_inverse", input.array)
    kernels.check_on_cpu("cholesky_inverse", input.array)
    return cholesky_solve(eye(input.shape[-1], dtype=input.dtype), input, upper, out=out)


class LinalgQrBackward0(NodeOfSeveral):
    """A = Q R gives dA = (dQ + Q sym(M)) R^-T with M = R dR^T - dQ^T Q, where sym copies the lower
    triangle over the upper.  Columns beyond the square part of a wide A are Q times those of R.
    (Walter and Lehmann, "Algorithmic differentiation of linear algebra functions".)"""

    __slots__ = ("mode",)
    saved_names = ("A", "Q", "R")
    mode: str

    def vjp(self, grads: Sequence[Either]) -> Any:
        like = grads[0] if grads[1] is None else grads[1]
        _, q, r = self.saved_of(like)
        self.check_defined(q, r)
        of_q, of_r = (mul(x, 0) if g is None else g for g, x in zip(grads, (q, r), strict=True))
        size = q.shape[-1]
        wide = r.shape[-1] - size
        if not wide:
            return (self.of_square(of_q, of_r, q, r),)
        (left, right), (of_left, of_right) = (
            (narrow(x, r.ndim - 1, 0, size), narrow(x, r.ndim - 1, size, wide)) for x in (r, of_r)
        )
        of_q = add(of_q, product(product(q, right), turned(of_right)))
        square = self.of_square(of_q, of_left, q, left)
        return (cat([square, product(q, of_right)], -1),)

    def saved_of(self, like: Either) -> tuple[Any, ...]:
        if type(like) not in TENSORS:
            return self.saved_arrays()
        return with_histories(self.saved_arrays(), self.saved_edges())

    def of_square(self, of_q: Either, of_r: Either, q: Either, r: Either) -> Either:
        m = sub(product(r, turned(of_r)), product(turned(of_q), q))
        symmetric = add(tril(m), turned(tril(m, -1)))
        inner = add(of_q, product(q, symmetric))
        return triangular_solution(turned(r), inner, upper=False, left=False)

    def check_defined(self, q: Either, r: Either) -> None:
        if self.mode == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
                "Please use linalg.qr(A, mode='reduced') if you are going to differentiate through "
                "linalg.qr."
            )
        if self.mode == "complete" and q.shape[-1] > r.shape[-1]:
            raise RuntimeError(
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols."
            )


def linalg_qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> Any:
    """A = Q R with orthonormal columns of Q and an upper triangle R.  `mode`: "reduced", "complete"
    (a square Q) or "r" (R alone, and an empty Q)."""
    check_no_out("linalg.qr", out)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    check_matrices("linalg.qr", A.array)
    check_floating("linalg.qr", A.array)
    results = kernels.qr(A.array, mode)
    saved, kinds = (None, *results), kinds_of(results)
    made = record_several(LinalgQrBackward0, results, (A,), saved, mode=mode, **kinds)
    return return_types.linalg_qr(*made)


def qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """linalg.qr, reduced or, if not `some`, complete."""
    return return_types.qr(*linalg_qr(input, "reduced" if some else "complete", out=out))


# --------------------------------------------------------------------------- products of matrices


def matrix_power(input: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """The product of n equal matrices; of inverses, for a negative n."""
    name = "linalg.matrix_power"
    check_no_out(name, out)
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(
            f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}"
        )
    check_square(name, input.array)
    if n < 0:
        return matrix_power(inv(input), -n)
    if n == 0:
        shape = input.array.shape
        ones = expand(eye(shape[-1], dtype=input.dtype, device=input.device), shape)
        return add(mul(ones, 1), mul(input, 0)) if input.requires_grad else mul(ones, 1)
    if n == 3:
        return matmul(matmul(input, input), input)
    result, square = None, input
    while n:
        if n % 2:
            result = square if result is None else matmul(result, square)
        n //= 2
        square = matmul(square, square) if n else square
    assert result is not None
    return result.clone() if result is input else result


def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of several matrices, in the order that takes the fewest multiplications; the
    first and the last may be vectors."""
    check_no_out("linalg.multi_dot", out)
    matrices = list(tensors)
    check_chain([x.array for x in matrices])
    first, last = matrices[0].array.ndim == 1, matrices[-1].array.ndim == 1
    if first:
        matrices[0] = unsqueeze(matrices[0], 0)
    if last:
        matrices[-1] = unsqueeze(matrices[-1], 1)
    sizes = [x.array.shape[0] for x in matrices] + [matrices[-1].array.shape[1]]
    result = chained(matrices, best_splits(sizes), 0, len(matrices) - 1)
    shape = result.array.shape
    return result.reshape(shape[int(first) : 2 - int(last)])


def check_chain(arrays: Sequence[Array]) -> None:
    if len(arrays) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(arrays)}")
    for number, x in enumerate(arrays):
        at_end = number in (0, len(arrays) - 1)
        if x.ndim != 2 and not (at_end and x.ndim == 1):
            which = "the first tensor" if number == 0 else "the last tensor"
            wanted = "1D or 2D" if at_end else "2D"
            which = which if at_end else f"tensor {number}"
            raise RuntimeError(f"multi_dot(): {which} must be {wanted} but got {x.ndim}D")
        if x.dtype != arrays[0].dtype:
            raise RuntimeError(
                "multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{arrays[0].dtype} and tensor {number} {x.dtype}"
            )
    for number, (x, y) in enumerate(itertools.pairwise(arrays)):
        if x.shape[-1] != y.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {number} and {number + 1} with shapes {list(x.shape)} and "
                f"{list(y.shape)} cannot be multiplied"
            )


def best_splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split the product of matrices i to j, for all i < j.  Matrix i has sizes[i] rows."""
    count = len(sizes) - 1
    costs = {(i, i): 0 for i in range(count)}
    splits = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs[i, j], splits[i, j] = min(
                (costs[i, k] + costs[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return splits


def chained(
    matrices: Sequence[Tensor], splits: dict[tuple[int, int], int], i: int, j: int
) -> Tensor:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    result: Tensor = mm(chained(matrices, splits, i, k), chained(matrices, splits, k + 1, j))
    return result


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The dot products of vectors along one dimension."""
    check_no_out("linalg.vecdot", out)
    check_floating_product("linalg.vecdot", x.array, y.array)
    return sum(mul(x, y), dim)


def check_floating_product(name: str, x: Array, y: Array) -> None:
    if x.dtype.kind != "f":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. "
            f"Got {type_name(x.dtype)}"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name}: Expected x and y to have the same dtype, but found x of type "
            f"{type_name(x.dtype)} and y of type {type_name(y.dtype)} instead"
        )
