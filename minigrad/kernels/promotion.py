"""Which dtype an operation computes in: torch's promotion rules."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Dtype = np.dtype[Any]

# A result is at least as high as its highest operand: bool < integer < float.
CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2}
FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)
INT64, BOOL = np.dtype(np.int64), np.dtype(bool)


def promote(x: Dtype, y: Dtype) -> Dtype:
    """The dtype of two operands.  Unlike NumPy, an integer never widens a float."""
    if x == y:
        return x
    if CATEGORY[x.kind] != CATEGORY[y.kind] and "f" in (x.kind, y.kind):
        return x if x.kind == "f" else y
    return np.promote_types(x, y)


def result_type(arrays: Sequence[Any], floating: bool = False) -> Dtype:
    """The dtype of several operands: those with dimensions decide, and a 0-d one counts only
    when its category is higher.  With `floating`, at least the default dtype."""
    result = None
    for group in ([x.dtype for x in arrays if x.ndim], [x.dtype for x in arrays if not x.ndim]):
        for dtype in group[:1]:
            for other in group[1:]:
                dtype = promote(dtype, other)
            if result is None or CATEGORY[dtype.kind] > CATEGORY[result.kind]:
                result = dtype
    assert result is not None
    if floating and result.kind != "f":
        return FLOAT32
    return result


def number_dtype(value: float, like: Dtype) -> Dtype:
    """The dtype of a Python number beside an operand of dtype `like`."""
    category = 0 if isinstance(value, bool) else 1 if isinstance(value, int) else 2
    if category <= CATEGORY[like.kind]:
        return like
    return INT64 if category == 1 else FLOAT32


def computed_in(dtype: Any) -> Dtype:
    """The dtype in which elements of `dtype` are added and multiplied: float16 in float32."""
    return FLOAT32 if dtype == FLOAT16 else np.dtype(dtype)


def narrowed(x: Any, dtype: Any) -> Any:
    """What was computed, in the dtype of what it was made of."""
    if x.dtype == dtype:
        return x
    with np.errstate(over="ignore"):  # above 65504 a float16 is inf
        return x.astype(dtype)
