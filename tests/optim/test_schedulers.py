"""Schedules of the learning rate, by hand."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad.nn import Parameter
from minigrad.optim import SGD, Adam, lr_scheduler


def sgd(*lrs: float, **options: Any) -> SGD:
    groups = [{"params": Parameter(minigrad.ones(1)), "lr": lr} for lr in lrs or (1.0,)]
    return SGD(groups, **options)


def rates(scheduler: Any, epochs: int) -> list[float]:
    """The rate of the first group in each epoch, from epoch 0 on."""
    group = scheduler.optimizer.param_groups[0]
    values = [group["lr"]]
    for _ in range(epochs):
        scheduler.optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr()[0] == group["lr"]
        values.append(group["lr"])
    return values


ROOT = math.sqrt(0.5)

BY_HAND: list[tuple[Callable[[Any], Any], list[float]]] = [
    (lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)), [1, 1 / 2, 1 / 3]),
    (lambda o: lr_scheduler.MultiplicativeLR(o, lambda epoch: epoch), [1, 1, 2, 6]),
    (lambda o: lr_scheduler.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
    (lambda o: lr_scheduler.MultiStepLR(o, [1, 3, 3], 0.5), [1, 0.5, 0.5, 0.125]),
    (lambda o: lr_scheduler.ConstantLR(o, 0.5, 2), [0.5, 0.5, 1, 1]),
    (lambda o: lr_scheduler.LinearLR(o, 0.5, 1, 2), [0.5, 0.75, 1, 1]),
    (lambda o: lr_scheduler.ExponentialLR(o, 0.5), [1, 0.5, 0.25]),
    (lambda o: lr_scheduler.PolynomialLR(o, 2, 2), [1, 0.25, 0, 0]),
    (lambda o: lr_scheduler.CosineAnnealingLR(o, 2, 0.5), [1, 0.75, 0.5, 0.75, 1]),
    (
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
        [1, 0.5, 1, (1 + ROOT) / 2, 0.5, (1 - ROOT) / 2, 1],
    ),
    (lambda o: lr_scheduler.CyclicLR(o, 1, 3, 2, cycle_momentum=False), [1, 2, 3, 2, 1, 2]),
    (
        lambda o: lr_scheduler.CyclicLR(o, 1, 3, 1, mode="triangular2", cycle_momentum=False),
        [1, 3, 1, 2, 1, 1.5],
    ),
    (
        lambda o: lr_scheduler.OneCycleLR(
            o,
            8.0,
            5,
            pct_start=0.6,
            anneal_strategy="linear",
            div_factor=4,
            final_div_factor=2,
            cycle_momentum=False,
        ),
        [2, 5, 8, 4.5, 1],
    ),
    (
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.5, 1, 2), lr_scheduler.ExponentialLR(o, 0.5)], [3]
        ),
        [0.5, 0.75, 1, 1, 0.5, 0.25],
    ),
    (
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(o, 0.5, 2), lr_scheduler.ExponentialLR(o, 0.5)]
        ),
        [0.5, 0.25, 0.25, 0.125],
    ),
]


@pytest.mark.parametrize(("make", "expected"), BY_HAND)
def test_rates(make: Callable[[Any], Any], expected: list[float]) -> None:
    assert rates(make(sgd()), len(expected) - 1) == pytest.approx(expected)


@pytest.mark.parametrize(("make", "expected"), BY_HAND)
def test_saved_and_resumed(make: Callable[[Any], Any], expected: list[float]) -> None:
    first, second = make(sgd()), make(sgd())
    rates(first, 1)
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    assert rates(second, len(expected) - 2) == pytest.approx(expected[1:])


def test_groups_have_rates_of_their_own() -> None:
    optimizer = sgd(1.0, 0.5)
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda epoch: 2.0, lambda epoch: 3.0])
    assert scheduler.get_last_lr() == [2.0, 1.5]
    assert scheduler.base_lrs == [1.0, 0.5]


def test_the_optimizer_goes_by_the_rate() -> None:
    param = Parameter(minigrad.ones(1))
    optimizer = SGD([param], lr=0.5)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    for expected in (0.5, 0.25, 0.125):
        param.grad = minigrad.ones(1)
        optimizer.step()
        scheduler.step()
        assert param.item() == expected


def test_a_tensor_as_rate_is_written_to() -> None:
    lr = minigrad.tensor(1.0)
    optimizer = SGD([Parameter(minigrad.ones(1))], lr=lr)
    rates(lr_scheduler.ExponentialLR(optimizer, 0.5), 2)
    assert lr.item() == 0.25
    assert optimizer.param_groups[0]["lr"] is lr


@pytest.mark.parametrize("make", [lr_scheduler.CyclicLR, lr_scheduler.OneCycleLR])
def test_the_momentum_goes_down_when_the_rate_goes_up(make: Any) -> None:
    arguments = (1.0, 2.0, 3) if make is lr_scheduler.CyclicLR else (2.0, 10)
    optimizer = Adam([Parameter(minigrad.ones(1))])
    scheduler = make(optimizer, *arguments, base_momentum=0.8, max_momentum=0.9)
    (group,) = optimizer.param_groups
    pairs = []
    for _ in range(4):
        pairs.append((group["lr"], group["betas"][0]))
        optimizer.step()
        scheduler.step()
    by_rate = sorted(pairs)
    assert [momentum for _, momentum in by_rate] == sorted((m for _, m in pairs), reverse=True)
    assert pairs[0][1] == 0.9
    assert group["betas"][1] == 0.999


def test_a_scheduler_of_ones_own() -> None:
    class Halving(lr_scheduler.LRScheduler):
        def get_lr(self) -> list[float]:
            return [base_lr / 2**self.last_epoch for base_lr in self.base_lrs]

    assert rates(Halving(sgd(4.0)), 2) == [4, 2, 1]


class Half:
    """A schedule whose attributes are saved."""

    rate = 0.5

    def __call__(self, epoch: int) -> float:
        return self.rate


def test_of_functions_objects_are_saved() -> None:
    half = Half()
    half.rate = 0.25
    scheduler = lr_scheduler.LambdaLR(sgd(1.0, 1.0), [half, lambda epoch: 1.0])
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [{"rate": 0.25}, None]
    other = lr_scheduler.LambdaLR(sgd(1.0, 1.0), [Half(), lambda epoch: 1.0])
    other.load_state_dict(state)
    other.optimizer.step()
    other.step()
    assert other.get_last_lr() == [0.25, 1.0]


def test_plateau() -> None:
    optimizer = sgd()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1)
    values = []
    for loss in (3, 2, 2, 2, 2, 2, 2, 1, 1, 1):
        scheduler.step(loss)
        values.append(optimizer.param_groups[0]["lr"])
    assert values == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_a_plateau_has_a_floor() -> None:
    optimizer = sgd(1.0, 1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.25, 0.01])
    for loss in (1.0, 1.0, 1.0):
        scheduler.step(minigrad.tensor(loss))
    assert scheduler.get_last_lr() == pytest.approx([0.25, 0.01])


def test_warm_restarts_within_an_epoch() -> None:
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 2, 2)
    values = []
    for epoch in (0.0, 0.5, 1.0, 2.0, 4.0, 6.0):
        scheduler.step(epoch)
        values.append(scheduler.get_last_lr()[0])
    assert values == pytest.approx([1, (1 + ROOT) / 2, 0.5, 1, 0.5, 1])


def test_the_wrong_order_is_warned_of_once() -> None:
    scheduler = lr_scheduler.StepLR(sgd(), 2)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_get_lr_is_not_for_asking() -> None:
    scheduler = lr_scheduler.ExponentialLR(sgd(), 0.5)
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()


def test_a_given_epoch_is_deprecated() -> None:
    scheduler = lr_scheduler.ExponentialLR(sgd(), 0.5)
    scheduler.optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(3)
    assert scheduler.get_last_lr() == [0.125]


def test_resuming_asks_for_the_first_rate() -> None:
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.StepLR(sgd(), 2, last_epoch=3)
