"""How a pointwise operation is defined: a scalar function, and one derivative formula an input.

    @pointwise(x=lambda grad, result: grad * (1 - result * result))
    def tanh(x):
        return math.tanh(x)

The function says what one element of the result is; it is only ever compiled, so `if` is welcome
in it.  A derivative is named after its input and asks by name for `grad`, `result` or inputs: what
the formulas ask for is what gets saved.  It runs as a compiled kernel in a plain backward pass, and
is called with Tensors under create_graph=True; so it chooses with where(), and writes & for `and`.
A parameter annotated `Number` is a Python number, not a tensor; one called `condition` is a bool.
Callers may name the arguments as in torch, where x is `input` and y is `other`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from minigrad.dtypes import type_name
from minigrad.grad_mode import is_inference_mode_enabled, is_recording
from minigrad.kernels import check_assignable, converted, full, launch, launch1, launch2
from minigrad.kernels.codegen import CONDITION, SCALARS, Formula, Number
from minigrad.kernels.promotion import CATEGORY, Dtype, number_dtype, promote
from minigrad.memory import note_write
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.either import Either
from minigrad.saved import with_histories
from minigrad.tensor import TENSORS, Tensor, attach, constant, edge_of, unrecorded

POINTWISE: dict[str, Any] = {}  # every pointwise operation, by name: tests and docs read it
NUMBERS = frozenset({int, float, bool})
KEYWORDS = {"x": "input", "y": "other"}  # what callers name the operands of a formula, as in torch

Array = Any
N = TypeVar("N", bound="PointwiseNode")


def pointwise(
    node: str = "",
    no_bool: str = "",
    integers_only: bool = False,
    casts_numbers: bool = False,
    tensors_only: bool = False,
    no_derivative: bool = False,
    **derivatives: Callable[..., Any],
) -> Callable[..., Any]:
    """Make an operation of a scalar function.

    `node`: the grad_fn's name, where torch's is not the operation's own.  `no_bool`: why bools
    are refused.  `integers_only`: whether floats are.  `casts_numbers`: whether numbers take the
    tensors' dtype, and have no say in the result's.  `tensors_only`: whether numbers are refused
    as operands.  `no_derivative`: a backward pass raises, where a result without a gradient would
    be wrong.
    """

    def decorate(forward: Callable[..., Any]) -> Any:
        name = forward.__name__
        definition = Definition(forward, derivatives, node, casts_numbers, tensors_only)
        definition.formula.refuse(no_bool, integers_only)
        definition.differentiable |= no_derivative
        kind = UnknownDerivative if no_derivative else kind_of_node(definition)
        node_name = node or name.title().replace("_", "") + "Backward0"
        node_type = node_class(node_name, kind, definition)
        build = unary if definition.is_plain(1) else binary if definition.is_plain(2) else general
        op: Any = functools.wraps(forward)(build(definition, node_type))
        op.definition, op.node_type = definition, node_type
        op.__signature__ = definition.signature
        op.__doc__ = (
            forward.__doc__ or f"{name}({', '.join(definition.parameters)}), of each element"
        )
        POINTWISE[name] = op
        return op

    return decorate


def kind_of_node(definition: Definition) -> type[PointwiseNode]:
    """The quickest kind of node that computes the derivatives."""
    if not definition.is_plain(2):
        return PointwiseNode
    passes_on = all(d and d.is_identity for d in definition.derivatives)
    return SumNode if passes_on else BinaryNode


def node_class(name: str, kind: type[N], definition: Definition, *saved_too: str) -> type[N]:
    """The class of an operation's nodes, under the name that torch has for it."""
    members = {
        "__slots__": (),
        "definition": definition,
        "kernels": definition.kernels,
        "saved_names": (*definition.parameters, "result", *saved_too),
    }
    return type(name, (kind,), members)


