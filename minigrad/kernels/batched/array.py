"""BatchedArray: an array for every sample, kept as one array with the samples along a hidden axis.

Whoever asks sees the shape of one sample.  Arrays of several levels are nested, the highest (the
innermost call of vmap) outside; an operation on arrays of different levels handles the highest
first, and to it all others are alike: arrays that every sample shares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.kernels.batched.levels import ESCAPED, IN_PLACE, NO_MEMORY, running
from minigrad.kernels.codegen import FORMULAS
from minigrad.shapes import infer

Array = Any  # numpy.ndarray, CudaArray or BatchedArray
WHOLE = slice(None)


class BatchedArray:
    """`values` has the samples of `level` along its first axis."""

    __slots__ = ("__weakref__", "level", "shape", "values")

    def __init__(self, values: Array, level: int):
        self.values, self.level = values, level
        self.shape: tuple[int, ...] = values.shape[1:]

    # ------------------------------------------------------- what an ndarray tells, of one sample

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        return self.values.dtype

    @property
    def itemsize(self) -> int:
        return int(self.values.itemsize)

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        strides: tuple[int, ...] = self.values.strides
        return strides[1:]

    @property
    def flags(self) -> Any:
        return self.values[:1].flags  # where the first axis has one place, its stride is no matter

    @property
    def device(self) -> Any:
        return self.values.device

    @property
    def layout(self) -> Any:
        """The innermost NumPy array: by it memory is known."""
        return getattr(self.values, "layout", self.values)

    @property
    def base(self) -> Any:
        return self.layout.base

    @property
    def samples(self) -> int:
        return int(self.values.shape[0])

    def __repr__(self) -> str:
        return f"BatchedArray({self.values!r}, level={self.level})"

    # ------------------------------------------------------------------------------------- views

    def with_values(self, values: Array) -> BatchedArray:
        return BatchedArray(values, self.level)

    def __getitem__(self, key: Any) -> BatchedArray:
        return self.with_values(self.values[(WHOLE, *as_tuple(key))])

    def reshape(self, *shape: Any) -> BatchedArray:
        wanted = infer(shape_of(shape), self.size)
        return self.with_values(self.values.reshape((self.samples, *wanted)))

    def transpose(self, *axes: Any) -> BatchedArray:
        order = shape_of(axes) if axes else tuple(reversed(range(self.ndim)))
        return self.with_values(self.values.transpose((0, *[i % self.ndim + 1 for i in order])))

    def swapaxes(self, first: int, second: int) -> BatchedArray:
        n = self.ndim
        return self.with_values(self.values.swapaxes(first % n + 1, second % n + 1))

    @property
    def T(self) -> BatchedArray:
        return self.transpose()

    def broadcast_to(self, shape: Sequence[int]) -> BatchedArray:
        values = aligned(self, self.level, len(shape))
        return self.with_values(kernels.broadcast_to(values, (self.samples, *shape)))

    def as_strided(
        self, shape: tuple[int, ...], strides: tuple[int, ...], shift: int
    ) -> BatchedArray:
        """The same view of each sample; strides and shift are in bytes."""
        values = self.values
        whole, steps = (self.samples, *shape), (values.strides[0], *strides)
        return self.with_values(kernels.as_strided(values, whole, steps, shift))

    # ------------------------------------------------------------------------------------ copies

    def copy(self) -> BatchedArray:
        return self.with_values(self.values.copy())

    def astype(self, dtype: Any, copy: bool = True) -> BatchedArray:
        if not copy and self.dtype == dtype:
            return self
        return self.with_values(self.values.astype(dtype))

    def __setitem__(self, key: Any, value: Any) -> None:
        target = self[key]
        check_assignable(target, value)
        target.values[...] = aligned(value, self.level, target.ndim)

    # ----------------------------------------------------------------------------- NumPy's hooks

    def to_host(self) -> Any:
        is_running = any(level.number == self.level for level in running())
        raise RuntimeError(NO_MEMORY if is_running else ESCAPED)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.to_host()

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (None,), **options: Any
    ) -> Any:
        if method != "__call__" or options or ufunc not in FORMULAS:
            raise TypeError(f"np.{ufunc.__name__} has no kernel for a BatchedArray")
        if any(x.dtype != inputs[0].dtype for x in inputs):  # promoted as operands of one sample
            _, prepared = kernels.prepare(FORMULAS[ufunc], inputs)
            inputs = tuple(prepared)
        target = out[0] if hasattr(out[0], "dtype") else None
        level = highest(inputs)
        if target is not None:
            check_assignable(target, *inputs)
            level = target.level
        rank = max(x.ndim for x in (inputs if target is None else (*inputs, target)))
        operands = [aligned(x, level, rank) for x in inputs]
        if target is None:
            return BatchedArray(kernels.launch(FORMULAS[ufunc].ufunc, *operands), level)
        kernels.launch_into(ufunc, target.values, *operands)
        return target


def as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def shape_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as f(2, 3) or as f((2, 3))."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        return tuple(sizes[0])
    return sizes


# ------------------------------------------------------------------------------------------ levels


def level_of(x: Any) -> int:
    """The highest level of an array; -1 for one without."""
    return x.level if type(x) is BatchedArray else -1


def highest(arrays: Sequence[Any]) -> int:
    return max(level_of(x) for x in arrays)


def samples_of(arrays: Sequence[Any], level: int) -> int:
    """How many samples the arrays of a level have."""
    return next(x.samples for x in arrays if level_of(x) == level)


def aligned(x: Any, level: int, ndim: int) -> Any:
    """What broadcasts as x does among the values of a level: the samples first, then places of
    size 1 up to `ndim` dimensions, then x's own."""
    if level_of(x) != level:
        return x
    missing = ndim - x.ndim
    return x.values[(WHOLE, *[None] * missing, ...)] if missing > 0 else x.values


