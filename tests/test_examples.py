"""The examples run at a small size, learn something, and go on from their checkpoints."""

import importlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad

FOLDER = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "bookkeeping")
SMALL = {
    "adding_lstm": ["--limit", "64", "--length", "6", "--width", "8"],
    "digits_mlp": ["--limit", "96", "--hidden", "16"],
    "image_cnn": ["--limit", "64"],
    "names_gru": ["--limit", "64", "--width", "16"],
    "transformer": ["--limit", "64", "--width", "16"],
}
Main = Callable[[list[str]], float]


@pytest.fixture
def main(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Main]:
    """The script's main(), imported as Python would that runs it from its folder."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module(request.param).main
    for name in (request.param, "bookkeeping"):
        sys.modules.pop(name, None)


def test_every_script_is_tried() -> None:
    assert list(SMALL) == SCRIPTS


@pytest.mark.parametrize(("main", "sizes"), SMALL.items(), indirect=["main"], ids=list(SMALL))
def test_a_run_that_goes_on_from_a_checkpoint_equals_one_that_was_not_stopped(
    main: Main,
    sizes: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = sys.modules["bookkeeping"].Training
    report = training.report

    def report_and_keep(self: Any, **figures: float) -> None:
        report(self, **figures)
        shutil.copy(self.args.out / "last.pt", self.args.out / f"epoch-{self.epoch}.pt")

    monkeypatch.setattr(training, "report", report_and_keep)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    result = main([*sizes, "--epochs", "2", "--out", str(whole)])
    assert re.search(r"^epoch   2/2  loss \d", capsys.readouterr().out, re.M)
    assert "<svg" in (whole / "loss.svg").read_text(encoding="utf-8")

    stopped = ["--resume", str(whole / "epoch-1.pt"), "--out", str(parts)]
    assert main([*sizes, "--epochs", "2", *stopped]) == result
    assert (parts / "last.pt").read_bytes() == (whole / "last.pt").read_bytes()
    finished = ["--resume", str(whole / "last.pt"), "--out", str(parts)]
    assert main([*sizes, "--epochs", "2", *finished]) == result


@pytest.mark.parametrize("main", ["image_cnn"], indirect=True)
def test_a_run_goes_on_with_the_options_that_it_had(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*SMALL["image_cnn"], "--out", str(tmp_path), "--epochs"]
    main([*arguments, "1"])
    again = ["--resume", str(tmp_path / "last.pt")]
    with pytest.raises(SystemExit, match="was made with --epochs 1, not 2"):
        main([*arguments, "2", *again])  # its schedule ends after the first
    with pytest.raises(SystemExit, match="was made with --seed 0, not 1"):
        main([*arguments, "1", *again, "--seed", "1"])  # held out would be what was learned
    main([*arguments, "1", *again])
    assert "nothing to do: 1 of 1 epochs are done" in capsys.readouterr().out


@pytest.mark.parametrize("main", ["names_gru"], indirect=True)
def test_a_run_without_a_schedule_may_go_on_for_longer(main: Main, tmp_path: Path) -> None:
    arguments = [*SMALL["names_gru"], "--out", str(tmp_path), "--epochs"]
    main([*arguments, "1"])
    main([*arguments, "2", "--resume", str(tmp_path / "last.pt")])
    assert minigrad.load(tmp_path / "last.pt")["epoch"] == 2


@pytest.mark.parametrize("main", ["digits_mlp"], indirect=True)
def test_the_plotted_mean_follows_the_losses_of_a_short_run(main: Main) -> None:
    losses = [2.0] * 50 + [1.0] * 50
    means = sys.modules["bookkeeping"].running_means(losses)
    assert means[49] == 2.0
    assert means[60] < 1.05  # ten steps later, of a hundred


@pytest.mark.parametrize("main", ["transformer"], indirect=True)
def test_the_corpus(main: Main, tmp_path: Path) -> None:
    sizes = ["--task", "corpus", "--limit", "3000", "--width", "16"]
    assert main([*sizes, "--epochs", "1", "--out", str(tmp_path)]) < 5


@pytest.mark.parametrize("main", ["image_cnn"], indirect=True)
def test_images_from_files(main: Main, tmp_path: Path) -> None:
    for kind, count in (("train", 20), ("t10k", 10)):
        write_idx(tmp_path / f"{kind}-images-idx3-ubyte", np.zeros((count, 28, 28), np.uint8))
        write_idx(tmp_path / f"{kind}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    arguments = ["--data", str(tmp_path), "--epochs", "1", "--out", str(tmp_path)]
    assert 0 <= main(arguments) <= 1


def write_idx(path: Path, array: np.ndarray) -> None:
    sizes = np.array(array.shape, ">u4").tobytes()
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


@pytest.mark.parametrize("main", ["digits_mlp"], indirect=True)
def test_a_run_on_the_gpu(main: Main, tmp_path: Path) -> None:
    if not minigrad.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            main(["--device", "cuda", "--epochs", "1", "--out", str(tmp_path)])
        return
    sizes = ["--limit", "16", "--hidden", "4", "--batch-size", "8"]
    assert main([*sizes, "--device", "cuda", "--epochs", "1", "--out", str(tmp_path)]) >= 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_short_and_has_its_figures(script: str) -> None:
    text = (FOLDER / f"{script}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    assert re.search(r"Full size: .*\d", text)
