"""NumPy's .npz files: a dict of tensors, which np.load() opens too."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from typing import IO, Any

from minigrad.ops.creation import from_numpy
from minigrad.serialization.arrays import read_array, write_array
from minigrad.serialization.atomic import opened
from minigrad.tensor import Tensor

ENDING = ".npy"


def save_file(tensors: Mapping[str, Tensor], filename: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write tensors by name.  The old file stays until the new one is whole."""
    arrays = checked(tensors, "npz")
    with opened(filename, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            write_array(archive, name + ENDING, array)


def load_file(filename: str | os.PathLike[str] | IO[bytes]) -> dict[str, Tensor]:
    """The tensors of an .npz file by name.  RuntimeError for a file that is damaged or no .npz.

    A compressed file (np.savez_compressed) takes the memory that its arrays take, however small it
    is itself.
    """
    with opened(filename, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return {
                    member.filename.removesuffix(ENDING): from_numpy(read_array(archive, member))
                    for member in archive.infolist()
                }
        except Exception as error:
            raise RuntimeError(f"cannot load the .npz file {filename}: {error}") from error


def checked(tensors: Any, function: str) -> dict[str, Any]:
    """The NumPy arrays of a dict of tensors; ValueError or TypeError for anything else."""
    if not isinstance(tensors, Mapping):
        raise ValueError(
            f"{function}: expected a dict of [str, Tensor] but received {type(tensors)}"
        )
    for name, x in tensors.items():
        if not isinstance(name, str):
            raise TypeError(f"{function}: names must be str, but {name!r} is {type(name).__name__}")
        if not isinstance(x, Tensor):
            raise ValueError(f"{function}: Key `{name}` is invalid, expected Tensor, got {type(x)}")
    return {name: x.host_array() for name, x in tensors.items()}
