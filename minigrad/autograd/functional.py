"""Derivatives of functions, with the names of torch.autograd.functional.

With the Jacobian J of a function (a row for each element of its output, a column for each element
of its input) and the Hessian H of one that returns a single number,

    vjp     v^T J   one backward pass: the rows of J, weighted with v and added up
    jvp     J v     v^T J is linear in v, so its gradient with respect to v, along x, is J x
    vhp     v^T H   the vjp of the gradient
    hvp     H v     the jvp of the gradient

and `jacobian` and `hessian` are the whole matrices, a row a backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.backward import grad
from minigrad.grad_mode import enable_grad
from minigrad.ops.creation import eye, zeros_like
from minigrad.ops.view import as_variable, split, stack, unbind
from minigrad.tensor import Tensor, has_history

Tensors = Tensor | tuple[Tensor, ...]
Found = Sequence[Tensor | None]  # gradients: None where nothing depends on the input

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


# ------------------------------------------------------------------------------ products


def vjp(
    func: Callable[..., Tensors],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensors, Tensors]:
    """func(*inputs) and v^T J.  `v` has the shapes of the outputs."""
    with enable_grad():
        several_inputs, point = variables(inputs, "vjp", create_graph)
        several_outputs, outputs = evaluate(func, point, "vjp", strict)
        weights = vector(v, outputs, several_outputs, "vjp", create_graph)
    rows = gradients(outputs, point, weights, create_graph)
    check_found(rows, strict, INDEPENDENT)
    check_graph(rows, strict and create_graph, CONSTANT_JACOBIAN)
    product = or_zeros(rows, point)
    value = finished(outputs, several_outputs, create_graph)
    return value, finished(product, several_inputs, create_graph)


def jvp(
    func: Callable[..., Tensors],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensors, Tensors]:
    """func(*inputs) and J v, by two backward passes.  `v` has the shapes of the inputs."""
    with enable_grad():
        several_inputs, point = variables(inputs, "jvp", create_graph)
        direction = vector(v, point, several_inputs, "jvp", create_graph)
        several_outputs, outputs = evaluate(func, point, "jvp", strict)
        weights = tuple(zeros_like(x, requires_grad=True) for x in outputs)  # any will do
        rows = gradients(outputs, point, weights, create_graph=True)
        check_graph(rows, strict, CONSTANT_GRADIENT)
    columns = gradients(rows, weights, direction, create_graph)
    check_found(columns, strict, NO_TRICK)
    check_graph(columns, strict and create_graph, CONSTANT_JACOBIAN)
    product = or_zeros(columns, outputs)
    value = finished(outputs, several_outputs, create_graph)
    return value, finished(product, several_outputs, create_graph)


def vhp(
    func: Callable[..., Tensor],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensors, Tensors]:
    """func(*inputs), a single number, and v^T H.  `v` has the shapes of the inputs."""
    with enable_grad():
        several, point = variables(inputs, "vhp", create_graph)
        direction = vector(v, point, several, "vhp", create_graph)
        output = evaluate_number(func, point, "vhp", strict)
        gradient = gradients((output,), point, None, create_graph=True)
        check_graph(gradient, strict, LINEAR)
    rows = gradients(gradient, point, direction, create_graph)
    check_found(rows, strict, INDEPENDENT_JACOBIAN)
    check_graph(rows, strict and create_graph, CONSTANT_HESSIAN)
    product = or_zeros(rows, point)
    return finished((output,), False, create_graph), finished(product, several, create_graph)


def hvp(
    func: Callable[..., Tensor],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensors, Tensors]:
    """func(*inputs), a single number, and H v.  `v` has the shapes of the inputs.

    H is symmetric where the second derivatives are continuous: vhp gives the same for less.
    """
    with enable_grad():
        several, point = variables(inputs, "hvp", create_graph)
        direction = vector(v, point, several, "hvp", create_graph)
        output = evaluate_number(func, point, "hvp", strict)
        gradient = gradients((output,), point, None, create_graph=True)
        check_graph(gradient, strict, LINEAR)
        weights = tuple(zeros_like(x, requires_grad=True) for x in point)
        rows = gradients(gradient, point, weights, create_graph=True)
    columns = gradients(rows, weights, direction, create_graph)
    check_found(columns, strict, NO_TRICK_FOR_HESSIAN)
    check_graph(columns, strict and create_graph, CONSTANT_HESSIAN)
    product = or_zeros(columns, point)
    return finished((output,), False, create_graph), finished(product, several, create_graph)


# ------------------------------------------------------------------------------ matrices


def jacobian(
    func: Callable[..., Tensors],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func`: for an output and an input, a tensor with the shapes of both.

    It is indexed [output][input] where there are tuples of them.  In reverse mode a row takes one
    backward pass.
    """
    check_strategy(strategy)
    with enable_grad():
        several_inputs, point = variables(inputs, "jacobian", create_graph)
        several_outputs, outputs = evaluate(func, point, "jacobian", strict)
        blocks = [
            jacobian_of_output(number, output, point, create_graph, strict)
            for number, output in enumerate(outputs)
        ]
    matrix = tuple(finished(row, several_inputs, create_graph) for row in blocks)
    return matrix if several_outputs else matrix[0]


