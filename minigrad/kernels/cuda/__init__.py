"""Kernels for NVIDIA GPUs, written with numba.cuda; imported when a GPU is first asked for."""

from minigrad.kernels.cuda.array import CudaArray, empty, full, to_device, zeros
from minigrad.kernels.cuda.driver import (
    device_count,
    device_name,
    is_available,
    is_simulator,
    require,
    synchronize,
)

__all__ = [
    "CudaArray",
    "device_count",
    "device_name",
    "empty",
    "full",
    "is_available",
    "is_simulator",
    "require",
    "synchronize",
    "to_device",
    "zeros",
]