class Definition:
    """What the decorator was given: parameters, the forward formula, and the derivatives."""

    def __init__(
        self,
        forward: Callable[..., Any],
        derivatives: dict[str, Callable[..., Any]],
        node: str,
        casts_numbers: bool,
        tensors_only: bool,
    ):
        self.casts_numbers = casts_numbers
        self.name = forward.__name__
        self.public_name = name_of_node(node) or self.name
        signature = inspect.signature(forward)
        parameters = signature.parameters
        self.parameters = tuple(parameters)
        self.keywords = tuple(KEYWORDS.get(n, n) for n in parameters)
        named = zip(self.keywords, parameters.values(), strict=True)
        self.signature = signature.replace(parameters=[p.replace(name=n) for n, p in named])
        self.defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
        self.numbers = frozenset(
            i for i, p in enumerate(parameters.values()) if p.annotation in (Number, "Number")
        )
        inputs = [i for i, n in enumerate(parameters) if i not in self.numbers and n != CONDITION]
        self.inputs = tuple(inputs)  # the positions of what may require a gradient
        source = functools.cache(lambda: function_source(forward))
        conditions = [i for i, n in enumerate(parameters) if n == CONDITION]
        self.no_numbers = conditions + inputs * tensors_only  # where only tensors may be
        self.formula = SCALARS[self.name] = Formula(self.name, forward, source)
        self.derivatives = [
            Derivative(self, n, derivatives[n], source) if n in derivatives else None
            for n in (self.parameters[i] for i in inputs)
        ]
        self.kernels = [d and d.of_arrays for d in self.derivatives]
        self.differentiable = any(self.derivatives)

    @property
    def ufunc(self) -> np.ufunc:
        return self.formula.ufunc

    def is_plain(self, inputs: int) -> bool:
        """Whether all parameters are tensors, this many."""
        return len(self.parameters) == len(self.inputs) == inputs

    def keep(self, *needed: bool) -> tuple[bool, ...]:
        """Which of (parameters..., result) to save when these inputs need a gradient."""
        wanted = {
            position
            for derivative, need in zip(self.derivatives, needed, strict=True)
            if need and derivative
            for position in derivative.positions
        }
        return tuple(i in wanted for i in range(len(self.parameters) + 1)) if wanted else ()


def name_of_node(node: str) -> str:
    """What users call the operation of a node: masked_fill of MaskedFillBackward0."""
    name, backward, _ = node.partition("Backward")
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower() if backward else ""


def function_source(function: Callable[..., Any]) -> ast.FunctionDef:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


def decorator_lambda(source: Callable[[], ast.FunctionDef], name: str) -> ast.expr:
    """The lambda given to the decorator as keyword `name`."""
    decorator = source().decorator_list[0]
    assert isinstance(decorator, ast.Call)
    return next(k.value for k in decorator.keywords if k.arg == name)


IDENTITY = (lambda grad: grad).__code__.co_code


class Derivative:
    """One derivative: `formula` for Tensors, `of_arrays` the kernel made of it."""

    def __init__(
        self,
        definition: Definition,
        name: str,
        formula: Callable[..., Any],
        source: Callable[[], ast.FunctionDef],
    ):
        asked = list(inspect.signature(formula).parameters)
        assert asked[0] == "grad", f"{definition.name}: a derivative's first parameter is `grad`"
        places = [*definition.parameters, "result"]
        self.formula = formula
        self.positions = positions = tuple(places.index(n) for n in asked[1:])
        kernel_name = f"{definition.name}_grad_{name}"
        numbers = {definition.parameters[i] for i in definition.numbers}
        find = functools.partial(decorator_lambda, source, name)
        self.kernel = Formula(kernel_name, formula, find, numbers)
        self.is_identity = formula.__code__.co_code == IDENTITY
        self.of_arrays = self.array_function(self.kernel.ufunc, positions)

    def array_function(self, ufunc: np.ufunc, positions: tuple[int, ...]) -> Callable[..., Any]:
        """(grad, saved arrays) -> the gradient."""
        if not positions:
            if self.is_identity:
                return lambda grad, saved: grad
            return lambda grad, saved: launch1(ufunc, grad)
        if len(positions) == 1:
            (only,) = positions
            return lambda grad, saved: launch2(ufunc, grad, saved[only])
        return lambda grad, saved: launch(ufunc, grad, *[saved[i] for i in positions])


