"""Safetensors files, in which weights travel to torch and back, by the package safetensors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.ops.creation import from_numpy
from minigrad.ops.move import to
from minigrad.serialization.atomic import replacing
from minigrad.serialization.npz import checked
from minigrad.tensor import Tensor

try:
    import safetensors.numpy as package
except ImportError:  # said when it is asked for: nothing else here needs it
    package = None


def save(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The bytes of a file with these tensors."""
    arrays = {n: np.asarray(a, order="C") for n, a in checked(tensors, "safetensors").items()}
    data: bytes = required().save(arrays, metadata)
    return data


def save_file(
    tensors: Mapping[str, Tensor],
    filename: str | os.PathLike[str],
    metadata: dict[str, str] | None = None,
) -> None:
    """Write tensors by name, for safetensors.torch.load_file() or load_file() here.

    The old file stays until the new one is whole.  Tensors that share memory are written each.
    """
    data = save(tensors, metadata)
    with replacing(filename) as file:
        file.write(data)


def load(data: bytes, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors in the bytes of a file."""
    return on_device(required().load, data, "these bytes", device)


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a file by name.  RuntimeError if it is damaged or of another kind."""
    return on_device(required().load_file, filename, str(filename), device)


def on_device(read: Any, source: Any, name: str, device: Any) -> dict[str, Tensor]:
    try:
        arrays = read(source)
        return {name: to(from_numpy(array), device) for name, array in arrays.items()}
    except FileNotFoundError:
        raise
    except Exception as error:
        raise RuntimeError(f"cannot load {name} as safetensors: {error}") from error


def required() -> Any:
    """The package that knows the format; ImportError if it is not installed."""
    if package is None:
        raise ImportError("this needs the package safetensors: pip install safetensors")
    return package
