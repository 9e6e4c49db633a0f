"""Sample calls of every operation, for tests that go through all of them.

A sample is an expression in torch's language, `torch.where(condition, x, y)`, and arrays for the
names in it.  `torch` in it may be minigrad or torch itself, so one sample serves the check of
derivatives, a GPU and the comparison with torch.

A new pointwise operation has samples from its registration on: `x.name(y)`, with operands that
suit most functions of the real numbers.  One that needs others gets a line in DOMAINS; one that
torch spells differently, a line in SPELLINGS (operations/pointwise.py).  All other operations have
a line in the table of their family, in operations/.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from minigrad.ops.define import POINTWISE, Definition, UnknownDerivative
from minigrad.testing.operations import (
    chosen,
    convolution,
    indexing,
    linalg,
    losses,
    matmul,
    normalization,
    reductions,
    shapes,
)
from minigrad.testing.operations.pointwise import (
    CONDITION,
    DOMAINS,
    INTEGERS,
    NUMBER,
    SPELLINGS,
    VALUES,
)
from minigrad.testing.table import CONSTANTS, Array, Table

# The tables of all operations that are not pointwise, by family.
TABLES: dict[str, Table] = {
    "reductions": reductions.TABLE,
    "normalization": normalization.TABLE,
    "losses": losses.TABLE,
    "linalg": linalg.TABLE,
    "matmul": matmul.TABLE,
    "shapes": shapes.TABLE,
    "indexing": indexing.TABLE,
    "convolution": convolution.TABLE,
    "chosen": chosen.TABLE,
}
ROUTINES = {name: e for table in TABLES.values() for name, e in table.expressions.items()}
CPU_ONLY = frozenset(name for table in TABLES.values() for name in table.cpu_only)
ONCE_DIFFERENTIABLE = frozenset(n for table in TABLES.values() for n in table.once_differentiable)
BY_VALUES = frozenset(name for table in TABLES.values() for name in table.by_values)
OWN_GRAPH = frozenset(name for table in TABLES.values() for name in table.own_graph)


@dataclass(frozen=True)
class Sample:
    """One call of an operation: an expression, and arrays for the names in it."""

    operation: str
    expression: str
    operands: dict[str, Array]
    constants: frozenset[str] = frozenset(CONSTANTS)  # names of floats that get no gradient

    def __str__(self) -> str:
        return self.expression

    @property
    def floating(self) -> list[str]:
        """The names of the operands that can have a gradient."""
        floats = [name for name, array in self.operands.items() if array.dtype.kind == "f"]
        return [name for name in floats if name not in self.constants]

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
    if wanted.kind != "f":
        array = np.nan_to_num(array)
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
    return [sample for table in TABLES.values() for sample in samples_in(table)]


def samples_in(table: Table) -> Iterator[Sample]:
    """Those of one family."""
    arrays = table.arrays
    for name, expressions in table.expressions.items():
        for expression in expressions:
            used = {n: a for n, a in arrays.items() if n in names_in(expression)}
            yield Sample(name, expression, used, table.without_gradient)
