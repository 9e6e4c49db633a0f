"""The QR factorization of matrices, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad import kernels, return_types
from minigrad.formats import check_no_out
from minigrad.ops.arguments import typed
from minigrad.ops.diagonals import tril
from minigrad.ops.either import Either
from minigrad.ops.joining import cat
from minigrad.ops.linear_systems import triangular_solution
from minigrad.ops.matrices import (
    NodeOfSeveral,
    check_floating,
    check_matrices,
    kinds_of,
    product,
    turned,
)
from minigrad.ops.pointwise import add, mul, sub
from minigrad.ops.view import narrow
from minigrad.saved import with_histories
from minigrad.tensor import TENSORS, Tensor, record_several

Array = Any


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


@typed
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


@typed
def qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """linalg.qr, reduced or, if not `some`, complete."""
    return return_types.qr(*linalg_qr(input, "reduced" if some else "complete", out=out))
