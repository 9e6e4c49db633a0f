"""minigrad.save and minigrad.load: a zip archive of structure.json and one .npy file an array.

Nothing in a file is ever run or imported: it can only become the types that structure.py knows.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from typing import IO, Any

from minigrad import cuda
from minigrad.device import device
from minigrad.serialization.arrays import DATE, check_members, read_array, write_array
from minigrad.serialization.atomic import opened
from minigrad.serialization.structure import Decoder, Encoder

STRUCTURE = "structure.json"
VERSION = 1
LONGEST = 64 * 2**20  # bytes of structure.json: parsed, JSON takes up to 20 times as much memory
TOO_LONG = (
    f"more than {LONGEST // 2**20} MiB of values outside of tensors: put long lists of numbers "
    "into tensors"
)
Place = Callable[[device], device]


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write tensors, numbers, strings, and lists, tuples, sets and dicts of them to a file.

    At a path the old file stays until the new one is whole on the disk.  Tensors on the same
    memory are written once, views by themselves.  TypeError names what cannot be saved, and where.
    """
    encoder = Encoder()
    try:
        value = encoder.encode(obj, "the object")
        text = json.dumps({"minigrad": VERSION, "value": value}, allow_nan=False)
    except RecursionError:
        raise ValueError("cannot save what is nested too deeply, or contains itself") from None
    if len(text) > LONGEST:
        raise ValueError("cannot save " + TOO_LONG)
    with opened(f, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(STRUCTURE, DATE), text)
        for number, array in enumerate(encoder.arrays):
            write_array(archive, member_name(number), array)


def load(
    f: str | os.PathLike[str] | IO[bytes],
    map_location: Any = None,
    *,
    weights_only: bool = True,
) -> Any:
    """Read what save() wrote.  RuntimeError for a file that is damaged, or of another format.

    `map_location` says where the tensors go: a device for all, or a dict from the devices they
    were on; None leaves each where it was.  No file can make load() run code, so weights_only=False
    loads no more than weights_only=True.
    """
    place = place_of(map_location)
    with opened(f, "rb") as file:
        try:
            structure, arrays = read(file)
        except Exception as error:
            raise RuntimeError(f"cannot load {name_of(f)}: {reason(error, file)}") from error
    try:
        return Decoder(arrays, place).decode(structure)
    except NoSuchDevice:
        raise
    except Exception as error:
        raise RuntimeError(f"cannot load {name_of(f)}: {reason(error)}") from error


def member_name(number: int) -> str:
    return f"arrays/{number}.npy"


def read(file: IO[bytes]) -> tuple[Any, list[Any]]:
    """The structure in a file, and its arrays.  Any exception is a fault of the file."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        raise ValueError("it is empty")
    with zipfile.ZipFile(file) as archive:
        check_members(archive, size)
        member = archive.getinfo(STRUCTURE)
        if member.file_size > LONGEST:
            raise ValueError("it has " + TOO_LONG)
        content = json.loads(archive.read(member), parse_constant=refuse)
        if type(content) is not dict or content.get("minigrad") != VERSION:
            raise ValueError("it is of a version of the format that is not known")
        count = sum(name.startswith("arrays/") for name in archive.namelist())
        arrays = [read_array(archive, archive.getinfo(member_name(n))) for n in range(count)]
    return content["value"], arrays


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} stands in {STRUCTURE}, which is not JSON")


def reason(error: Exception, file: IO[bytes] | None = None) -> str:
    """What is wrong with a file, from what was raised while it was read."""
    foreign = file and known_format(file)
    if foreign:
        return foreign
    if isinstance(error, zipfile.BadZipFile):
        return f"it is damaged, cut off, or no file of minigrad.save() ({error})"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"{error} is missing in it"
    return str(error) or type(error).__name__


def known_format(file: IO[bytes]) -> str:
    """What a file is that minigrad.save() did not write, and how to read it; "" if unknown."""
    file.seek(0)
    start = file.read(16)
    if start[:1] == b"\x80" or (start[:2] == b"PK" and b"data.pkl" in start + file.read(4096)):
        return (
            "it is a pickle, as torch.save() writes them, which could run any code. Save the "
            "tensors with safetensors.torch.save_file() and read them with "
            "minigrad.serialization.safetensors.load_file()"
        )
    if start[8:10] == b'{"':
        return "it is a safetensors file: use minigrad.serialization.safetensors.load_file()"
    if start[:2] == b"PK" and not contains(file, STRUCTURE):
        return "it is a zip file without structure.json. For .npz: minigrad.serialization.npz"
    return ""


def contains(file: IO[bytes], name: str) -> bool:
    """Whether a zip archive that may be damaged lists a member; True where that cannot be seen."""
    try:
        with zipfile.ZipFile(file) as archive:
            return name in archive.namelist()
    except Exception:
        return True


def name_of(f: Any) -> str:
    return os.fspath(f) if isinstance(f, str | os.PathLike) else f"this {type(f).__name__}"


# ------------------------------------------------------------------------------------------ devices


class NoSuchDevice(RuntimeError):
    """A tensor belongs on a device that is not here."""


def place_of(map_location: Any) -> Place:
    """From the device a tensor was on to the one it shall be on; TypeError for other arguments."""
    if map_location is None:
        return available
    if isinstance(map_location, Mapping):
        table = {device(old): available(device(new)) for old, new in map_location.items()}
        return lambda old: table[old] if old in table else available(old)
    if isinstance(map_location, str | device):
        everywhere = available(device(map_location))
        return lambda old: everywhere
    raise TypeError(
        "load(): map_location must be a device such as 'cpu', a dict of devices, or None, not "
        f"{type(map_location).__name__}"
    )


def available(place: device) -> device:
    """The same device, if it is there."""
    if place.type == "cuda" and not cuda.is_available():
        raise NoSuchDevice(
            "Attempting to deserialize object on a CUDA device but minigrad.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use minigrad.load with "
            "map_location=minigrad.device('cpu') to map your storages to the CPU."
        )
    return place
