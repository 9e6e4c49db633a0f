"""A file that is replaced is whole at any moment, whatever happens to the process that saves."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad.serialization import npz, safetensors

# Saves over and over, each time other values, until it is killed.  Forked children need no import.
SAVER = """
import os, random, signal, sys, time
import minigrad

path, kills = sys.argv[1], int(sys.argv[2])
minigrad.save({"round": -1, "x": minigrad.full((300_000,), -1.0)}, path)
random.seed(0)
in_the_middle = 0
for _ in range(kills):
    child = os.fork()
    if not child:
        round = 0
        while True:
            minigrad.save({"round": round, "x": minigrad.full((300_000,), float(round))}, path)
            round += 1
    time.sleep(random.uniform(0.001, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    state = minigrad.load(path)
    assert (state["x"] == state["round"]).all(), state
    folder = os.path.dirname(path)
    left = [name for name in os.listdir(folder) if name.endswith(".part")]
    in_the_middle += bool(left)
    for name in left:
        os.remove(os.path.join(folder, name))
print(in_the_middle)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_killed_save_leaves_the_old_file_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SAVER, str(tmp_path / "model.pt"), "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10  # most were killed while they wrote: the test is no luck


class Fails:
    """Something that cannot be saved, met after the file was begun."""


@pytest.mark.parametrize("old", [b"old", None])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, old: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt"
    if old:
        path.write_bytes(old)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minigrad.serialization.archive.write_array", full)
    with pytest.raises(OSError, match="No space left"):
        minigrad.save(minigrad.ones(3), path)
    assert [p.name for p in tmp_path.iterdir()] == (["model.pt"] if old else [])
    assert not old or path.read_bytes() == old


def test_what_cannot_be_saved_touches_no_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        minigrad.save([minigrad.ones(2), Fails()], tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and links")
def test_permissions_are_the_usual_and_links_are_followed(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    link = tmp_path / "latest.pt"
    link.symlink_to(tmp_path / "epoch-1.pt")
    minigrad.save(1, link)
    assert link.is_symlink()
    assert minigrad.load(tmp_path / "epoch-1.pt") == 1
    assert stat.S_IMODE(link.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="needs a device file")
def test_a_device_file_is_written_to_and_not_replaced() -> None:
    minigrad.save(minigrad.ones(3), "/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("save", [minigrad.save, npz.save_file, safetensors.save_file])
def test_a_folder_that_is_missing_or_in_the_way_is_said(tmp_path: Path, save: object) -> None:
    state = {"x": minigrad.ones(1)}
    with pytest.raises(RuntimeError, match=r"Parent directory .* does not exist"):
        save(state, tmp_path / "no" / "model.pt")  # type: ignore[operator]
    with pytest.raises(IsADirectoryError, match="give the name of a file"):
        save(state, tmp_path)  # type: ignore[operator]


def test_an_interrupt_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    minigrad.save("old", path)
    monkeypatch.setattr(os, "fsync", lambda _: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        minigrad.save("new", path)
    assert minigrad.load(path) == "old"
    assert len(list(tmp_path.iterdir())) == 1
