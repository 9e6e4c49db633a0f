"""What importing does and does not do: no warning, no output, no compilation, no GPU, no torch."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python(program: str, **environment: str) -> str:
    """What a new interpreter, which treats warnings as errors, prints."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_import_says_nothing_and_warns_of_nothing() -> None:
    assert python("import minigrad, visualize") == ""


def test_import_of_everything_loads_no_gpu_and_no_torch() -> None:
    program = (
        "import sys, minigrad, visualize\n"
        "import minigrad.autograd, minigrad.nn, minigrad.optim, minigrad.utils.data\n"
        "print(*[name for name in sys.modules"
        " if name in ('torch', 'numba.cuda', 'numba_cuda', 'minigrad.kernels.cuda')])\n"
    )
    assert python(program).split() == []


def test_import_compiles_nothing() -> None:
    program = (
        "import numba.core.compiler as compiler\n"
        "def refuse(*arguments, **options):\n"
        "    raise AssertionError(arguments)\n"
        "compiler.compile_extra = compiler.compile_internal = refuse\n"
        "import minigrad, visualize, minigrad.nn, minigrad.optim, minigrad.utils.data\n"
    )
    assert python(program) == ""


def test_import_reads_and_writes_no_cache(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    python("import minigrad, visualize", MINIGRAD_CACHE_DIR=str(folder), HOME=str(tmp_path))
    assert not folder.exists()


def test_import_in_a_thread() -> None:
    program = (
        "import threading\n"
        "thread = threading.Thread(target=__import__, args=('minigrad',))\n"
        "thread.start()\n"
        "thread.join()\n"
        "import minigrad\n"
        "print(minigrad.__version__)\n"
    )
    assert python(program).strip()


def test_import_leaves_pythons_names_alone() -> None:
    """minigrad has a `float`, a `sum` and an `any` of its own."""
    program = (
        "import builtins\n"
        "before = dict(vars(builtins))\n"
        "import minigrad\n"
        "print([name for name in before if vars(builtins)[name] is not before[name]])\n"
    )
    assert python(program).strip() == "[]"
