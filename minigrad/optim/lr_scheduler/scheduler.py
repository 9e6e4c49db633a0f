"""LRScheduler: what all schedules of the learning rate share."""

import types
import warnings
from collections.abc import Callable
from typing import Any

from minigrad.optim.optimizer import Group, Optimizer
from minigrad.tensor import Tensor

EPOCH_IS_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
    "possible. Please use `scheduler.step()` to step the scheduler."
)
WRONG_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the "
    "opposite order: `optimizer.step()` before `lr_scheduler.step()`, or the first value of the "
    "learning rate schedule is skipped."
)
OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler "
    "initialization. Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`."
)
OUTSIDE_OF_STEP = (
    "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."
)
NO_INITIAL_LR = (
    "param 'initial_lr' is not specified in param_groups[{}] when resuming scheduler with "
    "last_epoch >= 0. Load the optimizer's state_dict first, or leave last_epoch out."
)


class LRScheduler:
    """Base of the schedules: a subclass defines get_lr(), the learning rates of `last_epoch`.

    `base_lrs` are those before the first epoch, one for each parameter group.  Making a scheduler
    sets the learning rates of epoch 0.
    """

    optimizer: Optimizer
    _last_lr: list[float]
    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                lr = group["lr"]
                group.setdefault("initial_lr", lr.clone() if isinstance(lr, Tensor) else lr)
            elif "initial_lr" not in group:
                raise KeyError(NO_INITIAL_LR.format(i))
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """The rates of the first epoch; no optimizer's step needs to come before."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_last_lr(self) -> list[float]:
        """The learning rates that the last step set, one for each parameter group."""
        return self._last_lr

    def get_lr(self) -> list[float]:
        """The learning rates of `last_epoch`, from those that the groups have now."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch (or, deprecated, to a given one) and set its learning rates."""
        if self._step_count == 1:
            warn_of_order(self.optimizer)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_IS_DEPRECATED, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed_form = getattr(self, "_get_closed_form_lr", None)
        self._set_lrs(self.get_lr if epoch is None or closed_form is None else closed_form)

    def _set_lrs(self, compute: Callable[[], list[float]]) -> None:
        self._get_lr_called_within_step = True
        try:
            lrs = compute()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = current_lrs(self.optimizer)

    def _warn_outside_step(self) -> None:
        """get_lr() computes the next rates from the present ones: it is not for asking."""
        if not self._get_lr_called_within_step:
            warnings.warn(OUTSIDE_OF_STEP, UserWarning, stacklevel=3)

    # ------------------------------------------------------------------------------ saving, loading

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, which has a state_dict of its own."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state_dict; load the optimizer's, too, which has the present rates."""
        self.__dict__.update(state_dict)


# ------------------------------------------------------------------- the options of an optimizer


def check_optimizer(optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def number(value: Any) -> float:
    return float(value.item()) if isinstance(value, Tensor) else value


def values_of(optimizer: Optimizer, name: str) -> list[float]:
    """An option of every group, as plain numbers."""
    return [number(group[name]) for group in optimizer.param_groups]


def current_lrs(optimizer: Optimizer) -> list[float]:
    return values_of(optimizer, "lr")


def set_value(group: Group, name: str, value: float) -> None:
    """Set an option; a tensor stays the one that the user has."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value)
    else:
        group[name] = value


def one_a_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """A list with a value for each group, of such a list or of one value for all."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} "
            f"values, param_groups has {groups}."
        )
    return list(value)


# ---------------------------------------------------------------------- the order of the two steps


def note_steps(optimizer: Optimizer) -> None:
    """From now on the optimizer remembers whether it made a step."""
    attributes = optimizer.__dict__
    attributes.setdefault("_opt_called", False)
    attributes.setdefault("_step_before_scheduler", attributes.get("step"))


def warn_of_order(optimizer: Optimizer) -> None:
    attributes = optimizer.__dict__
    if attributes.get("step") is not attributes.get("_step_before_scheduler"):
        warnings.warn(OVERRIDDEN, UserWarning, stacklevel=3)
    elif not attributes.get("_opt_called", False):
        warnings.warn(WRONG_ORDER, UserWarning, stacklevel=3)


# ----------------------------------------------------------------------- functions in a state_dict


def saved_function(function: Any) -> dict[str, Any] | None:
    """What a state_dict has of a callable: the attributes of an object, nothing of a function."""
    return None if isinstance(function, types.FunctionType) else dict(function.__dict__)


def restore_function(function: Any, saved: dict[str, Any] | None) -> None:
    if saved is not None:
        function.__dict__.update(saved)
