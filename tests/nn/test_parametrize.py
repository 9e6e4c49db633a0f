"""Parametrized weights: computed when read, trained through their originals."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn.utils import parametrizations, parametrize


class Positive(nn.Module):
    """exp(x)."""

    def forward(self, x: Any) -> Any:
        return x.exp()

    def right_inverse(self, x: Any) -> Any:
        return x.log()


def positive_linear() -> nn.Linear:
    layer = nn.Linear(2, 1, bias=False)
    with minigrad.no_grad():
        layer.weight.copy_(minigrad.tensor([[1.0, 4.0]]))
    parametrize.register_parametrization(layer, "weight", Positive())
    return layer


def test_the_weight_is_computed_and_its_original_trained() -> None:
    layer = positive_linear()
    original = layer.parametrizations.weight.original
    np.testing.assert_allclose(original.tolist(), [[0, np.log(4)]], rtol=1e-6)
    layer(minigrad.ones(1, 2)).sum().backward()
    np.testing.assert_allclose(original.grad.tolist(), [[1, 4]], rtol=1e-6)
    assert [name for name, _ in layer.named_parameters()] == ["parametrizations.weight.original"]


def test_assigning_goes_through_the_inverse() -> None:
    layer = positive_linear()
    layer.weight = minigrad.tensor([[1.0, 1.0]])
    assert layer.parametrizations.weight.original.tolist() == [[0, 0]]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_independent(again: Any) -> None:
    layer = positive_linear()
    other = again(layer)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert parametrize.is_parametrized(other, "weight")
    np.testing.assert_allclose(other.weight.tolist(), [[1, 4]], rtol=1e-6)
    np.testing.assert_allclose(layer.weight.tolist(), [[1, 4]], rtol=1e-6)


def test_weights_of_a_length() -> None:
    layer = parametrizations.weight_norm(nn.Linear(5, 3))
    layer.parametrizations.weight.original0.data.fill_(2.0)
    lengths = np.linalg.norm(layer.weight.detach().numpy(), axis=1)
    np.testing.assert_allclose(lengths, 2, rtol=1e-6)


@pytest.mark.parametrize(
    "layer", [nn.Linear(6, 4), nn.Conv2d(2, 4, 3), nn.ConvTranspose1d(3, 4, 2)]
)
def test_largest_singular_value_is_one(layer: Any) -> None:
    parametrizations.spectral_norm(layer)
    for _ in range(200):  # steps of the power method
        weight = layer.weight
    rows = 1 if isinstance(layer, nn.ConvTranspose1d) else 0
    matrix = weight.movedim(rows, 0).flatten(1).detach().numpy()
    assert np.linalg.norm(matrix, 2) == pytest.approx(1, rel=1e-3)


def test_spectral_norm_stands_still_in_use() -> None:
    layer = parametrizations.spectral_norm(nn.Linear(3, 3)).eval()
    before = {name: x.tolist() for name, x in layer.state_dict().items()}
    layer(minigrad.ones(1, 3))
    assert {name: x.tolist() for name, x in layer.state_dict().items()} == before
