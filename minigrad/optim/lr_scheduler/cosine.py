"""Schedules along a cosine (Loshchilov and Hutter 2017: SGDR)."""

import math

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, current_lrs
from minigrad.optim.optimizer import Optimizer


def half_wave(start: float, end: float, done: float) -> float:
    """From start to end as `done` goes from 0 to 1, flat at both ends."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


class CosineAnnealingLR(LRScheduler):
    """From base_lr to eta_min in `T_max` epochs along half a cosine wave, and back again.

    Each rate is computed from the one before it, so that what else changes the rate stays.
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        lrs = current_lrs(self.optimizer)
        if self._is_initial:
            return lrs
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # up from the bottom
            first = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(lrs, self.base_lrs, strict=True)
            return [lr + (base_lr - self.eta_min) * first for lr, base_lr in pairs]
        change = self.height(self.last_epoch) / self.height(self.last_epoch - 1)
        return [change * (lr - self.eta_min) + self.eta_min for lr in lrs]

    def height(self, epoch: int) -> float:
        return 1 + math.cos(math.pi * epoch / self.T_max)

    def _get_closed_form_lr(self) -> list[float]:
        done = self.last_epoch / self.T_max
        return [half_wave(base_lr, self.eta_min, done) for base_lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """From base_lr to eta_min in T_0 epochs, then from base_lr again, each time T_mult as long.

    step(epoch) takes fractions of an epoch, too: a rate for each batch.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        done = self.T_cur / self.T_i
        return [half_wave(base_lr, self.eta_min, done) for base_lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by an epoch, or to a point in time such as 2.5."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        self._update_lr(epoch)

    def _update_lr(self, epoch: float | None = None) -> None:
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self.go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._set_lrs(self.get_lr)

    def go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        restarts = 0
        if epoch >= self.T_0:
            if self.T_mult == 1:
                self.T_cur = epoch % self.T_0
                return
            rounds = epoch / self.T_0 * (self.T_mult - 1) + 1
            restarts = int(math.log(rounds, self.T_mult))
        growth = self.T_mult**restarts
        before = self.T_0 * (growth - 1) / (self.T_mult - 1) if restarts else 0
        self.T_cur, self.T_i = epoch - before, self.T_0 * growth
