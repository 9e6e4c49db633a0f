"""A second process finds the kernels that the first compiled, down to the machine code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Without a GPU everything works but loading the machine code: a stand-in tells the capability.
COMPILE = """
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numba import cuda, types
from numba.cuda import codegen, dispatcher

from minigrad.kernels.cuda import reductions

gpu = SimpleNamespace(compute_capability=(9, 0), id=0)
steps, array = types.UniTuple(types.int64, 1), types.float32[::1]
places = (types.int64, steps, steps, steps, steps, *[types.int64] * 6)
float32 = np.dtype(np.float32)

with (
    mock.patch.object(dispatcher, "get_current_device", lambda: gpu),
    mock.patch.object(cuda, "get_current_device", lambda: gpu),
    mock.patch.object(codegen.CUDACodeLibrary, "_ensure_cc", lambda self, cc=None: (9, 0)),
    mock.patch.object(dispatcher._Kernel, "bind", lambda self: self.library.get_cubin()),
):
    for combine in (reductions.added, reductions.multiplied):
        run = reductions.reduction_kernel(combine, 0, float32, float32, float32, 256)
        run.compile((array, array, *places))
        (kernel,) = run.overloads.values()
        print(dict(run.stats.cache_hits) != {}, (9, 0) in kernel.library._cubin_cache)
"""


def compile_in_a_new_process(folder: Path) -> list[str]:
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    environment["MINIGRAD_CACHE_DIR"] = str(folder)
    command = [sys.executable, "-c", COMPILE]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=root, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_the_second_process_compiles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("numba_cuda", reason="needs the compiler of numba-cuda (make ptx)")
    assert compile_in_a_new_process(tmp_path) == ["False True"] * 2
    assert len(list(tmp_path.glob("reduction-*.nbcuda"))) == 2
    assert compile_in_a_new_process(tmp_path) == ["True True"] * 2
    for file in tmp_path.glob("*.nbcuda"):
        file.write_bytes(file.read_bytes()[:-9])  # a disk that was full
    assert compile_in_a_new_process(tmp_path) == ["False True"] * 2
