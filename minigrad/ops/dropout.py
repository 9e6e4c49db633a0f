"""Dropout: elements or whole channels set to 0 at random, and the rest scaled up.

Srivastava et al. 2014; alpha dropout: Klambauer et al. 2017, which keeps mean and variance of what
went through a selu.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.kernels.batched.levels import running
from minigrad.memory import warn_user
from minigrad.node import LinearNode
from minigrad.ops.arguments import typed
from minigrad.ops.draw import source
from minigrad.ops.either import Either
from minigrad.ops.inplace import in_place
from minigrad.ops.pointwise import add, lt, mul
from minigrad.ops.view import squeeze, unsqueeze
from minigrad.random import default_generator
from minigrad.tensor import TENSORS, Tensor, constant, record

ALPHA = 1.7580993408473766  # minus the limit of selu at -inf
FLOAT32 = np.dtype(np.float32)


# --------------------------------------------------------------------------------- of elements


class NativeDropoutBackward0(LinearNode):
    """No mask is kept: the same seed and offset give it again, for a gradient or a tangent."""

    __slots__ = ("keep", "offset", "scale", "seed")
    seed: int
    offset: int
    keep: float
    scale: float

    def vjp(self, grad: Either) -> Any:
        return (masked(grad, self.seed, self.offset, self.keep, self.scale),)

    def jvp(self, tangent: Either) -> Either:
        return masked(tangent, self.seed, self.offset, self.keep, self.scale)


def masked(x: Either, seed: int, offset: int, keep: float, scale: float) -> Either:
    """x times `scale` where the number that seed and offset give an element is below `keep`."""
    if type(x) not in TENSORS:
        return kernels.dropout(x, seed, offset, keep, scale)
    details: dict[str, Any] = {"seed": seed, "offset": offset, "keep": keep, "scale": scale}
    result = kernels.dropout(x.array, *details.values())
    return record(NativeDropoutBackward0, result, (x,), **details)


def dropped(input: Tensor, p: float) -> Tensor:
    """input with its elements set to 0 with probability p, the others divided by 1 - p."""
    if running():  # numbers for every sample, or one mask for all
        return mul(input, noise_for(input, input.array.shape, p))
    blocks = -(-input.array.size // 4)
    seed, offset = default_generator.take(blocks)
    return masked(input, seed, offset, 1 - p, 1 / (1 - p))


def noise_for(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """1 / (1 - p) with probability 1 - p, else 0, in the dtype and on the device of `input`."""
    check_floating(input)
    kept = coins_for(input, shape, p)
    return constant(mul(kept, 1 / (1 - p)))


def coins_for(input: Tensor, shape: tuple[int, ...], p: float) -> Any:
    drawn = source(None).uniform(shape, FLOAT32, input.device)
    return lt(drawn, 1 - p).astype(input.array.dtype)


@typed
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, elements set to 0 with probability p and the others divided by 1 - p."""
    check_p(p)
    if leaves_alone(input, p, training):
        return input
    if p == 1:
        return nothing_of(input, inplace)
    check_floating(input)
    drop = in_place(dropped) if inplace else dropped
    return drop(input, p)


def check_p(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def leaves_alone(input: Tensor, p: float, training: bool) -> bool:
    """Whether the input comes out as it is."""
    return not input.array.size or p == 0 or not training


def check_floating(input: Tensor) -> None:
    """RuntimeError if the input cannot hold scaled elements."""
    if input.array.dtype.kind != "f":
        raise RuntimeError(
            "result type Float can't be cast to the desired output type "
            f"{type_name(input.array.dtype)}"
        )


def nothing_of(input: Tensor, inplace: bool) -> Tensor:
    """Zeros, or nan where the input is not finite."""
    zero = constant(kernels.full((), 0, input.array.dtype, input.array))
    result: Tensor = input.mul_(zero) if inplace else mul(input, zero)
    return result


# --------------------------------------------------------------------------------- of channels


def feature_shape(input: Tensor) -> tuple[int, ...]:
    """The shape of a mask for whole channels: (N, C, 1, ...)."""
    shape = input.array.shape
    if len(shape) < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return (*shape[:2], *(1,) * (len(shape) - 2))


def feature_dropout(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    """Channels of (N, C, ...) set to 0 with probability p, the others divided by 1 - p."""
    if leaves_alone(input, p, training):
        return input
    shape = feature_shape(input)
    if p == 1:
        return nothing_of(input, inplace)
    noise = noise_for(input, shape, p)
    result: Tensor = input.mul_(noise) if inplace else mul(input, noise)
    return result


@typed
def dropout1d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """In training, whole channels of (N, C, L) or (C, L) set to 0 with probability p."""
    check_p(p)
    ndim = input.array.ndim
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if ndim == 3:
        return feature_dropout(input, p, training, inplace)
    return squeeze(feature_dropout(unsqueeze(input, 0), p, training, inplace), 0)


@typed
def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """In training, whole channels of (N, C, H, W) set to 0 with probability p."""
    check_p(p)
    ndim = input.array.ndim
    if ndim not in (3, 4):
        warn_user(
            f"dropout2d: Received a {ndim}-D input to dropout2d, which is deprecated and will "
            "result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead.",
        )
    if ndim == 3:
        warn_user(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D "
            "dropout behavior is desired - input is interpreted as shape (N, C, L), where C is "
            "the channel dim. Use dropout1d to say so.",
        )
    return feature_dropout(input, p, training, inplace)


@typed
def dropout3d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """In training, whole channels of (N, C, D, H, W) or (C, D, H, W) set to 0, of probability p."""
    check_p(p)
    ndim = input.array.ndim
    if ndim not in (4, 5):
        warn_user(
            f"dropout3d: Received a {ndim}-D input to dropout3d, which is deprecated and will "
            "result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead.",
        )
    if ndim == 5:
        return feature_dropout(input, p, training, inplace)
    return squeeze(feature_dropout(unsqueeze(input, 0), p, training, inplace), 0)


# ------------------------------------------------------------------------------ alpha dropout


def alpha_dropped(input: Tensor, shape: tuple[int, ...], p: float, inplace: bool) -> Tensor:
    """Elements set to -alpha with probability p, then all scaled and shifted to keep mean 0 and
    variance 1: with m of 1 and 0, x a m + a alpha (m - 1 + p)."""
    if p == 1:
        return nothing_of(input, inplace)
    check_floating(input)
    scale = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    kept = coins_for(input, shape, p)
    shift = constant(add(mul(add(kept, -1), ALPHA * scale), ALPHA * scale * p))
    factor = constant(mul(kept, scale))
    if not inplace:
        return add(mul(input, factor), shift)
    result: Tensor = input.mul_(factor).add_(shift)
    return result


@typed
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout for networks with selu: dropped elements take selu's lowest value, and mean and
    variance stay."""
    check_p(p)
    if leaves_alone(input, p, training):
        return input
    return alpha_dropped(input, input.array.shape, p, inplace)


@typed
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """The same for whole channels of (N, C, ...)."""
    check_p(p)
    if leaves_alone(input, p, training):
        return input
    return alpha_dropped(input, feature_shape(input), p, inplace)
