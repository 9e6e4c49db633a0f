"""NAdam: Adam with Nesterov momentum (Dozat 2016)."""

import math
from collections.abc import Iterable
from typing import Any, ClassVar

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_betas, check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise, set_number
from minigrad.optim.optimizer import Group, State
from minigrad.tensor import Tensor


def nadam(
    param: Any,
    grad: Any,
    exp_avg: Any,
    exp_avg_sq: Any,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
    momentum_decay: Number,
    step: Number,
    mu_product: Number,
    decoupled_weight_decay: bool,
    maximize: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param = param * (1 - lr * weight_decay)
    if weight_decay and not decoupled_weight_decay:
        grad = grad + weight_decay * param
    mu = beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))
    next_mu = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
    exp_avg = exp_avg + (1 - beta1) * (grad - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * (grad * grad)
    denominator = math.sqrt(exp_avg_sq / (1 - beta2**step)) + eps
    now = lr * (1 - mu) / (1 - mu_product) * (grad / denominator)
    ahead = lr * next_mu / (1 - mu_product * next_mu) * (exp_avg / denominator)
    return param - now - ahead, exp_avg, exp_avg_sq


class NAdam(Elementwise):
    """Adam that takes the step of the next momentum already: grad has a share of its own in it.

    mu, the momentum of a step, rises from beta1 / 2 to beta1 as fast as momentum_decay says;
    mu_product is the product of those so far.
    """

    rule = Rule(nadam)
    own = ("step", "mu_product")
    counters: ClassVar[dict[str, float]] = {"step": 0, "mu_product": 1}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        check_not_negative("momentum_decay value", momentum_decay)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            **ways(foreach, differentiable, capturable),
        }
        super().__init__(params, options)

    def advance(self, state: State, group: Group, is_new: bool) -> tuple[float, ...]:
        """Count the step, and multiply its momentum into the product."""
        (step,) = super().advance(state, group, is_new)
        mu = group["betas"][0] * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"]))
        product = state["mu_product"]
        kind = product.array.dtype.type  # in which torch multiplies them, too
        set_number(product, kind(product.item()) * kind(mu))
        return step, product.item()
