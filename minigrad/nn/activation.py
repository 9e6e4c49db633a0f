"""Activations as modules: functions of one number, and of a row of numbers (softmax)."""

from __future__ import annotations

import warnings
from dataclasses import InitVar, dataclass
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn import init as fill
from minigrad.nn.layer import Layer
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.filled import empty
from minigrad.tensor import Tensor

# ------------------------------------------------------------------------------ cut below zero


@dataclass(eq=False, repr=False)
class ReLU(Layer):
    """max(x, 0)."""

    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, inplace=self.inplace)


@dataclass(eq=False, repr=False)
class Hardtanh(Layer):
    """x, cut off below min_val and above max_val."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False
    min_value: InitVar[float | None] = None
    max_value: InitVar[float | None] = None

    def __post_init__(self, min_value: float | None, max_value: float | None) -> None:
        for name, old, value in (
            ("min_val", "min_value", min_value),
            ("max_val", "max_value", max_value),
        ):
            if value is not None:
                text = f"keyword argument `{old}` is deprecated and renamed to `{name}`"
                warnings.warn(text, FutureWarning, stacklevel=3)
                setattr(self, name, value)
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})"
            )

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class ReLU6(Hardtanh):
    """min(max(x, 0), 6)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


@dataclass(eq=False, repr=False)
class Threshold(Layer):
    """x where it is above the threshold, else `value`."""

    threshold: float
    value: float
    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)


@dataclass(eq=False, repr=False)
class LeakyReLU(Layer):
    """x where it is positive, else negative_slope * x."""

    negative_slope: float = 0.01
    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)


@dataclass(eq=False, repr=False)
class RReLU(Layer):
    """A LeakyReLU whose slopes are drawn between lower and upper; in use it has their middle."""

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class PReLU(Module):
    """A LeakyReLU that learns its slope, or one slope a channel (dimension 1)."""

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All slopes as at the start."""
        fill.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


# -------------------------------------------------------------------------- exponential below zero


@dataclass(eq=False, repr=False)
class ELU(Layer):
    """x where it is positive, else alpha * (exp(x) - 1)."""

    alpha: float = 1.0
    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)


@dataclass(eq=False, repr=False)
class CELU(Layer):
    """x where it is positive, else alpha * (exp(x / alpha) - 1)."""

    alpha: float = 1.0
    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)


@dataclass(eq=False, repr=False)
class SELU(Layer):
    """A scaled ELU that keeps mean 0 and variance 1 from layer to layer (Klambauer et al. 2017)."""

    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


# ---------------------------------------------------------------------------- between two bounds


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


@dataclass(eq=False, repr=False)
class Hardsigmoid(Layer):
    """x / 6 + 1 / 2, cut off below 0 and above 1."""

    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class LogSigmoid(Module):
    """log(sigmoid(x))."""

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class Softsign(Module):
    """x / (1 + abs(x))."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


# --------------------------------------------------------------------------------------- smooth


@dataclass(eq=False, repr=False)
class Softplus(Layer):
    """log(1 + exp(beta * x)) / beta: a smooth ReLU.  Above `threshold`, beta * x is as good."""

    beta: float = 1.0
    threshold: float = 20.0

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


@dataclass(eq=False, repr=False)
class GELU(Layer):
    """x times the probability that a normal number is below x; approximate: "none" or "tanh"."""

    approximate: str = "none"

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)


@dataclass(eq=False, repr=False)
class SiLU(Layer):
    """x * sigmoid(x), also called swish."""

    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


@dataclass(eq=False, repr=False)
class Hardswish(Layer):
    """x * hardsigmoid(x)."""

    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


@dataclass(eq=False, repr=False)
class Mish(Layer):
    """x * tanh(softplus(x))."""

    inplace: bool = False

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


# --------------------------------------------------------------------------------- around zero


@dataclass(eq=False, repr=False)
class Hardshrink(Layer):
    """x, but 0 between -lambd and lambd."""

    lambd: float = 0.5

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


@dataclass(eq=False, repr=False)
class Softshrink(Layer):
    """x moved towards 0 by lambd, but not beyond."""

    lambd: float = 0.5

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Tanhshrink(Module):
    """x - tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


# --------------------------------------------------------------------------------- of many numbers


@dataclass(eq=False, repr=False)
class GLU(Layer):
    """The first half of dimension `dim` times the sigmoid of its second half."""

    dim: int = -1

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)


@dataclass(eq=False, repr=False)
class Softmax(Layer):
    """exp(x) divided by its sum along `dim`: probabilities."""

    dim: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


@dataclass(eq=False, repr=False)
class Softmin(Layer):
    """softmax(-x)."""

    dim: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


@dataclass(eq=False, repr=False)
class LogSoftmax(Layer):
    """log(softmax(x))."""

    dim: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


class Softmax2d(Module):
    """softmax over the channels of (N, C, H, W) or (C, H, W), at every place."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3)
