"""IDX, the format of the MNIST files: four bytes, the sizes, and the elements.

    0 0 T N   T is the type of the elements, N the number of dimensions
    N sizes   of four bytes, the most significant first
    elements  in the order of the last dimension first, the most significant byte first

http://yann.lecun.com/exdb/mnist/ describes it.  Nothing of a file is believed before it is
checked: a header may promise more than there is, and a few compressed bytes may expand to many.
"""

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from minigrad.ops.creation import from_numpy
from minigrad.tensor import Tensor

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
MOST_DIMENSIONS = 32
GZIP = b"\x1f\x8b"
EXPANSION = 32  # a compressed file may expand this much; those of MNIST have 5 times their size
SMALL = 2**20  # bytes that any file may expand to


class Readable(Protocol):
    """A file, or what gzip makes of one."""

    def read(self, size: int, /) -> bytes: ...


def read_idx(path: str | os.PathLike[str], checksum: str | None = None) -> Tensor:
    """The tensor in an IDX file, which may be compressed with gzip.

    `checksum` is the MD5 or SHA-256 (hexadecimal) of the uncompressed contents.  ValueError says
    what is wrong with a file; at most 32 times its size (or a megabyte) is read of it.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(len(GZIP))
        file.seek(0)
        if start != GZIP:
            return read(file, path, size, checksum)
        limit = max(SMALL, EXPANSION * size)
        try:
            with gzip.open(file) as contents:
                return read(contents, path, limit, checksum)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise wrong(path, f"its compressed data is damaged or truncated ({error})") from error


def read(
    contents: Readable, path: str | os.PathLike[str], limit: int, checksum: str | None
) -> Tensor:
    """The tensor of the contents, of which at most `limit` bytes are there or wanted."""
    head, kind, shape = read_header(contents, path)
    wanted = math.prod(shape) * kind.itemsize
    if len(head) + wanted > limit:
        raise wrong(
            path,
            f"its header promises {wanted} bytes of data, of the shape {shape}, but a file of "
            "this size cannot hold them (one that is really that compressible: unpack it)",
        )
    data = contents.read(wanted)
    if len(data) < wanted:
        raise wrong(path, f"it is truncated: {len(data)} of {wanted} bytes of data")
    if contents.read(1):
        raise wrong(path, f"there is more in it than the {wanted} bytes that its header promises")
    if checksum is not None:
        check(head, data, path, checksum)
    array = np.frombuffer(data, kind).reshape(shape)
    return from_numpy(array.astype(kind.newbyteorder("=")))


def read_header(
    contents: Readable, path: str | os.PathLike[str]
) -> tuple[bytes, np.dtype, tuple[int, ...]]:
    """The bytes of the header, and the type and shape that it tells."""
    magic = contents.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise wrong(path, f"it is no IDX file: it begins with {magic!r}, the wrong magic number")
    dimensions = magic[3]
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise wrong(path, f"its header tells of {dimensions} dimensions")
    sizes = contents.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise wrong(path, "it is truncated: it ends in its header")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    if 0 in shape:
        raise wrong(path, f"it has no data: its shape is {shape}")
    return magic + sizes, np.dtype(TYPES[magic[2]]), shape


def check(head: bytes, data: bytes, path: str | os.PathLike[str], checksum: str) -> None:
    """ValueError if this is not the content with that checksum."""
    method = {32: "md5", 64: "sha256"}.get(len(checksum))
    if method is None:
        raise ValueError(
            "checksum should be 32 (MD5) or 64 (SHA-256) hexadecimal digits, but got "
            f"checksum={checksum!r}"
        )
    summed = hashlib.new(method, head, usedforsecurity=False)
    summed.update(data)
    if summed.hexdigest() != checksum.lower():
        raise wrong(path, f"its checksum is {summed.hexdigest()}, not {checksum}")


def wrong(path: str | os.PathLike[str], what: str) -> ValueError:
    return ValueError(f"{Path(path)}: {what}")
