"""Normalisation of channels and groups: statistics, running ones, and what is refused."""

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (5, 4, 6)).astype(np.float32)


@pytest.mark.parametrize("shape", [(120, 4), (5, 4, 6), (2, 4, 3, 5), (3, 4, 9000)])
def test_channels_have_mean_0_and_variance_1(shape: tuple[int, ...]) -> None:
    x = RNG.normal(300, 2, shape).astype(np.float32)  # a large mean must not spoil the variance
    y = F.batch_norm(minigrad.tensor(x), None, None, training=True).numpy()
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(y.mean(axes, dtype=np.float64), 0, atol=2e-4)
    np.testing.assert_allclose(y.std(axes, dtype=np.float64), 1, atol=1e-3)


def test_groups_and_instances() -> None:
    x = minigrad.tensor(X)
    grouped = F.group_norm(x, 2).numpy().reshape(5, 2, 12)
    np.testing.assert_allclose(grouped.mean(2), 0, atol=1e-6)
    np.testing.assert_allclose(grouped.std(2), 1, atol=1e-4)
    alone = F.instance_norm(x).numpy()
    np.testing.assert_allclose(alone.mean(2), 0, atol=1e-6)
    np.testing.assert_allclose(alone, F.group_norm(x, 4).numpy(), atol=1e-6)


def test_running_statistics_move_in_place() -> None:
    mean, var = minigrad.zeros(4), minigrad.ones(4)
    F.batch_norm(minigrad.tensor(X), mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(mean.numpy(), 0.25 * X.mean((0, 2)), rtol=1e-5)
    expected = 0.75 + 0.25 * X.var((0, 2), ddof=1)
    np.testing.assert_allclose(var.numpy(), expected, rtol=1e-5)
    assert mean._version == var._version == 1
    F.batch_norm(minigrad.tensor(X), mean, var)
    assert mean._version == 1


def test_evaluation_uses_the_running_statistics() -> None:
    mean, var = minigrad.tensor([1.0, 2, 3, 4]), minigrad.tensor([1.0, 4, 9, 16])
    y = F.batch_norm(minigrad.tensor(X), mean, var, eps=0.0).numpy()
    centre = np.array([1, 2, 3, 4]).reshape(4, 1)
    np.testing.assert_allclose(y, (X - centre) / centre, rtol=1e-5)


def test_a_written_statistic_does_not_change_a_gradient() -> None:
    mean, var = minigrad.zeros(4), minigrad.ones(4)
    x = minigrad.tensor(X, requires_grad=True)
    y = F.batch_norm(x, mean, var, eps=0.0)
    var.fill_(4.0)
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 1)


def test_nan_stays_in_its_channel() -> None:
    x = minigrad.tensor(X)
    x[0, 1, 2] = float("nan")
    y = F.batch_norm(x, None, None, training=True).isnan().numpy()
    assert y.any((0, 2)).tolist() == [False, True, False, False]


def test_no_elements() -> None:
    weight = minigrad.ones(4, requires_grad=True)
    for empty in (minigrad.ones(0, 4, 2), minigrad.ones(3, 4, 0)):
        for normal in (F.group_norm(empty, 2), F.batch_norm(empty, None, None, weight, None, True)):
            assert normal.shape == empty.shape
        normal.sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [0, 0, 0, 0]


REFUSED: dict[str, tuple[Any, type[Exception]]] = {
    "Expected more than 1 value per channel when training, got input size": (
        lambda: F.batch_norm(minigrad.ones(1, 3), None, None, training=True),
        ValueError,
    ),
    "running_mean must be defined in evaluation mode": (
        lambda: F.batch_norm(minigrad.ones(2, 3), None, None),
        RuntimeError,
    ),
    "weight should contain 3 elements not 2": (
        lambda: F.batch_norm(minigrad.ones(2, 3), None, None, minigrad.ones(2), training=True),
        RuntimeError,
    ),
    "'momentum' must be float, not NoneType": (
        lambda: F.batch_norm(minigrad.ones(2, 3), None, None, training=True, momentum=None),
        TypeError,
    ),
    "all inputs must share same datatype": (
        lambda: F.batch_norm(minigrad.ones(2, 3).double(), minigrad.ones(3), minigrad.ones(3)),
        RuntimeError,
    ),
    "Dimension out of range": (
        lambda: F.batch_norm(minigrad.ones(3), None, None, training=True),
        IndexError,
    ),
    "divisible by num_groups": (lambda: F.group_norm(minigrad.ones(2, 3), 2), RuntimeError),
    "weight to be a vector of size equal to": (
        lambda: F.group_norm(minigrad.ones(2, 3, 2), 1, minigrad.ones(2)),
        RuntimeError,
    ),
    "more than 1 spatial element": (lambda: F.instance_norm(minigrad.ones(2, 3)), ValueError),
    "either both be None or neither": (
        lambda: F.instance_norm(minigrad.ones(2, 3, 2), minigrad.ones(3)),
        ValueError,
    ),
    "expected input with shape": (lambda: F.rms_norm(minigrad.ones(2, 3), (2,)), RuntimeError),
    "Expected 3D or higher": (lambda: F.local_response_norm(minigrad.ones(2, 3), 2), ValueError),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused(words: str) -> None:
    call, error = REFUSED[words]
    with pytest.raises(error, match=words):
        call()


def test_eps_that_divides_by_nothing_is_refused() -> None:
    x, zeros = minigrad.ones(2, 3), minigrad.zeros(3)
    with pytest.raises(ValueError, match="eps must be positive during training, but got 0"):
        F.batch_norm(x, None, None, training=True, eps=0)
    with pytest.raises(ValueError, match="eps must be non-negative, but got -1"):
        F.batch_norm(x, zeros, zeros + 1, eps=-1)
    assert F.batch_norm(x, zeros, zeros + 1, eps=0).tolist() == x.tolist()
