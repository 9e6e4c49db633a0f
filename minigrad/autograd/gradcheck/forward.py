"""The Jacobian by forward mode: a row of it for each direction that an input moves in."""

from __future__ import annotations

from minigrad.autograd.gradcheck.subject import Matrix, Subject


def jvp(subject: Subject, input_nr: int, direction: Matrix) -> list[Matrix]:
    """How fast each output changes as one input moves along `direction`."""
    raise NotImplementedError("check_forward_ad")


def forward_jacobians(subject: Subject, input_nr: int) -> list[Matrix]:
    """The Jacobian of each output with respect to one input."""
    raise NotImplementedError("check_forward_ad")
