"""Settings of all tests: without a GPU, what runs on "cuda" runs in Numba's simulator."""

import ctypes.util
import os
import signal

import pytest

# Numba reads this when it is first imported, which no test has done yet.
if not (ctypes.util.find_library("cuda") or ctypes.util.find_library("nvcuda")):
    os.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")


# What a script starts in its background ignores Ctrl-C, and so would the processes of tests of it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    """Each device in turn.  Keep tensors small: the simulator runs a thread after the other."""
    name: str = request.param
    return name
