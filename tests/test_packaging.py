"""What is installed, and what `import minigrad` does not do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What only some programs need, and they import it themselves.
NOT_AT_IMPORT = ["graphviz", "minigrad.demo", "minigrad.kernels.cuda", "torch", "visualize"]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a new interpreter that treats every warning as an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("package", ["minigrad", "visualize", "minigrad.data", "minigrad.optim"])
def test_import_is_silent_and_writes_nothing(package: str, tmp_path: Path) -> None:
    result = python("-c", f"import {package}", MINIGRAD_CACHE_DIR=str(tmp_path / "cache"))
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not (tmp_path / "cache").exists()


def test_import_leaves_optional_things_alone() -> None:
    result = python("-c", "import minigrad, sys; print('\\n'.join(sys.modules))")
    assert result.returncode == 0, result.stderr
    assert set(NOT_AT_IMPORT).isdisjoint(result.stdout.split())


def test_import_compiles_nothing() -> None:
    script = (
        "import llvmlite.binding as llvm, numba.core.codegen as codegen\n"
        "made = []\n"
        "finalize = codegen.CPUCodeLibrary.finalize\n"
        "codegen.CPUCodeLibrary.finalize = lambda self: made.append(self) or finalize(self)\n"
        "import minigrad\n"
        "print(len(made))\n"
    )
    result = python("-c", script)
    assert (result.returncode, result.stdout.strip()) == (0, "0"), result.stderr


@pytest.mark.parametrize("package", ["minigrad", "visualize"])
def test_every_file_of_a_package_is_installed(package: str) -> None:
    tomllib = pytest.importorskip("tomllib")
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    patterns = tools["setuptools"]["package-data"][package]
    folder = ROOT / package
    made_by_tools = re.compile(r"/(__pycache__|\.[^/]*)/")
    files = {
        path
        for path in folder.rglob("*")
        if path.is_file() and not made_by_tools.search(f"/{path.relative_to(folder).as_posix()}")
    }
    packed = {path for pattern in patterns for path in folder.glob(pattern)}
    modules = {path for path in files if path.suffix == ".py"}
    assert files - packed - modules == set()
    assert {path.parent / "__init__.py" for path in modules} <= modules


def test_ci_runs_what_a_person_runs() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    parts = re.findall(r"^for part in (.*); do$", (ROOT / ".ci" / "run").read_text(), re.M)
    assert parts == ["check test parity ptx"]
    assert set(parts[0].split()) <= set(targets)


def test_every_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):(.*)$", makefile, re.M)
    assert targets
    assert [name for name, rest in targets if " ## " not in rest] == []
