"""Points of a plane in two or more classes that no straight line separates."""

import math

import numpy as np

from minigrad.ops.creation import from_numpy
from minigrad.ops.random import randn
from minigrad.random import Generator
from minigrad.tensor import Tensor


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two half circles, each with its end inside the other: points (n, 2) and labels (n,).

    The noise of a coordinate has this standard deviation; `seed` decides it on every machine.
    """
    upper = np.linspace(0, math.pi, n - n // 2)
    lower = np.linspace(0, math.pi, n // 2)
    x = np.concatenate([np.cos(upper), 1 - np.cos(lower)])
    y = np.concatenate([np.sin(upper), 0.5 - np.sin(lower)])
    labels = np.repeat([0, 1], [len(upper), len(lower)])
    return noisy(np.stack([x, y], axis=1), noise, seed), from_numpy(labels)


def spirals(
    n: int = 300, classes: int = 3, noise: float = 0.05, turns: float = 0.75, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Arms that wind out from the middle, one a class: points (n, 2) and labels (n,)."""
    labels = np.arange(n) % classes
    radius = np.linspace(0.1, 1, n)
    angle = 2 * math.pi * (turns * radius + labels / classes)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return noisy(points, noise, seed), from_numpy(labels)


def noisy(points: np.ndarray, noise: float, seed: int) -> Tensor:
    """The points as float32, each moved a little at random."""
    drawn = randn(*points.shape, generator=Generator().manual_seed(seed))
    return from_numpy(points.astype(np.float32)) + drawn * noise
