"""How kernels are compiled: by Numba, when first called, with the machine code kept on disk.

Numba's own on-disk cache lies beside the source file, watches only that file and cannot be read
from a folder it may not write.  Ours is one file a compiled signature, named by a hash of the
package's kernel sources, the function, its signature and the processor.
"""

import hashlib
import linecache
import pickle
import sys
import types as python_types
from collections.abc import Callable
from typing import Any

import numba
from numba.core import types as numba_types
from numba.core.caching import _Cache
from numba.core.ccallback import CFunc
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from minigrad.kernels import cache

# error_model: a division by zero is an inf, not an exception (and the loop vectorises).
# contract: a * b + c may be one instruction; nsz: the sign of a zero sum may be lost.
FASTMATH = {"contract", "nsz"}
OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": FASTMATH}


def kernel(function: Callable[..., Any] | None = None, *, reassoc: bool = False) -> Any:
    """Compile `function` when it is first called; with `reassoc`, sums may go in any order."""
    if function is None:
        return lambda function: kernel(function, reassoc=reassoc)
    flags = FASTMATH | {"reassoc"} if reassoc else FASTMATH
    dispatcher = numba.njit(function, error_model="numpy", fastmath=flags, nogil=True)
    dispatcher._cache = KernelCache(function)
    return dispatcher


scalar = numba.njit(**OPTIONS, forceinline=True)  # a call in a loop keeps it from vectorising

types: Any = numba_types
_pointers, _sizes = types.CPointer(types.voidptr), types.CPointer(types.intp)
LOOP = types.int32(types.voidptr, _pointers, _sizes, _sizes, types.voidptr)


def inner_loop(function: Callable[..., Any]) -> Any:
    """Compile the inner loop of a NumPy ufunc: int loop(context, args, lengths, steps, data)."""
    return compiled(function, LOOP)


def compiled(function: Callable[..., Any], signature: Any) -> Any:
    """A function that C code can call, at its `address`."""
    callback: Any = CFunc(function, (signature.args, signature.return_type), {}, OPTIONS)
    callback._cache = KernelCache(function)
    callback.compile()
    return callback


class KernelCache(_Cache):  # type: ignore[misc]
    """What Numba asks for a function's machine code before it compiles, and gives it after."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        name = f"{function.__module__}.{function.__qualname__}"
        self.name = name.replace("<", "").replace(">", "")  # a file's name, later

    def file_name(self, signature: Any, codegen: Any) -> str:
        code = self.function.__code__
        # A generated module's name tells its text, and so the scalar functions that `code` calls.
        parts = (self.name, code.co_code, code.co_consts, code.co_names, code.co_firstlineno)
        key = cache.digest(parts, str(signature), codegen.magic_tuple(), numba.__version__)
        return f"{self.name.rpartition('.')[2]}-{key}.nbc"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        stored = cache.read(self.file_name(sig, target_context.codegen()))
        if stored is None or not is_whole(stored):
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(stored[DIGEST_SIZE:]))

    def save_overload(self, sig: Any, data: Any) -> None:
        contents = dumps(data._reduce())
        cache.write(self.file_name(sig, data.codegen), checksum(contents) + contents)

    @property
    def cache_path(self) -> str:
        return str(cache.kernel_cache())

    def enable(self) -> None: ...

    def disable(self) -> None: ...

    def flush(self) -> None: ...


DIGEST_SIZE = 32


def checksum(contents: bytes) -> bytes:
    return hashlib.sha256(contents).digest()


def is_whole(stored: bytes) -> bool:
    """Whether a cache file is what was written: half a file must not crash a later run."""
    return stored[:DIGEST_SIZE] == checksum(stored[DIGEST_SIZE:])


def load_generated(name: str, text: str) -> python_types.ModuleType:
    """The module made of generated `text`, which is also kept in the cache folder to be read."""
    module_name = f"{name}_{cache.digest(text)}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    file_name = module_name + ".py"
    cache.write(file_name, text.encode())
    path = str(cache.kernel_cache() / file_name)
    module = python_types.ModuleType(module_name)
    module.__file__ = path
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    sys.modules[module_name] = module  # Numba looks there for what a cached loop refers to
    try:
        exec(compile(text, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module
