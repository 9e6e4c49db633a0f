"""Layers that only move numbers: other shapes, windows side by side, channels as pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.tensor import Tensor


@dataclass(eq=False, repr=False)
class Flatten(Layer):
    """The dimensions from start_dim to end_dim in one: all but that of the batch."""

    start_dim: int = 1
    end_dim: int = -1

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)


@dataclass(eq=False, repr=False)
class Unflatten(Layer):
    """Dimension `dim` as several, of these sizes."""

    dim: int
    unflattened_size: Sequence[int]

    def __post_init__(self) -> None:
        size = self.unflattened_size
        if not isinstance(size, tuple | list):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(size).__name__}"
            )
        for place, n in enumerate(size):
            if not isinstance(n, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(n).__name__} at pos {place}"
                )

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)


@dataclass(eq=False, repr=False)
class Unfold(Layer):
    """All windows of (N, C, H, W) as columns: (N, C * KH * KW, number of windows)."""

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


@dataclass(eq=False, repr=False)
class Fold(Layer):
    """Columns put back as windows of an image of output_size, and added up where they overlap."""

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )


# ----------------------------------------------------------------------------- finer and coarser


@dataclass(eq=False, repr=False)
class PixelShuffle(Layer):
    """Channels as pixels, for factor r: (N, C * r * r, H, W) -> (N, C, H * r, W * r)."""

    upscale_factor: int

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)


@dataclass(eq=False, repr=False)
class PixelUnshuffle(Layer):
    """Pixels as channels, for factor r: (N, C, H * r, W * r) -> (N, C * r * r, H, W)."""

    downscale_factor: int

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)


@dataclass(eq=False, repr=False)
class ChannelShuffle(Layer):
    """The channels of (N, C, *) dealt out anew: first those that begin the groups, and so on."""

    groups: int

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() < 3:
            raise RuntimeError(
                "channel_shuffle expects input with > 2 dims, but got input with sizes "
                f"{list(input.shape)}"
            )
        if self.groups <= 0:
            raise RuntimeError(
                f"Number of groups to divide channels in must be positive. "
                f"Value of groups:{self.groups}"
            )
        if input.size(1) % self.groups:
            raise RuntimeError(
                "Number of channels must be divisible by groups. Got "
                f"{input.size(1)} channels and {self.groups} groups."
            )
        rows = input.unflatten(1, (self.groups, input.size(1) // self.groups))
        return rows.transpose(1, 2).flatten(1, 2)


@dataclass(eq=False, repr=False)
class Upsample(Layer):
    """A sequence or image made larger, to a size or by a factor, see F.interpolate."""

    size: Any = None
    scale_factor: Any = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def __post_init__(self) -> None:
        factor = self.scale_factor
        if isinstance(factor, tuple):
            self.scale_factor = tuple(float(f) for f in factor)
        else:
            self.scale_factor = float(factor) if factor else None

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        given = f"scale_factor={self.scale_factor!r}"
        if self.scale_factor is None:
            given = f"size={self.size!r}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """An image made larger by repeating its pixels."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """An image made larger by averages of neighbours; its corners stay."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
