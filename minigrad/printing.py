"""How a tensor prints: as torch prints it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.batched.levels import depth_of

LINE_WIDTH, PRECISION, EDGE_ITEMS, THRESHOLD = 80, 4, 3, 1000
IMPLIED = {"float32", "int64", "bool"}  # dtypes that the digits themselves tell


def describe(x: Any, tangent: Any = None) -> str:
    """tensor([1., 2.], grad_fn=<MulBackward0>)"""
    if kernels.is_batched(x.array):
        return of_samples(x.array, notes_of(x, kernels.physical(x.array)))
    array = x.host_array()
    prefix = "Parameter containing:\ntensor(" if type(x).__name__ == "Parameter" else "tensor("
    notes = notes_of(x, array) + ([] if tangent is None else [f"tangent={tangent!r}"])
    return with_notes(prefix, values(array, len("tensor(")), notes)


def of_samples(array: Any, notes: list[str]) -> str:
    """What a tensor holds under vmap, one level in the other."""
    if not kernels.is_batched(array):
        text = with_notes("tensor(", values(kernels.to_host(array), len("tensor(")), notes)
    else:
        inner = of_samples(array.values, notes).replace("\n", "\n    ")
        text = f"BatchedTensor(lvl={depth_of(array.level)}, bdim=0, value=\n    {inner}\n)"
    return text


def notes_of(x: Any, array: Any) -> list[str]:
    """What follows the values."""
    notes = []
    if x.is_cuda:
        notes.append(f"device='{x.device}'")
    if array.size == 0 and array.ndim != 1:
        notes.append(f"size={tuple(array.shape)}")
    if array.dtype.name not in IMPLIED or (array.size == 0 and array.dtype.name != "float32"):
        notes.append(f"dtype={x.dtype!r}")
    node = x.grad_fn
    if node is not None:
        notes.append(f"grad_fn=<{node.name()}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return notes


def with_notes(prefix: str, text: str, notes: list[str]) -> str:
    width = len(text.rpartition("\n")[2]) + (0 if "\n" in text else len("tensor("))
    result = prefix + text
    for note in notes:
        if width + len(note) + 3 > LINE_WIDTH:
            result, width = f"{result},\n{' ' * len('tensor(')}{note}", len("tensor(") + len(note)
        else:
            result, width = f"{result}, {note}", width + len(note) + 2
    return result + ")"


def values(array: np.ndarray[Any, Any], indent: int) -> str:
    if array.size == 0:
        return "[]"
    shown = array
    summarized = array.size > THRESHOLD
    if summarized:
        shown = corners(array)
    return nested(array, formatter(shown), indent, summarized)


def corners(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The elements that a summary shows."""
    for axis, length in enumerate(array.shape):
        if length > 2 * EDGE_ITEMS:
            ends = [*range(EDGE_ITEMS), *range(length - EDGE_ITEMS, length)]
            array = np.take(array, ends, axis)
    return array


def formatter(array: np.ndarray[Any, Any]) -> Any:
    """The function that writes one element, all at one width."""
    if array.dtype.kind != "f":
        width = max(len(str(v)) for v in array.ravel().tolist())
        return lambda v: str(v).rjust(width)
    finite = array[np.isfinite(array)].astype(np.float64)
    plain = number_format(finite)
    width = max([len(plain(v)) for v in finite[finite != 0].tolist()], default=1)
    return lambda v: plain(v).rjust(width)


def number_format(finite: np.ndarray[Any, Any]) -> Any:
    """torch's choice: "1." for whole numbers, 4 decimals, or 4 decimals and an exponent."""
    sizes = np.abs(finite[finite != 0])
    whole = bool((finite == np.ceil(finite)).all())
    largest, smallest = (sizes.max(), sizes.min()) if sizes.size else (1.0, 1.0)
    if largest > 1e8 or largest / smallest > 1000 or (not whole and smallest < 1e-4):
        return lambda v: f"{v:.{PRECISION}e}"
    if whole:
        return lambda v: f"{v:.0f}." if np.isfinite(v) else f"{v}"
    return lambda v: f"{v:.{PRECISION}f}"


def nested(array: np.ndarray[Any, Any], write: Any, indent: int, summarized: bool) -> str:
    if array.ndim == 0:
        return str(write(array.item())).strip()
    long = summarized and array.shape[0] > 2 * EDGE_ITEMS
    head, tail = (array[:EDGE_ITEMS], array[-EDGE_ITEMS:]) if long else (array, array[:0])
    if array.ndim == 1:
        return "[" + wrapped(head, tail, write, indent, long) + "]"
    parts = [nested(row, write, indent + 1, summarized) for row in head]
    parts += ["..."] if long else []
    parts += [nested(row, write, indent + 1, summarized) for row in tail]
    between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + between.join(parts) + "]"


def wrapped(head: Any, tail: Any, write: Any, indent: int, long: bool) -> str:
    """One row of numbers, broken into lines that fit."""
    words = [write(v) for v in head.tolist()]
    words += [" ..."] if long else []
    words += [write(v) for v in tail.tolist()]
    width = max(len(word) for word in words) + 2 if words else 1
    per_line = max(1, (LINE_WIDTH - indent) // width)
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return (",\n" + " " * (indent + 1)).join(lines)
