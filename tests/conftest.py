"""Settings of all tests: without a GPU, what runs on "cuda" runs in Numba's simulator."""

import ctypes.util
import os

import pytest

# Numba reads this when it is first imported, which no test has done yet.
if not (ctypes.util.find_library("cuda") or ctypes.util.find_library("nvcuda")):
    os.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    """Each device in turn.  Keep tensors small: the simulator runs a thread after the other."""
    name: str = request.param
    return name
