"""Elements picked along one dimension by their places, and put back there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.node import Node
from minigrad.ops.index import index, scatter
from minigrad.ops.view import unsqueeze_axes

Array = Any
Either = Any  # a Tensor or an array: the same comes out as went in


def places_along(indices: Array, axis: int) -> list[Array]:
    """One index array a dimension: `indices` for `axis`, for each other its own places."""
    ndim = indices.ndim
    return [
        indices if i == axis else numbers(n, i, ndim, indices) for i, n in enumerate(indices.shape)
    ]


def numbers(n: int, axis: int, ndim: int, like: Array) -> Array:
    """0, 1, ... along one of `ndim` dimensions."""
    shape = [1] * ndim
    shape[axis] = n
    return kernels.to_device_of(np.arange(n).reshape(shape), like)


def gather_along(x: Either, indices: Array, axis: int) -> Either:
    """The element of x at each place that `indices` names along `axis`."""
    return index(x, list(places_along(indices, axis))) if indices.ndim else x


def scatter_along(values: Either, indices: Array, axis: int, shape: Sequence[int]) -> Either:
    """Zeros of `shape`, with `values` added at the places that gather_along would read."""
    return scatter(values, list(places_along(indices, axis)), tuple(shape)) if shape else values


class ChoiceNode(Node):
    """Of elements chosen along a dimension: the gradient goes to where they were."""

    __slots__ = ("axis", "input_shape", "keepdim")
    saved_names = ("indices",)
    axis: int
    input_shape: tuple[int, ...]
    keepdim: bool  # whether the results have the dimension, too

    def vjp(self, grad: Either) -> Any:
        (indices,) = self.saved_arrays()
        if not self.keepdim and self.input_shape:
            grad, indices = (unsqueeze_axes(x, (self.axis,)) for x in (grad, indices))
        return (scatter_along(grad, indices, self.axis, self.input_shape),)
