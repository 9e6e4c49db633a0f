"""Images of other sizes: interpolate, and pixels that are channels (pixel_shuffle)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import not_implemented
from minigrad.kernels.taps import Taps, constant_taps, identity, taps
from minigrad.node import LinearNode
from minigrad.ops.arguments import typed
from minigrad.ops.either import Either
from minigrad.ops.pooling import ResampleNode, resample
from minigrad.ops.view import permute, reshape
from minigrad.tensor import TENSORS, Tensor, record

Array = Any
DIMENSIONS = {"linear": 3, "bilinear": 4, "trilinear": 5}
KNOWN = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"


# ------------------------------------------------------------------------------------ interpolation


class UpsampleNearest1DBackward0(ResampleNode):
    __slots__ = ()


class UpsampleNearest2DBackward0(ResampleNode):
    __slots__ = ()


class UpsampleLinear1DBackward0(ResampleNode):
    __slots__ = ()


class UpsampleBilinear2DBackward0(ResampleNode):
    __slots__ = ()


NODES: dict[tuple[str, int], type[ResampleNode]] = {
    ("nearest", 3): UpsampleNearest1DBackward0,
    ("nearest", 4): UpsampleNearest2DBackward0,
    ("linear", 3): UpsampleLinear1DBackward0,
    ("bilinear", 4): UpsampleBilinear2DBackward0,
}


@typed
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """(N, C, L) or (N, C, H, W) with another length, or height and width: those of `size`, or
    `scale_factor` times as large.  A new number is the nearest old one, or a mean of its two
    neighbours ("linear") or four ("bilinear"), the more the nearer they are."""
    check_mode(input, mode, align_corners, antialias)
    sizes, factors = new_sizes(input, size, scale_factor, recompute_scale_factor)
    node_type = chosen_node(input, mode)
    shape = input.array.shape
    check_sizes(shape, sizes)
    kernels.check_on_cpu("interpolate", input.array)
    check_dtype(input, mode)
    kind = np.dtype(np.float64 if input.array.dtype == np.float64 else np.float32)
    axes = [
        nearest_taps(n, count, None if is_exact(shape, n, count) else factor)
        if mode == "nearest"
        else linear_taps(n, count, factor, bool(align_corners), kind)
        for n, count, factor in zip(shape[2:], sizes, factors, strict=True)
    ]
    rows = identity(shape[1]) if len(axes) == 1 else axes[0]  # channels by length are a plane
    resized: Tensor = resample(input, rows, axes[-1], node_type)
    return resized


def is_exact(shape: tuple[int, ...], size: int, count: int) -> bool:
    """Whether torch takes the factor of the sizes, not the one it was given: for images that stay
    or double."""
    return len(shape) == 4 and count in (size, 2 * size)


def check_mode(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear"
        )
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and x.array.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if antialias:
        raise NotImplementedError("interpolate(antialias=True) is not supported")


def chosen_node(x: Tensor, mode: str) -> type[ResampleNode]:
    dims = x.array.ndim
    if dims not in (3, 4, 5) or mode not in KNOWN.split(" | "):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {dims}D) for the modes: "
            f"{KNOWN} (got {mode})"
        )
    needed = DIMENSIONS.get(mode, dims)
    if dims != needed:
        raise NotImplementedError(f"Got {dims}D input, but {mode} mode needs {needed}D input")
    if (mode, dims) not in NODES:
        raise NotImplementedError(f"interpolate(mode='{mode}') of {dims}D input is not supported")
    return NODES[mode, dims]


def new_sizes(
    x: Tensor, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], Sequence[float | None]]:
    """The new sizes, and by how much they were asked to grow."""
    spatial = x.array.shape[2:]
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        sizes = list(size) if isinstance(size, tuple | list) else [size] * len(spatial)
        check_count(spatial, sizes, "output size of", "output", "output size in (o1, o2, ...,oK)")
        if any(isinstance(n, bool) or not hasattr(n, "__index__") for n in sizes):
            kinds = [type(n) for n in sizes]
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or "
                f"Tuple[int, int, int], but got size with types {kinds}"
            )
        return [int(n) for n in sizes], [None] * len(spatial)
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    many = isinstance(scale_factor, tuple | list)
    given = scale_factor if many else [scale_factor] * len(spatial)
    if not all(isinstance(f, int | float | np.number) for f in given):
        names = [type(f).__name__ for f in given]
        raise TypeError(f"interpolate(): scale_factor must be one float or several, not {names}")
    factors = [float(f) for f in given]
    where = "scale_factor in (s1, s2, ...,sK)"
    check_count(spatial, factors, "scale_factor of shape", "scale_factor", where)
    sizes = [math.floor(n * factor) for n, factor in zip(spatial, factors, strict=True)]
    return sizes, [None] * len(spatial) if recompute else factors


def check_count(
    spatial: Sequence[int], given: Sequence[Any], what: str, name: str, form: str
) -> None:
    if len(given) != len(spatial):
        shown = f"({len(given)},)" if name == "scale_factor" else tuple(given)
        raise ValueError(
            f"Input and {name} must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(spatial)} and {what} {shown}. Please provide input "
            f"tensor in (N, C, d1, d2, ...,dK) format and {form} format."
        )


def check_sizes(shape: tuple[int, ...], sizes: Sequence[int]) -> None:
    if min(*shape[2:], *sizes) < 1:
        names = "HW" if len(sizes) == 2 else "W"
        before, after = (
            ", ".join(f"{name}: {n}" for name, n in zip(names, given, strict=True))
            for given in (shape[2:], sizes)
        )
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({before}) output "
            f"({after})"
        )
    if shape[1] == 0:
        raise RuntimeError(
            f"Non-empty {len(shape)}D data tensor expected but got a tensor with sizes "
            f"{list(shape)}"
        )


def check_dtype(x: Tensor, mode: str) -> None:
    dtype = x.array.dtype
    if dtype.kind != "f" and not (mode == "nearest" and dtype == np.uint8):
        raise not_implemented(f"upsample_{mode}{x.array.ndim - 2}d", dtype)


@functools.lru_cache(maxsize=256)
def nearest_taps(size: int, count: int, factor: float | None) -> Taps:
    """The old number at or before each new one; computed in float32, as in torch."""
    step = np.float32(1 / factor if factor else size / count)
    places = np.floor(np.arange(count, dtype=np.float32) * step).astype(np.int64)
    places = np.minimum(places, size - 1)
    return constant_taps(places, places + 1, np.ones(count), size)


@functools.lru_cache(maxsize=256)
def linear_taps(
    size: int, count: int, factor: float | None, align_corners: bool, dtype: np.dtype[Any]
) -> Taps:
    """The two old numbers around each new one.  With align_corners, the first and the last stay
    where they are; else the outer borders of the pixels do.  Where the size stays, all do."""
    if size == count:
        return identity(size)
    places = np.arange(count, dtype=dtype)
    one, half = dtype.type(1), dtype.type(0.5)
    if align_corners:
        where = places * dtype.type((size - 1) / (count - 1) if count > 1 else 0)
    else:
        step = dtype.type(1 / factor if factor else size / count)
        where = np.maximum(step * (places + half) - half, dtype.type(0))
    first = np.minimum(where.astype(np.int64), size - 1)
    second = np.minimum(first + 1, size - 1)
    share = np.clip(where - first.astype(dtype), dtype.type(0), one)
    matrix = np.zeros((count, size), dtype)
    rows = np.arange(count)
    matrix[rows, first] += one - share
    matrix[rows, second] += share
    return taps(first, second + 1, matrix, size)


# ------------------------------------------------------------------------------ pixels as channels


class PixelShuffleBackward0(LinearNode):
    __slots__ = ("factor",)
    factor: int

    def vjp(self, grad: Either) -> Any:
        return (gathered(grad, self.factor),)

    def jvp(self, tangent: Either) -> Either:
        return shuffled(tangent, self.factor)


class PixelUnshuffleBackward0(LinearNode):
    __slots__ = ("factor",)
    factor: int

    def vjp(self, grad: Either) -> Any:
        return (shuffled(grad, self.factor),)

    def jvp(self, tangent: Either) -> Either:
        return gathered(tangent, self.factor)


@typed
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C r^2, H, W) -> (..., C, H r, W r): r^2 channels become a square of pixels."""
    shape = input.array.shape
    check_pixels("pixel_shuffle", "upscale_factor", shape, upscale_factor)
    if shape[-3] % upscale_factor**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={shape[-3]} is not divisible by "
            f"{upscale_factor**2}"
        )
    return shuffled(input, upscale_factor)


