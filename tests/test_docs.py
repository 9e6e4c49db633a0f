"""The examples of the documentation run, and its picture is what the README's example draws."""

import re
from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad.ops.define import POINTWISE

ROOT = Path(__file__).parent.parent


def examples(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)


def test_readme_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in examples("README.md"):
        exec(compile(code, "README.md", "exec"), names)
    w = names["w"]
    assert isinstance(w, minigrad.Tensor)
    assert w.grad is not None
    assert w.grad.shape == (2, 1)
    assert "MeanBackward0" in (tmp_path / "neuron.svg").read_text(encoding="utf-8")


def test_the_example_of_checkpointing_runs() -> None:
    (code,) = examples("docs/checkpointing.md")
    names: dict[str, Any] = {}
    exec(compile(code, "checkpointing.md", "exec"), names)
    assert names["x"].grad.shape == (1000, 100)


def test_the_examples_of_data_run() -> None:
    names: dict[str, Any] = {}
    for code in examples("docs/data.md"):
        exec(compile(code, "docs/data.md", "exec"), names)
    assert len(names["seen"]) == 2 * len(names["loader"])


def test_the_example_of_training_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = examples("docs/training.md")
    names: dict[str, Any] = {}
    exec(compile(code, "training.md", "exec"), names)
    assert names["accuracy"] > 0.9
    assert minigrad.load("digits.pt").keys() == names["model"].state_dict().keys()


def test_the_examples_of_saving_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = minigrad.nn.Linear(2, 1)
    optimizer = minigrad.optim.Adam(model.parameters())
    scheduler = minigrad.optim.lr_scheduler.StepLR(optimizer, 1)
    names = {"minigrad": minigrad, "model": model, "optimizer": optimizer}
    names |= {"scheduler": scheduler, "epoch": 1}
    for code in examples("docs/saving.md"):
        exec(compile(code, "saving.md", "exec"), names)
    assert (tmp_path / "model.safetensors").exists()


def test_readme_names_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:minigrad|visualize|docs|lessons|examples)/[\w/.]*)`", text):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([\w/.-]+)", text):
        assert (ROOT / path).exists(), path


def lines_of(path: Path) -> int:
    files = path.rglob("*.py") if path.is_dir() else [path]
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def test_readme_tells_how_long_files_are() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## What is where")[1]
    for places, told in re.findall(r"^\| .* \| (.*) \| (\d+) \|$", table, re.M):
        lines = sum(lines_of(ROOT / path) for path in re.findall(r"`([^`]*)`", places))
        assert abs(lines - int(told)) <= 0.1 * lines, f"{places}: {lines} lines"


@pytest.mark.parametrize(
    "page",
    ["architecture.md", "adding-an-op.md", "data.md", "differences.md", "random.md", "training.md"],
)
def test_pages_name_files_that_exist(page: str) -> None:
    """In full, or from a folder on."""
    folders = ("minigrad", "visualize", "tests", "examples")
    found = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    files = [f"/{file.relative_to(ROOT).as_posix()}" for file in found]
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for path in re.findall(r"`([\w/-]+(?:\.py|/))`", text):
        assert any(f"/{path}" in file for file in files), path


def test_the_core_is_as_short_as_its_page_says() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    sentence = re.search(r"The core is ([^:]*): (\d+) lines [^.]* where (\d+) is the\s+limit", page)
    assert sentence is not None
    files, told, limit = sentence.groups()
    lines = sum(lines_of(ROOT / "minigrad" / name) for name in re.findall(r"`(.*?)`", files))
    assert lines <= int(limit)
    assert abs(lines - int(told)) <= 5


def test_generated_source_can_be_shown() -> None:
    source = minigrad.tanh.definition.formula.source("float32")
    assert "def tanh(x):" in source
    assert len(POINTWISE) >= 50
