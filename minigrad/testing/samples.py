"""Sample calls of every operation, for tests that go through all of them.

A sample is an expression in torch's language, `torch.where(condition, x, y)`, and arrays for the
names in it.  `torch` in it may be minigrad or torch itself, so one sample serves the check of
derivatives, a GPU and the comparison with torch.

A new pointwise operation has samples from its registration on: `x.name(y)`, with operands that
suit most functions of the real numbers.  One that needs others gets a line in DOMAINS; one that
torch spells differently, a line in SPELLINGS.  All other operations have a line in ROUTINES.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.ops.define import POINTWISE, Definition, UnknownDerivative

Array = np.ndarray[Any, Any]

NUMBER = 0.7  # for a parameter that is a Python number and has no default

# The operands of a pointwise operation, in the order of its parameters.  Their shapes broadcast.
# No value is whole or 0, no two are equal, and no quotient of two is whole: there are no kinks.
VALUES = (
    np.array([[-1.7, -0.6, 0.4], [0.9, 1.3, 2.2]]),
    np.array([0.7, -1.2, 1.6]),
    np.array([[0.3], [-0.8]]),
)
INTEGERS = (np.array([[-3, -1, 0], [2, 5, 7]]), np.array([1, 3, 6]), np.array([[2], [4]]))
CONDITION = np.array([[True, False, True], [False, True, True]])


def positive(values: Array) -> Array:
    return np.abs(values)


def within_one(values: Array) -> Array:
    return 0.4 * values


# Where an operation's parameter is not defined, or not smooth, for all of VALUES.
DOMAINS: dict[tuple[str, str], Callable[[Array], Array]] = {
    ("acos", "x"): within_one,
    ("asin", "x"): within_one,
    ("log", "x"): positive,
    ("log10", "x"): positive,
    ("log1p", "x"): within_one,
    ("log2", "x"): positive,
    ("pow_number", "x"): positive,
    ("pow_tensor", "x"): positive,
    ("rsqrt", "x"): positive,
    ("sqrt", "x"): positive,
    ("xlogy", "y"): positive,
}

# Expressions of the operations that are not written x.name(y).
SPELLINGS: dict[str, tuple[str, ...]] = {
    "add_multiple": ("x.add(y, alpha=0.7)", "torch.add(x, 2, alpha=0.7)"),
    "addcdiv": ("x.addcdiv(tensor1, tensor2)", "x.addcdiv(tensor1, tensor2, value=0.7)"),
    "addcmul": ("x.addcmul(tensor1, tensor2)", "x.addcmul(tensor1, tensor2, value=0.7)"),
    "bitwise_invert": ("~x",),
    "clamp_high": ("x.clamp(max=1)",),
    "clamp_low": ("x.clamp(0)",),
    "clamp_max": ("x.clamp_max(1)",),
    "clamp_min": ("x.clamp_min(-1)",),
    "clamp_numbers": ("x.clamp(-0.5, 1)",),
    "clamp_tensors": ("x.clamp(low, high)", "x.clamp(max=high)"),
    "elu": ("F.elu(x)", "F.elu(x, 1.3)"),
    "fmod_number": ("x.fmod(0.7)", "x.fmod(-2)"),
    "fmod_tensor": ("x.fmod(y)",),
    "gelu_erf": ("F.gelu(x)",),
    "gelu_tanh": ("F.gelu(x, approximate='tanh')",),
    "hardtanh": ("F.hardtanh(x)", "F.hardtanh(x, -0.5, 0.8)"),
    "leaky_relu": ("F.leaky_relu(x)", "F.leaky_relu(x, 0.3)"),
    "lerp_number": ("x.lerp(y, 0.3)", "x.lerp(y, 0.8)"),
    "lerp_tensor": ("x.lerp(y, weight)",),
    "log_sigmoid": ("F.logsigmoid(x)",),
    "masked_fill_number": ("x.masked_fill(condition, 2)",),
    "number_pow": ("1.7 ** y", "2 ** y"),
    "pow_number": ("x ** 2.5", "x ** 0", "x ** 1", "x ** 3", "x ** 0.5", "x ** -1.0"),
    "pow_two": ("x ** 2",),
    "pow_tensor": ("x ** y",),
    "remainder_number": ("x % 0.7", "x % -2"),
    "remainder_tensor": ("x % y",),
    "rsub": ("1.5 - x",),
    "silu": ("F.silu(x)",),
    "softplus": ("F.softplus(x)", "F.softplus(x, 2, 1)"),
    "sub_multiple": ("x.sub(y, alpha=0.7)", "torch.sub(x, 2, alpha=-2)"),
    "where": ("torch.where(condition, x, y)", "torch.where(condition, x, 0)"),
}

# Operands of all other operations.  Floating ones are spread over (-2, 2), no two values equal.
SHAPES = {"s": (), "u": (3,), "v": (4,), "x": (3, 4), "y": (3, 4), "b": (2, 3, 4), "c": (2, 4, 2)}
CONSTANTS = {
    "w": np.array([0.3, 0.9, 1.7, 1.2]),
    "p": np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.0, 0.0, 0.5, 0.5]]),
}
INDICES = {
    "i": np.array([2, 0]),
    "j": np.array([[1, -1], [0, 1]]),
    "k": np.array([[1, 0], [0, 1]]),
    "mask": np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 1, 0, 1]], bool),
    "target": np.array([1, 3, 0]),
}

ROUTINES: dict[str, tuple[str, ...]] = {
    # reductions
    "all": ("x.all()", "x.all(1)", "mask.all(0, True)"),
    "amax": ("x.amax()", "x.amax(1)", "b.amax((0, 2), True)"),
    "amin": ("x.amin()", "x.amin(-1)", "b.amin((0, 2), True)"),
    "any": ("x.any()", "x.any(1)", "mask.any(0, True)"),
    "argmax": ("x.argmax()", "x.argmax(1)", "x.argmax(0, True)"),
    "argmin": ("x.argmin()", "x.argmin(1)", "x.argmin(0, True)"),
    "logsumexp": ("x.logsumexp(1)", "b.logsumexp((0, 2))", "x.logsumexp(0, True)"),
    "max": ("x.max()", "x.max(1)", "x.max(0, True)", "torch.max(x, y)"),
    "mean": ("x.mean()", "x.mean(1)", "b.mean((0, 2), True)", "s.mean()"),
    "min": ("x.min()", "x.min(1)", "x.min(0, True)", "torch.min(x, y)"),
    "prod": ("x.prod()", "x.prod(1)", "b.prod(0, True)", "(x * mask).prod(0)", "(v * 0).prod()"),
    "std": ("x.std()", "x.std(1)", "b.std((0, 2), keepdim=True)", "x.std(correction=0)"),
    "sum": ("x.sum()", "x.sum(1)", "b.sum((0, -1), True)", "x.sum(())", "s.sum()"),
    "var": ("x.var()", "x.var(1)", "b.var((0, 2), keepdim=True)", "x.var(0, False)"),
    # rows
    "log_softmax": ("x.log_softmax(1)", "b.log_softmax(1)", "F.log_softmax(v, 0)"),
    "softmax": ("x.softmax(1)", "b.softmax(0)", "F.softmax(v, 0)"),
    "layer_norm": (
        "F.layer_norm(x, (4,))",
        "F.layer_norm(x, (4,), v)",
        "F.layer_norm(b, (3, 4), x, y, 1e-2)",
    ),
    "cross_entropy": (
        "F.cross_entropy(x, target)",
        "F.cross_entropy(x, target, reduction='sum')",
        "F.cross_entropy(x, target, reduction='none')",
        "F.cross_entropy(x, target, ignore_index=3)",
        "F.cross_entropy(x, target, w)",
        "F.cross_entropy(c, k)",
        "F.cross_entropy(c, k, reduction='none')",
        "F.cross_entropy(c[:, :, None], k[:, None], reduction='none')",
        "F.cross_entropy(v, target[0])",
        "F.cross_entropy(x, p)",
    ),
    "nll_loss": (
        "F.nll_loss(x, target)",
        "F.nll_loss(x, target, reduction='none')",
        "F.nll_loss(v, target[1], reduction='none')",
        "F.nll_loss(x, target, w, ignore_index=1)",
    ),
    "mse_loss": (
        "F.mse_loss(x, y)",
        "F.mse_loss(x, y, reduction='sum')",
        "F.mse_loss(x, y, reduction='none')",
    ),
    # matrix products
    "addmm": ("torch.addmm(u, x, y.T)", "torch.addmm(u, x, y.T, beta=0.5, alpha=2)"),
    "bmm": ("torch.bmm(b, c)", "b.bmm(b.mT)"),
    "dot": ("v.dot(v + 1)",),
    "linear": ("F.linear(x, y)", "F.linear(x, y, u)", "F.linear(b, y, u)", "F.linear(v, y, u)"),
    "matmul": (
        "x @ y.T",
        "x @ v",
        "u @ x",
        "v @ v",
        "b @ c",
        "b @ y.T",
        "b @ v",
        "x @ b.mT",
        "v @ c",
        "b[:, None] @ c",
    ),
    "mm": ("x.mm(y.t())", "torch.mm(x.T, y)"),
    "mv": ("x.mv(v)", "x.T.mv(u)"),
    "outer": ("u.outer(v)",),
    # shapes
    "T": ("x.T",),
    "mT": ("b.mT",),
    "broadcast_to": ("v.broadcast_to(3, 4)",),
    "chunk": ("x.chunk(2)", "x.chunk(3, 1)"),
    "clone": ("x.clone()", "b.transpose(0, 2).clone()"),
    "contiguous": ("x.contiguous() * 1", "x.T.contiguous()"),
    "expand": ("v.expand(3, 4)", "x.expand(2, -1, 4)", "s.expand(2, 3)"),
    "expand_as": ("v.expand_as(x)",),
    "flatten": ("x.flatten()", "b.flatten(1)", "b.transpose(0, 1).flatten(0, 1)"),
    "movedim": ("b.movedim(0, 2)", "b.movedim((0, 1), (2, 0))"),
    "narrow": ("x.narrow(1, 1, 2)",),
    "permute": ("b.permute(2, 0, 1)",),
    "ravel": ("x.ravel()", "x.T.ravel()"),
    "reshape": ("x.reshape(2, 6)", "x.T.reshape(-1, 2)", "s.reshape(1, 1)"),
    "select": ("x.select(1, 2)", "x[1]", "x[-1, 2]"),
    "split": ("x.split(2, 1)", "x.split([1, 3], 1)", "torch.split(x, 2)"),
    "squeeze": ("x[:, :1].squeeze()", "x[:, :1].squeeze(1)", "x[:1, :1].squeeze((0, 1))"),
    "swapaxes": ("b.swapaxes(0, 1)",),
    "t": ("x.t()", "v.t()"),
    "transpose": ("b.transpose(0, 2)",),
    "unbind": ("x.unbind()", "x.unbind(1)"),
    "unflatten": ("x.unflatten(1, (2, 2))",),
    "unsqueeze": ("x.unsqueeze(1)", "s.unsqueeze(0)"),
    "view": ("x.view(12)", "x.view(2, -1)"),
    "view_as": ("b.view_as(b + 1)",),
    "cat": ("torch.cat([x, y])", "torch.cat([x, y[:, :2], x], 1)"),
    "stack": ("torch.stack([x, y])", "torch.stack([u, u], 1)"),
    # indexing
    "getitem": (
        "x[1:, ::2]",
        "x[:, None, 1]",
        "x[..., 0]",
        "b[:, 1:, -1]",
        "x[i]",
        "x[:, i]",
        "x[i, i]",
        "x[j]",
        "b[k, :, j]",
        "b[:, i, 1:]",
        "x[mask]",
        "b[:, mask]",
        "x[1, [0, 2]]",
        "x[j] * 2",
    ),
    "embedding": ("F.embedding(i, x)", "F.embedding(k, x)"),
    "index_select": ("x.index_select(0, i)", "torch.index_select(b, 1, i)"),
    # dtypes
    "to": ("x.to(torch.float64)",),
    "type_as": ("x.type_as(y)",),
    # operations that choose one of several pointwise ones
    "square": ("x.square()",),
    "reflected_div": ("2 / x",),
    "floor_divide": ("x // 0.7",),
}


@dataclass(frozen=True)
class Sample:
    """One call of an operation: an expression, and arrays for the names in it."""

    operation: str
    expression: str
    operands: dict[str, Array]

    def __str__(self) -> str:
        return self.expression

    @property
    def floating(self) -> list[str]:
        """The names of the operands that can have a gradient."""
        floats = [name for name, array in self.operands.items() if array.dtype.kind == "f"]
        return [name for name in floats if name not in CONSTANTS]

    def arrays(self, dtype: str = "float64") -> dict[str, Array]:
        """The operands, with the floating ones in another dtype."""
        return {
            name: as_dtype(array, dtype) if array.dtype.kind == "f" else array
            for name, array in self.operands.items()
        }

    def tensors(
        self, library: Any, dtype: str = "float64", requires_grad: bool = False, **options: Any
    ) -> dict[str, Any]:
        """The operands as tensors of minigrad or torch (`library`)."""
        made = {}
        for name, array in self.arrays(dtype).items():
            x = library.tensor(array, **options)
            wanted = requires_grad and name in self.floating and array.dtype.kind == "f"
            made[name] = x.requires_grad_() if wanted else x
        return made

    def call(self, library: ModuleType, tensors: dict[str, Any]) -> Any:
        """The value of the expression."""
        names = {"torch": library, "F": library.nn.functional, **tensors}
        return eval(compiled(self.expression), names)


@functools.cache
def compiled(expression: str) -> Any:
    return compile(expression, expression, "eval")


def as_dtype(array: Array, dtype: str) -> Array:
    """Floats in another dtype.  Integers are rounded away from 0, so that none becomes a divisor of
    value 0; bools say which are positive."""
    wanted = np.dtype(dtype)
    if wanted.kind == "b":
        return array > 0
    if wanted.kind in "iu":
        array = np.sign(array) * np.ceil(np.abs(array))
    return np.maximum(array, 0).astype(wanted) if wanted.kind == "u" else array.astype(wanted)


def tensors_in(value: Any) -> list[Any]:
    """The tensors of an operation's result: one, or several in a tuple."""
    return list(value) if isinstance(value, tuple | list) else [value]


