"""Adam (Kingma and Ba 2014) and AdamW (Loshchilov and Hutter 2017)."""

import math
from collections.abc import Iterable
from typing import Any

from minigrad.kernels.codegen import Number
from minigrad.kernels.rules import Rule
from minigrad.optim.checks import check_betas, check_lr, check_not_negative, ways
from minigrad.optim.elementwise import Elementwise
from minigrad.tensor import Tensor


def adam(
    param: Any,
    grad: Any,
    exp_avg: Any,
    exp_avg_sq: Any,
    max_exp_avg_sq: Any,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    weight_decay: Number,
    step: Number,
    amsgrad: bool,
    maximize: bool,
    decoupled_weight_decay: bool,
) -> Any:
    if maximize:
        grad = -grad
    if weight_decay and decoupled_weight_decay:
        param = param * (1 - lr * weight_decay)
    if weight_decay and not decoupled_weight_decay:
        grad = grad + weight_decay * param
    exp_avg = exp_avg + (1 - beta1) * (grad - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * (grad * grad)
    square = exp_avg_sq
    if amsgrad:
        square = max_exp_avg_sq = max(max_exp_avg_sq, exp_avg_sq)
    denominator = math.sqrt(square) / math.sqrt(1 - beta2**step) + eps
    param = param - lr / (1 - beta1**step) * (exp_avg / denominator)
    return param, exp_avg, exp_avg_sq, max_exp_avg_sq


class Adam(Elementwise):
    """param -= lr * m / (sqrt(v) + eps), with m and v running means of grad and grad**2.

    Both start at zero and are divided by 1 - beta**step to make up for it.  weight_decay adds
    weight_decay * param to grad, or with decoupled_weight_decay shrinks param itself; amsgrad
    uses the largest v so far (Reddi et al. 2018).
    """

    rule = Rule(adam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_no_tensor("lr", lr, foreach)
        check_lr(lr)
        check_not_negative("epsilon value", eps)
        check_betas(betas)
        check_not_negative("weight_decay value", weight_decay)
        check_kinds(betas, foreach)
        options = {
            "lr": lr,
            "betas": tuple(x.item() if isinstance(x, Tensor) else x for x in betas),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "capturable": capturable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
            **ways(foreach, differentiable, capturable, fused),
        }
        super().__init__(params, options)


def check_kinds(betas: tuple[Any, Any], foreach: bool | None) -> None:
    """ValueError unless the betas are floats, or tensors of one element."""
    kinds = [Tensor if isinstance(beta, Tensor) else type(beta) for beta in betas]
    if kinds not in ([float, float], [Tensor, Tensor]):
        raise ValueError("betas must be either both floats or both Tensors")
    for index, beta in enumerate(betas):
        check_no_tensor(f"betas[{index}]", beta, foreach)
        if isinstance(beta, Tensor) and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{index}] must be 1-element")


def check_no_tensor(name: str, value: Any, foreach: bool | None) -> None:
    if foreach and isinstance(value, Tensor):
        raise ValueError(
            f"{name} as a Tensor is not supported for capturable=False and foreach=True"
        )


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves: param *= 1 - lr * weight_decay."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state of Adam's may have been loaded
            group["decoupled_weight_decay"] = True
