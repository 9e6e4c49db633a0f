"""The lessons as the tests need them: their files, their cells, and `checks` on the path."""

import contextlib
import io
import sys

import pytest

from lessons import build

# A notebook or a script finds `checks` beside itself; a test has to say where it is.
sys.path.insert(0, str(build.LESSONS))


class Lesson:
    """One lesson that has been run through, ready to try other answers to its exercises."""

    def __init__(self, path):
        self.cells = [
            cell for cell in build.notebook(path, solved=True).cells if cell.cell_type == "code"
        ]
        self.namespace = {"__name__": path.stem}
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in self.cells:
                exec(cell.source, self.namespace)

    @property
    def solutions(self):
        """Exercise name to the source of its cell, solved."""
        named = [cell for cell in self.cells if "exercise" in cell.metadata]
        return {cell.metadata["exercise"]: cell.source for cell in named}

    def feedback(self, name, source):
        """What the check says about another source of an exercise's cell, and what it returns."""
        namespace = dict(self.namespace)
        exec(source, namespace)
        check = namespace[f"check_{name.lower()}"]
        with contextlib.redirect_stdout(io.StringIO()) as said:
            returned = check(namespace[name])
        return said.getvalue(), returned, check


@pytest.fixture(scope="session")
def lessons():
    """All lessons by name, each run once."""
    return {path.stem: Lesson(path) for path in build.lesson_files()}
