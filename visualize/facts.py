"""What can be read from one tensor or one node, without knowing whose library it came from.

Reading must never stop a drawing: an attribute that raises (torch does, for freed tensors) reads as
None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FREED = "freed"


@dataclass(frozen=True)
class Saved:
    """A tensor that a node keeps for its backward formula; `detail` says when it was freed."""

    name: str
    detail: str
    tensor: Any = None


def read(thing: Any, attribute: str) -> Any:
    """Return the attribute, or None when it is absent or cannot be read."""
    try:
        return getattr(thing, attribute, None)
    except Exception:
        return None


def is_tensor(thing: Any) -> bool:
    """Say whether the thing looks like a tensor: it has a shape, a dtype and a grad_fn."""
    return all(_has(thing, word) for word in ("shape", "dtype", "grad_fn"))


def is_node(thing: Any) -> bool:
    """Say whether the thing looks like a node of a backward graph."""
    return _has(thing, "next_functions")


def _has(thing: Any, attribute: str) -> bool:
    try:
        return hasattr(thing, attribute)
    except Exception:  # it is there, and cannot be read now
        return True


def next_functions(node: Any) -> list[tuple[Any, int]]:
    """Return the node's edges as (node, input_nr), without the empty ones of constants."""
    edges = read(node, "next_functions") or ()
    return [(target, int(number or 0)) for target, number in edges if target is not None]


def node_name(node: Any) -> str:
    """Return `node.name()` where there is one, and the class name otherwise (MulBackward0)."""
    name = read(node, "name")
    if callable(name):
        try:
            name = name()
        except Exception:
            name = None
    return name if isinstance(name, str) and name else type(node).__name__


def leaf_variable(node: Any) -> Any:
    """Return the tensor in which an AccumulateGrad adds up the gradient; None for other nodes."""
    return None if next_functions(node) else read(node, "variable")


def tensor_detail(tensor: Any) -> str:
    """Return shape and dtype in words: "(64, 10) float32"."""
    return shape_and_dtype(read(tensor, "shape"), read(tensor, "dtype"))


def node_detail(node: Any) -> str:
    """Return shape and dtype of the node's output; of the first two when it has several."""
    shape, dtype = read(node, "shape"), read(node, "dtype")
    if shape is not None:
        return shape_and_dtype(shape, dtype)
    outputs = list(read(node, "_input_metadata") or ())
    words = [tensor_detail(output) for output in outputs[:2]]
    if len(outputs) > 2:
        words.append(f"and {len(outputs) - 2} more")
    return ", ".join(word for word in words if word)


def shape_and_dtype(shape: Any, dtype: Any) -> str:
    """Join shape and dtype; what is not known is left out."""
    return " ".join(word for word in (_shape_words(shape), _dtype_words(dtype)) if word)


def _shape_words(shape: Any) -> str:
    try:
        return "" if shape is None else str(tuple(int(size) for size in shape))
    except Exception:
        return ""


def _dtype_words(dtype: Any) -> str:
    if dtype is None:
        return ""
    name = dtype.__name__ if isinstance(dtype, type) else str(dtype)
    return name.rpartition(".")[2]


def line_of(node: Any) -> str:
    """Return the user's line that made the node, as "train.py:12 in step"; empty when unknown.

    Only the file's own name is kept, so that a picture is the same on every machine.
    """
    line = read(node, "line")
    try:
        file, number, function = line[0], line[1], line[2] if len(line) > 2 else ""
    except Exception:
        return ""
    base = re.split(r"[/\\]", str(file))[-1]
    where = f"{base}:{number}"
    return where if not function or function == "<module>" else f"{where} in {function}"


def element_count(tensor: Any) -> int:
    """Return how many numbers a tensor holds; 0 when its shape cannot be read."""
    try:
        return math.prod(int(size) for size in tensor.shape)
    except Exception:
        return 0


def bytes_in_words(tensor: Any) -> str:
    """Return the size of a tensor's numbers as "512 B", "2.5 KiB"; empty when unknown."""
    size = read(tensor, "nbytes")
    if not isinstance(size, int):
        return ""
    number = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return ""


def saved_tensors(node: Any) -> list[Saved]:
    """Return what the node saved: torch's `_saved_NAME`, or else `saved_tensors`, or else `saved`.

    The last two are tuples; `saved_names`, where the node has it, says what is what in them.
    Reading may run saved-tensor hooks (unpacking, recomputation): ask only for what is drawn.
    """
    names = sorted(name for name in dir(node) if name.startswith("_saved_"))
    if names:
        return [
            saved for name in names for saved in _saved_list(name[len("_saved_") :], node, name)
        ]
    attribute = "saved_tensors" if _has(node, "saved_tensors") else "saved"
    return _saved_list("saved", node, attribute)


def _saved_list(name: str, node: Any, attribute: str) -> list[Saved]:
    """Return one attribute's tensors; one that raises, or a `saved` that is None, was freed."""
    try:
        value = getattr(node, attribute, ())
    except Exception:
        return [Saved(name, FREED)]
    if value is None and name == "saved":
        return [Saved(name, FREED)]
    if _is_array(value):
        return [_saved(name, value)]
    if not isinstance(value, (tuple, list)):
        return []
    names = [f"{name}[{i}]" for i in range(len(value))]
    given = read(node, "saved_names") if name == "saved" else None
    if isinstance(given, tuple) and len(given) == len(names):
        names = [str(word) for word in given]
    return [_saved(word, item) for word, item in zip(names, value, strict=True) if _is_array(item)]


def _is_array(thing: Any) -> bool:
    return _has(thing, "shape") and _has(thing, "dtype")


def _saved(name: str, tensor: Any) -> Saved:
    words = (tensor_detail(tensor), bytes_in_words(tensor))
    return Saved(name, ", ".join(word for word in words if word), tensor)


def named_tensors(params: Any) -> list[tuple[str, Any]]:
    """Return (name, tensor) pairs of a Module (its named_parameters) or of a dict.

    Raises TypeError for anything else, and for a dict value that is no tensor.
    """
    if params is None:
        return []
    if isinstance(params, Mapping):
        pairs = [(str(name), tensor) for name, tensor in params.items()]
    elif callable(read(params, "named_parameters")):
        pairs = [(str(name), tensor) for name, tensor in params.named_parameters()]
    else:
        kind = type(params).__name__
        raise TypeError(f"params must be a Module or a dict of name -> tensor, got {kind}")
    for name, tensor in pairs:
        if not is_tensor(tensor):
            raise TypeError(f"params[{name!r}] must be a tensor, got {type(tensor).__name__}")
    return pairs
