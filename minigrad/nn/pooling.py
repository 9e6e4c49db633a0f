"""Pooling: windows of an image or a sequence become their largest number or their average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.tensor import Tensor


@dataclass(eq=False, repr=False)
class MaxPool(Layer):
    """What MaxPool1d and MaxPool2d share.  The stride is the window's size unless it is given."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        if self.stride is None:
            self.stride = self.kernel_size

    def window(self) -> dict[str, Any]:
        """The arguments of the function."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
            "return_indices": self.return_indices,
        }

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPool):
    """The largest numbers of windows of (N, C, L) or (C, L)."""

    def forward(self, input: Tensor) -> Any:
        return F.max_pool1d(input, self.kernel_size, **self.window())


class MaxPool2d(MaxPool):
    """The largest numbers of windows of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(input, self.kernel_size, **self.window())


@dataclass(eq=False, repr=False)
class AvgPool1d(Layer):
    """The averages of windows of (N, C, L) or (C, L)."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        self.kernel_size = single(self.kernel_size)
        self.stride = self.kernel_size if self.stride is None else single(self.stride)
        self.padding = single(self.padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


def single(size: Any) -> Any:
    return tuple(size) if isinstance(size, tuple | list) else (size,)


@dataclass(eq=False, repr=False)
class AvgPool2d(Layer):
    """The averages of windows of (N, C, H, W) or (C, H, W); divisor_override takes the place of
    the number of elements."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None

    def __post_init__(self) -> None:
        if self.stride is None:
            self.stride = self.kernel_size

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


# --------------------------------------------------------------------- to a size that is given


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool1d(Layer):
    """The averages of output_size windows of (N, C, L) or (C, L)."""

    output_size: Any

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool2d(Layer):
    """The averages of as many windows of (N, C, H, W) as output_size says: an int, or a pair, of
    which None keeps the input's size."""

    output_size: Any

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool1d(Layer):
    """The largest numbers of output_size windows of (N, C, L) or (C, L)."""

    output_size: Any
    return_indices: bool = False

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool2d(Layer):
    """The largest numbers of as many windows of (N, C, H, W) as output_size says."""

    output_size: Any
    return_indices: bool = False

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
