"""What is said where there is no GPU, and how the simulator is recognised."""

import os
import subprocess
import sys

import pytest

from minigrad.kernels.cuda import driver
from minigrad.kernels.cuda.kernel_cache import identity

ASK = """
from minigrad.kernels.cuda import driver
from minigrad.kernels.cuda.kernel_cache import identity
assert (driver.is_available(), driver.device_count()) == (False, 0)
assert not driver.is_simulator()
try:
    driver.require()
except RuntimeError as error:
    print(error)
"""


def test_without_a_gpu_the_error_says_what_was_looked_for() -> None:
    """In a process of its own: Numba reads the simulator's setting when it is imported."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, env=environment, check=True
    )
    for words in (
        "Found no NVIDIA driver on your system",
        "numba.cuda",
        "minigrad[cuda13]",
        "NUMBA_ENABLE_CUDASIM=1",
        "Numba says",
    ):
        assert words in done.stdout


def test_a_device_that_does_not_exist() -> None:
    for index in (driver.device_count(), -1):
        with pytest.raises(RuntimeError, match="invalid device ordinal: there is no cuda:"):
            driver.require(index)


@pytest.mark.skipif(not driver.is_simulator(), reason="asks the simulator")
def test_the_simulator_is_one_device() -> None:
    assert driver.is_available()
    assert driver.device_count() == 1
    assert "simulator" in driver.device_name()


@pytest.mark.parametrize(("n", "power"), [(0, 1), (1, 1), (2, 2), (3, 4), (64, 64), (65, 128)])
def test_powers_of_two(n: int, power: int) -> None:
    assert driver.power_of_two(n) == power


def test_kernels_of_one_builder_are_told_apart() -> None:
    """The name of a cached kernel holds what the kernel closes over."""

    def build(combine: object, start: object) -> object:
        def kernel() -> object:
            return combine, start

        return kernel

    kernels = [build(min, 0), build(max, 0), build(min, 0.0), build(min, -0.0), build(build, 0)]
    assert len({identity(kernel) for kernel in kernels}) == len(kernels)
    assert identity(build(min, 0)) == identity(build(min, 0))
