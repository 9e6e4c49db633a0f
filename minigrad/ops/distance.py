"""Distances between all pairs of points."""

from __future__ import annotations

import math
from typing import Any

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.norm import grad_of_extreme, grad_of_power_sum
from minigrad.ops.pointwise import neg, sub
from minigrad.ops.reduction import sum
from minigrad.ops.view import expand, reshape, unsqueeze
from minigrad.saved import saved_values
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, record

Array = Any

MANY = 25  # points from which a matrix product is used, if it may be
MODES = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


class CdistBackward0(Node):
    __slots__ = ("by_products", "p")
    saved_names = ("x1", "x2", "result")
    by_products: bool
    p: float

    def vjp(self, grad: Either) -> Any:
        x, y, lengths = saved_values(self, grad)
        if type(grad) in TENSORS:
            return self.vjp_written_out(grad, x, y, lengths)
        batch, needed = lengths.shape[:-2], self.needs_input_grad
        parts = [in_batches(part, batch) for part in (grad, x, y, lengths)]
        swapped = [part.swapaxes(1, 2) for part in (parts[0], parts[3])]
        how = self.p, self.by_products
        grads = (
            kernels.cdist_backward(*parts, *how) if needed[0] else None,
            kernels.cdist_backward(swapped[0], parts[2], parts[1], swapped[1], *how)
            if needed[1]
            else None,
        )
        return [
            None if made is None else made.reshape((*batch, *x.shape[-2:]))
            for made, x in zip(grads, (x, y), strict=True)
        ]

    def vjp_written_out(self, grad: Tensor, x: Tensor, y: Tensor, lengths: Tensor) -> Any:
        """The same in differentiable operations, for higher derivatives."""
        if self.p == 0:
            return None, None
        differences = sub(unsqueeze(x, -2), unsqueeze(y, -3))
        grad, lengths = unsqueeze(grad, -1), unsqueeze(lengths, -1)
        if math.isinf(self.p):
            pulls = grad_of_extreme(grad, differences, lengths, None)
        else:
            pulls = grad_of_power_sum(grad, differences, lengths, self.p)
        return sum(pulls, -2), neg(sum(pulls, -3))


def in_batches(x: Array, batch: tuple[int, ...]) -> Array:
    """(N, rows, columns), for the batch dimensions that x is broadcast to."""
    shape = x.shape[-2:]
    return expand(x, (*batch, *shape)).reshape((math.prod(batch), *shape))


@typed
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """The p-norms of the differences of all pairs of rows: (..., P, M) and (..., R, M) give
    (..., P, R)."""
    if compute_mode not in MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    x, y = x1.array, x2.array
    check_points(x, y, p)
    many = max(x.shape[-2], y.shape[-2]) > MANY
    by_products = bool(p == 2 and (many if MODES[compute_mode] is None else MODES[compute_mode]))
    batch = broadcast_shape(x.shape[:-2], y.shape[:-2])
    result = kernels.cdist(in_batches(x, batch), in_batches(y, batch), p, by_products)
    result = reshape(result, (*batch, x.shape[-2], y.shape[-2]))
    details = {"p": float(p), "by_products": by_products}
    return record(CdistBackward0, result, (x1, x2), (x, y, result), **details)


def check_points(x: Array, y: Array, p: float) -> None:
    kernels.check_one_device((x, y))
    for name, array in (("X1", x), ("X2", y)):
        if array.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {array.ndim}D"
            )
    if x.shape[-1] != y.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x.shape[-1]} X2: {y.shape[-1]}"
        )
    for name, array in (("X1", x), ("X2", y)):
        if array.dtype.kind != "f":
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: {type_name(array.dtype)}"
            )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if x.dtype != y.dtype:
        found = type_name(x.dtype), type_name(y.dtype)
        raise RuntimeError(f"expected scalar type {found[0]} but found {found[1]}")
