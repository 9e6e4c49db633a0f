"""Schedules that multiply the learning rate, whatever it is, by a factor an epoch.

So they combine: what another schedule did to the rate stays.  `share` is the product of all factors
up to an epoch.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from minigrad.optim.lr_scheduler.scheduler import LRScheduler, current_lrs
from minigrad.optim.optimizer import Optimizer


class FactorLR(LRScheduler):
    """Base of the schedules with a change(), a factor of the rates."""

    def change(self) -> float:
        """What `last_epoch` multiplies the rates by."""
        raise NotImplementedError

    def share(self) -> float:
        """What `last_epoch` has of the base rates."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        change = self.change()
        return [lr * change for lr in current_lrs(self.optimizer)]

    def _get_closed_form_lr(self) -> list[float]:
        share = self.share()
        return [base_lr * share for base_lr in self.base_lrs]


class StepLR(FactorLR):
    """lr *= gamma every `step_size` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def change(self) -> float:
        starts = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self.gamma if starts else 1.0

    def share(self) -> float:
        return float(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(FactorLR):
    """lr *= gamma at each of the epochs in `milestones`."""

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def change(self) -> float:
        return float(self.gamma ** self.milestones[self.last_epoch])

    def share(self) -> float:
        milestones = sorted(self.milestones.elements())
        return float(self.gamma ** bisect_right(milestones, self.last_epoch))


class ConstantLR(FactorLR):
    """lr = factor * lr for the first `total_iters` epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1.0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def change(self) -> float:
        if self.last_epoch == 0:
            return self.factor
        return 1.0 / self.factor if self.last_epoch == self.total_iters else 1.0

    def share(self) -> float:
        return self.factor if self.last_epoch < self.total_iters else 1.0


class LinearLR(FactorLR):
    """From start_factor * lr to end_factor * lr on a line, in `total_iters` epochs."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1.0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal "
                "to 1."
            )
        if not 0 <= end_factor <= 1.0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def change(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return 1.0 + rise / before

    def share(self) -> float:
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * done


class ExponentialLR(FactorLR):
    """lr *= gamma every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def change(self) -> float:
        return 1.0 if self._is_initial else self.gamma

    def share(self) -> float:
        return float(self.gamma**self.last_epoch)


class PolynomialLR(FactorLR):
    """lr = base_lr * (1 - epoch / total_iters) ** power, down to 0."""

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def change(self) -> float:
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1.0
        left = 1.0 - self.last_epoch / self.total_iters
        left_before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return float((left / left_before) ** self.power)

    def share(self) -> float:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return float(left**self.power)
