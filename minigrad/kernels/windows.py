"""Windows: where the places of a kernel lie over an input, for convolution and what is like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Sizes = tuple[int, ...]  # one a spatial dimension


@dataclass(frozen=True)
class Windows:
    """Place k of window o lies over input place o * stride - padding + k * dilation."""

    input: Sizes
    kernel: Sizes
    output: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes

    def of_three_dimensions(self) -> Windows:
        """The same with dimensions of size 1 in front."""
        ones, zeros = (1,) * (3 - len(self.input)), (0,) * (3 - len(self.input))
        return Windows(
            ones + self.input,
            ones + self.kernel,
            ones + self.output,
            ones + self.stride,
            zeros + self.padding,
            ones + self.dilation,
        )


def windows(
    input: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Windows:
    """As many windows as fit into the padded input."""
    output = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(input, kernel, stride, padding, dilation, strict=True)
    )
    return Windows(
        tuple(input), tuple(kernel), output, tuple(stride), tuple(padding), tuple(dilation)
    )
