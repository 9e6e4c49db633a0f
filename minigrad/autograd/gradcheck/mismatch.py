"""A Jacobian that is not what finite differences say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigrad.autograd.gradcheck.subject import Matrix, Subject
from minigrad.tensor import Tensor


@dataclass(frozen=True)
class Mismatch:
    """One Jacobian that is not what finite differences say.

    As torch does, output_nr counts the outputs that require a gradient, input_nr the inputs.
    `others` holds the numerical Jacobians of this output with respect to every input.
    """

    subject: Subject
    outputs: tuple[Tensor, ...]
    output_nr: int
    input_nr: int
    analytical: Matrix
    numerical: Matrix
    reached: bool  # whether any gradient at all came to the input
    others: list[Matrix]
    forward: bool

    @property
    def output(self) -> Tensor:
        return [x for x in self.outputs if x.requires_grad][self.output_nr]

    @property
    def input(self) -> Tensor:
        return self.subject.wanted[self.input_nr]

    @property
    def mode(self) -> str:
        return "forward mode" if self.forward else "backward"

    @property
    def rule(self) -> str:
        """What the author of a Function wrote for it."""
        return "jvp" if self.forward else "backward"

    @property
    def wrong(self) -> Matrix:
        """Which entries are not within the tolerances."""
        subject = self.subject
        return ~np.isclose(self.analytical, self.numerical, subject.rtol, subject.atol)

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column of the wrong entry that differs most."""
        with np.errstate(invalid="ignore"):
            distance = np.abs(self.analytical - self.numerical)
        distance[~self.wrong] = -1
        place = distance.argmax()  # of a nan, if there is one
        row, column = np.unravel_index(place, distance.shape)
        return int(row), int(column)
