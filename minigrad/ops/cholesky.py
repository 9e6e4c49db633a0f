"""The Cholesky factorization of positive-definite matrices, and what is solved with it."""

from __future__ import annotations

from typing import Any

from minigrad import kernels
from minigrad.formats import check_no_out
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.diagonals import tril
from minigrad.ops.either import Either
from minigrad.ops.filled import eye
from minigrad.ops.linear_systems import solve_triangular, triangular_solution
from minigrad.ops.matrices import check_floating, check_square, product, turned
from minigrad.ops.pointwise import add, mul
from minigrad.saved import saved_values
from minigrad.tensor import Tensor, record

Array = Any


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


@typed
def linalg_cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """The lower triangular L with A = L L^T, for a positive-definite A; or, with `upper`, L^T.
    Only that triangle of A is read."""
    check_no_out("linalg.cholesky", out)
    return factorized(LinalgCholeskyExBackward0, "linalg.cholesky", A, upper)


@typed
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


@typed
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


@typed
def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The inverse of the A that has the Cholesky factor `input` (its transpose with `upper`)."""
    check_square("cholesky_inverse", input.array)
    kernels.check_on_cpu("cholesky_inverse", input.array)
    return cholesky_solve(eye(input.shape[-1], dtype=input.dtype), input, upper, out=out)