class PointwiseNode(Node):
    """The node of a pointwise operation; `saved` is (parameters..., result)."""

    __slots__ = ()
    definition: Definition
    kernels: list[Any]

    def vjp(self, grad: Array) -> Any:
        saved = self.saved_arrays()
        return [
            None if edge is NO_EDGE or kernel is None else kernel(grad, saved)
            for kernel, edge in zip(self.kernels, self.next_functions, strict=True)
        ]

    def vjp_of_tensors(self, grad: Tensor) -> Any:
        wanted = [None if edge is NO_EDGE else grad for edge in self.next_functions]
        return self.jvp_of_tensors(wanted)  # for each input, as a derivative takes either

    def jvp(self, tangents: Sequence[Array | None]) -> list[Array | None]:
        """What the tangent of each input adds to that of the output.  The Jacobian of a pointwise
        operation is diagonal, so a derivative takes a tangent as well as a gradient."""
        saved = self.saved_arrays()
        return [
            None if tangent is None or kernel is None else kernel(tangent, saved)
            for kernel, tangent in zip(self.kernels, tangents, strict=True)
        ]

    def jvp_of_tensors(self, tangents: Sequence[Tensor | None]) -> list[Tensor | None]:
        saved = with_histories(self.saved_arrays(), self.saved_edges())
        return [
            None if tangent is None or d is None else self.with_tensors(d, tangent, saved)
            for d, tangent in zip(self.definition.derivatives, tangents, strict=True)
        ]

    def with_tensors(self, derivative: Derivative, grad: Tensor, saved: Sequence[Any]) -> Tensor:
        result = derivative.formula(grad, *[saved[i] for i in derivative.positions])
        return result if type(result) in TENSORS else grad.new_full(grad.shape, result)

    def saved_edges(self) -> list[Edge]:
        edges: list[Edge] = [NO_EDGE] * len(self.definition.parameters) + [(self, 0)]
        for position, edge in zip(self.definition.inputs, self.next_functions, strict=True):
            edges[position] = edge
        return edges


class UnknownDerivative(PointwiseNode):
    """The node of an operation that has a derivative, but none that is known here."""

    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        raise RuntimeError(f"derivative for {self.definition.name} is not implemented")

    vjp_of_tensors = vjp

    def jvp(self, tangents: Any) -> Any:
        raise NotImplementedError(
            f"Trying to use forward AD with {self.definition.name} that does not support it."
        )

    jvp_of_tensors = jvp


class BinaryNode(PointwiseNode):
    """The same without the loop: most nodes have two inputs."""

    __slots__ = ()

    def vjp(self, grad: Array) -> Any:
        saved = self.saved
        if type(saved) is not tuple:
            saved = self.saved_arrays()
        (x_edge, y_edge), (x_kernel, y_kernel) = self.next_functions, self.kernels
        return (
            None if x_edge is NO_EDGE else x_kernel(grad, saved),
            None if y_edge is NO_EDGE else y_kernel(grad, saved),
        )


class SumNode(BinaryNode):
    """Of x + y: each gets the gradient as it is."""

    __slots__ = ()

    def vjp(self, grad: Array) -> Any:
        (x_edge, y_edge) = self.next_functions
        return None if x_edge is NO_EDGE else grad, None if y_edge is NO_EDGE else grad


def unary(definition: Definition, node_type: type[Node]) -> Callable[..., Any]:
    ufunc, differentiable = definition.ufunc, definition.differentiable
    saves = definition.keep(True)
    keep_x, keep_result = saves or (False, False)

    def op(input: Any, *, out: Any = None) -> Any:
        if out is not None:
            return into(op, out, input)
        if type(input) not in TENSORS:
            return of_mixed(definition, op, (input,))
        array, edge = input.array, input.edge
        result = launch1(ufunc, array)
        if edge is NO_EDGE or not differentiable or not is_recording():
            return unrecorded(result)
        if type(edge) is not tuple:
            edge = edge.resolve(input)
            if edge is NO_EDGE:
                return unrecorded(result)
        node = node_type()
        node.next_functions = (edge,)
        node.saved = (array if keep_x else None, result if keep_result else None) if saves else ()
        return attach(node, result)

    return op


def binary(definition: Definition, node_type: type[Node]) -> Callable[..., Any]:
    """An operation of two tensors."""
    ufunc, differentiable = definition.ufunc, definition.differentiable
    of_others = of_tensors if definition.no_numbers else of_pair
    keep_both = definition.keep(True, True)
    keep_first, keep_second = definition.keep(True, False), definition.keep(False, True)

    def operator(input: Any, other: Any) -> Any:
        if type(input) not in TENSORS or type(other) not in TENSORS:
            return of_others(definition, operator, input, other)
        x_array, y_array, x_edge, y_edge = input.array, other.array, input.edge, other.edge
        result = launch2(ufunc, x_array, y_array)
        if not differentiable or not is_recording():
            return unrecorded(result)
        if type(y_edge) is not tuple:
            y_edge = y_edge.resolve(other)
        if type(x_edge) is not tuple:  # after y's: a leaf's new node runs before that of y
            x_edge = x_edge.resolve(input)
        if y_edge is NO_EDGE:
            if x_edge is NO_EDGE:
                return unrecorded(result)
            keep = keep_first
        else:
            keep = keep_second if x_edge is NO_EDGE else keep_both
        node = node_type()
        node.next_functions = (x_edge, y_edge)
        if keep:
            keep_x, keep_y, keep_result = keep
            node.saved = (
                x_array if keep_x else None,
                y_array if keep_y else None,
                result if keep_result else None,
            )
        else:
            node.saved = ()
        return attach(node, result)

    return with_out(operator)


