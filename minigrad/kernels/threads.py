"""Threads for large arrays: pieces of a range, run side by side by kernels that release the GIL."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

_threads = os.cpu_count() or 1
_pool: ThreadPoolExecutor | None = None
_owner = 0  # the process whose threads the pool has: a fork copies the pool without them


def get_num_threads() -> int:
    """How many threads the kernels use."""
    return _threads


def set_num_threads(count: int) -> None:
    """Use `count` threads for large arrays (1: the calling thread alone)."""
    global _threads, _pool
    if not isinstance(count, int) or count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {count!r}")
    _threads, _pool = count, None


def split(n: int, grain: int, run: Callable[[int, int], object]) -> None:
    """Call run(start, stop) over pieces of range(n), at least `grain` each, on all threads."""
    pieces = min(_threads, n // grain)
    if pieces <= 1:
        run(0, n)
        return
    bounds = [n * i // pieces for i in range(pieces + 1)]
    others = [pool().submit(run, a, b) for a, b in itertools.pairwise(bounds[1:])]
    run(bounds[0], bounds[1])
    wait(others)
    for other in others:
        other.result()


def pool() -> ThreadPoolExecutor:
    global _pool, _owner
    if _pool is None or _owner != os.getpid():
        _pool = ThreadPoolExecutor(_threads - 1, thread_name_prefix="minigrad")
        _owner = os.getpid()
    return _pool
