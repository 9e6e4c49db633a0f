"""pad: numbers put around a tensor, or taken away from its sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import not_implemented
from minigrad.node import LinearNode
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either, array_of
from minigrad.ops.rows import IndexSelectBackward0, add_rows, take_rows
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
Sides = tuple[tuple[int, int], ...]  # how many numbers before and after, by dimension

MODES = ("constant", "reflect", "replicate", "circular")


@typed
def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """Numbers around `input`: (left, right) of the last dimension, then of the one before, and so
    on; negative ones take away.  They are `value`, or what `mode` finds in the input."""
    sides = sides_of(pad, input.array.ndim)
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if mode == "constant":
        return constant_pad(input, sides, 0 if value is None else value)
    if value:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    check_mode(mode, input.array, sides, len(pad))
    if mode == "circular":
        return circular_pad(input, sides)
    names = {"reflect": REFLECTION, "replicate": REPLICATION}[mode]
    return picked(input, sides, mode, names[len(pad) // 2 - 1])


def sides_of(pad: Sequence[int], ndim: int) -> Sides:
    if not isinstance(pad, tuple | list):
        kind = type(pad).__name__
        raise TypeError(f"pad(): argument 'pad' (position 2) must be tuple of ints, not {kind}")
    for place, n in enumerate(pad):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(
                "pad(): argument 'pad' (position 2) must be tuple of ints, but found element of "
                f"type {type(n).__name__} at pos {place}"
            )
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {ndim}"
        )
    given = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    return ((0, 0),) * (ndim - len(given)) + tuple(reversed(given))


# ---------------------------------------------------------------------------------- with one value


class ConstantPadNdBackward0(LinearNode):
    __slots__ = ("sides",)
    sides: Sides

    def vjp(self, grad: Either) -> Any:
        opposite = tuple((-before, -after) for before, after in self.sides)
        return (constant_pad(grad, opposite, 0),)

    def jvp(self, tangent: Either) -> Either:
        return constant_pad(tangent, self.sides, 0)


def constant_pad(x: Either, sides: Sides, value: float) -> Either:
    """`value` around x."""
    if type(x) in TENSORS:
        result = constant_pad(x.array, sides, value)
        return record(ConstantPadNdBackward0, result, (x,), sides=sides)
    each = list(zip(x.shape, sides, strict=True))
    shape = tuple(n + before + after for n, (before, after) in each)
    left = [n + min(before, 0) + min(after, 0) for n, (before, after) in each]
    if min(left, default=0) < 0 or any(-before > n for n, (before, _) in each):
        raise RuntimeError(
            f"narrow(): length must be non-negative: {list(x.shape)} padded by {sides}"
        )
    kept = tuple(slice(max(-before, 0), n + min(after, 0)) for n, (before, after) in each)
    part = x[(*kept, ...)]
    if part.shape == shape:
        return part.copy()
    result = kernels.full(shape, value, x.dtype, x)
    goal = tuple(
        slice(max(before, 0), max(before, 0) + n)
        for n, (before, _) in zip(part.shape, sides, strict=True)
    )
    result[(*goal, ...)] = part
    return result


# ------------------------------------------------------------------------- with the input's numbers


class PickedPadBackward(LinearNode):
    __slots__ = ("input_shape", "mode", "sides")
    input_shape: tuple[int, ...]
    sides: Sides
    mode: str

    def vjp(self, grad: Either) -> Any:
        for axis, places in padded_axes(self.input_shape, self.sides, self.mode):
            sizes = (*self.input_shape[: axis + 1], *grad.shape[axis + 1 :])
            grad = add_rows(grad, index_beside(places, grad), axis, sizes)
        return (grad,)

    def jvp(self, tangent: Either) -> Either:
        return picked(tangent, self.sides, self.mode, type(self))


class ReflectionPad1DBackward0(PickedPadBackward):
    __slots__ = ()


class ReflectionPad2DBackward0(PickedPadBackward):
    __slots__ = ()


class ReflectionPad3DBackward0(PickedPadBackward):
    __slots__ = ()


class ReplicationPad1DBackward0(PickedPadBackward):
    __slots__ = ()


class ReplicationPad2DBackward0(PickedPadBackward):
    __slots__ = ()


class ReplicationPad3DBackward0(PickedPadBackward):
    __slots__ = ()


REFLECTION = ReflectionPad1DBackward0, ReflectionPad2DBackward0, ReflectionPad3DBackward0
REPLICATION = ReplicationPad1DBackward0, ReplicationPad2DBackward0, ReplicationPad3DBackward0


def picked(x: Either, sides: Sides, mode: str, node_type: type[PickedPadBackward]) -> Either:
    """x with its own numbers around it."""
    if type(x) in TENSORS:
        result, shape = picked(x.array, sides, mode, node_type), x.array.shape
        return record(node_type, result, (x,), input_shape=shape, sides=sides, mode=mode)
    return kernels.framed(x, dict(padded_axes(x.shape, sides, mode)), sides[-1][0])


def circular_pad(x: Tensor, sides: Sides) -> Tensor:
    """x with what lies at its other end around it."""
    for axis, places in padded_axes(x.array.shape, sides, "circular"):
        x = take_rows(x, index_beside(places, x), axis, IndexSelectBackward0)
    return x


def padded_axes(shape: tuple[int, ...], sides: Sides, mode: str) -> list[tuple[int, Array]]:
    """The dimensions that are padded, the first one first, each with the places it is made of."""
    return [
        (axis, places_of(mode, n, before, after))
        for axis, (n, (before, after)) in enumerate(zip(shape, sides, strict=True))
        if before or after
    ]


def places_of(mode: str, n: int, before: int, after: int) -> Array:
    """Where the numbers of a padded dimension are found in the n of the input."""
    if mode == "circular":  # of what negative paddings leave
        first, length = max(-before, 0), n + min(before, 0) + min(after, 0)
        around = np.arange(-max(before, 0), length + max(after, 0))
        return first + around % max(length, 1)
    places = np.arange(-before, n + after)
    if mode == "replicate":
        return places.clip(0, n - 1)
    return n - 1 - np.abs(n - 1 - np.abs(places))


def index_beside(places: Array, x: Either) -> Array:
    return kernels.to_device_of(places, array_of(x))


# ------------------------------------------------------------------------------------------ checks


def check_mode(mode: str, x: Array, sides: Sides, length: int) -> None:
    """What torch demands of paddings that read the input."""
    dims = length // 2
    if dims not in (1, 2, 3) or x.ndim not in (dims + 1, dims + 2):
        raise NotImplementedError(
            f"Padding size {length} is not supported for {x.ndim}D input tensor."
        )
    padded = list(enumerate(sides))[x.ndim - dims :]
    if mode == "circular":
        check_circular(x.shape, padded)
        return
    if 0 in x.shape[-dims - 1 :]:
        raise RuntimeError(
            f"Expected {dims + 1}D or {dims + 2}D (batch mode) tensor with possibly 0 batch size "
            f"and other non-zero dimensions for input, but got: {list(x.shape)}"
        )
    if mode == "replicate" and x.dtype == bool:
        raise not_implemented(f"replication_pad{dims}d", x.dtype)
    for axis, (before, after) in padded:
        n = x.shape[axis]
        if mode == "reflect" and max(before, after) >= n:
            raise RuntimeError(
                f"Argument #{4 + 2 * (x.ndim - 1 - axis)}: Padding size should be less than the "
                f"corresponding input dimension, but got: padding ({before}, {after}) at dimension "
                f"{axis} of input {list(x.shape)}"
            )
        check_length(x.shape, axis, before, after)
    if not any(x.shape[axis] + before + after for axis, (before, after) in padded):
        raise RuntimeError(f"input {list(x.shape)} is too small: paddings take all of it away")


def check_length(shape: tuple[int, ...], axis: int, before: int, after: int) -> None:
    length = shape[axis] + before + after
    if length < 0 or -before > shape[axis] or -after > shape[axis]:
        raise RuntimeError(
            f"input (dimension {axis}: {shape[axis]}) is too small: padding ({before}, {after}) "
            f"makes it {length}"
        )


def check_circular(shape: tuple[int, ...], padded: list[tuple[int, tuple[int, int]]]) -> None:
    for axis, (before, after) in padded:
        if max(before, after) > shape[axis]:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if shape[axis] + before + after < 0:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
