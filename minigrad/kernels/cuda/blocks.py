"""What the kernels that reduce have in common: how the threads of a block share the work.

A block of `threads` works on `columns` results at once, with `lanes` threads on each; both are
powers of two.  Each lane combines every `lanes`-th element, then the lanes' partial results are
combined in a tree in shared memory.
"""

import functools
from typing import Any, NamedTuple

from minigrad.kernels.cuda import driver
from minigrad.kernels.cuda.runtime import cuda, device


class Block(NamedTuple):
    """How a block's threads are dealt out.  Neighbouring threads must read neighbouring elements,
    or memory gives them one at a time: `lane_step` is 1 if those lie along the reduced axis, else
    `column_step` is."""

    threads: int
    lanes: int
    columns: int
    lane_step: int
    column_step: int


def share(length: int, along: bool = True) -> Block:
    """The block for results made of `length` elements each, which lie in order if `along`."""
    threads = driver.block_threads()
    most = threads if along else max(threads // 32, 2)
    lanes = min(driver.power_of_two(length), most)
    columns = threads // lanes
    return Block(threads, lanes, columns, *((1, lanes) if along else (columns, 1)))


@functools.cache
def tree(combine: Any) -> Any:
    """A device function that leaves the combination of all lanes' elements in lane 0's.

    Every thread of the block must call it.
    """

    @device
    def combine_lanes(shared, thread, lane, lanes, lane_step):
        half = lanes // 2
        while half > 0:
            cuda.syncthreads()
            if lane < half:
                shared[thread] = combine(shared[thread], shared[thread + half * lane_step])
            half //= 2
        cuda.syncthreads()

    return combine_lanes
