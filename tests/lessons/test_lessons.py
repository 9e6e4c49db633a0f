"""Every lesson runs as a script, solved and with its solutions stripped."""

import os
import shutil
import subprocess
import sys

import pytest

from lessons import build

FILES = build.lesson_files()
NAMES = [path.stem for path in FILES]
lesson = pytest.mark.parametrize("path", FILES, ids=NAMES)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each lesson prints, solved and stripped."""
    folder = tmp_path_factory.mktemp("stripped")
    shutil.copytree(build.LESSONS / "checks", folder / "checks")
    printed = {}
    for path in FILES:
        stripped = folder / path.name
        stripped.write_text(build.strip(build.read(path)), encoding="utf-8")
        printed[path] = {"solved": run(path), "stripped": run(stripped)}
    return printed


def run(script):
    """Run a lesson in a process of its own, warnings as errors; its output."""
    found = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=dict(os.environ, PYTHONPATH=found, PYTHONIOENCODING="utf-8"),
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return done.stdout


def exercises(path):
    return [
        cell.metadata["exercise"]
        for cell in build.notebook(path, solved=True).cells
        if "exercise" in cell.metadata
    ]


def test_both_lessons_are_found():
    assert NAMES == ["scalar_tape", "tensors_and_graphs"]


@lesson
def test_the_solved_lesson_passes_its_own_checks(outputs, path):
    output = outputs[path]["solved"]
    names = exercises(path)
    assert f"{len(names)} of {len(names)} exercises solved" in output
    assert "not yet" not in output


@lesson
def test_the_stripped_lesson_says_what_to_do_and_runs_to_its_end(outputs, path):
    output = outputs[path]["stripped"]
    names = exercises(path)
    assert f"0 of {len(names)} exercises solved" in output
    assert output.count("not written yet   your turn: ") == len(names)
    for name in names:
        assert f"{name.lower()}: not yet.\n    not written yet   your turn: " in output


@lesson
def test_without_the_solutions_the_lesson_shows_the_same(outputs, path):
    """The references do what the solutions do: only the verdicts differ."""
    assert results(outputs[path]["stripped"]) == results(outputs[path]["solved"])


def results(output):
    """The lines that tell results: no verdicts, no timings, no addresses, no places in files."""
    verdicts = ("right", "not yet", "not written", "goes on", "exercises solved")
    moving = ("levels", "object at", "minutes", ".py", "line ")
    lines = output.splitlines()
    return [line for line in lines if not any(word in line for word in verdicts + moving)]
