"""The trace of a matrix: the sum of its diagonal."""

from __future__ import annotations

from typing import Any

from minigrad import kernels
from minigrad.node import LinearNode
from minigrad.ops.arguments import typed
from minigrad.ops.diagonals import diagonal
from minigrad.ops.either import Either
from minigrad.ops.reduction import sum
from minigrad.ops.shared_memory import new_zeros, put
from minigrad.tensor import Tensor, record


class TraceBackward0(LinearNode):
    """The gradient stands in the diagonal of zeros."""

    __slots__ = ("input_shape",)
    input_shape: tuple[int, int]

    def vjp(self, grad: Either) -> Any:
        return (put(new_zeros(grad, self.input_shape), grad, diagonal),)

    def jvp(self, tangent: Either) -> Either:
        return sum(diagonal(tangent))


@typed
def trace(input: Tensor) -> Tensor:
    """The sum of the elements (0, 0), (1, 1), ... of a matrix."""
    x = input.array
    if x.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {x.ndim}")
    result = kernels.sum(kernels.copied(diagonal(x)), (0,), False)
    return record(TraceBackward0, result, (input,), input_shape=x.shape)
