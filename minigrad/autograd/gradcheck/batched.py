"""Whether several gradients, or tangents, at once give what one after the other gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minigrad.autograd.backward import grad
from minigrad.autograd.batched_gradients import at_once
from minigrad.autograd.gradcheck.error import GradcheckError
from minigrad.autograd.gradcheck.forward import run_forward
from minigrad.autograd.gradcheck.subject import Subject, tensor_like
from minigrad.ops.filled import zeros_like
from minigrad.ops.joining import stack
from minigrad.tensor import Tensor

BATCH = 2

BACKWARD = (
    "gradcheck or gradgradcheck failed while testing batched gradient computation. backward ran "
    "once for several gradients, which vmap puts into one tensor with a hidden dimension: it must "
    "not look at single values (item(), if), write into ordinary tensors, or leave Tensors "
    "(numpy()). Pass `check_batched_grad=False` if that is not asked for."
)
FORWARD = (
    "gradcheck failed while testing batched gradient computation with forward-mode AD. func ran "
    "once for several tangents, which vmap puts into one tensor with a hidden dimension. Pass "
    "`check_batched_forward_grad=False` if that is not asked for."
)

Run = Callable[[], Sequence["Tensor | None"]]


def samples(x: Tensor, random: np.random.Generator) -> list[Tensor]:
    """Random tensors like x."""
    return [tensor_like(random.standard_normal(x.array.shape), x) for _ in range(BATCH)]


def check_batched_gradients(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """backward for two gradients at once."""
    random = np.random.default_rng(0)
    for output_nr, output in enumerate(outputs):
        seeds = samples(output, random)
        one_by_one = [
            filled(grad(output, inputs, seed, retain_graph=True, allow_unused=True), inputs)
            for seed in seeds
        ]
        try:
            together = grad(
                output,
                inputs,
                stack(seeds),
                retain_graph=True,
                allow_unused=True,
                is_grads_batched=True,
            )
        except RuntimeError as error:
            raise failed(error, BACKWARD) from error
        for input_nr, (given, *true) in enumerate(zip(together, *one_by_one, strict=True)):
            compare(given, true, f"For output {output_nr} and input {input_nr}:", BACKWARD)


def check_batched_tangents(subject: Subject) -> None:
    """Forward mode for two tangents at once."""
    random = np.random.default_rng(0)
    for input_nr, x in enumerate(subject.wanted):

        def jvp(tangent: Tensor, number: int = input_nr) -> tuple[Tensor, ...]:
            directions: list[Tensor | None] = [None] * len(subject.wanted)
            directions[number] = tangent
            results = run_forward(subject, directions)
            return filled([r.tangent for r in results], [r.primal for r in results])

        directions = samples(x, random)
        one_by_one = [jvp(direction) for direction in directions]
        try:
            together = at_once(jvp, stack(directions))
        except RuntimeError as error:
            raise failed(error, FORWARD) from error
        for output_nr, (given, *true) in enumerate(zip(together, *one_by_one, strict=True)):
            compare(given, true, f"For output {output_nr} and input {input_nr}:", FORWARD)


def filled(found: Sequence[Tensor | None], like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Zeros where there is no gradient."""
    return tuple(zeros_like(x) if g is None else g for g, x in zip(found, like, strict=True))


def failed(error: Exception, explanation: str) -> GradcheckError:
    return GradcheckError(f"While computing batched gradients, got: {error}\n\n{explanation}")


def compare(given: Tensor | None, true: list[Tensor], where: str, explanation: str) -> None:
    expected = np.stack([x.host_array() for x in true])
    result = np.zeros(expected.shape) if given is None else given.host_array()
    if not np.allclose(result, expected, rtol=1e-5, atol=1e-8):
        raise GradcheckError(
            f"{where}\n\n{explanation}\n\nGot:\n{given}\n\nExpected:\n{stack(true)}"
        )