def jacobian_of_output(
    number: int, output: Tensor, point: Sequence[Tensor], create_graph: bool, strict: bool
) -> list[Tensor]:
    """The derivatives of one output, a block for each input: row j is e_j^T J."""
    rows = []
    for weights in unbind(standard_basis((output,))[0]):
        row = gradients((output,), point, (weights,), create_graph, retain_graph=True)
        check_found(row, strict, OUTPUT_INDEPENDENT.format(number, "{}"))
        check_graph(row, strict and create_graph, CONSTANT_JACOBIAN)
        rows.append(or_zeros(row, point))
    return [
        stack([row[i] for row in rows]).view(output.shape + x.shape) for i, x in enumerate(point)
    ]


def standard_basis(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The rows of the identity matrix, cut into the shapes of the tensors.

    For each tensor, one with a new first dimension: entry j is 1 in the j-th element of all of
    them, and 0 elsewhere.
    """
    total = sum(x.numel() for x in tensors)
    parts, start = [], 0
    for x in tensors:
        columns = eye(total, dtype=x.dtype, device=x.device)[:, start : start + x.numel()]
        parts.append(columns.reshape(total, *x.shape))
        start += x.numel()
    return parts


def cut_rows(
    stacked: Sequence[Tensor], outputs: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[list[Tensor]]:
    """Blocks [output][input] of a Jacobian that is one tall matrix for each input."""
    sizes = [x.numel() for x in outputs]
    columns = [split(rows, sizes) for rows in stacked]
    return [
        [column[i].view(output.shape + x.shape) for column, x in zip(columns, inputs, strict=True)]
        for i, output in enumerate(outputs)
    ]


def cut_columns(stacked: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[list[Tensor]]:
    """Blocks [output][input] of a Jacobian that is a stack of columns for each output."""
    sizes = [x.numel() for x in inputs]
    return [
        [
            part.reshape(part.shape[:-1] + x.shape)
            for part, x in zip(split(columns.movedim(0, -1), sizes, -1), inputs, strict=True)
        ]
        for columns in stacked
    ]


def hessian(
    func: Callable[..., Tensor],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a single number: the Jacobian of the gradient."""
    several, point = as_tensors(inputs, "inputs", "hessian")
    check_strategy(outer_jacobian_strategy)

    def number(*point: Tensor) -> Tensor:
        return evaluate_number(func, point, "hessian", strict).squeeze()

    def gradient(*point: Tensor) -> tuple[Tensor, ...]:
        rows = jacobian(number, point, create_graph=True)
        check_graph(rows, strict, LINEAR)
        return rows

    matrix = jacobian(
        gradient, point, create_graph, strict, vectorize, strategy=outer_jacobian_strategy
    )
    return matrix if several else matrix[0][0]


# ------------------------------------------------------------------------------ their parts


def variables(inputs: Any, name: str, create_graph: bool) -> tuple[bool, tuple[Tensor, ...]]:
    """Tensors in the place of the inputs, for a graph of their own; the inputs are left alone.

    With create_graph they continue the graph of inputs that require a gradient.
    """
    several, tensors = as_tensors(inputs, "inputs", name)
    return several, tuple(
        as_variable(x) if create_graph and has_history(x) else x.detach().requires_grad_()
        for x in tensors
    )


def evaluate(
    func: Callable[..., Tensors], point: Sequence[Tensor], name: str, strict: bool
) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether `func` returns several outputs, and those."""
    outputs = func(*point)
    several, tensors = as_tensors(outputs, "outputs of the user-provided function", name)
    check_graph(tensors, strict, NO_GRAPH)
    return several, tensors


def evaluate_number(
    func: Callable[..., Tensors], point: Sequence[Tensor], name: str, strict: bool
) -> Tensor:
    """The output of a function that has a Hessian."""
    several, outputs = evaluate(func, point, name, strict)
    if several:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element,"
            f" but it has shape {list(outputs[0].shape)}: reduce it, as with .sum()"
        )
    return outputs[0]


def vector(
    v: Any, like: Sequence[Tensor], several: bool, name: str, create_graph: bool
) -> tuple[Tensor, ...] | None:
    """`v` as a tuple; None stands for a single 1."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(NO_VECTOR_OUT if name == "vjp" else NO_VECTOR_IN)
        return None
    _, tensors = as_tensors(v, "v", name)
    if len(tensors) != len(like):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(tensors)}."
            if several
            else "The given v should contain a single Tensor."
        )
    for number, (x, wanted) in enumerate(zip(tensors, like, strict=True)):
        if x.shape != wanted.shape:
            entry = f"Entry {number} in " if several else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {wanted.shape} but got {x.shape}."
            )
    return tuple(x if create_graph else x.detach() for x in tensors)


