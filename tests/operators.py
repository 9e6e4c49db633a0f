"""Every operation, what it computes, its derivative, devices and node: docs/operators.md.

    python -m tests.operators      writes the page again

tests/test_operators.py keeps it true.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import minigrad
from minigrad.ops.define import PointwiseNode, decorator_lambda, function_source
from minigrad.testing import samples, tensors_in
from minigrad.testing.samples import CPU_ONLY

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operators.md"
OPS = ROOT / "minigrad" / "ops"

HEAD = """# Every operation

What `minigrad` computes, in the order of the files that define it. `python -m tests.operators`
writes this page from the code; a test keeps it true.

- **as**: f a function of `minigrad`, F of `minigrad.nn.functional`, L of `minigrad.linalg`;
  m a method of Tensor, i with an in-place form.
- **derivative**: the gradient of each input, where the operation is defined by such a formula.
  Others have a `vjp` in their node's class, or are made of operations that have.
- **grad_fn**: the node of the result, as seen in the sample calls of `minigrad/testing/`.
- **CUDA**: whether it runs there (blank: no sample call asks). What does not raises and names the
  operation; nothing moves to the CPU by itself.
"""

DEVICES = {
    frozenset[bool](): "",
    frozenset({True}): "yes",
    frozenset({False}): "no",
    frozenset({True, False}): "some",
}
NAMESPACES = {"f": "", "F": "nn.functional", "L": "linalg"}
LAST_STEPS = {  # operations that are made of others often end with these
    "AddBackward0",
    "SubBackward0",
    "MulBackward0",
    "DivBackward0",
    "WhereBackward0",
    "ClampMinBackward0",
}
SYMBOLS = {
    ast.Pow: "pow",
    ast.Mod: "remainder",
    ast.MatMult: "matmul",
    ast.Invert: "bitwise_not",
    ast.UAdd: "positive",
    ast.FloorDiv: "floor_divide",
}


@dataclass
class Operation:
    """An operation as people call it, and its other names."""

    name: str
    function: Any
    aliases: list[str] = field(default_factory=list)
    spellings: str = ""
    nodes: set[str] = field(default_factory=set)
    formulas: set[str] = field(default_factory=set)
    on_cuda: set[bool] = field(default_factory=set)

    @property
    def file(self) -> Path:
        return Path(inspect.getsourcefile(inspect.unwrap(self.function)) or "")

    @property
    def line(self) -> int:
        return inspect.unwrap(self.function).__code__.co_firstlineno

    def row(self) -> str:
        what = (inspect.getdoc(self.function) or "").split("\n\n")[0].replace("\n", " ")
        cells = [
            " ".join(f"`{name}`" for name in (self.name, *self.aliases)),
            self.spellings,
            what,
            "<br>".join(sorted(self.formulas)),
            "<br>".join(sorted(self.nodes)),
            DEVICES[frozenset(self.on_cuda)],
        ]
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def operations() -> list[Operation]:
    """Every public one, with what its samples show of it."""
    found: dict[str, Operation] = {}
    for letter, path in NAMESPACES.items():
        for name, function in public(namespace(path)):
            found.setdefault(name, Operation(name, function)).spellings += letter
    for name, function in vars(minigrad.Tensor).items():
        if is_operation(function) and not name.startswith("_") and not name.endswith("_"):
            found.setdefault(name, Operation(name, function)).spellings += "m"
            if hasattr(minigrad.Tensor, f"{name}_"):
                found[name].spellings += "i"
    observe(found)
    merged = merge(found.values())
    return sorted(merged, key=lambda one: (one.file, one.line, one.name))


def merge(found: Iterable[Operation]) -> list[Operation]:
    """One for each function: the name it was defined with, and the others."""
    merged: dict[Any, Operation] = {}
    own_name_first = sorted(found, key=lambda one: one.name != one.function.__name__)
    for one in own_name_first:
        first = merged.setdefault(one.function, one)
        if first is not one:
            first.aliases.append(one.name)
            first.nodes |= one.nodes
            first.formulas |= one.formulas
            first.on_cuda |= one.on_cuda
            first.spellings += "".join(c for c in one.spellings if c not in first.spellings)
    return list(merged.values())


def namespace(path: str) -> ModuleType:
    module: Any = minigrad
    for part in filter(None, path.split(".")):
        module = getattr(module, part)
    return module


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name in module.__all__:
        if is_operation(getattr(module, name)):
            yield name, getattr(module, name)


def is_operation(x: Any) -> bool:
    """Whether a function is defined among the operations."""
    if not inspect.isfunction(x):
        return False
    return Path(inspect.getsourcefile(inspect.unwrap(x)) or "").is_relative_to(OPS)


def observe(found: dict[str, Operation]) -> None:
    """Call every sample, and note the nodes of the results."""
    for sample in samples():
        name = called(sample.expression)
        operation = found.get(name if name in found else sample.operation)
        if operation is None:
            continue
        operation.on_cuda.add(sample.operation not in CPU_ONLY)
        results = sample.call(minigrad, sample.tensors(minigrad, requires_grad=True))
        for x in tensors_in(results):
            if getattr(x, "grad_fn", None) is not None:
                operation.nodes.add(x.grad_fn.name())
                operation.formulas |= set(formulas_of(x.grad_fn))


def called(expression: str) -> str:
    """The name of the operation that an expression calls last."""
    root = ast.parse(expression, mode="eval").body
    if isinstance(root, ast.Subscript):  # one of several results
        root = root.value
    if isinstance(root, ast.Call):
        root = root.func
        return root.attr if isinstance(root, ast.Attribute) else ""
    if isinstance(root, ast.BinOp | ast.UnaryOp):
        return SYMBOLS.get(type(root.op), "")
    return ""


def formulas_of(node: Any) -> Iterator[str]:
    """The derivatives of a pointwise node, as they are written."""
    if not isinstance(node, PointwiseNode) or is_last_step(node):
        return
    definition = node.definition
    source = function_source(inspect.unwrap(definition.formula.function))
    for position, derivative in zip(definition.inputs, definition.derivatives, strict=True):
        name = definition.parameters[position]
        if derivative is not None:
            written = decorator_lambda(lambda: source, name)
            assert isinstance(written, ast.Lambda)
            yield f"{name}: `{ast.unparse(written.body)}`"


def is_last_step(node: Any) -> bool:
    """Whether the node is but the end of an operation that is made of several."""
    made_of_leaves = all(
        end is not None and end.name() == "AccumulateGrad" for end, _ in node.next_functions
    )
    return node.name() in LAST_STEPS and not made_of_leaves


def page() -> str:
    every = operations()
    lines = [HEAD, *index_of(every)]
    file = None
    for operation in every:
        if operation.file != file:
            file = operation.file
            lines += ["", f'<a id="{anchor(file)}"></a>', "", f"## {title_of(file)}", ""]
            lines += ["| operation | as | what it computes | derivative | grad_fn | CUDA |"]
            lines += ["|---|---|---|---|---|---|"]
        lines.append(operation.row())
    return "\n".join(lines) + "\n"


def index_of(every: list[Operation]) -> list[str]:
    """All names in alphabetical order, a line a letter, each with a link to its table."""
    links: dict[str, list[str]] = {}
    named = [(name, one) for one in every for name in (one.name, *one.aliases)]
    for name, one in sorted(named, key=lambda pair: pair[0].lower()):
        links.setdefault(name[0].upper(), []).append(f"[{name}](#{anchor(one.file)})")
    return [line for letter in links for line in (" ".join(links[letter]), "")][:-1]


def anchor(file: Path) -> str:
    return file.relative_to(OPS).with_suffix("").as_posix().replace("/", "-")


def title_of(file: Path) -> str:
    """The path of a file of operations, and what its first sentence says."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    first = text.split("\n\n")[0].replace("\n", " ")
    return f"`{file.relative_to(OPS).as_posix()}`: {first}"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: {len(operations())} operations", file=sys.stderr)


if __name__ == "__main__":
    main()
