"""Arrays in a zip archive, each a .npy member, as in NumPy's .npz.

A file that lies about its sizes makes nothing large: what a header promises is compared with what
is there before it is made.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy

Array = np.ndarray[Any, Any]
DATE = (1980, 1, 1, 0, 0, 0)  # the same content gives the same file, whenever it is saved
LARGE = 2**31 - 2**16  # bytes from which a member needs the larger entries of Zip64
KINDS = frozenset("biufc")  # bools, integers, floats and complex numbers
VERSIONS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


def write_array(archive: zipfile.ZipFile, name: str, array: Array) -> None:
    """Add `array` as the member `name`."""
    member = zipfile.ZipInfo(name, DATE)
    with archive.open(member, "w", force_zip64=array.nbytes > LARGE) as file:
        npy.write_array(file, array, version=(1, 0), allow_pickle=False)


def read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """The array in a member, in this machine's byte order and with memory of its own."""
    data = archive.read(member)
    file = io.BytesIO(data)
    read_header = VERSIONS.get(npy.read_magic(file))
    if read_header is None:
        raise ValueError(f"{member.filename} is of a version of .npy that is not known")
    shape, fortran_order, dtype = read_header(file)
    if dtype.kind not in KINDS:
        raise ValueError(f"{member.filename} holds elements of type {dtype}, which are not numbers")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size != len(data) - file.tell():
        raise ValueError(
            f"{member.filename} should hold {shape} elements of type {dtype}, but has "
            f"{len(data) - file.tell()} bytes"
        )
    flat = np.frombuffer(data, dtype, offset=file.tell())
    array = flat.reshape(shape, order="F" if fortran_order else "C")
    return array.astype(np.dtype(dtype.type), order="K", copy=True)


def check_members(archive: zipfile.ZipFile, size: int) -> None:
    """ValueError for members that are packed, or together larger than the file of `size` bytes.

    So no file becomes larger in memory than it is: members may lie over each other in a forged
    one.
    """
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("its members are compressed, which minigrad.save() never does")
    total = sum(max(member.file_size, member.compress_size) for member in members)
    if total > size:
        raise ValueError(f"its members claim {total} bytes, but the file has {size}")
