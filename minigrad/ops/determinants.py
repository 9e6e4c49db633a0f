"""Determinants of square matrices and their logarithms, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels, return_types
from minigrad.formats import check_no_out
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.linear_systems import inv
from minigrad.ops.matrices import NodeOfSeveral, check_floating, check_square, kinds_of, turned
from minigrad.ops.pointwise import eq, mul, where
from minigrad.ops.view import unsqueeze
from minigrad.saved import saved_values
from minigrad.tensor import TENSORS, Tensor, record, record_several

Array = Any


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


@typed
def linalg_det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinant of a square matrix."""
    check_no_out("linalg.det", out)
    check_square("linalg.det", A.array)
    check_floating("linalg.det", A.array)
    result = kernels.det(A.array)
    return record(LinalgDetBackward0, result, (A,), (A.array, result))


@typed
def det(input: Tensor) -> Tensor:
    """The determinant of a square matrix."""
    return linalg_det(input)


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


@typed
def linalg_slogdet(A: Tensor, *, out: Any = None) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    check_no_out("linalg.slogdet", out)
    check_square("linalg.slogdet", A.array)
    check_floating("linalg.slogdet", A.array)
    results = kernels.slogdet(A.array)
    saved, kinds = (A.array, None, None), kinds_of(results)
    made = record_several(LinalgSlogdetBackward0, results, (A,), saved, **kinds)
    return return_types.linalg_slogdet(*made)


@typed
def slogdet(input: Tensor) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    return return_types.slogdet(*linalg_slogdet(input))


@typed
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where it is negative."""
    check_square("logdet", input.array)
    check_floating("logdet", input.array)
    sign, logarithm = linalg_slogdet(input)
    return where(eq(sign.detach(), -1), np.nan, logarithm)
