"""The Jacobian by forward mode: a row of it for each direction that an input moves in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.autograd.forward_ad import UnpackedDualTensor, dual_level, make_dual, unpack_dual
from minigrad.autograd.gradcheck.error import GradcheckError
from minigrad.autograd.gradcheck.jacobians import unit_vectors
from minigrad.autograd.gradcheck.subject import Matrix, Subject, as_tuple, is_variable, tensor_like
from minigrad.ops.filled import zeros_like
from minigrad.tensor import Tensor


def run_forward(subject: Subject, directions: Sequence[Tensor | None]) -> list[UnpackedDualTensor]:
    """The outputs and their tangents, as the wanted inputs move along these directions."""
    waiting = iter(directions)
    with dual_level():
        arguments = [dual(x, next(waiting)) if is_variable(x) else x for x in subject.inputs]
        return [unpack_dual(x) for x in as_tuple(subject.func(*arguments))]


def dual(x: Tensor, direction: Tensor | None) -> Tensor:
    return x.detach() if direction is None else make_dual(x.detach(), direction)


def jvp(subject: Subject, input_nr: int, direction: Matrix) -> list[Matrix]:
    """How fast each output changes as one input moves along `direction`."""
    directions = [zeros_like(x) for x in subject.wanted]
    directions[input_nr] = tensor_like(direction, subject.wanted[input_nr])
    return [
        np.zeros(primal.array.size)
        if tangent is None
        else np.array(tangent.host_array(), np.float64).reshape(-1)
        for primal, tangent in run_forward(subject, directions)
    ]


def forward_jacobians(subject: Subject, input_nr: int) -> list[Matrix]:
    """The Jacobian of each output with respect to one input."""
    x = subject.wanted[input_nr]
    rows = [jvp(subject, input_nr, vector) for _, vector in unit_vectors(x)]
    if not rows:
        return [np.zeros((0, value.size)) for value in subject.values()]
    return [np.array(of_output) for of_output in zip(*rows, strict=True)]


def check_undefined_tangents(subject: Subject) -> None:
    """An input without a tangent must count as one with a tangent of zeros."""
    random = np.random.default_rng(0)
    moving: list[Tensor | None] = [
        tensor_like(random.random(x.array.shape), x) for x in subject.wanted
    ]
    for number, x in enumerate(subject.wanted):
        before, after = moving[:number], moving[number + 1 :]
        with_zeros = run_forward(subject, [*before, zeros_like(x), *after])
        without = run_forward(subject, [*before, None, *after])
        for output_nr, (a, b) in enumerate(zip(with_zeros, without, strict=True)):
            if a.tangent is None or b.tangent is None:
                continue
            if not np.allclose(a.tangent.host_array(), b.tangent.host_array()):
                raise GradcheckError(
                    f"Mismatch in tangent values for output with index: {output_nr} when input: "
                    f"{number} has an undefined tangent value. Got: {a.tangent} but expected: "
                    f"{b.tangent}. jvp gets None for such an input: treat it as zeros."
                )
