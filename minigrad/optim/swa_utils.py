"""Averages of a model's parameters over training (Izmailov et al. 2018), as torch.optim.swa_utils.

The mean of the last epochs' weights lies flatter, and often generalises better, than each of them;
an exponential moving average does so all along.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from minigrad.grad_mode import no_grad
from minigrad.nn.module import Module
from minigrad.ops.creation import tensor
from minigrad.optim.lr_scheduler.scheduler import LRScheduler, current_lrs, one_a_group
from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Tensor

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
Averages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The function (average, value, count) -> decay * average + (1 - decay) * value."""
    check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Average:
    """The function (average, value, count) -> the average of one value more."""

    @no_grad()
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Tensor:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """The same as get_ema_avg_fn, in place, for lists of tensors."""
    return in_place(get_ema_avg_fn(decay), lambda num_averaged: 1 - decay)


def get_swa_multi_avg_fn() -> Averages:
    """The same as get_swa_avg_fn, in place, for lists of tensors."""
    return in_place(get_swa_avg_fn(), lambda num_averaged: 1 / (int(num_averaged) + 1))


def check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def in_place(average: Average, weight: Callable[[Any], float]) -> Averages:
    """An update of averages in place: each comes closer to its value by a weight."""

    @no_grad()
    def update(averages: Sequence[Tensor], values: Sequence[Tensor], num_averaged: Any) -> None:
        share = weight(num_averaged)
        for old, value in zip(averages, values, strict=True):
            if old.is_floating_point():
                old.lerp_(value, share)
            else:
                old.copy_(average(old, value, num_averaged))

    return update


class AveragedModel(Module):
    """A copy of `model` whose parameters are averages: call update_parameters(model) now and then.

    avg_fn(average, value, count) or multi_avg_fn(averages, values, count) say which average, by
    default the mean.  use_buffers averages the buffers, too; else they are the model's last ones.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the parameters that `model` has now into the averages."""
        averages = averaged_tensors(self.module, self.use_buffers)
        values = averaged_tensors(model, self.use_buffers)
        values = [x.to(old.device) for x, old in zip(values, averages, strict=True)]
        if not self.n_averaged:
            copy_all(averages, values)
        elif self.avg_fn is not None:
            count = self.n_averaged
            copy_all(averages, [*map(self.avg_fn, averages, values, [count] * len(values))])
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, values, self.n_averaged)
        if not self.use_buffers:
            copy_all([*self.module.buffers()], [*model.buffers()])
        self.n_averaged += 1


def averaged_tensors(model: Module, with_buffers: bool) -> list[Tensor]:
    buffers = model.buffers() if with_buffers else ()
    return [x.detach() for x in itertools.chain(model.parameters(), buffers)]


def copy_all(targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for target, value in zip(targets, values, strict=True):
        target.detach().copy_(value)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch norm layers afresh, by a pass over `loader`.

    A batch is the model's input, or a list or tuple that begins with it.
    """
    momenta = {}
    for module in model.modules():
        if hasattr(module, "reset_running_stats"):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.momentum = None  # the mean of all batches
    for batch in loader:
        x = batch[0] if isinstance(batch, list | tuple) else batch
        model(x if device is None else x.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


def cosine(share: float) -> float:
    return (1 - math.cos(math.pi * share)) / 2


def straight(share: float) -> float:
    return share


CURVES = {"cos": cosine, "linear": straight}


class SWALR(LRScheduler):
    """From the present rate to swa_lr in anneal_epochs, along a cosine or a line; then it stays."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = one_a_group("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in CURVES:
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self.progress(step - 1), self.progress(step)
        lrs = []
        for group, lr in zip(self.optimizer.param_groups, current_lrs(self.optimizer), strict=True):
            goal = group["swa_lr"]
            start = goal if before == 1 else (lr - before * goal) / (1 - before)
            lrs.append(goal * now + start * (1 - now))
        return lrs

    def progress(self, step: int) -> float:
        """The share of the way that is done after a step."""
        share = step / max(1, self.anneal_epochs)
        return CURVES[self._anneal_strategy](max(0.0, min(1.0, share)))
