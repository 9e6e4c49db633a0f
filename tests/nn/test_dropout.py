"""Dropout layers: which parts become 0, by how much the rest grows, and nothing happens in use."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn

LAYERS = [
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
]
SHAPES = {nn.Dropout1d: (40, 50, 3), nn.Dropout2d: (40, 50, 3, 2), nn.Dropout3d: (40, 50, 3, 2, 2)}


def ones_for(layer: Any) -> Any:
    return minigrad.ones(SHAPES.get(layer, (40, 50, 3)))


@pytest.mark.parametrize("layer", LAYERS)
def test_in_use_nothing_happens(layer: Any) -> None:
    x = ones_for(layer)
    assert layer(0.7).eval()(x) is x


@pytest.mark.parametrize("layer", LAYERS[:4])
def test_what_is_left_grows_by_one_over_the_rest(layer: Any) -> None:
    minigrad.manual_seed(0)
    y = layer(0.2)(ones_for(layer)).numpy()
    assert set(np.unique(y)) == {0, np.float32(1.25)}
    assert y.mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("layer", LAYERS[1:4])
def test_channels_live_or_die_whole(layer: Any) -> None:
    minigrad.manual_seed(0)
    y = layer(0.5)(ones_for(layer)).numpy().reshape(2000, -1)
    assert (y == y[:, :1]).all()
    assert 0.4 < (y == 0).mean() < 0.6


@pytest.mark.parametrize("layer", LAYERS[4:])
def test_alpha_keeps_mean_and_deviation(layer: Any) -> None:
    minigrad.manual_seed(0)
    y = layer(0.3)(minigrad.randn(300, 300)).numpy()
    assert y.mean() == pytest.approx(0, abs=0.02)
    assert y.std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("layer", LAYERS)
def test_in_place(layer: Any) -> None:
    x = ones_for(layer)
    assert layer(0.5, inplace=True)(x) is x
    assert (x != 1).any()


def test_the_gradient_goes_where_the_values_went() -> None:
    x = minigrad.ones(30, 30, requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_all_and_nothing() -> None:
    x = minigrad.ones(3)
    assert nn.Dropout(1.0)(x).tolist() == [0, 0, 0]
    assert nn.Dropout(0.0)(x).tolist() == [1, 1, 1]


def test_rrelu_draws_slopes_in_training_alone() -> None:
    minigrad.manual_seed(0)
    layer, x = nn.RReLU(0.1, 0.3), -minigrad.ones(10_000)
    slopes = -layer(x).numpy()
    assert 0.1 <= slopes.min() < 0.105
    assert 0.295 < slopes.max() <= 0.3
    np.testing.assert_allclose(-layer.eval()(x).numpy(), 0.2, rtol=1e-6)
