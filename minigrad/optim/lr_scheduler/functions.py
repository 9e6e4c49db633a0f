"""Schedules that a function of the user gives."""

from collections.abc import Callable
from typing import Any

from minigrad.optim.lr_scheduler.scheduler import (
    LRScheduler,
    current_lrs,
    restore_function,
    saved_function,
)
from minigrad.optim.optimizer import Optimizer

Function = Callable[[int], float]


class FunctionLR(LRScheduler):
    """Base of the schedules with `lr_lambdas`, a function of the epoch for each group."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1
    ) -> None:
        groups = len(optimizer.param_groups)
        if not isinstance(lr_lambda, list | tuple):
            lr_lambda = [lr_lambda] * groups
        if len(lr_lambda) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(lr_lambda)}")
        self.lr_lambdas = list(lr_lambda)
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Of the functions only objects are saved, not def and lambda."""
        state = super().state_dict()
        return {**state, "lr_lambdas": [saved_function(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        others = {name: value for name, value in state_dict.items() if name != "lr_lambdas"}
        super().load_state_dict(others)
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            restore_function(function, saved)


class LambdaLR(FunctionLR):
    """lr = base_lr * lr_lambda(epoch)."""

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base_lr * function(self.last_epoch) for base_lr, function in pairs]


class MultiplicativeLR(FunctionLR):
    """lr *= lr_lambda(epoch), from the second epoch on."""

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Function | list[Function], last_epoch: int = -1
    ) -> None:
        for function in lr_lambda if isinstance(lr_lambda, list | tuple) else [lr_lambda]:
            if not callable(function):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(function).__name__}"
                )
        super().__init__(optimizer, lr_lambda, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        lrs = current_lrs(self.optimizer)
        if self._is_initial:
            return lrs
        pairs = zip(lrs, self.lr_lambdas, strict=True)
        return [lr * function(self.last_epoch) for lr, function in pairs]
