"""Python values as JSON, with a number in the place of each array.

What JSON has stands for itself: None, bools, strings, numbers, lists, and dictionaries with strings
for keys.  All else is an object with a kind under "$", as in {"$": "tuple", "items": [1, 2]}.
"""

from __future__ import annotations

import base64
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.device import device
from minigrad.export import leaf
from minigrad.kernels import is_batched
from minigrad.nn.parameter import Parameter
from minigrad.ops.move import to_device_array
from minigrad.tensor import Tensor
from minigrad.values import Size

KIND = "$"
Array = np.ndarray[Any, Any]
SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "Size": Size,
}
MAPPINGS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "OrderedDict": OrderedDict,
    "Counter": lambda items: Counter(dict(items)),
}
TENSORS: dict[str, type[Tensor]] = {"Tensor": Tensor, "Parameter": Parameter}


class Encoder:
    """Turns a value into JSON's; `arrays` are those that it met, each piece of memory once."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.numbers: dict[Any, int] = {}

    def encode(self, value: Any, path: str) -> Any:
        """`value` as JSON has it; `path` says in errors where it was found."""
        name = type(value).__name__
        if value is None or type(value) in (bool, str, int):
            return value
        if type(value) is list:
            return self.items(value, path)
        if type(value) is SEQUENCES.get(name):
            return {KIND: name, "items": self.items(value, path)}
        if type(value) in (dict, OrderedDict, Counter):
            return self.mapping(value, name, path)
        if type(value) is TENSORS.get(name):
            return self.tensor(value, name, path)
        if isinstance(value, np.ndarray | np.generic):
            kind = "ndarray" if isinstance(value, np.ndarray) else "number"
            return {KIND: kind, "data": self.number_of(np.asarray(value), path)}
        return self.scalar(value, path)

    def items(self, values: Any, path: str) -> list[Any]:
        return [self.encode(value, f"{path}[{i}]") for i, value in enumerate(values)]

    def mapping(self, value: Any, name: str, path: str) -> Any:
        keys = [self.encode(key, f"a key of {path}") for key in value]
        values = [self.encode(x, f"{path}[{key!r}]") for key, x in value.items()]
        if type(value) is dict and all(type(key) is str and key != KIND for key in keys):
            return dict(zip(keys, values, strict=True))
        return {KIND: name, "items": [list(pair) for pair in zip(keys, values, strict=True)]}

    def tensor(self, x: Tensor, name: str, path: str) -> dict[str, Any]:
        if is_batched(x.array):
            raise TypeError(f"{path} is one sample of a tensor inside vmap(): save the whole one")
        spec: dict[str, Any] = {KIND: name, "data": self.number_of(x.host_array(), path, x.array)}
        if x.device.type != "cpu":
            spec["device"] = str(x.device)
        if x.requires_grad != (name == "Parameter"):
            spec["requires_grad"] = x.requires_grad
        return spec

    def number_of(self, array: Array, path: str, memory: Any = None) -> int:
        """The place of an array among `arrays`: the same for two tensors on the same memory."""
        if array.dtype.kind not in "biufc":
            raise TypeError(f"{path} is an array of {array.dtype}: only numbers are saved")
        memory = array if memory is None else memory
        key: Any = id(memory)
        if isinstance(memory, np.ndarray):
            key = (memory.ctypes.data, memory.shape, memory.strides, memory.dtype)
        if key not in self.numbers:
            self.numbers[key] = len(self.arrays)
            self.arrays.append(array)
        return self.numbers[key]

    def scalar(self, value: Any, path: str) -> Any:
        if type(value) is float:
            return value if math.isfinite(value) else {KIND: "float", "value": str(value)}
        if type(value) is complex:
            return {KIND: "complex", "value": str(value)}
        if type(value) in (bytes, bytearray):
            text = base64.b64encode(value).decode()
            return {KIND: type(value).__name__, "base64": text}
        if isinstance(value, dtypes.dtype):
            return {KIND: "dtype", "value": value.name}
        if isinstance(value, device):
            return {KIND: "device", "value": str(value)}
        raise TypeError(f"{path} is {described(value)}")


def described(value: Any) -> str:
    """What cannot be saved, and what to save instead."""
    name = type(value).__name__
    if hasattr(value, "state_dict"):
        return (
            f"a {name}, and a file holds values, no objects with code. Save its state_dict() and "
            "load it with load_state_dict() into one made anew"
        )
    return (
        f"of type {name}, which has no file form: save tensors, numbers, strings, and lists, "
        "tuples, sets and dicts of them"
    )


class Decoder:
    """Turns what Encoder made into values again; ValueError for anything else."""

    def __init__(self, arrays: Sequence[Array], place: Callable[[device], device]) -> None:
        self.arrays, self.place = arrays, place
        self.moved: dict[tuple[int, device], Any] = {}

    def decode(self, spec: Any) -> Any:
        if type(spec) is list:
            return [self.decode(item) for item in spec]
        if type(spec) is not dict:
            return spec
        if KIND not in spec:
            return {key: self.decode(value) for key, value in spec.items()}
        kind = spec[KIND]
        if kind in SEQUENCES:
            return SEQUENCES[kind](self.decode(item) for item in spec["items"])
        if kind in MAPPINGS:
            return MAPPINGS[kind]((self.decode(key), self.decode(x)) for key, x in spec["items"])
        if kind in TENSORS:
            return self.tensor(TENSORS[kind], spec)
        if kind in ("ndarray", "number"):
            array = self.array(spec)
            return array if kind == "ndarray" else array[()]
        return scalar(kind, spec)

    def array(self, spec: dict[str, Any]) -> Array:
        number = spec["data"]
        if type(number) is not int or not 0 <= number < len(self.arrays):
            raise ValueError(f"there is no array {number!r} in the file")
        return self.arrays[number]

    def tensor(self, kind: type[Tensor], spec: dict[str, Any]) -> Tensor:
        array = self.array(spec)
        dtypes.of_numpy(array.dtype)
        place = self.place(device(spec.get("device", "cpu")))
        key = (spec["data"], place)
        if key not in self.moved:
            self.moved[key] = array if place.type == "cpu" else to_device_array(array, place)
        requires_grad = spec.get("requires_grad", kind is Parameter)
        if requires_grad and array.dtype.kind != "f":
            raise ValueError("a tensor of integers cannot require gradients")
        return leaf(kind, self.moved[key], requires_grad is True)


def scalar(kind: Any, spec: dict[str, Any]) -> Any:
    if kind == "float" and spec["value"] in ("nan", "inf", "-inf"):
        return float(spec["value"])
    if kind == "complex":
        return complex(spec["value"])
    if kind in ("bytes", "bytearray"):
        data = base64.b64decode(spec["base64"], validate=True)
        return data if kind == "bytes" else bytearray(data)
    if kind == "dtype":
        return dtypes.of_numpy(np.dtype(spec["value"]))
    if kind == "device":
        return device(spec["value"])
    raise ValueError(f"it holds a {kind!r}, of which this version of minigrad knows nothing")
