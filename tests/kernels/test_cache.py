"""The kernel cache: what a second process compiles (nothing), and what may go wrong with a folder.

Each run is a process of its own, which counts what Numba compiles in it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import minigrad
from minigrad.kernels import cache

PACKAGE = Path(minigrad.__file__).parent
WRITTEN_AS = "writing-*"  # a file on its way into the cache

COUNT = """
import numba.core.compiler as compiler

compiled = []
compile_extra = compiler.compile_extra


def counting(typing, target, function, *rest, **options):
    compiled.append(function)
    return compile_extra(typing, target, function, *rest, **options)


compiler.compile_extra = counting
"""
ONE_KERNEL = (
    COUNT
    + """
import minigrad

print((minigrad.tensor([3.0, 4.0]) * minigrad.tensor([2.0, 0.5])).tolist(), len(compiled))
"""
)
SEVERAL_KERNELS = (
    COUNT
    + """
import minigrad

x = minigrad.tensor([[0.0, 1.0], [2.0, 3.0]], requires_grad=True)
loss = (x.tanh() @ x).softmax(1).sum(0).prod()
loss.backward()
print(round(loss.item(), 5), len(compiled))
"""
)
NOT_WRITABLE = """
import pathlib


def refuse(*arguments, **options):
    raise PermissionError("read-only")


pathlib.Path.write_bytes = refuse
"""


def environment(folder: Path | None, package: Path = PACKAGE) -> dict[str, str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(package.parent), *sys.path])}
    variables.pop("MINIGRAD_CACHE_DIR", None)
    if folder is not None:
        variables["MINIGRAD_CACHE_DIR"] = str(folder)
    return variables


def run(
    program: str, folder: Path | None, package: Path = PACKAGE, **extra: str
) -> tuple[str, int]:
    """What the program prints: its result, and how many functions were compiled."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment(folder, package) | extra,
        cwd=package.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")
    value, _, count = result.stdout.strip().rpartition(" ")
    return value, int(count)


