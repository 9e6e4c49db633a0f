"""Numbers at equal distances, or in equal ratios: arange, linspace, logspace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.formats import check_usual
from minigrad.kernels.cpu import progressions
from minigrad.kernels.promotion import computed_in
from minigrad.ops.arguments import typed
from minigrad.ops.creation import (
    Device,
    Dtype,
    check_range,
    finish,
    numpy_dtype,
    plain_number,
)
from minigrad.tensor import Tensor

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]


@typed
def arange(
    *bounds: float,
    start: float = 0,
    end: float | None = None,
    step: float = 1,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """arange(end), arange(start, end) or arange(start, end, step); the end is left out.  Floats
    are start + i step for all i below ceil((end - start) / step), whatever rounding does."""
    check_usual("arange", layout, pin_memory)
    if len(bounds) > 3 or (not bounds and end is None):
        raise TypeError(f"arange() takes from 1 to 3 numbers, but got {len(bounds)}")
    if len(bounds) == 1 and end is None:
        bounds = (start, *bounds)
    given: Any = (*bounds, *(start, end, step)[len(bounds) :])
    names = ("start", "end", "step")
    numbers = [plain_number("arange", n, x) for n, x in zip(names, given, strict=True)]
    whole = all(isinstance(number, int) for number in numbers)
    kind = numpy_dtype(dtype, dtypes.int64 if whole else None)
    if kind.kind == "b":
        raise dtypes.not_implemented("arange", kind)
    return finish(counted(numbers, kind), device, requires_grad)


def counted(numbers: Any, kind: DType) -> Array:
    """The numbers of arange(start, end, step): whole ones are counted exactly."""
    start, end, step = numbers
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end > start and step < 0) or (end < start and step > 0):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    exact = isinstance(start, int) and isinstance(end, int) and isinstance(step, int)
    count = -((start - end) // step) if exact else math.ceil((end - start) / step)
    if kind.kind in "iu":
        start, step = int(start), int(step)
        if step == 0:
            return np.full(count, start).astype(kind)
        whole: Array = np.arange(start, start + count * step, step, dtype=np.int64)
        return whole.astype(kind, copy=False)
    out = np.empty(count, computed_in(kind))
    progressions.count(out, float(start), float(step))
    return out.astype(kind, copy=False)


@typed
def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` numbers from start to end, both included, at equal distances."""
    check_usual("linspace", layout, pin_memory)
    kind = numpy_dtype(dtype)
    return finish(spaced("linspace", start, end, steps, kind), device, requires_grad)


@typed
def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Dtype = None,
    layout: Any = None,
    device: Device = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` powers of `base`, from base^start to base^end, the exponents at equal distances."""
    check_usual("logspace", layout, pin_memory)
    kind = numpy_dtype(dtype)
    exponents = spaced("logspace", start, end, steps, kind).astype(np.float64)
    with np.errstate(all="ignore"):
        array = np.power(float(base), exponents).astype(kind)
    return finish(array, device, requires_grad)


def spaced(name: str, start: Any, end: Any, steps: Any, kind: DType) -> Array:
    """Counted from the start in the first half and from the end in the second: so both ends are
    exact."""
    first, last = plain_number(name, "start", start), plain_number(name, "end", end)
    if not hasattr(steps, "__index__"):
        raise TypeError(f"{name}(): argument 'steps' must be int, not {type(steps).__name__}")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if kind.kind == "b":
        raise dtypes.not_implemented(name, kind)
    ends = np.array([first, last])
    if kind.kind in "iu":
        check_range(ends, kind)
    with np.errstate(all="ignore"):
        ends = ends.astype(kind)
        if steps == 1:
            return ends[:1].copy()
        if kind == np.float16:
            return of_halves(ends, steps)
        step_dtype = kind.type if kind.kind == "f" else np.float32
        distance = ends[1] - ends[0] if kind.kind == "f" else int(ends[1]) - int(ends[0])
        step = step_dtype(distance) / step_dtype(max(steps - 1, 1))
        out = np.empty(steps, kind)
        progressions.count_from_both_ends(out, float(ends[0]), float(ends[1]), float(step))
        return out


def of_halves(ends: Array, steps: int) -> Array:
    """The same in float16, each operation rounded to it."""
    step = (ends[1] - ends[0]) / np.float16(steps - 1)
    places = np.arange(steps).astype(np.float16)
    from_start, from_end = ends[0] + step * places, ends[1] - step * places[::-1]
    return np.where(np.arange(steps) < steps // 2, from_start, from_end).astype(np.float16)
