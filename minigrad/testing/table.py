"""What a family of operations brings for its samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Operands that every family may name, of these shapes.  Their values are spread over (-2, 2), no
# two of them equal.
SHAPES = {"s": (), "u": (3,), "v": (4,), "x": (3, 4), "y": (3, 4), "b": (2, 3, 4), "c": (2, 4, 2)}

# Floating operands that get no gradient.
CONSTANTS = {
    "w": np.array([0.3, 0.9, 1.7, 1.2]),
    "p": np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.0, 0.0, 0.5, 0.5]]),
}
INDICES = {
    "i": np.array([2, 0]),
    "j": np.array([[1, -1], [0, 1]]),
    "k": np.array([[1, 0], [0, 1]]),
    "mask": np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 0, 1]], bool),
    "target": np.array([1, 3, 0]),
}


def spread(shape: tuple[int, ...], seed: int) -> Array:
    """Numbers over (-2, 2), no two equal, in random order."""
    size = int(np.prod(shape, dtype=int))
    values = np.linspace(-2, 2, size + 2)[1:-1] + 0.01 * (seed + 1)
    return np.random.default_rng(seed).permutation(values).reshape(shape)


COMMON = {name: spread(shape, seed) for seed, (name, shape) in enumerate(SHAPES.items())}
COMMON |= CONSTANTS | INDICES


@dataclass(frozen=True)
class Table:
    """The sample expressions of each operation, in torch's language.

    `operands`: arrays for names beside those of COMMON; floats get a gradient.  `constants`: the
    same without.  `cpu_only`: the operations that have no kernel for a GPU, and raise there.
    `own_graph`: those that are made of others here and are one node, or other ones, in torch.
    `once_differentiable`: those whose derivative says that it has none.  `by_values`: those whose
    result's shape, or whose work, the values decide, so that vmap may refuse them.
    """

    expressions: dict[str, tuple[str, ...]]
    operands: dict[str, Array] = field(default_factory=dict)
    constants: dict[str, Array] = field(default_factory=dict)
    cpu_only: frozenset[str] = frozenset()
    own_graph: frozenset[str] = frozenset()
    once_differentiable: frozenset[str] = frozenset()
    by_values: frozenset[str] = frozenset()

    @property
    def arrays(self) -> dict[str, Array]:
        return COMMON | self.operands | self.constants

    @property
    def without_gradient(self) -> frozenset[str]:
        return frozenset((CONSTANTS.keys() - self.operands.keys()) | self.constants.keys())
