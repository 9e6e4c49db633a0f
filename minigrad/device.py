"""Where a tensor's memory is: the CPU, or a CUDA device by its index."""

from __future__ import annotations

from typing import Any

TYPES = ("cpu", "cuda")


class device:  # torch's name
    """device("cpu"), device("cuda"), device("cuda:1"), device("cuda", 1)."""

    __slots__ = ("index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None):
        if isinstance(type, device):
            type, index = type.type, type.index
        elif isinstance(type, int):
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(f"device(): a name such as 'cuda:0' is expected, not {type!r}")
        name, _, number = type.partition(":")
        if name not in TYPES or (number and not number.isdigit()) or (number and index is not None):
            raise RuntimeError(
                f"Expected one of cpu, cuda device type at start of device string: {type}"
            )
        self.type, self.index = name, int(number) if number else index

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"


CPU = device("cpu")


def of_array(array: Any) -> device:
    """The device of a kernel's array."""
    place = array.device  # NumPy says "cpu", a CudaArray the index of its GPU
    return CPU if place == "cpu" else device("cuda", place)