def gradients(
    outputs: Found,
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor] | None,
    create_graph: bool,
    retain_graph: bool | None = None,
) -> Found:
    """autograd.grad, where some outputs may be missing or constant."""
    seeds: Sequence[Any] = weights or (None,) * len(outputs)
    roots = [
        (x, w) for x, w in zip(outputs, seeds, strict=True) if x is not None and has_history(x)
    ]
    if not roots:
        return (None,) * len(inputs)
    dependent, seeds = zip(*roots, strict=True)
    return grad(dependent, inputs, seeds, retain_graph, create_graph, allow_unused=True)


def or_zeros(found: Found, like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Zeros for the gradients that do not exist: nothing depends on the input."""
    pairs = zip(found, like, strict=True)
    return tuple(zeros_like(x) if gradient is None else gradient for gradient, x in pairs)


def finished(tensors: Sequence[Tensor], several: bool, create_graph: bool) -> Tensors:
    """A tuple or a single tensor, cut off from the graph unless that is asked for."""
    results = tuple(x if create_graph else x.detach() for x in tensors)
    return results if several else results[0]


def as_tensors(given: Any, what: str, name: str) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether it is a tuple, and the tensors."""
    several = isinstance(given, tuple)
    tensors = given if several else (given,)
    for number, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            value = f"value at index {number}" if several else f"given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors "
                f"but the {value} has type {type(x)}."
            )
    return several, tensors


# ------------------------------------------------------------------------------ strict mode


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
NO_VECTOR_IN = (
    "The vector v can only be None if the input to the user-provided function is a single Tensor "
    "with a single element."
)
NO_VECTOR_OUT = (
    "The vector v can only be None if the user-provided function returns a single Tensor with a "
    "single element."
)


def check_strategy(strategy: str) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
