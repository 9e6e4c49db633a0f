"""Grade submitted notebooks: `python -m lessons.grade scalar_tape anna.ipynb ben.ipynb`.

The student's exercise cells are put into the original lesson and that is run, with its own checks.
So it does not matter what else a notebook has lost, doubled or changed. An exercise cell is known
by the name of the function it defines; the last cell that defines it counts.

One line of JSON a notebook. Each runs in a process of its own with a time limit, which stops
endless loops but is no prison: run only what you would run yourself.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import nbformat

from lessons.build import LESSONS, defined_names, lesson_files, notebook


def answers(path):
    """Each name that a submitted notebook defines, with the source of the last cell that does."""
    cells = nbformat.read(path, as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    return {name: source for source in sources for name in defined_names(source)}


def spliced(lesson, submitted):
    """The code cells of the lesson, with the exercises as the student solved them."""
    sources = []
    for cell in notebook(LESSONS / f"{lesson}.py", solved=False).cells:
        if cell.cell_type == "code":
            name = cell.metadata.get("exercise")
            sources.append(submitted.get(name, cell.source) if name else cell.source)
    return sources


def run_cells(sources):
    """Run the cells one after another; what one of them raises is noted and the next one runs."""
    sys.path.insert(0, str(LESSONS))
    namespace, errors = {"__name__": "submission"}, []
    for number, source in enumerate(sources):
        try:
            exec(compile(source, f"<cell {number}>", "exec"), namespace)
        except Exception as error:
            errors.append(f"cell {number}: {type(error).__name__}: {error}")
    return sys.modules["checks.feedback"].results, errors


def grade_here(lesson, path):
    """Grade one notebook in this process: solved exercises, their number, and the feedback."""
    with contextlib.redirect_stdout(io.StringIO()) as feedback:
        results, errors = run_cells(spliced(lesson, answers(path)))
    exercises = {name: bool(solved) for name, solved in results.items()}
    score = {"points": sum(exercises.values()), "of": len(exercises), "exercises": exercises}
    return {"file": str(path), **score, "errors": errors, "feedback": feedback.getvalue()}


def grade(lesson, path, seconds=60):
    """Grade one notebook in a process of its own; the result as a dict."""
    command = [sys.executable, "-m", "lessons.grade", "--here", lesson, str(Path(path).resolve())]
    try:
        done = subprocess.run(
            command, cwd=LESSONS.parent, capture_output=True, text=True, timeout=seconds
        )
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"file": str(path), "points": 0, "errors": [f"stopped after {seconds} seconds"]}
    except (IndexError, json.JSONDecodeError):
        said = [line for line in done.stderr.splitlines() if line.strip()]
        errors = said[-1:] or ["ended without a result"]
        return {"file": str(path), "points": 0, "errors": errors}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("lesson", choices=[path.stem for path in lesson_files()])
    options.add_argument("notebooks", nargs="+")
    options.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    run = grade_here if chosen.here else grade
    for path in chosen.notebooks:
        print(json.dumps(run(chosen.lesson, path)))


if __name__ == "__main__":
    main()
