"""Layers that normalise: mean 0 and variance 1 of what, and what batch norm remembers."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn

DIMS_OF_MEAN = [  # a layer, and over which dimensions its results have mean 0
    (nn.BatchNorm1d(4), (6, 4, 9), (0, 2)),
    (nn.BatchNorm2d(4), (6, 4, 5, 3), (0, 2, 3)),
    (nn.BatchNorm3d(4), (6, 4, 2, 5, 3), (0, 2, 3, 4)),
    (nn.InstanceNorm1d(4), (6, 4, 9), (2,)),
    (nn.InstanceNorm2d(4), (6, 4, 5, 3), (2, 3)),
    (nn.InstanceNorm3d(4), (6, 4, 2, 5, 3), (2, 3, 4)),
    (nn.LayerNorm(9), (6, 4, 9), (2,)),
    (nn.LayerNorm((4, 9)), (6, 4, 9), (1, 2)),
    (nn.GroupNorm(1, 4), (6, 4, 9), (1, 2)),
]


@pytest.mark.parametrize(("layer", "shape", "dims"), DIMS_OF_MEAN)
def test_mean_and_deviation(layer: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> None:
    minigrad.manual_seed(0)
    y = layer(3 + 2 * minigrad.randn(shape)).detach().numpy()
    np.testing.assert_allclose(y.mean(dims), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(dims), 1, rtol=1e-3)


def test_weight_and_bias_come_after() -> None:
    layer = nn.LayerNorm(3)
    with minigrad.no_grad():
        layer.weight.fill_(2)
        layer.bias.fill_(5)
    y = layer(minigrad.tensor([-1.0, 0.0, 1.0]))
    np.testing.assert_allclose(y.tolist(), [5 - 6**0.5, 5, 5 + 6**0.5], rtol=1e-4)


def test_rms_norm_keeps_the_mean() -> None:
    y = nn.RMSNorm(2, eps=0.0)(minigrad.tensor([3.0, 4.0]))
    np.testing.assert_allclose(y.tolist(), np.array([3, 4]) / 12.5**0.5, rtol=1e-6)


def test_running_statistics() -> None:
    layer = nn.BatchNorm1d(1, momentum=0.25)
    layer(minigrad.tensor([[1.0], [3.0]]))  # mean 2, unbiased variance 2
    assert layer.running_mean.tolist() == [0.5]
    assert layer.running_var.tolist() == [1.25]
    assert layer.num_batches_tracked.item() == 1
    before = layer.state_dict()["running_mean"].tolist()
    y = layer.eval()(minigrad.tensor([[0.5]]))
    assert y.tolist() == [[0]]
    assert layer.running_mean.tolist() == before
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0]
    assert layer.num_batches_tracked.item() == 0


def test_without_momentum_all_batches_count_the_same() -> None:
    layer = nn.BatchNorm1d(1, momentum=None)
    for value in (1.0, 2.0, 6.0):
        layer(minigrad.tensor([[value], [value]]))
    assert layer.running_mean.item() == pytest.approx(3)


def test_without_memory_every_batch_is_normalised() -> None:
    layer = nn.BatchNorm1d(1, track_running_stats=False).eval()
    assert list(layer.state_dict()) == ["weight", "bias"]
    y = layer(minigrad.tensor([[1.0], [3.0]]))
    np.testing.assert_allclose(y.tolist(), [[-1], [1]], rtol=1e-4)


def test_states_from_before_batches_were_counted() -> None:
    layer = nn.Sequential(nn.BatchNorm1d(2))
    state = {n: x for n, x in layer.state_dict().items() if "num_batches" not in n}
    assert not layer.load_state_dict(dict(state)).missing_keys


def test_frozen_batch_norm_in_a_training_net() -> None:
    net = nn.Sequential(nn.BatchNorm1d(1))
    net.train()
    net[0].eval()
    net(minigrad.tensor([[5.0], [7.0]]))
    assert net[0].running_mean.tolist() == [0]