def with_out(operator: Callable[..., Any]) -> Callable[..., Any]:
    """The operation that takes out=, too.  To look for it costs 2% of a small x * y, so that
    `op.operator` is the one that does not."""

    def op(input: Any, other: Any, *, out: Any = None) -> Any:
        return operator(input, other) if out is None else into(op, out, input, other)

    op.operator = operator  # type: ignore[attr-defined]
    return op


def general(definition: Definition, node_type: type[Node]) -> Callable[..., Any]:
    """An operation with any number of tensors, conditions and numbers."""
    ufunc, inputs = definition.ufunc, definition.inputs
    count = len(definition.parameters)
    keep = functools.cache(definition.keep)

    def op(*args: Any, out: Any = None, **named: Any) -> Any:
        if out is not None:
            return into(op, out, *args, **named)
        if named or len(args) != count:
            args = arguments(definition, args, named)
        if not TENSORS.issuperset(map(type, args)):
            if definition.no_numbers:
                refuse_numbers(definition, args)
            return of_mixed(definition, op, args)
        arrays = [x.array for x in args]
        result = launch(ufunc, *arrays)
        if not definition.differentiable or not is_recording():
            return unrecorded(result)
        edges = tuple([edge_of(args[i]) for i in reversed(inputs)])[::-1]
        if edges.count(NO_EDGE) == len(edges):
            return unrecorded(result)
        needed = [edge is not NO_EDGE for edge in edges]
        node = node_type()
        node.next_functions = edges
        values = (*arrays, result)
        kept = keep(*needed)
        node.saved = (
            tuple([v if k else None for v, k in zip(values, kept, strict=True)]) if kept else ()
        )
        return attach(node, result)

    return op


def into(op: Any, out: Any, *args: Any, **named: Any) -> Tensor:
    """op(..., out=out): the result is written to `out`, which takes its shape."""
    name = op.__name__.removeprefix("scaled_")
    if type(out) not in TENSORS:
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if is_recording() and any(type(x) in TENSORS and x.requires_grad for x in (out, *args)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad. Leave out= away and use the result, or call "
            "it inside `with minigrad.no_grad():`."
        )
    values = op(*args, **named).array
    if CATEGORY[values.dtype.kind] > CATEGORY[out.array.dtype.kind]:
        raise RuntimeError(
            f"result type {type_name(values.dtype)} can't be cast to the desired output type "
            f"{type_name(out.array.dtype)}"
        )
    if out.is_inference() and not is_inference_mode_enabled():
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. Leave out= "
            "away and use the result."
        )
    check_assignable(out.array, values)
    if out.array.shape != values.shape:
        out.array = full(values.shape, 0, out.array.dtype, out.array)
    out.array[...] = converted(values, out.array.dtype)
    note_write(out.array)
    return out


