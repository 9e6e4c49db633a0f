"""The notebooks: nothing of a solution is left in the student's, and nobody's work is lost."""

import itertools
import re

import nbformat
import pytest

from lessons import build

FILES = build.lesson_files()
lesson = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


# Idioms that a lesson itself shows before it asks for them.
SHOWN = {
    "value.grad += gradient",
    "for source, slope in zip(value.inputs, value.slopes, strict=True):",
    'if hasattr(node, "variable"):',
    "with minigrad.no_grad():",
}


def solution_lines(source):
    """The lines between the markers of one cell that say more than `return x`."""
    block = re.search(r"# solution: .*?\n(.*?)# end solution", source, re.DOTALL).group(1)
    return [line.strip() for line in block.splitlines() if len(line.strip()) > 20]


def code_of(book):
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")


@lesson
def test_student_notebook_has_no_solution_in_it(path):
    solved = build.notebook(path, solved=True)
    code = code_of(build.notebook(path, solved=False))
    assert "solution" not in code
    named = [cell.source for cell in solved.cells if "exercise" in cell.metadata]
    lines = [line for source in named for line in solution_lines(source)]
    assert len(lines) >= len(named)
    assert [line for line in lines if line in code and line not in SHOWN] == []


@lesson
def test_student_notebook_keeps_signature_docstring_and_task(path):
    solved = build.notebook(path, solved=True).cells
    student = build.notebook(path, solved=False).cells
    for full, cell in zip(solved, student, strict=True):
        if "exercise" in full.metadata:
            head, _, rest = full.source.partition("# solution: ")
            assert cell.source.startswith(head.rstrip())
            assert f"your turn: {rest.splitlines()[0]}" in cell.source
        else:
            assert full.source == cell.source


@lesson
def test_every_exercise_is_followed_by_its_check(path):
    cells = build.notebook(path, solved=True).cells
    for cell, following in itertools.pairwise(cells):
        if "exercise" in cell.metadata:
            name = cell.metadata["exercise"]
            assert f"check_{name.lower()}({name})" in following.source


def test_build_writes_valid_notebooks_with_the_checks_beside_them(tmp_path):
    build.build(tmp_path)
    for kind in ("student", "solved"):
        assert (tmp_path / kind / "checks" / "feedback.py").exists()
        for path in FILES:
            book = nbformat.read(tmp_path / kind / f"{path.stem}.ipynb", as_version=4)
            nbformat.validate(book)
            assert book.metadata.kernelspec.language == "python"


def test_building_twice_gives_the_same_bytes(tmp_path):
    build.build(tmp_path / "a")
    build.build(tmp_path / "b")
    for notebook in (tmp_path / "a").rglob("*.ipynb"):
        twin = tmp_path / "b" / notebook.relative_to(tmp_path / "a")
        assert notebook.read_bytes() == twin.read_bytes()


def test_a_notebook_that_a_student_has_worked_in_is_kept(tmp_path, capsys):
    build.build(tmp_path)
    notebook = tmp_path / "student" / f"{FILES[0].stem}.ipynb"
    notebook.write_text("an evening's work", encoding="utf-8")
    build.build(tmp_path)
    assert notebook.read_text(encoding="utf-8") == "an evening's work"
    assert f"kept   {notebook}" in capsys.readouterr().out
    build.build(tmp_path, force=True)
    assert "an evening's work" not in notebook.read_text(encoding="utf-8")


def test_strip_keeps_what_stands_around_the_solution():
    source = 'def f(x):\n    """Twice x."""\n    # solution: say "twice"\n    return 2 * x\n'
    stripped = build.strip(source + "    # end solution\n\n\nprint(1)\n")
    assert stripped == (
        'def f(x):\n    """Twice x."""\n'
        '    raise NotImplementedError("your turn: say \\"twice\\"")\n\n\nprint(1)\n'
    )


@pytest.mark.parametrize(
    "source",
    ["# solution: x\ny = 1\n", "y = 1\n# end solution\n", "# solution: x\n  # end solution\n"],
    ids=["not closed", "not opened", "other indentation"],
)
def test_strip_refuses_a_marker_without_its_partner(source):
    with pytest.raises(ValueError, match="without its partner"):
        build.strip(source)
