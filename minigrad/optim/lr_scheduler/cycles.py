"""Schedules that go up and down, of the learning rate and against it of the momentum.

Smith 2017 (CyclicLR), Smith and Topin 2018 (OneCycleLR).
"""

import math
from collections.abc import Callable
from typing import Any

from minigrad.optim.lr_scheduler.cosine import half_wave
from minigrad.optim.lr_scheduler.scheduler import (
    LRScheduler,
    check_optimizer,
    one_a_group,
    restore_function,
    saved_function,
    set_value,
)
from minigrad.optim.optimizer import Group, Optimizer


class MomentumCycle(LRScheduler):
    """Base of the schedules that change the momentum, too: the first beta where there are betas."""

    cycle_momentum: bool
    use_beta1: bool

    def start_momentum(self, optimizer: Optimizer, base: Any, largest: Any, is_new: bool) -> None:
        """Note the bounds of the momentum in the groups, and begin with the largest."""
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
            )
        self.use_beta1 = "betas" in optimizer.defaults
        if not is_new:
            return
        for low, high, group in zip(base, largest, optimizer.param_groups, strict=True):
            self.set_momentum(group, high)
            group["max_momentum"], group["base_momentum"] = high, low

    def set_momentum(self, group: Group, value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(MomentumCycle):
    """From base_lr to max_lr in step_size_up batches, down again in step_size_down, and so on.

    The peaks stay ("triangular"), halve each cycle ("triangular2"), shrink by gamma ** batch
    ("exp_range"), or are scaled by scale_fn of the cycle or of the batch ("iterations").
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        base_lrs = one_a_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = one_a_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums = one_a_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = one_a_group("max_momentum", optimizer, max_momentum)
            bounds = self.base_momentums, self.max_momentums
            self.start_momentum(optimizer, *bounds, is_new=last_epoch == -1)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """What the height of a peak is scaled by; x is the cycle's number or the batch's."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return float(self.gamma**x if self.mode == "exp_range" else 1 / 2.0 ** (x - 1))

    def get_lr(self) -> list[float]:
        """The rates; the momenta are set on the way, as torch does."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds, strict=True):
                self.set_momentum(group, high - (high - low) * height)
        pairs = zip(self.base_lrs, self.max_lrs, strict=True)
        return [low + (high - low) * height for low, high in pairs]

    def state_dict(self) -> dict[str, Any]:
        """Of a scale_fn only an object is saved, not def and lambda."""
        custom = self._scale_fn_custom
        saved = None if custom is None else saved_function(custom)
        return {**super().state_dict(), "_scale_fn_custom": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        others = {name: x for name, x in state_dict.items() if name != "_scale_fn_custom"}
        super().load_state_dict(others)
        restore_function(self._scale_fn_custom, state_dict["_scale_fn_custom"])


def line(start: float, end: float, done: float) -> float:
    return (end - start) * done + start


Phase = dict[str, Any]  # until when, and the names of the options that it goes from and to


class OneCycleLR(MomentumCycle):
    """From max_lr / div_factor up to max_lr, and down far below where it began, in total_steps.

    The first pct_start of the steps go up; with three_phase as many go down again, and the rest
    to the end.  anneal_strategy: along a cosine ("cos") or a line ("linear").
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        self.total_steps = steps_in_all(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._schedule_phases = phases(pct_start, self.total_steps, three_phase)
        self._anneal_func_type = anneal_strategy
        for lr, group in zip(
            one_a_group("max_lr", optimizer, max_lr), optimizer.param_groups, strict=True
        ):
            if last_epoch == -1:
                group["initial_lr"], group["max_lr"] = lr / div_factor, lr
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            largest = one_a_group("max_momentum", optimizer, max_momentum)
            base = one_a_group("base_momentum", optimizer, base_momentum)
            self.start_momentum(optimizer, base, largest, is_new=last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates; the momenta are set on the way, as torch does."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is "
                f"{self.total_steps}"
            )
        phase, done = self.phase()
        between = half_wave if self._anneal_func_type == "cos" else line
        lrs = []
        for group in self.optimizer.param_groups:
            lrs.append(between(group[phase["start_lr"]], group[phase["end_lr"]], done))
            if self.cycle_momentum:
                bounds = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self.set_momentum(group, between(*bounds, done))
        return lrs

    def phase(self) -> tuple[Phase, float]:
        """The phase of this step, and how much of it is done."""
        *before, last = self._schedule_phases
        start = 0.0
        for phase in before:
            if self.last_epoch <= phase["end_step"]:
                last = phase
                break
            start = phase["end_step"]
        return last, (self.last_epoch - start) / (last["end_step"] - start)


def steps_in_all(total: Any, epochs: Any, steps_per_epoch: Any) -> int:
    given = {"total_steps": total}
    if total is None:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    if None in given.values():
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())


def phases(rising: float, steps: int, three_phase: bool) -> list[Phase]:
    """The phases with the share `rising` of the steps going up."""
    top = float(rising * steps) - 1
    up = phase_until(top, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
    if not three_phase:
        return [up, phase_until(steps - 1, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
    bottom = float(2 * rising * steps) - 2
    down = phase_until(bottom, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum"))
    last = phase_until(steps - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))
    return [up, down, last]


def phase_until(end_step: float, lr: tuple[str, str], momentum: tuple[str, str]) -> Phase:
    return {
        "end_step": end_step,
        "start_lr": lr[0],
        "end_lr": lr[1],
        "start_momentum": momentum[0],
        "end_momentum": momentum[1],
    }
