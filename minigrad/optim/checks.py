"""What the optimizers ask of their options, in torch's words."""

from typing import Any

from minigrad.tensor import Tensor


def check_lr(lr: Any) -> None:
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check_not_negative("learning rate", lr)


def check_not_negative(name: str, value: Any) -> None:
    if not value >= 0.0:  # NaN neither
        raise ValueError(f"Invalid {name}: {value}")


def check_betas(betas: Any) -> None:
    for index in (0, 1):
        if not 0.0 <= betas[index] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {betas[index]}")


def ways(
    foreach: bool | None, differentiable: bool, capturable: bool = False, fused: bool | None = None
) -> dict[str, Any]:
    """The options that say how torch computes a step.  Here there is one way, in one launch, that
    foreach and fused change nothing of; steps that are recorded or captured it has not."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    for name, value in (("differentiable", differentiable), ("capturable", capturable)):
        if value:
            raise NotImplementedError(
                f"{name}=True is not supported: a step changes the parameters in place, outside "
                "of any graph. Leave it out, or write such a step with operations."
            )
    return {"foreach": foreach, "differentiable": differentiable}
