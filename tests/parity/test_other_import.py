"""Programs written for torch run with minigrad for their imports, and print the same."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
PROGRAMS = sorted(Path(__file__).parent.joinpath("programs").glob("*.py"))
NUMBER = re.compile(r"-?\d+\.\d+")


def for_minigrad(source: str) -> str:
    """The program with other imports, and nothing else changed."""
    source = re.sub(r"^import torch$", "import minigrad as torch", source, flags=re.M)
    return re.sub(r"^(import|from) torch\b", r"\1 minigrad", source, flags=re.M)


def printed_by(source: str, name: str, folder: Path) -> str:
    output = io.StringIO()
    names: dict[str, Any] = {"__name__": name}
    with contextlib.redirect_stdout(output):
        exec(compile(source, name, "exec"), names)
        names["main"](["--checkpoint", str(folder / f"{name}.pt")])
    return output.getvalue()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_of_torch_runs_and_prints_the_same(path: Path, tmp_path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    expected = printed_by(source, "with_torch", tmp_path)
    found = printed_by(for_minigrad(source), "with_minigrad", tmp_path)
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    numbers = [list(map(float, NUMBER.findall(text))) for text in (found, expected)]
    assert numbers[0] == pytest.approx(numbers[1], abs=2e-4)
