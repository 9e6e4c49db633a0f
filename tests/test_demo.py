"""python -m minigrad demo: what it learns, writes, prints and refuses."""

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad
from minigrad import demo
from minigrad.__main__ import main
from minigrad.demo_pictures import History, Misread, misread_picture, training_picture

FILES = {"graph.html", "graph.svg", "index.html", "loss.svg", "misread.svg"}
SVG = "{http://www.w3.org/2000/svg}"


def words(picture: str) -> list[str]:
    """The texts of an SVG, which must be well-formed."""
    return [str(element.text) for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def command_line(arguments: Sequence[str], simulator: bool) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": str(int(simulator))}
    command = [sys.executable, "-W", "error", "-m", "minigrad", "demo", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("seed", range(5))
def test_it_reads_97_percent_of_the_held_out_digits(seed: int) -> None:
    minigrad.manual_seed(seed)
    training, held_out = demo.digits_split()
    setup, history = demo.Setup(), History()
    model = demo.network(setup.hidden)
    for _ in demo.train(model, training, setup, history, seed, "cpu"):
        pass
    assert demo.accuracy(model, held_out, "cpu") >= demo.GOAL
    assert history.epoch_losses[-1] < history.epoch_losses[0] / 5
    wrong = demo.misread(model, held_out, "cpu")
    assert len(wrong) <= 0.03 * len(held_out)
    assert all(digit.read_as != digit.label for digit in wrong)


def test_the_command_writes_its_files_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["demo", "--epochs", "1", "--seed", "3", "--out", str(tmp_path / "new" / "demo")]) == 0
    )
    folder = tmp_path / "new" / "demo"
    assert {path.name for path in folder.iterdir()} == FILES
    printed, errors = capsys.readouterr()
    assert errors == ""
    for expected in (
        "epoch   1/1",
        "accuracy",
        "time",
        "device    cpu",
        "seed      3",
        "index.html",
    ):
        assert expected in printed
    assert "0.weight" in words((folder / "graph.svg").read_text(encoding="utf-8"))
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert all(name in page for name in FILES - {"index.html"})
    assert "http" not in page


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("first", "second"):
        main(["demo", "--epochs", "1", "--out", str(tmp_path / name)])
    for name in FILES - {"index.html"}:  # that one shows the time
        first, second = ((tmp_path / run / name).read_bytes() for run in ("first", "second"))
        assert first == second


@pytest.mark.parametrize(
    "arguments", [["--epochs", "0"], ["--device", "tpu"], ["--seed", "x"], ["--seed", "-1"]]
)
def test_bad_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["demo", *arguments])
    assert exit_status.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told_before_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["demo", "--out", str(tmp_path / "file" / "demo")]) == 2
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert "cannot write there" in errors


def test_cuda_without_a_gpu_says_what_to_do(tmp_path: Path) -> None:
    result = command_line(["--device", "cuda", "--epochs", "1", "--out", str(tmp_path)], False)
    if result.returncode == 0:
        pytest.skip("this machine has a GPU")
    assert result.returncode == 2
    assert "Looked for: an NVIDIA driver" in result.stderr
    assert "NUMBA_ENABLE_CUDASIM=1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_simulator_runs_a_cut_down_size_and_says_so(tmp_path: Path) -> None:
    result = command_line(["--device", "cuda", "--out", str(tmp_path)], True)
    assert result.stderr == ""
    assert result.returncode == 0
    assert "CUDA simulator: cut down to 48 training digits" in result.stdout
    assert "cuda (simulator)" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == FILES


# ----------------------------------------------------------------------------------- its parts


def test_next_pixel_brings_in_paper() -> None:
    image = np.arange(1, 65, dtype=np.float32).reshape(1, 8, 8)
    right, up = demo.next_pixel(image, 2, 1), demo.next_pixel(image, 1, -1)
    assert right[0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert up[0, :, 0].tolist() == [9, 17, 25, 33, 41, 49, 57, 0]


def test_moved_keeps_the_ink_of_what_stays_inside() -> None:
    images = np.zeros((5, 8, 8), np.float32)
    images[:, 3:5, 3:5] = 1
    result = demo.moved(images, np.random.default_rng(0))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.sum((1, 2)), 4, rtol=1e-5)
    assert (abs(result - images).sum((1, 2)) > 0).all()
    np.testing.assert_array_equal(demo.moved(images, np.random.default_rng(0), 0), images)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "start", "lines"), [(io.StringIO(), "epoch", 2), (Terminal(), "\repoch", 1)]
)
def test_progress_writes_over_its_line_on_a_terminal(
    stream: io.StringIO, start: str, lines: int
) -> None:
    progress = demo.Progress(stream, epochs=2)
    progress.show(History([1.0], [1.0], [0.5]))
    progress.show(History([1.0] * 2, [1.0] * 2, [0.5] * 2))
    progress.close()
    text = stream.getvalue()
    assert text.startswith(start)
    assert text.count("\n") == lines
    assert text.endswith("\n")


def test_the_misread_digits_are_counted_and_named() -> None:
    digit = Misread(np.eye(8), 3, np.full(10, 0.05) + np.eye(10)[8] / 2)
    texts = words(misread_picture([digit] * 15, 359))
    assert texts[0] == "15 of 359 held-out digits were misread, 12 of them here"
    assert texts.count("read as 8") == texts.count("is 3,") == 12
    assert words(misread_picture([], 359))[0] == "0 of 359 held-out digits were misread"


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_the_curves_stay_inside_the_picture(epochs: int) -> None:
    losses = np.linspace(9.7, 0.0, 5 * epochs).tolist()
    accuracies = np.linspace(0.05, 1.0, epochs).tolist()
    picture = training_picture(History(losses, losses[::5], accuracies), 0.97)
    assert words(picture)[-1] == f"{100 * accuracies[-1]:.1f}%"
    for curve in ElementTree.fromstring(picture).iter(f"{SVG}polyline"):
        for point in curve.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 40 <= x <= 830
            assert 40 <= y <= 280


def test_the_setup_can_be_cut_down() -> None:
    assert demo.describe(replace(demo.Setup(), hidden=(8, 4))) == "64-8-4-10"
    assert len(demo.first(demo.digits_split()[0], 7)) == 7
