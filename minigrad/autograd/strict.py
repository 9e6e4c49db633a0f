"""strict=True in autograd.functional: what does not depend on the inputs is an error, not zero."""

from __future__ import annotations

from collections.abc import Sequence

from minigrad.tensor import Tensor, has_history

Found = Sequence[Tensor | None]  # gradients: None where nothing depends on the input

NOT_ALLOWED = "This is not allowed in strict mode"
INSTEAD = "With strict=False a derivative of zero comes out."
NO_GRAPH = (
    "Output {} of the user-provided function does not require gradients. The outputs must be "
    f"computed in a differentiable manner from the input when running in strict mode. {INSTEAD}"
)
INDEPENDENT = (
    "The output of the user-provided function is independent of input {}. "
    f"{NOT_ALLOWED}. {INSTEAD}"
)
OUTPUT_INDEPENDENT = (
    "Output {} of the user-provided function is independent of input {}. "
    f"{NOT_ALLOWED}. {INSTEAD}"
)
INDEPENDENT_JACOBIAN = (
    "The jacobian of the user-provided function is independent of input {}. "
    f"{NOT_ALLOWED}. {INSTEAD}"
)
CONSTANT_JACOBIAN = (
    "The jacobian of the user-provided function is independent of input {}. "
    f"{NOT_ALLOWED} when create_graph=True. {INSTEAD}"
)
CONSTANT_HESSIAN = (
    "The hessian of the user-provided function is independent of input {}. "
    f"{NOT_ALLOWED} when create_graph=True. {INSTEAD}"
)
CONSTANT_GRADIENT = (
    "The gradient with respect to input {} is independent of the inputs of the user-provided "
    f"function. {NOT_ALLOWED}. {INSTEAD}"
)
LINEAR = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input {} is independent of the input. "
    f"{NOT_ALLOWED}. You should ensure that your function is twice differentiable and that the "
    "jacobian depends on the inputs (this would be violated by a linear function for example)."
)
NO_TRICK = (
    "The gradient with respect to the input is independent of entry {} in the grad_outputs when "
    f"using the double backward trick to compute forward mode gradients. {NOT_ALLOWED}."
)
NO_TRICK_FOR_HESSIAN = (
    "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. "
    f"{NOT_ALLOWED} as it prevents from using the double backward trick to replace forward mode AD."
)


def check_found(found: Found, strict: bool, message: str) -> None:
    """In strict mode a gradient must exist."""
    for number, gradient in enumerate(found):
        if strict and gradient is None:
            raise RuntimeError(message.format(number))


def check_graph(tensors: Found, strict: bool, message: str) -> None:
    """In strict mode an output, or a derivative, must depend on the inputs."""
    check_found(tensors, strict, INDEPENDENT)
    for number, x in enumerate(tensors):
        if strict and x is not None and not has_history(x):
            raise RuntimeError(message.format(number))