@typed
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H r, W r) -> (..., C r^2, H, W): the inverse of pixel_shuffle."""
    shape = input.array.shape
    check_pixels("pixel_unshuffle", "downscale_factor", shape, downscale_factor)
    for name, place in (("height", -2), ("width", -1)):
        if shape[place] % downscale_factor:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({place})={shape[place]} is not divisible by {downscale_factor}"
            )
    return gathered(input, downscale_factor)


def check_pixels(name: str, argument: str, shape: tuple[int, ...], factor: int) -> None:
    if len(shape) < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {len(shape)} "
            "dimension(s)"
        )
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive {argument}, but got {factor}")


def shuffled(x: Either, factor: int) -> Either:
    if type(x) in TENSORS:
        return record(PixelShuffleBackward0, shuffled(x.array, factor), (x,), factor=factor)
    *front, channels, height, width = x.shape
    n = len(front)
    parts = reshape(x, (*front, channels // factor**2, factor, factor, height, width))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    mixed = permute(parts, order)
    return reshape(mixed, (*front, channels // factor**2, height * factor, width * factor))


def gathered(x: Either, factor: int) -> Either:
    if type(x) in TENSORS:
        return record(PixelUnshuffleBackward0, gathered(x.array, factor), (x,), factor=factor)
    *front, channels, height, width = x.shape
    n, high, wide = len(front), height // factor, width // factor
    parts = reshape(x, (*front, channels, high, factor, wide, factor))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return reshape(permute(parts, order), (*front, channels * factor**2, high, wide))
