"""Grading: the score depends on the exercise cells and on nothing else in a notebook."""

import json
import subprocess
import sys

import nbformat
import pytest
from checks import feedback

from lessons import build, grade

LESSON = "scalar_tape"


@pytest.fixture
def submit(tmp_path, monkeypatch):
    """Write a notebook of the given code cells and grade it, here, which is quicker."""
    monkeypatch.setattr(feedback, "results", {})
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write_and_grade(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        path = tmp_path / "anna.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return grade.grade_here(LESSON, path)

    return write_and_grade


@pytest.fixture
def solutions():
    cells = build.notebook(build.LESSONS / f"{LESSON}.py", solved=True).cells
    return [cell.source for cell in cells if "exercise" in cell.metadata]


def test_all_solutions_score_all_points_even_without_the_other_cells(submit, solutions):
    result = submit(*solutions)
    assert (result["points"], result["of"]) == (len(solutions), len(solutions))
    assert result["errors"] == []


def test_a_broken_cell_costs_its_own_point_only(submit, solutions):
    result = submit(*solutions[1:], "def slope(f, x, h=1e-5):\n    return oops")
    assert result["points"] == len(solutions) - 1
    assert not result["exercises"]["slope"]
    assert "raised    NameError" in result["feedback"]


def test_a_syntax_error_a_forged_check_and_an_empty_notebook(submit):
    result = submit("def slope(f, x:", "def check_slope(slope):\n    return slope")
    assert (result["points"], result["of"]) == (0, 8)


def test_the_last_cell_that_defines_an_exercise_counts(submit, solutions):
    assert submit("def slope(f, x, h=1e-5):\n    return 0", solutions[0])["points"] == 1


def test_an_exercise_cell_may_begin_with_a_helper(submit):
    helper = "def nudged(f, x, h):\n    return (f(x + h) - f(x - h)) / (2 * h)\n\n"
    answer = "def slope(f, x, h=1e-5):\n    return nudged(f, x, h)\n"
    assert submit(helper + answer)["exercises"]["slope"]


def test_an_endless_loop_is_stopped(tmp_path, monkeypatch):
    def too_slow(*args, **options):
        raise subprocess.TimeoutExpired(args, options["timeout"])

    monkeypatch.setattr(subprocess, "run", too_slow)
    result = grade.grade(LESSON, tmp_path / "ben.ipynb", seconds=1)
    assert result["points"] == 0
    assert result["errors"] == ["stopped after 1 seconds"]


def test_the_command_prints_a_line_a_notebook(tmp_path):
    path = tmp_path / "empty.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    command = [sys.executable, "-m", "lessons.grade", LESSON, str(path), str(tmp_path / "none")]
    done = subprocess.run(
        command, cwd=build.LESSONS.parent, capture_output=True, text=True, timeout=120
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["points"], first["of"]) == (0, 8)
    assert second["errors"][0].startswith("FileNotFoundError")


def test_an_unknown_lesson_is_met_with_the_names_of_those_there_are(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["grade", "no_lesson", "ben.ipynb"])
    with pytest.raises(SystemExit):
        grade.main()
    assert LESSON in capsys.readouterr().err
