"""Convolutions: sums weighted over windows of a sequence, an image or a volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.filled import empty
from minigrad.tensor import Tensor

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class ConvolutionLayer(Module):
    """What all have.  Sizes are one int, or one a dimension.

    Parameters start uniform in +-1 / sqrt(inputs of one output).
    """

    dims: int  # that the windows have
    weight: Parameter
    bias: Parameter | None
    output_padding: tuple[int, ...] = ()

    def _build(
        self, weight_shape: tuple[int, ...], bias: bool, device: Any = None, dtype: Any = None
    ) -> None:
        """Check the numbers of channels, and make the parameters."""
        if self.groups <= 0:
            raise ValueError("groups must be a positive integer")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups != 0:
                raise ValueError(f"{name} must be divisible by groups")
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {PADDING_MODES}, but got "
                f"padding_mode='{self.padding_mode}'"
            )
        self.weight = Parameter(empty(weight_shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(self.out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the bound is 1 / sqrt(fan_in)
        if self.bias is not None:
            fan_in, _ = init.fans(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def _each(self, size: Any) -> tuple[int, ...]:
        """A size for each dimension."""
        return tuple(size) if isinstance(size, Sequence) else (size,) * self.dims

    def extra_repr(self) -> str:
        nothing = (0,) * self.dims
        shown = {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": None if self.padding == nothing else self.padding,
            "dilation": None if self.dilation == (1,) * self.dims else self.dilation,
            "output_padding": None if self.output_padding in ((), nothing) else self.output_padding,
            "groups": None if self.groups == 1 else self.groups,
            "bias": False if self.bias is None else None,
            "padding_mode": None if self.padding_mode == "zeros" else self.padding_mode,
        }
        named = [f"{name}={value}" for name, value in shown.items() if value is not None]
        return ", ".join([f"{self.in_channels}, {self.out_channels}", *named])


class Convolution(ConvolutionLayer):
    """(N, in_channels, *sizes) or without N -> (N, out_channels, *new sizes).

    weight is (out_channels, in_channels / groups, *kernel_size).  padding: around every dimension,
    or "same" or "valid"; padding_mode says with what.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._each(kernel_size)
        self.stride = self._each(stride)
        self.padding = padding if isinstance(padding, str) else self._each(padding)
        self.dilation = self._each(dilation)
        self.groups = groups
        self.padding_mode = padding_mode
        self._check_padding()
        shape = (out_channels, in_channels // max(groups, 1), *self.kernel_size)
        self._build(shape, bias, device, dtype)

    def _check_padding(self) -> None:
        if not isinstance(self.padding, str):
            return
        if self.padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {self.padding!r}, should be one of 'same', 'valid'"
            )
        if self.padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")

    def _sides(self) -> list[int]:
        """What F.pad adds before and after each dimension, the last one first."""
        sides = []
        for axis in reversed(range(self.dims)):
            if isinstance(self.padding, str):
                reach = self.dilation[axis] * (self.kernel_size[axis] - 1)
                both = reach if self.padding == "same" else 0
                sides += [both // 2, both - both // 2]
            else:
                sides += [self.padding[axis]] * 2
        return sides

    def _convolve(self, function: Any, input: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._sides(), mode=self.padding_mode), 0
        result: Tensor = function(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )
        return result


class Conv1d(Convolution):
    """Convolution of sequences: (N, C, L)."""

    dims = 1

    def forward(self, input: Tensor) -> Tensor:
        return self._convolve(F.conv1d, input)


class Conv2d(Convolution):
    """Convolution of images: (N, C, H, W)."""

    dims = 2

    def forward(self, input: Tensor) -> Tensor:
        return self._convolve(F.conv2d, input)


class Conv3d(Convolution):
    """Convolution of volumes: (N, C, D, H, W)."""

    dims = 3

    def forward(self, input: Tensor) -> Tensor:
        return self._convolve(F.conv3d, input)


# -------------------------------------------------------------------------------- and backwards


class TransposedConvolution(ConvolutionLayer):
    """The map whose matrix is the transposed one of a convolution: it makes sizes larger.

    weight is (in_channels, out_channels / groups, *kernel_size).  With a stride several sizes are
    possible: output_padding, or forward's output_size, chooses.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._each(kernel_size)
        self.stride = self._each(stride)
        self.padding = self._each(padding)
        self.output_padding = self._each(output_padding)
        self.dilation = self._each(dilation)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding_mode != "zeros":
            name = type(self).__name__
            raise ValueError(f'Only "zeros" padding mode is supported for {name}')
        shape = (in_channels, out_channels // max(groups, 1), *self.kernel_size)
        self._build(shape, bias, device, dtype)

    def _convolve(self, function: Any, input: Tensor, output_size: Sequence[int] | None) -> Tensor:
        extra = self.output_padding
        if output_size is not None:
            extra = self._extra_for(input, output_size)
        result: Tensor = function(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )
        return result

    def _extra_for(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output_padding that leads to this size, of which the batch and channels may be
        part."""
        first = input.dim() - self.dims
        sizes = list(output_size)[first if len(output_size) == input.dim() else 0 :]
        if len(sizes) != self.dims:
            raise ValueError(
                f"ConvTranspose{self.dims}D: for {input.dim()}D input, output_size must have "
                f"{self.dims} or {first + self.dims} elements (got {len(output_size)})"
            )
        smallest = [
            (input.size(first + axis) - 1) * self.stride[axis]
            - 2 * self.padding[axis]
            + self.dilation[axis] * (self.kernel_size[axis] - 1)
            + 1
            for axis in range(self.dims)
        ]
        largest = [size + step - 1 for size, step in zip(smallest, self.stride, strict=True)]
        extra = tuple(size - least for size, least in zip(sizes, smallest, strict=True))
        if any(not 0 <= n < step for n, step in zip(extra, self.stride, strict=True)):
            raise ValueError(
                f"requested an output size of {sizes}, but valid sizes range from {smallest} to "
                f"{largest} (for an input of {input.size()[first:]})"
            )
        return extra


class ConvTranspose1d(TransposedConvolution):
    """Transposed convolution of sequences: (N, C, L)."""

    dims = 1

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return self._convolve(F.conv_transpose1d, input, output_size)


class ConvTranspose2d(TransposedConvolution):
    """Transposed convolution of images: (N, C, H, W)."""

    dims = 2

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return self._convolve(F.conv_transpose2d, input, output_size)


class ConvTranspose3d(TransposedConvolution):
    """Transposed convolution of volumes: (N, C, D, H, W)."""

    dims = 3

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return self._convolve(F.conv_transpose3d, input, output_size)
