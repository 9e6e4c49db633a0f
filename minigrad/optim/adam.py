"""Adam (Kingma and Ba 2014)."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.ops.filled import zeros_like
from minigrad.optim.formulas import adam_step, approach, approach_square, largest
from minigrad.optim.optimizer import Group, Optimizer, regularised
from minigrad.tensor import Tensor, constant


class Adam(Optimizer):
    """param -= lr * m / (sqrt(v) + eps), with m and v running means of grad and grad**2.

    Both start at zero and are divided by 1 - beta**step to make up for it.  weight_decay adds
    weight_decay * param to grad; amsgrad uses the largest v so far (Reddi et al. 2018).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for index, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def update(self, group: Group) -> None:
        for param in group["params"]:
            if param.grad is not None:
                self.update_one(param, group)

    def update_one(self, param: Tensor, group: Group) -> None:
        grad = regularised(param, group)
        state = self.state[param] or self.start(param, group)
        beta1, beta2 = group["betas"]
        state["step"] += 1
        step = state["step"].item()
        approach(state["exp_avg"], grad, 1 - beta1)
        approach_square(state["exp_avg_sq"], grad, beta2, 1 - beta2)
        square = state["exp_avg_sq"]
        if group["amsgrad"]:
            largest(state["max_exp_avg_sq"], square.array)
            square = state["max_exp_avg_sq"]
        size = group["lr"] / (1 - beta1**step)
        correction = math.sqrt(1 - beta2**step)
        mean = state["exp_avg"].array
        adam_step(param, mean, square.array, size, correction, group["eps"])

    def start(self, param: Tensor, group: Group) -> dict[str, Any]:
        """The state before the first step."""
        state = self.state[param]
        state["step"] = constant(np.array(0, np.float32))
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * group["amsgrad"]
        for name in names:
            state[name] = zeros_like(param)
        return state