def arguments(definition: Definition, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """All arguments in the order of the parameters."""
    names = definition.keywords
    given = dict(zip(names, args, strict=False))
    unknown = [n for n in named if n not in names or n in given]
    values = definition.defaults | given | named
    missing = [n for n in names if n not in values]
    if len(args) > len(names) or unknown or missing:
        raise TypeError(
            f"{definition.name}{definition.signature}: got {len(args)} arguments and {list(named)}"
        )
    return tuple(values[n] for n in names)


# ---------------------------------------------------------------- numbers and arrays beside Tensors


def of_pair(definition: Definition, op: Callable[..., Any], x: Any, y: Any) -> Any:
    """of_mixed for two operands; arrays, and x * 0.5, need no look at dtypes."""
    kind = type(x)
    if kind is np.ndarray and type(y) is np.ndarray:
        return launch2(definition.ufunc, x, y)
    if type(y) is float and y:
        if kind is np.ndarray:
            return launch2(definition.ufunc, x, number(y, x.dtype).array)
        if kind in TENSORS:
            return op(x, number(y, x.array.dtype))
    return of_mixed(definition, op, (x, y))


def of_tensors(definition: Definition, op: Callable[..., Any], x: Any, y: Any) -> Any:
    """of_mixed for two operands that may be no numbers."""
    refuse_numbers(definition, (x, y))
    return of_mixed(definition, op, (x, y))


def refuse_numbers(definition: Definition, args: tuple[Any, ...]) -> None:
    for i in definition.no_numbers:
        if type(args[i]) in NUMBERS:
            raise unsupported(definition, args, i)


def of_mixed(definition: Definition, op: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Numbers become 0-d operands; without any Tensor, arrays in give arrays out."""
    like = None
    tensors = False
    for x in args:
        kind = type(x)
        if kind in NUMBERS:
            continue
        if kind in TENSORS:
            dtype, tensors = x.array.dtype, True
        elif isinstance(x, np.generic) and not TENSORS.isdisjoint(map(type, args)):
            plain = [y.item() if isinstance(y, np.generic) else y for y in args]
            return of_mixed(definition, op, tuple(plain))  # beside a tensor, a number
        elif kind is np.ndarray or (hasattr(x, "dtype") and hasattr(x, "strides")):
            dtype = x.dtype
        else:
            raise unsupported(definition, args, next(i for i, y in enumerate(args) if y is x))
        if like is not dtype:
            like = dtype if like is None else promote(like, dtype)
    if like is None:
        raise unsupported(definition, args, 0)
    if definition.formula.no_bool and any(type(x) is bool for x in args):
        raise RuntimeError(definition.formula.no_bool)
    if like.kind != "f":
        definition.formula.check(like)
        if definition.casts_numbers:
            args = tuple(fitting(x, like) if type(x) in NUMBERS else x for x in args)
    if tensors:
        return op(*[as_tensor(x, like) for x in args])
    arrays = [as_tensor(x, like).array if type(x) in NUMBERS else x for x in args]
    return (
        launch2(definition.ufunc, *arrays)
        if len(arrays) == 2
        else launch(definition.ufunc, *arrays)
    )


def dtype_of(x: Any) -> Dtype:
    """The dtype of an operand, tensor or number."""
    return x.array.dtype if type(x) in TENSORS else np.asarray(x).dtype


def as_tensor(x: Any, like: Dtype) -> Tensor:
    if type(x) in TENSORS:
        return x
    if type(x) in NUMBERS:
        return number(x, like) if x or type(x) is int else constant(scalar_array(x, like))
    return constant(x if not isinstance(x, np.generic) else np.asarray(x))


@functools.lru_cache(1000, typed=True)
def number(value: float, like: Dtype) -> Tensor:
    """The constant of a number, kept.  (Not of 0.0: it would be one key with -0.0.)"""
    return constant(scalar_array(value, like))


def scalar_array(value: float, like: Dtype) -> Array:
    """A Python number as a 0-d array, beside operands of dtype `like`.  It is read-only: so it can
    be told from what a tensor holds."""
    dtype = number_dtype(value, like)
    if dtype.kind in "iu" and not isinstance(value, bool):
        bounds = np.iinfo(dtype)
        if not bounds.min <= value <= bounds.max:
            raise RuntimeError(
                f"value cannot be converted to type {dtype} without overflow: {value}"
            )
    array = np.array(value, dtype)
    array.flags.writeable = False
    return array


def fitting(value: float, dtype: Dtype) -> Any:
    """A number to fill with, as a dtype holds it: -1 is 255 in uint8."""
    check_fits(value, dtype)
    return np.asarray(value).astype(dtype).item() if dtype.kind in "iub" else value


@functools.lru_cache(1000, typed=True)
def check_fits(value: float, dtype: Dtype) -> None:
    """RuntimeError for a number that is too large for a dtype.  (Unsigned ones count from their end
    for a negative number.)"""
    if dtype.kind == "b" or (dtype.kind == "f" and not math.isfinite(value)):
        return
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    lowest = -limits.max if dtype.kind == "u" else limits.min
    if not lowest <= value <= limits.max:
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow: {value}")


def is_number(array: Array) -> bool:
    """Whether an operand was a Python number."""
    return type(array) is np.ndarray and not array.ndim and not array.flags.writeable


def unsupported(definition: Definition, args: Sequence[Any], wrong: int) -> TypeError:
    """What to say of the argument at this place."""
    x, argument = args[wrong], definition.keywords[wrong]
    wanted = "Number" if wrong in definition.numbers else "Tensor"
    if wanted == "Tensor" and wrong and wrong not in definition.no_numbers:
        wanted = "Tensor or Number"
    if isinstance(x, tuple) and any(isinstance(element, Tensor) for element in x):
        advice = " Take the tensors out of it first, as in `x, = ctx.saved_tensors`."
    elif isinstance(x, list | tuple | int | float):
        advice = " Make a tensor of it first, with minigrad.tensor()."
    else:
        advice = ""
    return TypeError(
        f"{definition.public_name}(): argument '{argument}' must be {wanted}, not "
        f"{type(x).__name__}.{advice}"
    )
