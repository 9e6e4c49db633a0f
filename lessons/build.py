"""Build the notebooks of all lessons from their percent files: `python -m lessons.build`.

build/lessons/student/NAME.ipynb has every solution replaced by "your turn"; notebooks that are
already there are kept, since a student may have worked in them (--force replaces them).
build/lessons/solved/NAME.ipynb has the solutions, and with --execute also the outputs.
"""

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat

LESSONS = Path(__file__).resolve().parent
TARGET = LESSONS.parent / "build" / "lessons"

# Both markers stand at the indentation of the code between them; the text is the student's task.
SOLUTION = re.compile(r"^( *)# solution: ([^\n]*)\n.*?^\1# end solution$", re.MULTILINE | re.DOTALL)


def lesson_files():
    """The percent files: those that open with jupytext's header."""
    return sorted(path for path in LESSONS.glob("*.py") if read(path).startswith("# ---\n"))


def read(path):
    return path.read_text(encoding="utf-8")


def strip(source):
    """Replace every solution by a NotImplementedError that says what to do."""
    stripped = SOLUTION.sub(your_turn, source)
    for marker in ("# solution", "# end solution"):
        if marker in stripped:
            raise ValueError(f"a {marker!r} without its partner, or at another indentation")
    return stripped


def your_turn(match):
    indent, task = match.groups()
    return (
        f"{indent}raise NotImplementedError({json.dumps('your turn: ' + task, ensure_ascii=False)})"
    )


def defined_names(source):
    """The functions and classes that a cell defines, in order; none if it is not Python."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return []
    return [node.name for node in statements if isinstance(node, ast.FunctionDef | ast.ClassDef)]


def notebook(path, solved):
    """One lesson as a notebook whose exercise cells carry their name in the metadata."""
    book = jupytext.reads(read(path), fmt="py:percent")
    for number, cell in enumerate(book.cells):
        cell.id = f"{path.stem}-{number}"
        if "# solution" in cell.source and cell.cell_type == "code":
            cell.metadata["exercise"] = defined_names(cell.source)[0]
            cell.source = cell.source if solved else strip(cell.source)
    # Without this JupyterLab would pair the notebook with a .py file beside it.
    book.metadata.pop("jupytext", None)
    return book


def write_student(path, folder, force):
    """Write one student notebook unless there is one already."""
    target = folder / f"{path.stem}.ipynb"
    if target.exists() and not force:
        return f"kept   {target} (python -m lessons.build --force starts it afresh)"
    nbformat.write(notebook(path, solved=False), target)
    return f"built  {target}"


def write_solved(path, folder, execute):
    """Write one solved notebook, and run it when asked to, so that it has its outputs."""
    target = folder / f"{path.stem}.ipynb"
    nbformat.write(notebook(path, solved=True), target)
    if execute:
        subprocess.run(
            [sys.executable, "-m", "jupyter", "execute", "--inplace", target], check=True
        )
    return f"built  {target}"


def build(target=TARGET, force=False, execute=False):
    """Build everything; the notebooks import `checks`, so a copy of it lies beside them."""
    student, solved = target / "student", target / "solved"
    for folder in (student, solved):
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(LESSONS / "checks", folder / "checks", ignore=unwanted, dirs_exist_ok=True)
    for path in lesson_files():
        print(write_student(path, student, force))
        print(write_solved(path, solved, execute))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--force", action="store_true", help="replace student notebooks too")
    options.add_argument(
        "--execute", action="store_true", help="run the solved notebooks (in Jupyter)"
    )
    options.add_argument("--to", type=Path, default=TARGET, help="folder to build into")
    chosen = options.parse_args()
    build(chosen.to, chosen.force, chosen.execute)


if __name__ == "__main__":
    main()