def spread(x: Array, level: int, samples: int) -> Array:
    """The values of x at a level; an array that the samples share is repeated, without a copy."""
    if level_of(x) == level:
        return x.values
    return kernels.broadcast_to(x, (samples, *x.shape))


def batched(values: Array, level: int) -> BatchedArray:
    """The array whose samples of `level` lie along the first axis of `values`."""
    if level_of(values) > level:  # the higher level stays outside
        inner = values.values.swapaxes(0, 1)
        return BatchedArray(batched(inner, level), values.level)
    return BatchedArray(values, level)


def unbatched(x: Array, level: int, samples: int) -> Array:
    """The inverse: the samples of a level along a first axis that all can see."""
    if level_of(x) > level:
        return x.with_values(unbatched(x.values, level, samples).swapaxes(0, 1))
    return spread(x, level, samples)


def has_level(x: Array, level: int) -> bool:
    return level_of(x) >= level and (x.level == level or has_level(x.values, level))


def physical(x: Array) -> Array:
    """All samples of all levels as one array."""
    while type(x) is BatchedArray:
        x = x.values
    return x


def may_hold(target: Any, values: Any) -> bool:
    """Whether an array has a place of its own for every sample of the values."""
    while type(values) is BatchedArray:
        if not has_level(target, values.level):
            return False
        values = values.values
    return True


def check_assignable(target: Any, *values: Any) -> None:
    """RuntimeError where an array would have to hold another value for every sample."""
    if not all(may_hold(target, value) for value in values):
        raise RuntimeError(IN_PLACE)


def spread_over_samples(x: Array, shown: Array, values: Array) -> Array:
    """A copy of x for every sample of the levels that `values` has and `shown` lacks."""
    while type(values) is BatchedArray:
        if not has_level(shown, values.level):
            repeated = kernels.broadcast_to(x, (values.samples, *x.shape)).copy()
            x = batched(repeated, values.level)
        values = values.values
    return x