PRODUCT = "[6.0, 2.0]"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has seen the first program once.  Tests copy it before they spoil it."""
    folder = tmp_path_factory.mktemp("cache") / "kernels"
    value, count = run(ONE_KERNEL, folder)
    assert value == PRODUCT
    assert count > 0
    return folder


@pytest.fixture
def mine(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "copy"))


def test_a_second_process_compiles_nothing(filled: Path) -> None:
    assert run(ONE_KERNEL, filled) == (PRODUCT, 0)


def test_a_second_process_compiles_nothing_for_kernels_of_every_kind(tmp_path: Path) -> None:
    value, count = run(SEVERAL_KERNELS, tmp_path)
    assert count > 5
    assert run(SEVERAL_KERNELS, tmp_path) == (value, 0)


def test_the_cache_holds_machine_code_and_readable_source(filled: Path) -> None:
    names = sorted(path.name for path in filled.iterdir())
    assert any(name.startswith("mul_float32") and name.endswith(".py") for name in names)
    assert any(name.endswith(".nbc") for name in names)
    assert not list(filled.glob(WRITTEN_AS))
    (source,) = filled.glob("mul_float32*.py")
    assert "return x * y" in source.read_text()


def test_the_cache_may_be_moved_and_read_from_another_place(mine: Path) -> None:
    assert run(ONE_KERNEL, mine) == (PRODUCT, 0)


def test_the_cache_may_be_deleted_while_a_process_runs(mine: Path) -> None:
    program = ONE_KERNEL.replace("print(", f"import shutil; shutil.rmtree({str(mine)!r}); print(")
    assert run(program, mine)[0] == PRODUCT


# --------------------------------------------------------------------------- choosing the folder


def test_set_kernel_cache_goes_before_the_environment(mine: Path, tmp_path: Path) -> None:
    program = ONE_KERNEL.replace("print(", f"minigrad.set_kernel_cache({str(mine)!r})\nprint(", 1)
    other = tmp_path / "other"
    assert run(program, other) == (PRODUCT, 0)
    assert not other.exists()


def test_the_order_of_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "_chosen", None)
    monkeypatch.setenv("MINIGRAD_CACHE_DIR", str(tmp_path / "environment"))
    assert minigrad.kernel_cache() == tmp_path / "environment"
    minigrad.set_kernel_cache(str(tmp_path / "chosen"))
    assert minigrad.kernel_cache() == tmp_path / "chosen"
    minigrad.set_kernel_cache(None)
    assert minigrad.kernel_cache() == tmp_path / "environment"
    monkeypatch.delenv("MINIGRAD_CACHE_DIR")
    assert minigrad.kernel_cache() == cache.default_folder()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/cache"}, "/cache/minigrad"),
        ("linux", {"HOME": "/home/me"}, "/home/me/.cache/minigrad"),
        ("darwin", {"HOME": "/home/me"}, "/home/me/Library/Caches/minigrad"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/minigrad"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the paths are written as on the others")
def test_the_default_folder_of_each_platform(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.default_folder() == Path(expected)


# --------------------------------------------------------------------- folders that cannot be used


def test_a_home_that_cannot_be_written_costs_a_compilation_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file, in which no folder can be made")
    settings = {"HOME": str(home), "XDG_CACHE_HOME": "", "LOCALAPPDATA": str(home)}
    value, count = run(ONE_KERNEL, None, **settings)
    assert value == PRODUCT
    assert count > 0


def test_a_filled_folder_that_cannot_be_written_is_still_read(mine: Path) -> None:
    before = sorted(path.name for path in mine.iterdir())
    assert run(NOT_WRITABLE + ONE_KERNEL, mine) == (PRODUCT, 0)
    assert sorted(path.name for path in mine.iterdir()) == before


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_still_read(mine: Path) -> None:
    mine.chmod(0o555)
    try:
        assert run(ONE_KERNEL, mine) == (PRODUCT, 0)
    finally:
        mine.chmod(0o755)


# ---------------------------------------------------------------------------------- damaged files


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scramble(path: Path) -> None:
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 0xFF
    path.write_bytes(bytes(contents))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [truncate, scramble, empty])
def test_damaged_machine_code_is_compiled_again_and_mended(
    mine: Path, spoil: Callable[[Path], None]
) -> None:
    for path in mine.glob("*.nbc"):
        spoil(path)
    value, count = run(ONE_KERNEL, mine)
    assert value == PRODUCT
    assert count > 0
    assert run(ONE_KERNEL, mine) == (PRODUCT, 0)


def test_a_folder_in_place_of_a_file_does_no_harm(mine: Path) -> None:
    for path in mine.glob("*.nbc"):
        replace_by_a_folder(path)
    assert run(ONE_KERNEL, mine)[0] == PRODUCT


def test_source_in_the_cache_is_for_reading_and_never_run(mine: Path) -> None:
    for path in mine.glob("*.py"):
        path.write_text("raise SystemExit('this was run')")
    assert run(ONE_KERNEL, mine) == (PRODUCT, 0)


# ------------------------------------------------------------------------- changed kernels, races


@pytest.fixture
def another_minigrad(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "*.gz")
    return Path(shutil.copytree(PACKAGE, tmp_path / "site" / "minigrad", ignore=ignored))


def test_a_changed_formula_does_not_use_the_old_kernel(mine: Path, another_minigrad: Path) -> None:
    formulas = another_minigrad / "ops" / "pointwise" / "arithmetic.py"
    text = formulas.read_text()
    assert text.count("    return x * y\n") == 1
    formulas.write_text(text.replace("    return x * y\n", "    return x * y + 1\n"))
    value, count = run(ONE_KERNEL, mine, another_minigrad)
    assert value == "[7.0, 3.0]"
    assert count > 0
    assert run(ONE_KERNEL, mine) == (PRODUCT, 0)  # and the old one is still there


def test_a_changed_kernel_file_makes_new_entries(mine: Path, another_minigrad: Path) -> None:
    changed = another_minigrad / "kernels" / "cpu" / "vector_math.py"
    changed.write_text(changed.read_text() + "\n# changed\n")
    value, count = run(ONE_KERNEL, mine, another_minigrad)
    assert value == PRODUCT
    assert count > 0


def test_two_processes_fill_one_cache_at_once(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_KERNEL],
            env=environment(tmp_path),
            cwd=PACKAGE.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [process.communicate(timeout=300) for process in processes]
    assert all(out.startswith(PRODUCT) and err == "" for out, err in results), results
    assert not list(tmp_path.glob(WRITTEN_AS))
    assert run(ONE_KERNEL, tmp_path) == (PRODUCT, 0)


def test_a_file_is_written_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cache, "_chosen", tmp_path)
    cache.write("kernel", b"first")

    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    cache.write("kernel", b"second")
    assert cache.read("kernel") == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["kernel"]
    assert cache.read("another") is None


@pytest.mark.skipif(not hasattr(os, "umask") or sys.platform == "win32", reason="POSIX only")
def test_other_users_may_read_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "_chosen", tmp_path)
    before = os.umask(0o022)
    try:
        cache.write("kernel", b"code")
    finally:
        os.umask(before)
    assert (tmp_path / "kernel").stat().st_mode & 0o777 == 0o644
