"""Update rules of optimizers: from a formula of one element to a kernel over all parameters.

A rule is an ordinary function of one element of a parameter, of its gradient and of each state
array, and of numbers; it returns what is written back:

    def sgd(param: Any, grad: Any, momentum_buffer: Any, lr: Number, momentum: Number, ...):
        if momentum:
            grad = momentum_buffer = momentum * momentum_buffer + (1 - dampening) * grad
        return param - lr * grad, momentum_buffer

Two things are settled before the loop over the elements.  `if` asks for a choice (a flag, or
whether a number is zero): each answer has a kernel of its own, without a branch and without the
arrays that it does not touch.  And what is made of numbers alone, such as 1 - beta ** step, is
computed by Python in double precision: a float32 kernel would lose digits.
"""

import ast
import copy
import functools
import inspect
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigrad.kernels import jit
from minigrad.kernels.codegen import (
    BUILTINS,
    Dtype,
    Functions,
    Number,
    TypedNumbers,
    math_imports,
    type_name,
)

Answers = tuple[bool, ...]


class Rule:
    """An update rule: its function, and a variant for each combination of answers that came up."""

    def __init__(self, function: Callable[..., Any]):
        self.name, self.function = function.__name__, function
        annotations = {n: p.annotation for n, p in inspect.signature(function).parameters.items()}
        self.numbers = [name for name, kind in annotations.items() if kind is Number]
        self.arrays = [name for name, kind in annotations.items() if kind not in (Number, bool)]
        self.variants: dict[Answers, Variant] = {}
        self.__doc__ = function.__doc__

    @functools.cached_property
    def tree(self) -> ast.FunctionDef:
        tree = ast.parse(textwrap.dedent(inspect.getsource(self.function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        return tree

    @functools.cached_property
    def choices(self) -> list[str]:
        """What an `if` of the function asks for."""
        tests = [node.test for node in ast.walk(self.tree) if isinstance(node, ast.If)]
        return sorted({name for test in tests for name in names_in(test)})

    def variant(self, options: Mapping[str, Any]) -> "Variant":
        """The variant for these options."""
        answers = tuple([bool(options[name]) for name in self.choices])
        variant = self.variants.get(answers)
        if variant is None:
            variant = self.variants[answers] = Variant(self, answers)
        return variant


class Variant:
    """A rule for one combination of answers.

    `states` names the state arrays that it needs, `written` counts out which of param, grad and
    the states it changes, and `numbers` computes what its kernels are given.
    """

    def __init__(self, rule: Rule, answers: Answers):
        self.rule, self.choices = rule, dict(zip(rule.choices, answers, strict=True))
        *statements, result = settled(copy.deepcopy(rule.tree).body, self.choices)
        assert isinstance(result, ast.Return), f"{rule.name} must end with a return"
        hoist = Hoist(set(rule.numbers))
        self.loop = [s for s in map(hoist.take, statements) if s is not None]
        self.loop += [hoist.visit(s) for s in assignments(result, rule.arrays)]
        touched = {name for statement in self.loop for name in names_in(statement)}
        self.arrays = [name for name in rule.arrays if name in touched]
        targets = {name for statement in self.loop for name in assigned_in(statement)}
        self.written = [i for i, name in enumerate(self.arrays) if name in targets - {"grad"}]
        self.states = self.arrays[2:]
        self.given, self.numbers = hoist.names(), hoist.function(rule)
        self.kernels: dict[Dtype, Any] = {}

    def typed_loop(self, dtype: Dtype) -> tuple[str, list[str]]:
        """The text of the loop's body for elements computed in `dtype`, and its math functions."""
        found = Functions()
        typed = TypedNumbers(self, dtype, found)
        statements = [typed.visit(copy.deepcopy(statement)) for statement in self.loop]
        lines = [ast.unparse(ast.fix_missing_locations(s)) for s in statements]
        return "\n".join(lines), sorted(found.math)

    # What TypedNumbers asks of a Source.
    @property
    def function(self) -> Callable[..., Any]:
        return self.rule.function

    @property
    def parameters(self) -> list[str]:
        return [*self.arrays, *self.given]

    @property
    def title(self) -> str:
        asked = ", ".join(name for name, answer in self.choices.items() if answer)
        return f"The update rule {self.rule.name}" + (f" with {asked}" if asked else "")

    def kernel(self, dtype: Dtype) -> Any:
        """The CPU's kernel."""
        if dtype not in self.kernels:
            name = f"{self.rule.name}_{dtype}"
            self.kernels[dtype] = jit.load_generated(name, cpu_text(self, dtype)).update
        return self.kernels[dtype]


# -------------------------------------------------------------------- what is settled before a loop


def names_in(tree: ast.AST) -> set[str]:
    """The variables that a piece of a formula names."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names - {"math", *BUILTINS}


def assigned_in(statement: ast.AST) -> set[str]:
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def settled(statements: list[ast.stmt], choices: dict[str, bool]) -> Iterator[ast.stmt]:
    """The statements that run for these choices."""
    for statement in statements:
        if isinstance(statement, ast.If):
            test = ast.fix_missing_locations(ast.Expression(copy.deepcopy(statement.test)))
            holds = eval(compile(test, "<choice>", "eval"), dict(choices))
            yield from settled(statement.body if holds else statement.orelse, choices)
        elif not isinstance(statement, ast.Expr):  # a docstring
            yield statement


def assignments(result: ast.Return, arrays: list[str]) -> Iterator[ast.stmt]:
    """`return param - lr * grad, state` as assignments to the first operand and the states."""
    values = result.value.elts if isinstance(result.value, ast.Tuple) else [result.value]
    targets = [name for name in arrays if name != "grad"]
    for name, value in zip(targets, values, strict=True):
        assert value is not None
        if not (isinstance(value, ast.Name) and value.id == name):
            yield ast.Assign([ast.Name(name, ast.Store())], value)


class Hoist(ast.NodeTransformer):
    """Takes what is made of numbers alone out of the loop, and gives it a name."""

    def __init__(self, numbers: set[str]):
        self.known, self.before = set(numbers), list[ast.stmt]()
        self.found: dict[str, str] = {}  # the text of an expression: its name in the loop

    def is_number(self, node: ast.AST) -> bool:
        names = names_in(node)
        return bool(names) and names <= self.known

    def take(self, statement: ast.stmt) -> ast.stmt | None:
        """What of a statement stays in the loop."""
        if isinstance(statement, ast.Assign) and self.is_number(statement.value):
            self.known |= assigned_in(statement)
            self.before.append(statement)
            return None
        result: ast.stmt = self.visit(statement)
        return result

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and self.is_number(node):
            text = ast.unparse(node)
            name = self.found.setdefault(text, text if text.isidentifier() else self.new_name())
            return ast.Name(name, ast.Load())
        asks_numbers = isinstance(node, ast.IfExp) and self.is_number(node.test)
        self.generic_visit(node)
        if isinstance(node, ast.IfExp) and asks_numbers:  # the answer comes as 0 or 1
            node.test = ast.Compare(node.test, [ast.NotEq()], [ast.Constant(0)])
        return node

    def new_name(self) -> str:
        return f"number{len(self.found)}"

    def names(self) -> list[str]:
        """The numbers that the loop is given."""
        return list(self.found.values())

    def function(self, rule: Rule) -> Callable[..., tuple[float, ...]]:
        """Computes them from the numbers of the rule."""
        body = [*map(ast.unparse, self.before), f"return ({''.join(t + ', ' for t in self.found)})"]
        text = f"def numbers({', '.join(rule.numbers)}):\n" + textwrap.indent("\n".join(body), "  ")
        names: dict[str, Any] = {"math": math}
        exec(text, names)
        function: Callable[..., tuple[float, ...]] = names["numbers"]
        return function


# ------------------------------------------------------------------------------- the CPU's kernel


def cpu_text(variant: Variant, dtype: Dtype) -> str:
    """A module with the kernel of a variant, for all parameters of a dtype."""
    computed = np.dtype(np.float32) if dtype == np.float16 else dtype
    body, functions = variant.typed_loop(computed)
    stored, kind, size = type_name(dtype), type_name(computed), dtype.itemsize
    names, written = variant.arrays, [variant.arrays[i] for i in variant.written]
    rows = [f"{name}_data = data_of(table[row, {i}])" for i, name in enumerate(names)]
    rows.append(f"size, line = table[row, {len(names)}], table[row, {len(names) + 1}]")
    rows += [f"{n} = {kind}(numbers[line, {i}])" for i, n in enumerate(variant.given)]
    loop = [f"{name} = load({name}_data, i * {size}, {stored})" for name in names]
    loop += body.splitlines()
    loop += [f"store({name}_data, i * {size}, {stored}, {name})" for name in written]
    imports = ", ".join(sorted({"data_of", "kernel", "load", "store", stored, kind}))
    return "\n".join(
        [
            f'"""{variant.title}, of {dtype}.  Generated by minigrad: safe to delete."""\n',
            f"from minigrad.kernels.cpu.runtime import {imports}",
            *math_imports(functions, computed),
            "\n\n@kernel",
            "def update(table, numbers, start, stop):",
            "    for row in range(len(table)):",
            *("        " + line for line in rows),
            "        for i in range(max(start, 0), min(stop, size)):",
            *("            " + line for line in loop),
            "        start, stop = start - size, stop - size\n",
        ]
    )
