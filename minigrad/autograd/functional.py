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
from minigrad.autograd.basis import cut_columns, cut_rows, standard_basis
from minigrad.autograd.forward_ad import ForwardADLevel, check_dtypes
from minigrad.autograd.strict import (
    CONSTANT_GRADIENT,
    CONSTANT_HESSIAN,
    CONSTANT_JACOBIAN,
    INDEPENDENT,
    INDEPENDENT_JACOBIAN,
    LINEAR,
    NO_GRAPH,
    NO_TRICK,
    NO_TRICK_FOR_HESSIAN,
    OUTPUT_INDEPENDENT,
    Found,
    check_found,
    check_graph,
)
from minigrad.grad_mode import enable_grad
from minigrad.ops.filled import zeros_like
from minigrad.ops.joining import stack, unbind
from minigrad.ops.view import as_variable
from minigrad.ops.vmap import vmap
from minigrad.tensor import Tensor, has_history

Tensors = Tensor | tuple[Tensor, ...]

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
    backward pass, and `vectorize` runs them all at once; forward mode needs `vectorize`.
    """
    check_strategy(strategy)
    if strategy == "forward-mode":
        check_forward_mode(create_graph, strict, vectorize)
        return forward_jacobian(func, inputs)
    with enable_grad():
        several_inputs, point = variables(inputs, "jacobian", create_graph)
        several_outputs, outputs = evaluate(func, point, "jacobian", strict)
        if vectorize:
            check_vectorize(strict)
            matrix = rows_at_once(outputs, point, create_graph)
        else:
            matrix = [
                rows_one_by_one(number, output, point, create_graph, strict)
                for number, output in enumerate(outputs)
            ]
    rows = tuple(finished(row, several_inputs, create_graph) for row in matrix)
    return rows if several_outputs else rows[0]


def rows_one_by_one(
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


def rows_at_once(
    outputs: Sequence[Tensor], point: Sequence[Tensor], create_graph: bool
) -> list[list[Tensor]]:
    """All e_j^T J, for all outputs, by one backward pass."""

    def row(*weights: Tensor) -> tuple[Tensor, ...]:
        return or_zeros(gradients(outputs, point, weights, create_graph), point)

    return cut_rows(vmap(row)(*standard_basis(outputs)), outputs, point)


def forward_jacobian(func: Callable[..., Tensors], inputs: Tensors) -> Any:
    """All J e_j, the columns of J, by one forward pass."""
    several_inputs, point = as_tensors(inputs, "inputs", "jacobian")
    several_outputs = False

    def column(*directions: Tensor) -> tuple[Tensor, ...]:
        nonlocal several_outputs
        with ForwardADLevel() as level:
            duals = [level.dual(x, t) for x, t in zip(point, directions, strict=True)]
            several_outputs, outputs = evaluate(func, duals, "jacobian", strict=False)
            results = [level.unpack(y) for y in outputs]
        return or_zeros([y.tangent for y in results], [y.primal for y in results])

    for x in point:
        check_dtypes(x, x)
    with enable_grad():
        columns = vmap(column)(*standard_basis(point))
    rows = tuple(finished(row, several_inputs, True) for row in cut_columns(columns, point))
    return rows if several_outputs else rows[0]


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
        (x, w)
        for x, w in zip(outputs, seeds, strict=True)
        if x is not None and has_history(x) and x.requires_grad
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


# ------------------------------------------------------------------------------ options

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


def check_vectorize(strict: bool) -> None:
    if strict:
        raise RuntimeError(
            "jacobian: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )


def check_forward_mode(create_graph: bool, strict: bool, vectorize: bool) -> None:
    """What torch's forward mode does not take either."""
    for given, name, error in (
        (create_graph, "create_graph", NotImplementedError),
        (strict, "strict", RuntimeError),
    ):
        if given:
            raise error(
                f'jacobian: `{name}=True` and `strategy="forward-mode"` are not supported together '
                f'(yet). Please either set `{name}=False` or `strategy="reverse-mode"`.'
            )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
            "implemented for `vectorize=True`."
        )
