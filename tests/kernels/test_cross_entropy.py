"""The kernels of cross entropy against their formulas in float64."""

import numpy as np
import pytest

from minigrad.kernels.cpu import cross_entropy

DTYPES = ["float16", "float32", "float64"]
TOLERANCE = {"float16": 6e-3, "float32": 5e-6, "float64": 1e-12}
SHAPES = [(1, 1), (5, 13), (0, 3), (300, 257)]

by_shape = pytest.mark.parametrize("shape", SHAPES)
by_dtype = pytest.mark.parametrize("dtype", DTYPES)


def sample(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def log_softmax(x):
    shifted = x.astype(np.float64)
    shifted = shifted - shifted.max(1, keepdims=True, initial=-np.inf)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def check(result, expected, dtype):
    assert result.dtype == dtype
    np.testing.assert_allclose(result, expected, TOLERANCE[dtype], TOLERANCE[dtype])


@by_dtype
@by_shape
def test_losses_of_classes(shape, dtype):
    x, weight = sample(shape, dtype), np.abs(sample(shape[1:], dtype, 1))
    target = np.random.default_rng(2).integers(0, shape[1], shape[0])
    losses, spread, top, shift = cross_entropy.cross_entropy_rows(x, target, weight)
    expected = log_softmax(x)
    check(losses, -expected[np.arange(shape[0]), target], dtype)
    np.testing.assert_allclose(spread, -expected @ weight, TOLERANCE[dtype] * 20)
    np.testing.assert_allclose((x - top[:, None]) - shift[:, None], expected, 0, TOLERANCE[dtype])


def test_a_target_outside_costs_nothing():
    x, weight = sample((4, 3), "float32"), np.ones(3, np.float32)
    target = np.array([-100, 0, 3, 2**40])
    losses, spread, _, _ = cross_entropy.cross_entropy_rows(x, target, weight)
    assert losses[[0, 2, 3]].tolist() == spread[[0, 2, 3]].tolist() == [0, 0, 0]
    assert losses[1] > 0
    assert spread[1] > 0


@by_dtype
@by_shape
def test_gradients_of_classes(shape, dtype):
    x, weight = sample(shape, dtype), np.abs(sample(shape[1:], dtype, 1))
    target = np.random.default_rng(2).integers(0, shape[1], shape[0])
    _, _, top, shift = cross_entropy.cross_entropy_rows(x, target, None)
    pull, level, fall = sample((3, shape[0]), dtype, 3)
    given = (x, top, shift, target, weight, pull, level, fall)
    expected = fall[:, None] * np.exp(log_softmax(x)) - level[:, None] * weight.astype(float)
    expected[np.arange(shape[0]), target] -= pull
    check(cross_entropy.cross_entropy_backward(*given), expected, dtype)


@by_dtype
@by_shape
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_probabilities(shape, dtype, smoothing):
    x, weight = sample(shape, dtype), np.abs(sample(shape[1:], dtype, 1))
    target = np.abs(sample(shape, dtype, 2))
    losses, top, shift = cross_entropy.soft_cross_entropy_rows(x, target, weight, smoothing)
    parts = weight * (target * (1 - smoothing) + smoothing / shape[1]).astype(float)
    log_probs, grad = log_softmax(x), sample(shape[0], dtype, 3)
    np.testing.assert_allclose(losses, -(log_probs * parts).sum(1), TOLERANCE[dtype] * 20)
    given = (x, top, shift, target, weight, smoothing, grad)
    dx = cross_entropy.soft_cross_entropy_backward(*given)
    expected = grad[:, None] * (np.exp(log_probs) * parts.sum(1, keepdims=True) - parts)
    np.testing.assert_allclose(dx, expected, TOLERANCE[dtype] * 10, TOLERANCE[dtype] * 10)


@by_dtype
@by_shape
def test_gradient_of_log_softmax(shape, dtype):
    x, grad = sample(shape, dtype), sample(shape, dtype, 1)
    _, top, shift = cross_entropy.soft_cross_entropy_rows(x, np.zeros_like(x), None, 0.0)
    expected = grad - np.exp(log_softmax(x)) * grad.astype(float).sum(1, keepdims=True)
    dx = cross_entropy.scores_backward(x, top, shift, grad)
    np.testing.assert_allclose(dx, expected, TOLERANCE[dtype] * 10, TOLERANCE[dtype] * 10)
