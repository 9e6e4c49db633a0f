"""Where numba.cuda finds kernels that an earlier process compiled: the cache folder of the CPU's.

Numba's own cache lies beside the source file and does not tell kernels apart that one function
builds; ours is one file a kernel, its arguments' types and the GPU's generation.
"""

import pickle
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numba
from numba import cuda

from minigrad.kernels import cache, jit


class GpuKernelCache:
    """What numba.cuda asks for a compiled kernel before it compiles, and gives it after."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def file_name(self, signature: Any) -> str:
        capability = cuda.get_current_device().compute_capability
        key = cache.digest(identity(self.function), str(signature), str(capability), versions())
        return f"{self.function.__name__}-{key}.nbcuda"

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The compiled kernel, or None where there is none that can be used."""
        stored = cache.read(self.file_name(signature))
        if stored is None or not jit.is_whole(stored):
            return None
        return pickle.loads(stored[jit.DIGEST_SIZE :])

    def save_overload(self, signature: Any, kernel: Any) -> None:
        try:
            contents = pickle.dumps(kernel)
        except (pickle.PicklingError, RuntimeError, TypeError):
            return  # linked with other files: compiled in each process, as without a cache
        cache.write(self.file_name(signature), jit.checksum(contents) + contents)

    @property
    def cache_path(self) -> str:
        return str(cache.kernel_cache())

    def enable(self) -> None: ...

    def disable(self) -> None: ...

    def flush(self) -> None: ...


def identity(value: Any) -> str:
    """What tells a function from others with its text: where it is, and what it closes over.

    A change of the text itself changes the digest of the whole package.
    """
    function = getattr(value, "py_func", value)
    if not hasattr(function, "__qualname__"):
        return str(value)
    cells = getattr(function, "__closure__", None) or ()
    closed_over = ", ".join(identity(cell.cell_contents) for cell in cells)
    return f"{function.__module__}.{function.__qualname__}({closed_over})"


def versions() -> tuple[str, str]:
    try:
        return numba.__version__, metadata.version("numba-cuda")
    except metadata.PackageNotFoundError:  # numba before 0.62 brings its own numba.cuda
        return numba.__version__, ""
