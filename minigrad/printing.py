"""How a tensor prints: as torch prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.batched.levels import depth_of


@dataclass
class PrintOptions:
    """What set_printoptions() sets."""

    precision: int = 4  # digits after the point
    threshold: float = 1000  # elements from which a tensor is summarized
    edgeitems: int = 3  # elements that a summary shows at each end
    linewidth: int = 80  # characters
    sci_mode: bool | None = None  # exponents: None writes them where they are shorter


OPTIONS = PrintOptions()
PROFILES = {
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, float("inf"), 3, 80),
}
IMPLIED = {"float32", "int64", "bool"}  # dtypes that the digits themselves tell


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print from now on.  What is None stays, but sci_mode: None chooses by the values.

    `profile` sets the others at once: "default", "short" (two digits) or "full" (every element).
    """
    if profile is not None:
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {list(PROFILES)}, but got {profile!r}")
        chosen = PROFILES[profile]
        OPTIONS.precision, OPTIONS.threshold, OPTIONS.edgeitems, OPTIONS.linewidth = chosen
    given = {"precision": precision, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, number in given.items():
        if number is None:
            continue
        if type(number) is not int or number < 0:
            raise ValueError(f"{name} must be an int of at least 0, but got {number!r}")
        setattr(OPTIONS, name, number)
    if threshold is not None:
        OPTIONS.threshold = float(threshold)
    OPTIONS.sci_mode = sci_mode


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
        if width + len(note) + 3 > OPTIONS.linewidth:
            result, width = f"{result},\n{' ' * len('tensor(')}{note}", len("tensor(") + len(note)
        else:
            result, width = f"{result}, {note}", width + len(note) + 2
    return result + ")"


def values(array: np.ndarray[Any, Any], indent: int) -> str:
    if array.size == 0:
        return "[]"
    shown = array
    summarized = array.size > OPTIONS.threshold
    if summarized:
        shown = corners(array)
    return nested(array, formatter(shown), indent, summarized)


def corners(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The elements that a summary shows."""
    for axis, length in enumerate(array.shape):
        if length > 2 * OPTIONS.edgeitems:
            ends = [*range(OPTIONS.edgeitems), *range(length - OPTIONS.edgeitems, length)]
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
    scientific = OPTIONS.sci_mode
    if scientific is None:
        scientific = largest > 1e8 or largest / smallest > 1000 or (not whole and smallest < 1e-4)
    if scientific:
        return lambda v: f"{v:.{OPTIONS.precision}e}"
    if whole:
        return lambda v: f"{v:.0f}." if np.isfinite(v) else f"{v}"
    return lambda v: f"{v:.{OPTIONS.precision}f}"


def nested(array: np.ndarray[Any, Any], write: Any, indent: int, summarized: bool) -> str:
    if array.ndim == 0:
        return str(write(array.item())).strip()
    long = summarized and array.shape[0] > 2 * OPTIONS.edgeitems
    head, tail = (
        (array[: OPTIONS.edgeitems], array[-OPTIONS.edgeitems :]) if long else (array, array[:0])
    )
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
    per_line = max(1, (OPTIONS.linewidth - indent) // width)
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return (",\n" + " " * (indent + 1)).join(lines)
