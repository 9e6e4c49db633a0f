"""Whether there is a GPU to run on, and how a kernel is started on it.

Two things can stand behind `numba.cuda`: an NVIDIA driver with the numba-cuda package, or Numba's
simulator, which runs every GPU thread as a Python thread (NUMBA_ENABLE_CUDASIM=1, read by Numba
when it is imported).
"""

import contextlib
import functools
import sys
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
from numba import cuda

SETTINGS: Any = numba.config

HELP = """Found no NVIDIA driver on your system that numba.cuda can use.
Looked for: an NVIDIA driver (libcuda) through numba.cuda, and the simulator; neither is there.
 - with an NVIDIA GPU: install its driver, then `pip install "minigrad[cuda13]"` for a driver of
   CUDA 13, `pip install "minigrad[cuda12]"` for one of CUDA 12 (`nvidia-smi` shows which);
 - without one: set NUMBA_ENABLE_CUDASIM=1 before Python starts, for Numba's (slow) simulator."""

NO_COMPILER = "there is a driver, but not the compiler that numba-cuda brings (libNVVM)"

# Threads of a block.  The simulator starts a Python thread for each, so it gets as few as still
# show every mistake that more of them would.
GPU_THREADS, SIMULATOR_THREADS = 256, 4
GPU_BLOCKS, SIMULATOR_BLOCKS = 4096, 2


def is_simulator() -> bool:
    """Whether kernels run in Numba's simulator."""
    return bool(SETTINGS.ENABLE_CUDASIM)


@functools.cache
def search() -> tuple[int, str]:
    """How many GPUs there are, and what Numba says where it can use none."""
    try:
        if cuda.is_available():
            return len(cuda.gpus), ""
        message = cuda.cuda_error() or NO_COMPILER
    except Exception as error:  # one of many types, when the driver and numba-cuda do not match
        message = f"{type(error).__name__}: {error}"
    return 0, " ".join(str(message).split())


def is_available() -> bool:
    """Whether kernels can run: on a GPU or in the simulator."""
    return search()[0] > 0


def device_count() -> int:
    """How many GPUs there are; the simulator counts as one."""
    return search()[0]


def require(index: int = 0) -> None:
    """Raise a RuntimeError unless kernels can run on the device `cuda:index`."""
    count, message = search()
    if count == 0:
        raise RuntimeError(f"{HELP}\nNumba says: {message}")
    if not 0 <= index < count:
        raise RuntimeError(
            f"CUDA error: invalid device ordinal: there is no cuda:{index}, "
            f"only {count} device(s), counted from cuda:0"
        )
    if index > 0:
        raise RuntimeError(f"cuda:{index}: minigrad runs on the first GPU only, use cuda:0")


def device_name() -> str:
    """What the GPU calls itself."""
    require()
    if is_simulator():
        return "Numba's CUDA simulator"
    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def synchronize() -> None:
    """Wait for every kernel that was started."""
    cuda.synchronize()


# ---------------------------------------------------------------------------------------- faults

# A kernel cannot raise.  One that meets an index out of range writes 1 here, does nothing else for
# that element, and the error is raised when values are next brought to the host (as torch's
# "device-side assert" is), or at once in the simulator.
OUT_OF_RANGE = "index out of range in self"


@functools.cache
def fault_flag() -> Any:
    return upload(np.zeros(1, np.int32))


_unchecked = False


def expect_faults() -> None:
    """To be called after a kernel that was given the flag was started."""
    global _unchecked
    _unchecked = True
    if is_simulator():
        check_faults()


def check_faults() -> None:
    """Raise IndexError if a kernel met an index out of range since the last call."""
    global _unchecked
    if not _unchecked:
        return
    _unchecked = False
    flag = fault_flag()
    if flag.copy_to_host()[0]:
        flag.copy_to_device(np.zeros(1, np.int32))
        raise IndexError(
            f"{OUT_OF_RANGE}: a kernel on cuda:0 was given an index beyond the array's size. "
            "Kernels run while Python goes on, so the faulty call may lie before this line"
        )


# ------------------------------------------------------------------------------------- launching


def block_threads() -> int:
    """Threads of one block, a power of two."""
    return SIMULATOR_THREADS if is_simulator() else GPU_THREADS


def launch(kernel: Any, blocks: Any, threads: Any, *arguments: Any) -> None:
    """Start a kernel: every launch of the package passes here."""
    if is_simulator():
        with short_turns():
            kernel[blocks, threads](*arguments)
    else:
        kernel[blocks, threads](*arguments)


@contextlib.contextmanager
def short_turns() -> Iterator[None]:
    """Let Python's threads take turns a hundred times as often as usual.

    The simulator's threads wait for each other at every barrier: it is 15 times as fast so.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 100)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def launch_over(n: int, kernel: Any, *arguments: Any) -> None:
    """Start a kernel that loops over `n` elements with the stride of the grid."""
    if n == 0:
        return
    threads = block_threads()
    most = SIMULATOR_BLOCKS if is_simulator() else GPU_BLOCKS
    launch(kernel, min(ceil_div(n, threads), most), threads, *arguments)


def ceil_div(n: int, d: int) -> int:
    return -(-n // d)


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least `n`."""
    return 1 << max(n - 1, 0).bit_length()


def allocate(size: int, dtype: Any) -> Any:
    """A flat buffer on the device; never of length 0, which drivers refuse."""
    quiet()
    return cuda.device_array(max(size, 1), dtype)


def upload(flat: Any) -> Any:
    """A flat buffer on the device with the contents of a 1-D array."""
    quiet()
    return cuda.to_device(flat) if flat.size else allocate(0, flat.dtype)


@functools.cache
def quiet() -> None:
    """Numba warns whenever a grid is smaller than the GPU: here small tensors are normal."""
    SETTINGS.CUDA_LOW_OCCUPANCY_WARNINGS = 0
