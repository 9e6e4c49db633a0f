"""gradcheck: compare derivatives with finite differences.

Each entry of the Jacobian is what the outputs do when one input element moves by eps:
(f(x + eps) - f(x - eps)) / (2 eps).  A message shows both Jacobians where they differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.backward import grad
from minigrad.ops.creation import zeros_like
from minigrad.ops.random import randn_like
from minigrad.tensor import Tensor


class GradcheckError(RuntimeError):
    """The derivatives that backward computes are not those of the function."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether func's gradients with respect to its float64 inputs that require them are right."""
    arguments = inputs if isinstance(inputs, tuple | list) else (inputs,)
    checked = [x for x in arguments if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    try:
        for x in checked:
            check_input(x)
        outputs = tensors_of(func(*arguments))
        for number, output in enumerate(outputs):
            for position, x in enumerate(checked):
                compare(func, arguments, output, number, x, position, (eps, atol, rtol))
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def check_input(x: Tensor) -> None:
    if x.array.dtype != np.float64:
        raise GradcheckError(
            f"gradcheck needs float64 inputs: finite differences of {x.dtype} are all rounding. "
            "Make them with dtype=minigrad.float64."
        )


def tensors_of(result: Any) -> list[Tensor]:
    results = result if isinstance(result, tuple | list) else (result,)
    return [x for x in results if isinstance(x, Tensor) and x.is_floating_point()]


def compare(
    func: Callable[..., Any],
    arguments: Sequence[Any],
    output: Tensor,
    number: int,
    x: Tensor,
    position: int,
    tolerances: tuple[float, float, float],
) -> None:
    eps, atol, rtol = tolerances
    numerical = numerical_jacobian(func, arguments, number, x, eps)
    analytical = analytical_jacobian(output, x)
    if not np.allclose(analytical, numerical, rtol, atol, equal_nan=True):
        raise GradcheckError(
            f"Jacobian mismatch for output {number} with respect to input {position},\n"
            f"numerical:{numerical}\nanalytical:{analytical}\n"
            f"(entry [i, j]: what output element j gains when input element i grows)"
        )


def numerical_jacobian(
    func: Callable[..., Any], arguments: Sequence[Any], number: int, x: Tensor, eps: float
) -> np.ndarray[Any, Any]:
    """(input elements, output elements), by central differences."""
    array = x.array
    rows = []
    for place in np.ndindex(*array.shape):
        kept = array[place].copy()
        array[place] = kept + eps
        above = tensors_of(func(*arguments))[number].array.astype(np.float64)
        array[place] = kept - eps
        below = tensors_of(func(*arguments))[number].array.astype(np.float64)
        array[place] = kept
        rows.append(((above - below) / (2 * eps)).reshape(-1))
    return np.array(rows).reshape(array.size, -1)


def analytical_jacobian(output: Tensor, x: Tensor) -> np.ndarray[Any, Any]:
    """The same, one backward pass an output element."""
    columns = []
    for place in np.ndindex(*output.array.shape):
        seed = zeros_like(output)
        seed.array[place] = 1
        gradient = None
        if output.requires_grad:
            (gradient,) = grad(output, x, seed, retain_graph=True, allow_unused=True)
        zeros = np.zeros(x.array.shape)
        columns.append((zeros if gradient is None else gradient.array).reshape(-1))
    return np.array(columns).reshape(-1, x.array.size).T


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """gradcheck of the gradient itself: whether second derivatives are right."""
    arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    outputs = tensors_of(func(*arguments))
    seeds = tuple(grad_outputs or [randn_like(x).requires_grad_() for x in outputs])
    count = len(seeds)

    def gradient(*given: Any) -> Any:
        values, weights = given[:-count], given[-count:]
        wanted = [x for x in values if isinstance(x, Tensor) and x.requires_grad]
        return grad(
            tensors_of(func(*values)), wanted, weights, create_graph=True, materialize_grads=True
        )

    return gradcheck(
        gradient,
        (*arguments, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )
