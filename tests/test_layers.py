"""The house's floors: a module imports from its own layer or from those below, never from above."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From low to high; the names are those of files and folders in minigrad/.
LAYERS = [
    [
        "determinism",
        "device",
        "dtypes",
        "formats",
        "grad_mode",
        "inference",
        "limits",
        "memory",
        "modes",
        "pytree",
        "reach",
        "recording",
        "return_types",
        "shapes",
    ],
    ["kernels"],
    [
        "hooks",
        "forward_levels",
        "node",
        "blame",
        "leaf",
        "values",
        "printing",
        "tensor",
        "saved",
        "export",
        "context",
        "random",
    ],
    ["ops"],
    ["anomaly", "engine", "function", "results"],
    ["autograd"],
    ["methods"],
    [
        "accelerator",
        "backends",
        "cuda",
        "data",
        "func",
        "linalg",
        "nn",
        "optim",
        "serialization",
        "testing",
        "utils",
    ],
    ["demo", "demo_pictures", "__main__"],
    ["__init__"],
]
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}


def module_files(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name: minigrad, minigrad.tensor, minigrad.ops, ..."""
    files = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


MINIGRAD = module_files("minigrad")
VISUALIZE = module_files("visualize")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports(node: ast.AST, inside_function: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Every import statement that runs, and whether it stands in a function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, inside_function
        elif not is_type_checking(child):
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(child, inside_function or function)


def imported_names(statement: ast.stmt) -> Iterator[str]:
    """The modules that an import names; `from a import b` is a.b where that is a module."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        assert not statement.level, f"line {statement.lineno}: write imports in full, without dots"
        for alias in statement.names:
            module = f"{statement.module}.{alias.name}"
            known = module in MINIGRAD or module in VISUALIZE
            yield module if known else str(statement.module)


def dependencies(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [name for statement, _ in imports(tree) for name in imported_names(statement)]


def height(module: str) -> int:
    parts = module.split(".")
    name = parts[1] if len(parts) > 1 else "__init__"
    assert name in HEIGHT, f"{module}: say in LAYERS of {Path(__file__).name} where it belongs"
    return HEIGHT[name]


@pytest.mark.parametrize("module", MINIGRAD)
def test_no_import_from_above(module: str) -> None:
    wanted = [name for name in dependencies(MINIGRAD[module]) if name.split(".")[0] == "minigrad"]
    above = [name for name in wanted if height(name) > height(module)]
    assert not above, f"{module} imports from a higher layer: {above}"


def test_no_cycles() -> None:
    graph = {
        module: [name for name in dependencies(path) if name in MINIGRAD and name != module]
        for module, path in MINIGRAD.items()
    }
    done: set[str] = set()
    while ready := [m for m in graph if m not in done and done.issuperset(graph[m])]:
        done.update(ready)
    assert done == set(graph), f"these import each other: {sorted(set(graph) - done)}"


@pytest.mark.parametrize("module", [*MINIGRAD, *VISUALIZE])
def test_no_import_inside_a_function(module: str) -> None:
    path = MINIGRAD.get(module) or VISUALIZE[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [statement.lineno for statement, inside in imports(tree) if inside]
    assert not lines, f"{path}: imports inside functions at lines {lines}"


@pytest.mark.parametrize("module", VISUALIZE)
def test_visualize_knows_no_minigrad(module: str) -> None:
    """So that it draws torch graphs, and anything else that has grad_fn and next_functions."""
    roots = {name.split(".")[0] for name in dependencies(VISUALIZE[module])}
    assert roots.isdisjoint({"minigrad", "torch"})


def test_the_picture_in_the_docs() -> None:
    """docs/architecture.md draws the same floors, the highest first."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = page.split("## Floors")[1].split("\n\n")[2]
    drawn = [name for line in picture.splitlines() for name in line.strip().split("   ")[0].split()]
    assert len(drawn) == sum(map(len, LAYERS))
    for floor in reversed(LAYERS):
        here, drawn = drawn[: len(floor)], drawn[len(floor) :]
        assert set(here) == set(floor)
