"""Every CUDA kernel of minigrad with the types of its arguments, found without a GPU.

The library's own functions are called on small arrays whose buffers are NumPy's, while the
function that starts kernels only notes what it was given.  So a kernel is compiled for exactly
the types that it is started with.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numba
import numpy as np

from minigrad.determinism import use_deterministic_algorithms
from minigrad.kernels.codegen import FORMULAS, SCALARS, Formula
from minigrad.kernels.cuda import (
    array,
    bags,
    cross_entropy,
    distance,
    driver,
    gather,
    gemm,
    indexing,
    masks,
    random,
    reductions,
    rows,
    scans,
    searching,
    triangles,
    updates,
)
from minigrad.kernels.rules import Rule
from minigrad.optim.elementwise import Elementwise

# libdevice reduces large angles in float64 and keeps their digits in local memory.
ANGLES = {"sin", "cos", "tan"}


@dataclass(frozen=True)
class Launch:
    """A kernel, compiled for the types of one call."""

    name: str
    function: Callable[..., Any]
    types: tuple[Any, ...]
    angles: bool = False  # whether it calls sin, cos or tan

    @property
    def has_float64(self) -> bool:
        """Whether an array of float64 is among the arguments."""
        arrays = (one for one in self.types if isinstance(one, numba.types.Array))
        return any(one.dtype == numba.types.float64 for one in arrays)


def launches(dtype: str) -> list[Launch]:
    """One launch for each kernel and kind of arguments, for operands of `dtype`."""
    found = [*routine_launches(np.dtype(dtype)), *formula_launches(np.dtype(dtype))]
    return list({(launch.name, launch.types): launch for launch in found}.values())


# -------------------------------------------------------------------------------------- recording


@contextlib.contextmanager
def recording(into: list[tuple[Any, tuple[Any, ...]]]) -> Iterator[None]:
    """Buffers in host memory; kernels are noted and not started."""

    def note(kernel: Any, blocks: Any, threads: Any, *arguments: Any) -> None:
        into.append((kernel.py_func, tuple(map(numba.typeof, arguments))))

    with (
        mock.patch.object(driver, "launch", note),
        mock.patch.object(driver, "require"),
        mock.patch.object(driver, "upload", np.copy),
        mock.patch.object(driver, "allocate", lambda size, dtype: np.empty(max(size, 1), dtype)),
        mock.patch.object(array.CudaArray, "to_host", lambda self: np.ones(self.shape, self.dtype)),
        mock.patch.object(driver, "fault_flag", return_value=np.zeros(1, np.int32)),
    ):
        yield


def record(
    name: str, call: Callable[..., Any], *arguments: Any, angles: bool = False
) -> list[Launch]:
    """The launches of one call; arguments that are NumPy arrays become arrays of the GPU."""
    notes: list[tuple[Any, tuple[Any, ...]]] = []
    with recording(notes):
        call(*map(on_device, arguments))
    return [Launch(f"{name}: {f.__name__}", f, types, angles) for f, types in notes]


def on_device(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(on_device, x))
    return array.to_device(x) if isinstance(x, np.ndarray) else x


# --------------------------------------------------------------------------------------- routines


def routine_launches(dtype: np.dtype) -> Iterator[Launch]:
    """Reductions, products and indexing for any dtype; rows for floating ones."""
    matrix, cube = np.ones((3, 4), dtype), np.ones((2, 3, 4), dtype)
    for name in ("sum", "prod", "amax", "amin", "any", "all"):
        yield from record(name, getattr(reductions, name), matrix, (0,))
        yield from record(f"{name}, 2 axes", getattr(reductions, name), cube, (0, 2))
        yield from record(f"{name}, long", getattr(reductions, name), np.ones(9999, dtype), (0,))
    for name in ("argmax", "argmin"):
        yield from record(name, getattr(reductions, name), matrix, 1)
    for name in ("tril", "triu"):
        yield from record(name, getattr(triangles, name), matrix, 1)
    if dtype != np.bool_:
        yield from record("matmul", gemm.matmul, matrix, matrix.T)
        batched = np.ones((2, 1, 3, 4), dtype), np.ones((3, 4, 2), dtype)
        yield from record("matmul, batched", gemm.matmul, *batched)
        yield from add_launches(dtype, matrix)
    index = np.zeros(2, np.int64)
    yield from record("take_rows", indexing.take_rows, matrix, index, 0)
    yield from record("gather_nd", indexing.gather_nd, matrix, (index, index))
    yield from index_launches(dtype, matrix)
    yield from record("fill", array.full, (3, 4), 1, dtype)
    for other in ("float16", "float32", "float64", "int64", "int32", "bool"):
        yield from record(f"astype {other}", array.CudaArray.astype, matrix[::2], other)
    for from_end in (False, True):
        yield from record("cumsum", scans.cumsum, matrix, 1, from_end)
    yield from record("cumprod", scans.cumprod, matrix, 0)
    if dtype.kind == "f":
        yield from record("logcumsumexp", scans.logcumsumexp, matrix, 1)
        yield from record("recurrence", scans.recurrence, matrix, matrix, 1, True)
        yield from row_launches(matrix)
        yield from record("cdist", distance.cdist, cube, cube, 2.0, False)
        lengths = np.ones((2, 3, 3), dtype)
        pulls = (lengths, cube, cube, lengths, 3.0, False)
        yield from record("cdist_backward", distance.cdist_backward, *pulls)
        yield from random_launches(matrix)
        for kind in Elementwise.__subclasses__():
            yield from rule_launches(kind.rule, matrix)
    if dtype == np.int64:
        numbers = np.int64(0), np.uint64(10)
        yield from record("integers", random.fill_random, matrix, "integers_int64", 0, 0, *numbers)


def add_launches(dtype: np.dtype, matrix: np.ndarray) -> Iterator[Launch]:
    index = np.zeros(3, np.int64)
    yield from record("add_rows", indexing.add_rows, (5, 4), index, matrix, 0)
    given = ((5, 4), dtype, (index,), matrix)
    yield from record("scatter_add_nd", indexing.scatter_add_nd, *given)
    if dtype.kind == "f":
        use_deterministic_algorithms(True)
        places, index = np.zeros((3, 4), np.int64), np.zeros(3, np.int64)
        yield from record("add_rows in order", indexing.add_rows, (5, 4), index, matrix, 0)
        yield from record("scatter sum in order", gather.scatter, matrix, places, matrix, 1, "sum")
        bag = (matrix, index, index, matrix[0, :3], 2)
        yield from record("weighted_rows in order", bags.weighted_rows, *bag)
        use_deterministic_algorithms(False)


def index_launches(dtype: np.dtype, x: np.ndarray) -> Iterator[Launch]:
    places, index = np.zeros((3, 4), np.int64), np.zeros(2, np.int64)
    yield from record("gather", gather.gather, x, places, 1)
    for mode in ("put", "sum", "prod", "amax", "amin"):
        yield from record(f"scatter, {mode}", gather.scatter, x, places, x, 1, mode)
    yield from record("index_add", indexing.index_add, x, index, x[:2], 0)
    if dtype.kind == "f":
        yield from record("weighted_rows", bags.weighted_rows, x, index, index, x[0, :2], 2)
        yield from record("maxima_of_rows", bags.maxima_of_rows, x, index, index, 2)
    yield from record("index_put", indexing.index_put, x, (index, None), x[:2])
    yield from record("nonzero", masks.nonzero, x)
    for name, order in (("searchsorted", None), ("searchsorted, ordered", index)):
        yield from record(name, searching.searchsorted, x[0, :2], x[0], order, False)


def row_launches(x: np.ndarray) -> Iterator[Launch]:
    computed = np.promote_types(x.dtype, np.float32)
    vector, statistics = np.ones(4, x.dtype), np.ones(3, computed)
    for name in ("softmax", "log_softmax"):
        yield from record(name, getattr(rows, name), x, 1)
        yield from record(name, getattr(rows, f"{name}_backward"), x, x, 1)
    yield from cross_entropy_launches(x)
    every = (True, True, True)
    for name, weight in (("plain", None), ("weighted", vector)):
        yield from record(f"layer_norm, {name}", rows.layer_norm, x, weight, weight, 1e-5)
        given = (x, x, statistics, statistics, weight, every)
        yield from record(f"layer_norm_backward, {name}", rows.layer_norm_backward, *given)


def random_launches(x: np.ndarray) -> Iterator[Launch]:
    computed = np.promote_types(x.dtype, np.float32)
    numbers = computed.type(0), computed.type(1)
    for name in (f"uniform_{x.dtype}", f"normal_{computed}", f"exponential_{computed}"):
        yield from record(name, random.fill_random, x, name, 0, 0, *numbers)
    yield from record("dropout", random.dropout, x, 0, 0, 0.5, 2.0)


def cross_entropy_launches(x: np.ndarray) -> Iterator[Launch]:
    labels, kept = np.zeros(3, np.int64), np.ones(3, np.promote_types(x.dtype, np.float32))
    factor = np.ones(3, x.dtype)
    for name, weight in (("plain", None), ("weighted", np.ones(4, x.dtype))):
        given = (kept, kept, labels, weight, factor, factor, factor)
        yield from record(f"classes, {name}", cross_entropy.cross_entropy_rows, x, labels, weight)
        backward = cross_entropy.cross_entropy_backward
        yield from record(f"classes backward, {name}", backward, x, *given)
        losses = cross_entropy.soft_cross_entropy_rows
        yield from record(f"probabilities, {name}", losses, x, x, weight, 0.1)
        given = (kept, kept, x, weight, 0.1, factor)
        backward = cross_entropy.soft_cross_entropy_backward
        yield from record(f"probabilities backward, {name}", backward, x, *given)
    yield from record("scores_backward", cross_entropy.scores_backward, x, kept, kept, x)
    yield from record("at_targets", cross_entropy.at_targets, factor, labels, 4)


def rule_launches(rule: Rule, param: np.ndarray) -> Iterator[Launch]:
    """An update rule without any of its options, and with all of them."""
    for answer in (False, True):
        variant = rule.variant(dict.fromkeys(rule.choices, answer))
        numbers = [tuple(0.5 for _ in variant.given)]

        def update(param: Any, variant: Any = variant, numbers: Any = numbers) -> None:
            updates.update(param, variant, [[param] * len(variant.arrays)], [0], numbers)

        yield from record(f"{rule.name}, {answer}", update, param)


# --------------------------------------------------------------------------------------- formulas


def formula_launches(dtype: np.dtype) -> Iterator[Launch]:
    """Every registered formula."""
    importlib.import_module("minigrad.ops.pointwise")  # registers them
    for formula in FORMULAS.values():
        if is_defined(formula, dtype):
            yield from formula_launch(formula, dtype)
    yield from operand_launches(dtype)


def is_defined(formula: Formula, dtype: np.dtype) -> bool:
    """Whether a formula computes in this dtype, without promotion."""
    is_derivative = formula.function.__name__ == "<lambda>"
    if dtype.kind != "f" and (is_derivative or formula.kind is float):
        return False
    try:
        formula.check(dtype)
    except RuntimeError:
        return False
    return True


def formula_launch(formula: Formula, dtype: np.dtype) -> list[Launch]:
    operands = [np.ones((3, 4), one) for one in formula.dtypes(dtype)[:-1]]
    angles = bool(formula.functions(dtype).math & ANGLES)
    return record(formula.name, formula.ufunc, *operands, angles=angles)


def operand_launches(dtype: np.dtype) -> Iterator[Launch]:
    """The kernel of a formula for other operands than contiguous arrays of one shape."""
    add = SCALARS["add"].ufunc
    strided = np.ones((3, 2, 3, 4), dtype), np.ones((2, 1, 4), dtype)
    yield from record("add, 4 axes", add, *strided)
    yield from record("add, number", lambda x: add(x, np.ones((), x.dtype)), np.ones(3, dtype))
