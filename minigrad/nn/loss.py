"""Losses of numbers that should be others, and the base of all losses."""

from __future__ import annotations

from dataclasses import InitVar, dataclass

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.nn.module import Module
from minigrad.ops.loss.reduction import reduction_of
from minigrad.tensor import Tensor


class Loss(Layer):
    """A loss of every element.  reduction: "mean", "sum" or "none" of them; size_average and reduce
    are the two flags that torch had of old."""

    reduction: str

    def __post_init__(self, *flags: bool | None) -> None:
        if any(flag is not None for flag in flags):
            size_average, reduce = flags
            self.reduction = reduction_of(size_average, reduce, self.reduction)

    def extra_repr(self) -> str:
        return ""


class WeightedLoss(Module):
    """A loss with weights that belong to its state: of the classes, or of the batch's elements."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.reduction = reduction
        if size_average is not None or reduce is not None:
            self.reduction = reduction_of(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


@dataclass(eq=False, repr=False)
class L1Loss(Loss):
    """abs(input - target)."""

    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


@dataclass(eq=False, repr=False)
class MSELoss(Loss):
    """(input - target) ** 2."""

    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


@dataclass(eq=False, repr=False)
class SmoothL1Loss(Loss):
    """d ** 2 / (2 * beta) for a difference below beta, else abs(d) - beta / 2."""

    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    beta: float = 1.0

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


@dataclass(eq=False, repr=False)
class HuberLoss(Loss):
    """d ** 2 / 2 for a difference below delta, else delta * (abs(d) - delta / 2)."""

    reduction: str = "mean"
    delta: float = 1.0

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


# ------------------------------------------------------------------ of parameters of a distribution


@dataclass(eq=False, repr=False)
class KLDivLoss(Loss):
    """target * (log(target) - input), where input is a log-probability; so is the target with
    log_target.  reduction "batchmean" divides the sum by the size of the batch."""

    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"
    log_target: bool = False

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


@dataclass(eq=False, repr=False)
class PoissonNLLLoss(Loss):
    """-log of the probability of a count `target` whose mean is exp(input), or with
    log_input=False the input; `full` adds Stirling's term."""

    log_input: bool = True
    full: bool = False
    size_average: InitVar[bool | None] = None
    eps: float = 1e-8
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


@dataclass(eq=False, repr=False, kw_only=True)
class GaussianNLLLoss(Loss):
    """(log(var) + (input - target) ** 2 / var) / 2; `full` adds the constant log(2 pi) / 2."""

    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )
