"""Inverses of matrices and the solutions of linear systems, in batches."""

from __future__ import annotations

from typing import Any

from minigrad import kernels
from minigrad.formats import check_no_out
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.diagonals import tril, triu
from minigrad.ops.either import Either
from minigrad.ops.matrices import (
    check_floating,
    check_matrices,
    check_same_dtype,
    check_square,
    product,
    turned,
)
from minigrad.ops.pointwise import neg
from minigrad.ops.view import squeeze, unsqueeze
from minigrad.saved import saved_values
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, record

Array = Any


class LinalgInvExBackward0(Node):
    """Y = A^-1 gives dA = -Y^T dY Y^T."""

    __slots__ = ()
    saved_names = ("A", "inverse")

    def vjp(self, grad: Either) -> Any:
        _, y = saved_values(self, grad)
        return (neg(product(turned(y), product(grad, turned(y)))),)


@typed
def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of a square matrix; LinAlgError if it is singular."""
    check_no_out("linalg.inv", out)
    check_square("linalg.inv", A.array)
    check_floating("linalg.inv", A.array)
    result = kernels.inverse(A.array)
    return record(LinalgInvExBackward0, result, (A,), (None, result))


@typed
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


@typed
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


@typed
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
