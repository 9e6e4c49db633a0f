"""Derivatives against finite differences: entry by entry, or (fast) by random projections."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigrad.autograd.gradcheck.error import GradcheckError
from minigrad.autograd.gradcheck.forward import forward_jacobians, jvp
from minigrad.autograd.gradcheck.jacobians import (
    backward_jacobians,
    numerical_jacobians,
    numerical_jvp,
    vjps,
)
from minigrad.autograd.gradcheck.message import describe, describe_fast
from minigrad.autograd.gradcheck.mismatch import Mismatch
from minigrad.autograd.gradcheck.options import Options
from minigrad.autograd.gradcheck.subject import Matrix, Subject
from minigrad.tensor import Tensor

NONDETERMINISTIC = (
    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
    "times gives different values, although analytical gradient matches numerical gradient. "
    "The tolerance for nondeterminism was {}; the largest difference is {:.3g}. Something in "
    "backward is random, or changes what the next backward pass reads; pass `nondet_tol=<tol>` "
    "to allow for it."
)


# Numbers of output and input; the projection of what backward says and of what is true; and by
# how much a projection multiplies an error of 1 in every entry.
Projection = tuple[int, int, Matrix, Matrix, float]


@dataclass(frozen=True)
class Comparison:
    """Subject, its outputs, and how to compare: one for each mode of differentiation."""

    subject: Subject
    outputs: tuple[Tensor, ...]
    forward: bool
    options: Options

    @property
    def differentiable(self) -> list[int]:
        return [i for i, x in enumerate(self.outputs) if x.requires_grad]

    def run(self) -> None:
        """GradcheckError at the first derivative that is wrong."""
        if not self.differentiable:
            self.check_constant()
        elif self.options.fast_mode:
            self.compare_projections()
        else:
            self.compare_entries()

    def check_constant(self) -> None:
        """Outputs without history must not change when the inputs move."""
        for number, x in enumerate(self.subject.wanted):
            for output, jacobian in zip(
                self.outputs, numerical_jacobians(self.subject, x), strict=True
            ):
                if output.is_floating_point() and jacobian.any():
                    raise GradcheckError(
                        "Numerical gradient for function expected to be zero: no output requires "
                        f"a gradient, and yet one changes when input {number} moves. Something in "
                        "func leaves the graph: detach(), .data, .item(), numpy(), no_grad() or "
                        "mark_non_differentiable()."
                    )

    # ------------------------------------------------------------------------- entry by entry

    def compare_entries(self) -> None:
        inputs = self.subject.wanted
        numerical = [numerical_jacobians(self.subject, x) for x in inputs]
        analytical = self.analytical_jacobians()
        for output_nr, place in enumerate(self.differentiable):
            true = [of_input[place] for of_input in numerical]
            for input_nr, given in enumerate(analytical[output_nr]):
                if not self.agrees(given, true[input_nr]):
                    raise GradcheckError(describe(self.mismatch(output_nr, input_nr, given, true)))

    def analytical_jacobians(self) -> list[list[Matrix | None]]:
        """By output, then by input."""
        if not self.forward:
            return [self.reentrant_jacobians(self.outputs[place]) for place in self.differentiable]
        count = len(self.subject.wanted)
        by_input = [forward_jacobians(self.subject, number) for number in range(count)]
        return [[of_input[place] for of_input in by_input] for place in self.differentiable]

    def agrees(self, given: Matrix | None, true: Matrix) -> bool:
        return self.subject.close(np.zeros(true.shape) if given is None else given, true)

    def reentrant_jacobians(self, output: Tensor) -> list[Matrix | None]:
        inputs = self.subject.wanted
        first = backward_jacobians(output, inputs, self.options.check_grad_dtypes)
        self.check_reentrant(first, backward_jacobians(output, inputs))
        return first

    def check_reentrant(self, first: list[Matrix | None], second: list[Matrix | None]) -> None:
        for a, b in zip(first, second, strict=True):
            with np.errstate(invalid="ignore"):
                change = np.abs((0 if a is None else a) - (0 if b is None else b)).max(initial=0)
            if change > self.options.nondet_tol:
                raise GradcheckError(NONDETERMINISTIC.format(self.options.nondet_tol, change))

    def mismatch(
        self, output_nr: int, input_nr: int, given: Matrix | None, of_output: list[Matrix]
    ) -> Mismatch:
        true = of_output[input_nr]
        return Mismatch(
            self.subject,
            self.outputs,
            output_nr,
            input_nr,
            analytical=np.zeros(true.shape) if given is None else given,
            numerical=true,
            reached=given is not None,
            others=of_output,
            forward=self.forward,
        )

    # --------------------------------------------------------------------- by random projections

    def compare_projections(self) -> None:
        """v @ Jacobian @ u for random u and v; forward mode needs only u."""
        random = np.random.default_rng(0)  # leaves the user's own random numbers alone
        inputs = self.subject.wanted
        all_u = [direction(x, random) for x in inputs]
        numerical = [numerical_jvp(self.subject, x, u) for x, u in zip(inputs, all_u, strict=True)]
        if self.forward:
            pairs = self.forward_projections(all_u, numerical)
        else:
            all_v = [direction(self.outputs[place], random) for place in self.differentiable]
            pairs = self.backward_projections(all_u, all_v, numerical)
        subject = self.subject
        for output_nr, input_nr, given, true, spread in pairs:
            if not np.allclose(given, true, subject.rtol, subject.atol * spread):
                self.explain_projection(output_nr, input_nr, given, true)

    def forward_projections(
        self, all_u: list[Matrix], numerical: list[list[Matrix]]
    ) -> Iterator[Projection]:
        for input_nr, u in enumerate(all_u):
            given = jvp(self.subject, input_nr, u)
            for output_nr, place in enumerate(self.differentiable):
                yield output_nr, input_nr, given[place], numerical[input_nr][place], u.sum()

    def backward_projections(
        self, all_u: list[Matrix], all_v: list[Matrix], numerical: list[list[Matrix]]
    ) -> Iterator[Projection]:
        for output_nr, (place, v) in enumerate(zip(self.differentiable, all_v, strict=True)):
            products = self.reentrant_products(self.outputs[place], v)
            for input_nr, (u, product) in enumerate(zip(all_u, products, strict=True)):
                given = np.array(0.0 if product is None else product @ u.ravel())
                true = np.array(numerical[input_nr][place] @ v.ravel())
                yield output_nr, input_nr, given, true, u.sum() * v.sum()

    def reentrant_products(self, output: Tensor, v: Matrix) -> list[Matrix | None]:
        inputs = self.subject.wanted
        first = vjps(output, inputs, v, self.options.check_grad_dtypes)
        self.check_reentrant(first, vjps(output, inputs, v, False))
        return first

    def explain_projection(
        self, output_nr: int, input_nr: int, given: Matrix, true: Matrix
    ) -> None:
        """Compute the whole Jacobians after all, so that the message can show them."""
        place = self.differentiable[output_nr]
        numerical = [numerical_jacobians(self.subject, x)[place] for x in self.subject.wanted]
        analytical: Matrix | None
        if self.forward:
            analytical = forward_jacobians(self.subject, input_nr)[place]
        else:
            inputs = self.subject.wanted
            analytical = backward_jacobians(self.outputs[place], inputs)[input_nr]
        case = self.mismatch(output_nr, input_nr, analytical, numerical)
        raise GradcheckError(describe_fast(case, given, true))


def direction(x: Tensor, random: np.random.Generator) -> Matrix:
    """A random vector of length 1 without negative numbers, in the shape of x."""
    vector = random.random(x.array.shape)
    return vector / (np.linalg.norm(vector) or 1)
