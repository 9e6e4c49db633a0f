"""Moons and spirals: shapes one can compute by hand, and the same ones for the same seed."""

import math

import numpy as np
import pytest

import minigrad
from minigrad.data import moons, spirals


def test_moons_are_two_half_circles() -> None:
    points, labels = (x.numpy() for x in moons(101, noise=0))
    assert points.dtype == np.float32
    assert labels.tolist() == [0] * 51 + [1] * 50
    upper, lower = points[labels == 0], points[labels == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1, rtol=1e-6)
    assert upper[:, 1].min() > -1e-6
    assert lower[:, 1].max() < 0.5 + 1e-6


def test_spirals_are_one_arm_turned() -> None:
    points, labels = (x.numpy() for x in spirals(9, classes=3, noise=0))
    assert labels.tolist() == [0, 1, 2] * 3
    np.testing.assert_allclose(np.hypot(*points.T), np.linspace(0.1, 1, 9), rtol=1e-6)
    angle = 2 * math.pi * 0.75 * 0.1
    np.testing.assert_allclose(points[0], 0.1 * np.array([math.cos(angle), math.sin(angle)]), 1e-6)


@pytest.mark.parametrize("make", [moons, spirals])
def test_the_seed_alone_decides_the_noise(make: object) -> None:
    assert callable(make)
    state = minigrad.get_rng_state()
    first, again, other = (make(seed=seed)[0].numpy() for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()
    assert minigrad.equal(minigrad.get_rng_state(), state)


def test_the_noise_is_as_large_as_it_says() -> None:
    noise = (moons(4000, noise=0.2)[0] - moons(4000, noise=0)[0]).numpy()
    assert noise.std() == pytest.approx(0.2, rel=0.05)
