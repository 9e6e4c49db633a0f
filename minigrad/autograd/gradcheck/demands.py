"""What a backward pass must do besides giving the right numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.autograd.backward import grad
from minigrad.autograd.gradcheck.error import GradcheckError
from minigrad.autograd.gradcheck.subject import Subject
from minigrad.function import Function
from minigrad.ops.filled import zeros_like
from minigrad.tensor import Tensor

UNDEFINED = (
    "Expected backward function to handle undefined output grads: after "
    "ctx.set_materialize_grads(False), and for outputs that nothing was computed from, backward "
    'gets None for a gradient. Check for it, or pass "check_undefined_grad=False".'
)
NOT_ZERO = (
    "Expected all input grads to be undefined or zero when all output grads are undefined or "
    "zero: backward must return None or zeros for gradients that are None or zeros."
)


def check_multiplied_by_grad_output(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Zeros must come out where zeros go in; and gradients must be what .grad could hold."""
    seeds = [zeros_like(x) for x in outputs]
    for gradient, x in zip(grad(outputs, inputs, seeds, allow_unused=True), inputs, strict=True):
        if gradient is None:
            continue
        if gradient.host_array().any():
            raise GradcheckError(
                "backward not multiplied by grad_output: for a gradient of zeros it gives "
                "something else. Each gradient that backward returns is a derivative times the "
                "gradient of the output (the chain rule)."
            )
        for what, given, wanted in (
            ("type", gradient.dtype, x.dtype),
            ("device", gradient.device, x.device),
            ("size", gradient.array.shape, x.array.shape),
        ):
            if given != wanted:
                raise GradcheckError(f"grad is incorrect {what}: {given}, not {wanted}")


class UndefinedGrad(Function):
    """The same tensor, but no gradient passes: what comes to the operation before it is None."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> None:
        return None


def check_undefined_grads(subject: Subject, count: int) -> None:
    """Backward must cope with None for all gradients of its outputs, and for each one alone."""
    undefined: list[set[int]] = [set(range(count))]
    if count > 1:
        undefined += [{i} for i in range(count)]
    for without in undefined:
        outputs = [x for x in subject.outputs() if x.requires_grad]
        cut = [UndefinedGrad.apply(x) if i in without else x for i, x in enumerate(outputs)]
        check_no_gradient(cut, subject.wanted)


def check_no_gradient(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    seeds = [zeros_like(x) for x in outputs]
    try:
        gradients = grad(outputs, inputs, seeds, allow_unused=True)
    except RuntimeError as error:
        raise GradcheckError(f"{UNDEFINED} It raised: {error}") from error
    except Exception as error:  # None * 2 is a TypeError, as in torch
        if hasattr(error, "add_note"):
            error.add_note(UNDEFINED)
        raise
    for gradient in gradients:
        if gradient is not None and np.any(gradient.host_array() != 0):
            raise GradcheckError(NOT_ZERO)
