"""Files that are replaced whole: whoever opens the name finds the old file or the new one."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `path` at the end of the block.

    It lies beside `path` under a name that starts with a dot and ends in .part; an exception
    removes it, a killed process leaves it there.  What `path` held stays until the very end.
    """
    target = os.path.realpath(path)  # through links, as open() would
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    if os.path.isdir(target):
        raise IsADirectoryError(f"{target} is a directory: give the name of a file in it")
    if os.path.exists(target) and not os.path.isfile(target):  # a pipe or a device
        whole = io.BytesIO()
        yield whole
        with open(target, "wb") as device:
            device.write(whole.getvalue())
        return
    part = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # on the disk before it gets the name
        os.replace(part, target)
    except BaseException:
        if os.path.exists(part):
            os.remove(part)
        raise
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Have the new name on the disk too, where the system lets a folder be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def opened(f: Any, mode: str) -> Iterator[IO[bytes]]:
    """What save and load were given, as a file: a path is opened, a file is used as it is.

    mode is "rb" or "wb"; TypeError or AttributeError for what is neither path nor file.
    """
    if isinstance(f, str | os.PathLike):
        with replacing(f) if mode == "wb" else open(f, mode) as file:
            yield file
        return
    needed = ("write",) if mode == "wb" else ("read", "seek", "tell")
    for method in needed:
        if not hasattr(f, method):
            raise AttributeError(
                "expected 'f' to be string, path, or a file-like object with a "
                f"'{method}' attribute, but got {type(f).__name__}"
            )
    yield f
