"""From a scalar formula to the text of a kernel.

A formula is an ordinary Python function of one element of each operand, such as

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

Kernels are generated as readable text from its source: numbers get the operands' dtype
(`float32(1) / (float32(1) + exp_(-x))`, or a float32 kernel would compute in float64), functions
of `math` become this device's own, and other formulas that it calls are written above it.
"""

import ast
import builtins
import copy
import functools
import inspect
import re
import textwrap
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from types import FunctionType
from typing import Any, NamedTuple, Protocol

import numpy as np

from minigrad.kernels import jit, ufunc
from minigrad.kernels.cpu import broadcasting

Dtype = np.dtype[Any]

FORMULAS: dict[np.ufunc, "Formula"] = {}
SCALARS: dict[str, "Formula"] = {}  # the forward formula of each operation, by the operation's name

BOOL, FLOAT32 = np.dtype(bool), np.dtype(np.float32)
Number = float  # the annotation of an operand that is a Python number
CONDITION = "condition"  # an operand of this name is a bool whatever the others are

# Python's own functions by the names they have in a kernel.  Python's max(nan, 0) depends on the
# order of its arguments; maximum() gives nan, as torch does, and vectorises.
BUILTINS = {"max": "maximum", "min": "minimum", "abs": "fabs", "round": "rint"}
PLAIN = {name: getattr(builtins, name) for name in BUILTINS}  # not the operations of those names
RUNTIME = {"load", "store", "boolean", "float16", "float32", "float64", "uint8"}
RUNTIME |= {"int8", "int16", "int32", "int64"}
OPERATORS = {ast.Pow: "pow", ast.Mod: "remainder", ast.FloorDiv: "floor_divide"}  # of floats
WHOLE = {"floor", "ceil", "trunc", "rint"}  # leave an integer as it is

# What the CPU has in special_math.py; everything else is in vector_math.py.
SPECIAL = {"acosh", "asinh", "atanh", "cospi", "erf", "erfc", "erfinv", "lgamma", "sinpi"}


compiling = threading.RLock()  # NumPy takes a loop only once


class Formula:
    """A scalar function as text, the ufunc that runs it on the CPU, and the dtypes it has met."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        find: Callable[[], ast.AST],
        numbers: Collection[str] = (),
    ):
        """`numbers`: the operands that are always one number, beside those annotated so."""
        self.name, self.function, self.find = name, function, find
        parameters = inspect.signature(function).parameters
        self.parameters = tuple(parameters)
        annotated = {n for n, p in parameters.items() if p.annotation in (Number, "Number")}
        self.numbers = annotated.union(numbers)
        self.conditions = frozenset(
            i for i, parameter in enumerate(self.parameters) if parameter == CONDITION
        )
        self.compiled: dict[Dtype, int] = {}  # the address of the loop for each
        self.of_rows: dict[Dtype, ByRows] = {}
        self.no_bool, self.integers_only = "", False
        self.plain_ufunc = ufunc.new_ufunc(name, len(self.parameters))
        self.ufunc = ufunc.with_array_results(self.plain_ufunc)
        FORMULAS[self.ufunc] = FORMULAS[self.plain_ufunc] = self

    def refuse(self, no_bool: str, integers_only: bool) -> None:
        """Do not compute with bools (for the reason given), or with floats."""
        self.no_bool, self.integers_only = no_bool, integers_only

    def check(self, dtype: Dtype) -> None:
        """RuntimeError for a dtype that the operation is not defined for."""
        if self.no_bool and dtype == BOOL:
            raise RuntimeError(self.no_bool)
        if self.integers_only and dtype.kind == "f":
            raise NotImplementedError(
                f"{self.name!r} not implemented for {dtype}: it needs integers or bools"
            )

    @functools.cached_property
    def kind(self) -> type:
        """bool, int or float: what the formula makes of integers tells the result's dtype."""
        if self.function.__name__ == "<lambda>":
            return int  # derivatives only ever meet floating dtypes
        sample = [True if i in self.conditions else 2 + i for i in range(len(self.parameters))]
        plain = FunctionType(
            self.function.__code__,
            self.function.__globals__ | PLAIN,
            None,
            self.function.__defaults__,
        )
        try:
            return type(plain(*sample))
        except (ValueError, AttributeError):  # acos(2) has no value; exp2 is new in Python 3.11
            return float  # either way a function of the real numbers

    def compute_dtype(self, dtype: Dtype) -> Dtype:
        """The dtype that an element is computed in: float16 in float32."""
        return FLOAT32 if dtype == np.float16 else dtype

    def dtypes(self, dtype: Dtype) -> list[Dtype]:
        """Those of the operands, then of the result, when the operands promote to `dtype`."""
        operands = [BOOL if i in self.conditions else dtype for i in range(len(self.parameters))]
        return [*operands, BOOL if self.kind is bool else dtype]

    def functions(self, dtype: Dtype) -> "Functions":
        """The text of this formula for one dtype, after that of the formulas it calls."""
        found = Functions()
        self.add_to(found, self.compute_dtype(dtype))
        return found

    def add_to(self, found: "Functions", dtype: Dtype) -> None:
        if self.name in found.texts:
            return
        tree = copy.deepcopy(self.find())
        statements = tree.body if isinstance(tree, ast.FunctionDef) else [as_return(tree)]
        typed = TypedNumbers(self, dtype, found)
        lines = [
            ast.unparse(ast.fix_missing_locations(typed.visit(s))) for s in statements if code(s)
        ]
        head = f"def {self.name}({', '.join(self.parameters)}):\n"
        found.texts[self.name] = head + textwrap.indent("\n".join(lines), "    ") + "\n"

    def source(self, dtype: Any = np.float32) -> str:
        """The generated text of the CPU kernel."""
        return cpu_text(self, np.dtype(dtype))

    def compile_loop(self, dtype: Dtype) -> None:
        """Give the ufunc a loop for operands of `dtype`, though several threads ask at once."""
        with compiling:
            if dtype not in self.compiled:
                module = jit.load_generated(f"{self.name}_{dtype}", self.source(dtype))
                ufunc.add_loop(self.plain_ufunc, module.loop.address, self.dtypes(dtype))
                self.compiled[dtype] = module.loop.address

    def by_rows(self, dtype: Dtype) -> "ByRows":
        """The same loop for large operands of `dtype` that are stretched."""
        if dtype not in self.of_rows:
            with compiling:
                dtypes = self.dtypes(dtype)
                kernel = broadcasting.by_rows(self.name, self.compiled[dtype], dtypes)
                self.of_rows[dtype] = ByRows(kernel, dtypes[-1])
        return self.of_rows[dtype]


