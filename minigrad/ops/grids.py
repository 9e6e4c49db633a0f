"""Grids of coordinates, products and combinations of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.ops.arguments import typed
from minigrad.ops.diagonals import counted_from
from minigrad.ops.joining import stack
from minigrad.ops.rows import index_select
from minigrad.ops.view import expand, flatten, view
from minigrad.tensor import TENSORS, Tensor, constant


@typed
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Each vector spread over the grid of them all: "ij" counts rows first, "xy" columns."""
    vectors = list(tensors)
    if len(tensors) == 1 and isinstance(tensors[0], list | tuple):
        vectors = list(tensors[0])
    check_vectors(vectors)
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    swap = indexing == "xy" and len(vectors) >= 2
    if swap:
        vectors[:2] = vectors[1::-1]
    shape = tuple(x.array.size for x in vectors)
    grids = []
    for axis, x in enumerate(vectors):
        own = [1] * len(vectors)
        own[axis] = x.array.size
        grids.append(expand(view(x, tuple(own)), shape))
    if swap:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def check_vectors(vectors: list[Any]) -> None:
    if not vectors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in vectors:
        if type(x) not in TENSORS:
            raise TypeError(f"meshgrid(): expected Tensors, but got {type(x).__name__}")
        if x.array.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got one of shape "
                f"{list(x.array.shape)}"
            )
        if x.array.dtype != vectors[0].array.dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    kernels.check_one_device([x.array for x in vectors])


def check_vector(x: Tensor) -> None:
    if x.array.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.array.shape)}")


@typed
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All ways to take one element of each vector, one a row."""
    for x in tensors:
        check_vector(x)
    if len(tensors) == 1:
        return tensors[0]
    return stack([flatten(grid) for grid in meshgrid(*tensors, indexing="ij")], 1)


@typed
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All ways to take r elements in their order, one a row; with_replacement, also several times
    the same."""
    check_vector(input)
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return constant(kernels.full((0,), 0, input.array.dtype, input.array))
    places = ways(input.array.size, r, with_replacement)
    columns = [constant(kernels.to_device_of(column, input.array)) for column in places]
    return stack([index_select(input, 0, column) for column in columns], 1)


def ways(n: int, r: int, with_replacement: bool) -> list[np.ndarray[Any, Any]]:
    """The r columns of all ways to take numbers below n: each row is continued by all numbers that
    may follow its last."""
    columns = [np.arange(n)]
    for _ in range(r - 1):
        following = columns[-1] if with_replacement else columns[-1] + 1
        counts = n - following
        columns = [np.repeat(column, counts) for column in columns]
        columns.append(counted_from(following, counts))
    return columns