def has_derivative(x: Any) -> bool:
    """Whether a backward pass from `x` leads somewhere."""
    return bool(x.requires_grad) and not isinstance(x.grad_fn, UnknownDerivative)


# ------------------------------------------------------------------------------------- of each kind


def samples() -> list[Sample]:
    """All of them."""
    return [*pointwise_samples(), *routine_samples()]


def pointwise_samples() -> list[Sample]:
    """Those of the registered pointwise operations."""
    return [sample for op in POINTWISE.values() for sample in samples_of(op.definition)]


def samples_of(definition: Definition) -> Iterator[Sample]:
    operands = pointwise_operands(definition)
    for expression in SPELLINGS.get(definition.name, (usual_spelling(definition),)):
        used = {n: a for n, a in operands.items() if n in names_in(expression)}
        yield Sample(definition.name, expression, used)


def usual_spelling(definition: Definition) -> str:
    """x.name(y), with a number for a parameter that is one and has no default."""
    arguments = [
        str(NUMBER) if i in definition.numbers else name
        for i, name in enumerate(definition.parameters)
        if name not in definition.defaults
    ]
    return f"{arguments[0]}.{definition.name}({', '.join(arguments[1:])})"


def pointwise_operands(definition: Definition) -> dict[str, Array]:
    operands = {}
    inputs = [definition.parameters[i] for i in definition.inputs]
    for name in definition.parameters:
        if name == "condition":
            operands[name] = CONDITION
        elif name in inputs:
            number = inputs.index(name)
            values = INTEGERS if definition.formula.integers_only else VALUES
            domain = DOMAINS.get((definition.name, name))
            operands[name] = domain(values[number]) if domain else values[number]
    return operands


def names_in(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}


def routine_samples() -> list[Sample]:
    """Those of the other operations."""
    operands = routine_operands()
    return [
        Sample(name, e, {n: a for n, a in operands.items() if n in names_in(e)})
        for name, expressions in ROUTINES.items()
        for e in expressions
    ]


def routine_operands() -> dict[str, Array]:
    made = {}
    for seed, (name, shape) in enumerate(SHAPES.items()):
        size = int(np.prod(shape, dtype=int))
        spread = np.linspace(-2, 2, size + 2)[1:-1] + 0.01 * (seed + 1)
        made[name] = np.random.default_rng(seed).permutation(spread).reshape(shape)
    return made | CONSTANTS | INDICES
