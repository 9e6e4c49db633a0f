"""In a notebook a line of the user's code is a line of a cell."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import minigrad

PROGRAM = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell("import minigrad; x = minigrad.ones(2, requires_grad=True)", store_history=True)
shell.run_cell("def double(x):\\n    return x * 2\\n\\ny = double(x)", store_history=True)
print(shell.user_ns["y"].grad_fn.line)
"""


def test_a_line_names_its_cell() -> None:
    pytest.importorskip("IPython")
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "Cell In[2], line 2, in double"


def made_by(file: str) -> Any:
    names: dict[str, Any] = {"minigrad": minigrad}
    program = "def double():\n    return minigrad.ones(2, requires_grad=True) * 2\ny = double()"
    exec(compile(program, file, "exec"), names)
    return names["y"]


def test_ipython_is_asked_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = {"cell of a notebook": ("Cell", "In[7]")}
    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=cells.get))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    in_a_cell, in_a_file = made_by("cell of a notebook"), made_by("program.py")
    assert str(in_a_cell.grad_fn.line) == "Cell In[7], line 2, in double"
    assert str(in_a_file.grad_fn.line) == "program.py:2, in double"


def test_ipython_may_be_imported_without_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert str(made_by("program.py").grad_fn.line) == "program.py:2, in double"
