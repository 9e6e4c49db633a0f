"""Joining and splitting in the directions that have names: horizontal, vertical, in depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad import kernels
from minigrad.ops.arguments import typed
from minigrad.ops.joining import cat, check_tensors, listed
from minigrad.ops.spelling import numpy_names
from minigrad.ops.view import SliceBackward0, part, reshape, unsqueeze
from minigrad.shapes import axis_of, int_of, shape_argument
from minigrad.tensor import TENSORS, Tensor

# ---------------------------------------------------------------------- at least so many dimensions


def of_each(make: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    """A function of a tensor, as one of several: f(x), f(x, y) or f((x, y)) (which give tuples)."""

    def function(*tensors: Any) -> Any:
        if len(tensors) == 1 and type(tensors[0]) in TENSORS:
            return make(tensors[0])
        listed = len(tensors) == 1 and isinstance(tensors[0], tuple | list)
        given = tensors[0] if listed else tensors
        check_tensors(given)
        return tuple(make(x) for x in given)

    function.__name__, function.__doc__ = make.__name__, make.__doc__
    return function


@of_each
def atleast_1d(x: Tensor) -> Tensor:
    """A tensor of 0 dimensions as a vector; others as they are."""
    return x if x.array.ndim else reshape(x, (1,))


@of_each
def atleast_2d(x: Tensor) -> Tensor:
    """Numbers and vectors as a matrix of one row; others as they are."""
    if not x.array.ndim:
        return reshape(x, (1, 1))
    return unsqueeze(x, 0) if x.array.ndim == 1 else x


@of_each
def atleast_3d(x: Tensor) -> Tensor:
    """A vector as (1, n, 1), a matrix as (n, m, 1); others as they are."""
    if not x.array.ndim:
        return reshape(x, (1, 1, 1))
    if x.array.ndim == 1:
        return unsqueeze(unsqueeze(x, 0), 2)
    return unsqueeze(x, 2) if x.array.ndim == 2 else x


# ----------------------------------------------------------------------------------------- joining


def several(name: str, tensors: Sequence[Tensor]) -> list[Tensor]:
    tensors = listed(tensors)
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    check_tensors(tensors)
    return list(tensors)


@typed
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined side by side: along dimension 1, vectors along their only one."""
    wide = [atleast_1d(x) for x in several("hstack", tensors)]
    return cat(wide, 0 if wide[0].array.ndim == 1 else 1)


@typed
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined on top of each other: along dimension 0, vectors as rows."""
    return cat([atleast_2d(x) for x in several("vstack", tensors)], 0)


@typed
def row_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Another name of vstack."""
    return vstack(tensors)


@typed
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined in depth: along dimension 2, made where it is missing."""
    return cat([atleast_3d(x) for x in several("dstack", tensors)], 2)


@typed
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined side by side, vectors as columns."""
    columns = [
        reshape(x, (x.array.size, 1)) if x.array.ndim <= 1 else x
        for x in several("column_stack", tensors)
    ]
    return hstack(columns)


# --------------------------------------------------------------------------------------- splitting


@numpy_names
def tensor_split(
    input: Tensor,
    indices_or_sections: Any = None,
    dim: int = 0,
    *,
    indices: Any = None,
    sections: Any = None,
) -> tuple[Tensor, ...]:
    """So many parts, the first of them larger by one where it does not go up evenly; or parts that
    end at the given places."""
    given = [x for x in (indices_or_sections, indices, sections) if x is not None]
    if len(given) != 1:
        raise TypeError("tensor_split() takes one of indices_or_sections, indices and sections")
    if not input.array.ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    axis = axis_of(dim, input.array.ndim)
    n = input.array.shape[axis]
    places = places_of(given[0])
    if isinstance(places, int):
        if places <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {places}")
        size, larger = divmod(n, places)
        places = [i * size + min(i, larger) for i in range(1, places)]
    bounds = zip([0, *places], [*places, n], strict=True)
    return tuple(
        part(input, (*[slice(None)] * axis, slice(start, stop), ...), SliceBackward0)
        for start, stop in bounds
    )


def places_of(given: Any) -> Any:
    """The number of sections, or a list of places."""
    if type(given) not in TENSORS:
        many = isinstance(given, tuple | list)
        return list(shape_argument((given,))) if many else int_of("the number of sections", given)
    if given.array.dtype != "int64":
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
            f"{given.dtype}"
        )
    if given.array.ndim > 1:
        raise RuntimeError(
            "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
            f"one-dimensional tensor, but got a tensor with {given.array.ndim} dims"
        )
    if given.is_cuda:
        raise RuntimeError("tensor_split expected tensor_indices_or_sections to be on cpu")
    return kernels.to_host(given.array).tolist()


def split_evenly(
    name: str, x: Tensor, indices_or_sections: Any, axis: int, least: int
) -> tuple[Tensor, ...]:
    if x.array.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
            f"with {x.array.ndim} dimensions!"
        )
    if isinstance(indices_or_sections, Tensor):
        raise TypeError(f"{name}(): indices_or_sections must be int or tuple of ints, not Tensor")
    n, count = x.array.shape[axis], indices_or_sections
    if isinstance(count, int) and (not count or n % count):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {axis}, but the size of the "
            f"dimension {n} is not divisible by the split_size {count}!"
        )
    return tensor_split(x, indices_or_sections, axis)


@typed
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Equal parts side by side, or parts that end at the given places."""
    return split_evenly("hsplit", input, indices_or_sections, int(input.array.ndim > 1), 1)


@typed
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Equal parts on top of each other, or parts that end at the given places."""
    return split_evenly("vsplit", input, indices_or_sections, 0, 2)


@typed
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Equal parts in depth, or parts that end at the given places."""
    return split_evenly("dsplit", input, indices_or_sections, 2, 3)
