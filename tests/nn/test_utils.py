"""Clipping gradients, and parameters as one vector."""

import math
from typing import Any

import pytest

import minigrad
from minigrad import nn
from minigrad.nn import utils


def with_gradients(*grads: list[float]) -> list[Any]:
    """Parameters that have these gradients."""
    parameters = [nn.Parameter(minigrad.zeros(len(grad))) for grad in grads]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = minigrad.tensor(grad)
    return parameters


def close(x: Any, numbers: list[float]) -> bool:
    return bool(x.tolist() == pytest.approx(numbers, rel=1e-5))


@pytest.mark.parametrize(
    ("order", "total"), [(2, 5.0), (1, 7.0), (math.inf, 4.0), (3, 91 ** (1 / 3))]
)
def test_norm_of_all(order: float, total: float) -> None:
    parameters = [*with_gradients([3.0, 0.0], [-4.0]), nn.Parameter(minigrad.ones(1))]
    norm = utils.clip_grad_norm_(parameters, 1.0, norm_type=order)
    assert norm.item() == pytest.approx(total)
    assert close(parameters[0].grad, [3 / total, 0])
    assert close(parameters[1].grad, [-4 / total])
    assert parameters[2].grad is None


def test_small_gradients_stay() -> None:
    (parameter,) = with_gradients([3.0, 4.0])
    assert utils.clip_grad_norm_(parameter, 10.0).item() == 5
    assert parameter.grad.tolist() == [3, 4]
    assert not parameter.grad.requires_grad


def test_a_generator_and_nothing() -> None:
    net = nn.Linear(2, 2)
    assert utils.clip_grad_norm_(net.parameters(), 1.0).item() == 0
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    with pytest.warns(UserWarning, match="empty generator"):
        utils.clip_grad_norm_(nn.ReLU().parameters(), 1.0)


def test_infinite_norm() -> None:
    (parameter,) = with_gradients([1.0, math.inf])
    with pytest.raises(RuntimeError, match=r"norm of order 2\.0 for gradients .* is non-finite"):
        utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert utils.clip_grad_norm_(parameter, 1.0).item() == math.inf
    assert str(parameter.grad.tolist()) == "[0.0, nan]"


def test_values() -> None:
    parameters = with_gradients([3.0, -0.5], [-4.0])
    utils.clip_grad_value_(parameters, 1)
    assert [p.grad.tolist() for p in parameters] == [[1, -0.5], [-1]]


def test_to_a_vector_and_back() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    assert vector[:6].tolist() == net[0].weight.flatten().tolist()
    vector.sum().backward()
    assert net[1].bias.grad.tolist() == [1]
    weight = net[0].weight
    utils.vector_to_parameters(minigrad.arange(13.0), net.parameters())
    assert net[0].weight is weight
    assert weight.is_leaf
    assert weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert net[1].bias.tolist() == [12]
    with pytest.raises(TypeError, match=r"expected minigrad\.Tensor, but got: int"):
        utils.vector_to_parameters(3, net.parameters())
