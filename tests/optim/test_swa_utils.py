"""Averages of a model's parameters."""

from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import nn
from minigrad.optim import SGD
from minigrad.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


class Scale(nn.Module):
    """x * weight, and a buffer that counts."""

    def __init__(self, weight: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(minigrad.tensor([weight]))
        self.register_buffer("seen", minigrad.tensor([0]))

    def forward(self, x: Any) -> Any:
        return x * self.weight


def averages(average: AveragedModel, weights: list[float]) -> list[float]:
    """The averaged weight after each of the weights."""
    values = []
    for count, weight in enumerate(weights):
        model = Scale(weight)
        model.seen.fill_(count)
        average.update_parameters(model)
        values.append(average.module.weight.item())
    return values


MEAN = [4.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    "options", [{}, {"avg_fn": get_swa_avg_fn()}, {"multi_avg_fn": get_swa_multi_avg_fn()}]
)
def test_the_mean(options: dict[str, Any]) -> None:
    model = AveragedModel(Scale(), **options)
    assert averages(model, [4.0, 2.0, 6.0, 8.0]) == pytest.approx(MEAN)
    assert model.n_averaged.item() == 4
    assert model(minigrad.tensor([2.0])).item() == pytest.approx(10.0)


@pytest.mark.parametrize(
    "options", [{"avg_fn": get_ema_avg_fn(0.75)}, {"multi_avg_fn": get_ema_multi_avg_fn(0.75)}]
)
def test_an_exponential_average(options: dict[str, Any]) -> None:
    model = AveragedModel(Scale(), **options)
    assert averages(model, [4.0, 2.0, 6.0, 8.0]) == pytest.approx([4, 3.5, 4.125, 5.09375])


@pytest.mark.parametrize("use_buffers", [False, True])
def test_buffers_are_the_last_ones_or_averaged(use_buffers: bool) -> None:
    model = AveragedModel(Scale(), use_buffers=use_buffers)
    averages(model, [1.0, 2.0, 3.0])
    assert model.module.seen.item() == (0 if use_buffers else 2)


def test_the_averaged_model_is_a_copy_without_history() -> None:
    model = Scale(1.0)
    average = AveragedModel(model)
    average.update_parameters(model)
    with minigrad.no_grad():
        model.weight.fill_(5.0)
    assert average.module.weight.item() == 1.0
    assert average.module.weight.is_leaf
    assert average.module.weight.requires_grad
    assert sorted(average.state_dict()) == ["module.seen", "module.weight", "n_averaged"]


@pytest.mark.parametrize("make", [get_ema_avg_fn, get_ema_multi_avg_fn])
def test_a_decay_outside_of_0_to_1(make: Callable[[float], Any]) -> None:
    with pytest.raises(ValueError, match=r"Invalid decay value 1\.5 provided"):
        make(1.5)


def test_only_one_kind_of_average() -> None:
    with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
        AveragedModel(Scale(), avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())


def test_statistics_of_batch_norm_are_those_of_the_data() -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1)).eval()
    data = minigrad.randn(40, 2) * 3 + 1
    batches = [(data[i : i + 10], None) for i in range(0, 40, 10)]
    update_bn(batches, model)
    norm = model[0]
    assert norm.running_mean.tolist() == pytest.approx(data.mean(0).tolist(), rel=1e-5)
    assert (norm.momentum, model.training) == (0.1, False)
    assert norm.num_batches_tracked.item() == 4


def test_without_batch_norm_nothing_runs() -> None:
    update_bn(iter([1 / 0 for _ in ()]), Scale())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"anneal_epochs": 2, "anneal_strategy": "linear"}, [1.0, 0.75, 0.5, 0.5]),
        ({"anneal_epochs": 2}, [1.0, 0.75, 0.5, 0.5]),
        ({"anneal_epochs": 0}, [0.5, 0.5]),
    ],
)
def test_rates_of_swa(options: dict[str, Any], expected: list[float]) -> None:
    optimizer = SGD([nn.Parameter(minigrad.ones(1))], lr=1.0)
    scheduler = SWALR(optimizer, swa_lr=0.5, **options)
    values = [optimizer.param_groups[0]["lr"]]
    for _ in expected[1:]:
        optimizer.step()
        scheduler.step()
        values.append(optimizer.param_groups[0]["lr"])
    assert values == pytest.approx(expected)