class ByRows(NamedTuple):
    """A ufunc(*operands, out) of matrices, and the dtype of its result."""

    ufunc: np.ufunc
    result: Dtype


class Functions:
    """Texts of scalar functions in the order they call each other, and what they need of math."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.math: set[str] = set()


def as_return(tree: ast.AST) -> ast.stmt:
    assert isinstance(tree, ast.Lambda)
    return ast.Return(tree.body)


def code(statement: ast.stmt) -> bool:
    """Whether a statement is more than a docstring."""
    return not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


class Source(Protocol):
    """Where an expression comes from: a function, and the names that are its operands."""

    @property
    def function(self) -> Callable[..., Any]: ...
    @property
    def parameters(self) -> Sequence[str]: ...


class TypedNumbers(ast.NodeTransformer):
    """Gives every number the kernel's dtype, and every called function its name in a kernel."""

    def __init__(self, formula: Source, dtype: Dtype, found: Functions):
        self.formula, self.dtype, self.found = formula, dtype, found
        self.names = formula.function.__globals__

    def number(self, value: float) -> ast.expr:
        if isinstance(value, bool):
            return ast.Constant(value)
        if self.dtype.kind != "f" and not isinstance(value, int):
            return ast.Constant(value)
        if value != value or value in (float("inf"), -float("inf")):
            return ast.parse(f"{self.dtype}(float('{value}'))", mode="eval").body
        kind = "int64" if self.dtype == BOOL else self.dtype
        return ast.parse(f"{kind}({value!r})", mode="eval").body

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return self.number(node.value) if isinstance(node.value, int | float) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        node.left = self.visit(node.left)
        whole_power = isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant)
        if whole_power:  # x ** 2 stays as it is: Numba makes it x * x
            return node
        node.right = self.visit(node.right)
        if self.dtype.kind == "f" and type(node.op) in OPERATORS:
            return self.math_call([node.left, node.right], OPERATORS[type(node.op)])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        """a if c else b: as a selection, since a branch keeps a loop from vectorising."""
        self.generic_visit(node)
        if self.dtype.kind != "f":
            return node
        return self.math_call([node.test, node.body, node.orelse], "where")

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.formula.parameters:
            return node
        value = self.names.get(node.id)
        if isinstance(value, int | float):
            return self.number(value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = getattr(self.names.get(getattr(node.value, "id", "")), node.attr, None)
        if isinstance(value, int | float):  # math.pi, math.inf
            return self.number(value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        node.args = [self.visit(argument) for argument in node.args]
        if isinstance(node.func, ast.Attribute):  # math.exp
            return self.math_call(node.args, node.func.attr)
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name in BUILTINS:
            return self.math_call(node.args, BUILTINS[name])
        if name in SCALARS:
            SCALARS[name].add_to(self.found, self.dtype)
        return node

    def math_call(self, arguments: list[ast.expr], name: str) -> ast.expr:
        if self.dtype.kind != "f":
            if name in WHOLE:
                return arguments[0]
            if name == "fabs":
                return absolute(arguments[0])
        self.found.math.add(name)
        return ast.Call(ast.Name(f"{name}_"), arguments, [])


def absolute(x: ast.expr) -> ast.expr:
    """|x| of an integer.  (In the kernel of abs, `abs` is the kernel itself.)"""
    is_positive = ast.Compare(x, [ast.GtE()], [ast.Constant(0)])
    return ast.IfExp(is_positive, x, ast.UnaryOp(ast.USub(), x))


# ------------------------------------------------------------------------------- the CPU's kernel


def cpu_text(formula: Formula, dtype: Dtype) -> str:
    """A module with the inner loop of a ufunc: for contiguous operands, for one scalar among
    them, and for any strides."""
    functions = formula.functions(dtype)
    dtypes = formula.dtypes(dtype)
    body = textwrap.indent(loop_body(formula, dtypes), "    ")
    names = runtime_names(body, *functions.texts.values())
    title = f"{formula.name} of {', '.join(map(str, dtypes[:-1]))}"
    return "\n".join(
        [
            f'"""{title}.  Generated by minigrad: safe to delete."""\n',
            f"from minigrad.kernels.cpu.runtime import {names}",
            *math_imports(functions.math, formula.compute_dtype(dtype)),
            *("\n\n@scalar\n" + text for text in functions.texts.values()),
            "\n@inner_loop\ndef loop(context, args, lengths, steps, data):",
            body,
        ]
    )


def runtime_names(*texts: str) -> str:
    """What a kernel's text needs of the runtime, for its import line."""
    words = set(re.findall(r"[a-z]+[0-9]*", " ".join(texts)))
    return ", ".join(sorted(words & RUNTIME | {"inner_loop", "scalar"}))


def math_imports(names: Iterable[str], dtype: Dtype) -> list[str]:
    lines = []
    for name in sorted(names):
        module = f"minigrad.kernels.cpu.{'special' if name in SPECIAL else 'vector'}_math"
        typed = dtype.kind == "f" and name != "where"
        lines.append(f"from {module} import {name}{f'_{dtype}' if typed else ''} as {name}_")
    return lines


def loop_body(formula: Formula, dtypes: list[Dtype]) -> str:
    names, sizes = [*formula.parameters, "out"], [dtype.itemsize for dtype in dtypes]
    steps = [f"{name}_step" for name in names]
    lines = ["n = lengths[0]"]
    lines += [f"{name}, {name}_step = args[{i}], steps[{i}]" for i, name in enumerate(names)]
    first = len(lines)
    for fixed in scalar_cases(formula):
        expected = [0 if name in fixed else n for name, n in zip(names, sizes, strict=True)]
        lines.append(f"{'elif' if len(lines) > first else 'if'} {all_equal(steps, expected)}:")
        for i, name in enumerate(formula.parameters):
            if name in fixed:
                lines.append(f"    {name}0 = load({name}, 0, {type_name(dtypes[i])})")
        lines.append(loop(formula, dtypes, sizes, fixed))
    lines += ["else:", loop(formula, dtypes, steps), "return 0"]
    return "\n".join(lines)


def scalar_cases(formula: Formula) -> list[tuple[str, ...]]:
    """Which operands are one number in a loop of its own: the numbers, then any one tensor too."""
    numbers = tuple(name for name in formula.parameters if name in formula.numbers)
    tensors = [name for name in formula.parameters if name not in formula.numbers]
    if len(formula.parameters) == 1:
        return [()]
    return [numbers, *((*numbers, name) for name in tensors)]


def loop(formula: Formula, dtypes: list[Dtype], steps: list[Any], fixed: Sequence[str] = ()) -> str:
    """The text of one loop; the operands in `fixed` were loaded before it."""
    kinds = [type_name(dtype) for dtype in dtypes]
    operands = [
        f"{name}0" if name in fixed else f"load({name}, i * {step}, {kind})"
        for name, step, kind in zip(formula.parameters, steps[:-1], kinds[:-1], strict=True)
    ]
    value_kind = type_name(formula.compute_dtype(dtypes[-1]))
    value = f"{value_kind}({formula.name}({', '.join(operands)}))"
    return f"    for i in range(n):\n        store(out, i * {steps[-1]}, {kinds[-1]}, {value})"


def all_equal(names: list[str], values: list[int]) -> str:
    return " and ".join(f"{n} == {v}" for n, v in zip(names, values, strict=True))


def type_name(dtype: Dtype) -> str:
    return "boolean" if dtype == BOOL else str(dtype)
