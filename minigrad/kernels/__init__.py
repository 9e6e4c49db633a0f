"""Kernels: arrays in, arrays out.  No Tensor is known here.

An array is a `numpy.ndarray` on the CPU and a `CudaArray` on a GPU; under vmap it is a
`BatchedArray`, which holds one of these with the samples along a hidden axis.  Every kernel of the
library
is launched here: pointwise formulas by launch1, launch2 and launch (one function an arity, since
`*arrays` costs 0.15 us a call), everything else through a `routine`.
"""

import builtins
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import shapes
from minigrad.kernels import strided, threads
from minigrad.kernels.codegen import FORMULAS, SCALARS, Formula
from minigrad.kernels.cpu import attention as attentions
from minigrad.kernels.cpu import (
    bags,
    casting,
    channels,
    convolution,
    copying,
    counting,
    cross_entropy,
    ctc,
    distance,
    gemm,
    indexing,
    linalg,
    masks,
    norms,
    pooling,
    random,
    recurrent,
    reductions,
    rows,
    scans,
    searching,
    sorting,
    triangles,
    updates,
)
from minigrad.kernels.cpu import gather as along
from minigrad.kernels.promotion import promote, result_type

Array = Any  # numpy.ndarray, CudaArray or BatchedArray
NUMPY = {np.ndarray, type(None)}  # the types of what a CPU's kernel takes
ITERATOR = ["refs_ok", "zerosize_ok", "multi_index"]
nditer: Any = np.nditer
LARGE = 1 << 19  # elements; below this the work is shorter than the start of a thread
MANY = 1 << 14  # elements; below this NumPy's iterator is as fast with operands that are stretched
SMALL = 1 << 8  # elements of a first operand below which nobody asks whether it is stretched
SHORT = 32  # elements of a row

# Set by what wants to see every launch (a profiler, a recorder): called instead of the kernel
# with (the ufunc or routine, its arguments).
observer: Callable[[Any, tuple[Any, ...]], Array] | None = None


def launch1(ufunc: np.ufunc, x: Array) -> Array:
    """Run a pointwise kernel of one array."""
    if observer is not None:
        return observer(ufunc, (x,))
    if x.size > MANY and (x.size > LARGE or not x.flags.c_contiguous):
        return launch_large(ufunc, x)
    try:
        return ufunc(x, out=...)  # out=...: an array even where NumPy would return a scalar
    except TypeError:
        return launch_slowly(ufunc, x)


def launch2(ufunc: np.ufunc, x: Array, y: Array) -> Array:
    """Run a pointwise kernel of two arrays."""
    if observer is not None:
        return observer(ufunc, (x, y))
    if x.size > SMALL and (
        (y.ndim and y.shape != x.shape)
        or (x.size > MANY and (x.size > LARGE or not x.flags.c_contiguous))
    ):
        return launch_large(ufunc, x, y)
    try:
        return ufunc(x, y, out=...)
    except TypeError:
        return launch_slowly(ufunc, x, y)
    except ValueError:
        raise mismatch(x, y) from None


def launch(ufunc: np.ufunc, *arrays: Array) -> Array:
    """Run a pointwise kernel of any number of arrays."""
    if observer is not None:
        return observer(ufunc, arrays)
    size = arrays[0].size
    if size > SMALL and (
        some_stretched(arrays, arrays[0].shape)
        or (size > MANY and (size > LARGE or not arrays[-1].flags.c_contiguous))
    ):
        return launch_large(ufunc, *arrays)
    try:
        return ufunc(*arrays, out=...)
    except TypeError:
        return launch_slowly(ufunc, *arrays)
    except ValueError:
        raise mismatch(*arrays) from None


def launch_slowly(ufunc: np.ufunc, *arrays: Array) -> Array:
    """Promote the operands as torch does, compile the loop if it is new, and launch again."""
    _, operands = prepare(FORMULAS[ufunc], arrays)
    try:
        return ufunc(*operands, out=...)
    except ValueError:
        raise mismatch(*arrays) from None


def mismatch(*arrays: Array) -> RuntimeError:
    """torch's words for operands that cannot be broadcast together."""
    try:
        shapes.broadcast_shape(*[x.shape for x in arrays])
    except RuntimeError as error:
        return error
    return RuntimeError(f"no kernel for operands of shapes {[x.shape for x in arrays]}")


def prepare(formula: Formula, arrays: tuple[Array, ...]) -> tuple[np.dtype[Any], list[Array]]:
    """One dtype for the operands, for which the formula's loop is compiled, and they in it."""
    values = [x for i, x in enumerate(arrays) if i not in formula.conditions]
    dtype = result_type(values or list(arrays), floating=formula.kind is float)
    formula.check(dtype)
    for i in formula.conditions:
        if arrays[i].dtype != bool:
            raise RuntimeError(
                f"{formula.name} expected condition to be a boolean tensor, but got a tensor with "
                f"dtype {arrays[i].dtype}"
            )
    if builtins.any(x.dtype == bool for x in values):
        formula.check(np.dtype(bool))
    operands = [
        x if i in formula.conditions else x.astype(dtype, copy=False) for i, x in enumerate(arrays)
    ]
    if dtype not in formula.compiled and builtins.any(isinstance(x, np.ndarray) for x in arrays):
        formula.compile_loop(dtype)
    return dtype, operands


def launch_large(ufunc: np.ufunc, *arrays: Array) -> Array:
    """Where the way through the elements counts: split over threads where all operands have one
    shape and lie in order, row by row where some are stretched or have gaps."""
    formula, first = FORMULAS[ufunc], arrays[0]
    if not NUMPY.issuperset(map(type, arrays)):
        return launch_slowly(ufunc, *arrays)
    if some_stretched(arrays, first.shape) or not builtins.all(map(is_contiguous, arrays)):
        return launch_by_rows(ufunc, *arrays)
    if threads.get_num_threads() == 1:
        return launch_slowly(ufunc, *arrays)
    dtype, operands = prepare(formula, arrays)
    operands = [x.reshape(-1) if x.ndim else x for x in operands]
    out = np.empty(first.shape, formula.dtypes(dtype)[-1])
    flat = out.reshape(-1)

    def run(start: int, stop: int) -> None:
        pieces = [x[start:stop] if x.ndim else x for x in operands]
        ufunc(*pieces, out=flat[start:stop])

    threads.split(first.size, LARGE // 2, run)
    return out


def some_stretched(arrays: Sequence[Array], shape: tuple[int, ...]) -> bool:
    """Whether some arrays (a number is none) have another shape."""
    return builtins.any(x.ndim and x.shape != shape for x in arrays)


def launch_by_rows(ufunc: np.ufunc, *arrays: Array) -> Array:
    """Run a pointwise kernel on NumPy's arrays, of which some are stretched or have gaps."""
    try:
        result = np.broadcast(*arrays)
    except ValueError:
        raise mismatch(*arrays) from None
    if not has_rows(result.shape, result.size) or not builtins.all(map(has_order, arrays)):
        try:
            return ufunc(*arrays, out=...)
        except TypeError:
            return launch_slowly(ufunc, *arrays)
    dtype, operands = prepared(FORMULAS[ufunc], arrays)
    kernel = FORMULAS[ufunc].by_rows(dtype)
    out = np.empty(result.shape, kernel.result)
    run_by_rows(kernel.ufunc, out, operands)
    return out


def is_contiguous(x: Array) -> bool:
    return x.flags.c_contiguous


def has_order(x: Array) -> bool:
    """Whether the elements lie in order, perhaps with gaps between rows."""
    if x.flags.c_contiguous:
        return True
    strides = x.strides
    return strides[-1] == x.itemsize and list(strides) == sorted(strides, reverse=True)


def prepared(formula: Formula, arrays: tuple[Array, ...]) -> tuple[np.dtype[Any], Sequence[Array]]:
    """The same as `prepare`, without delay where nothing needs to be done."""
    dtype = arrays[0].dtype
    ready = dtype in formula.compiled and not formula.conditions
    if ready and builtins.all(x.dtype == dtype for x in arrays):
        return dtype, arrays
    return prepare(formula, arrays)


def has_rows(shape: tuple[int, ...], size: int) -> bool:
    """Whether going row by row is faster than NumPy's way, which takes short rows together."""
    return size >= MANY and len(shape) > 1 and shape[-1] >= SHORT


def run_by_rows(by_rows: np.ufunc, out: Array, operands: Sequence[Array]) -> None:
    """Fill `out` by a kernel of rows, with the operands stretched to its shape."""
    stretched = [x if x.shape == out.shape else broadcast_to(x, out.shape) for x in operands]
    with np.errstate(all="ignore"):  # torch gives no warning of 1 / 0
        by_rows(*stretched, out)


def can_go_by_rows(out: Array, arrays: tuple[Array, ...]) -> bool:
    if not NUMPY.issuperset(map(type, (out, *arrays))) or not has_rows(out.shape, out.size):
        return False
    apart = [x is out or not np.may_share_memory(x, out) for x in arrays]
    return out.flags.aligned and builtins.all(apart)


def keeps_dtype(ufunc: np.ufunc, dtype: np.dtype[Any]) -> bool:
    """Whether operands of `dtype` give a result of that dtype."""
    kind = FORMULAS[ufunc].kind
    return kind is int or (kind is float and dtype.kind == "f")


def launch_into(ufunc: np.ufunc, out: Array, *arrays: Array) -> None:
    """Run a pointwise kernel and write its result into `out`, which may be one of the operands."""
    if out.size >= MANY and some_stretched(arrays, out.shape) and can_go_by_rows(out, arrays):
        dtype, operands = prepared(FORMULAS[ufunc], arrays)
        kernel = FORMULAS[ufunc].by_rows(dtype)
        if out.dtype == kernel.result:
            return run_by_rows(kernel.ufunc, out, operands)
    try:
        ufunc(*arrays, out=out)
    except TypeError:
        _, operands = prepare(FORMULAS[ufunc], arrays)
        ufunc(*operands, out=out)


def add(x: Array, y: Array) -> Array:
    """The sum of two gradients: the kernel of the operation `add`."""
    return launch2(SCALARS["add"].ufunc, x, y)


def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition is true, else y: the kernel of the operation `where`."""
    return launch(SCALARS["where"].ufunc, condition, x, y)


def add_into(x: Array, y: Array) -> None:
    launch_into(SCALARS["add"].ufunc, x, x, y)


def add_reusing(x: Array, y: Array) -> Array:
    """x + y, in the memory of x where every sample's sum has its place there."""
    if type(y) is not np.ndarray and is_batched(y):
        return add(x, y)
    if type(x) is type(y) is np.ndarray and gemm.is_bias(y, x):
        gemm.add_bias(x, y)
    else:
        add_into(x, y)
    return x


def full(shape: tuple[int, ...], value: float, dtype: np.dtype[Any], like: Array) -> Array:
    """A new array filled with `value`, on the device of `like`."""
    if type(like) is np.ndarray:
        if value == 0:  # memory that is zero already, where it is much
            return np.zeros(shape, dtype)
        return np.full(shape, value, dtype) if shape else np.array(value, dtype)
    if is_batched(like):
        return batched_module("routines").full(shape, value, dtype, like)
    return cuda_module("array").full(shape, value, dtype, like.device)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any], device: Any) -> Array:
    """A new array with any contents on a device (an object with `type` and `index`; None: CPU)."""
    if device is None or device.type == "cpu":
        return np.empty(shape, dtype)
    return cuda_module("array").empty(shape, dtype, device.index or 0)


def converted(x: Array, dtype: np.dtype[Any]) -> Array:
    """The same values in another dtype.  What does not fit becomes inf, without a word."""
    if x.size > 1000 and dtype == np.float16 and casting.takes(x):
        return casting.to_half(x)
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(dtype)


def to_device_of(array: np.ndarray[Any, Any], like: Array) -> Array:
    """A NumPy array on the device of `like`."""
    if type(like) is np.ndarray or like.device == "cpu":
        return array
    return cuda_module("array").to_device(array, like.device)


def to_host(array: Array) -> np.ndarray[Any, Any]:
    """The values as a NumPy array: the array itself on the CPU, a copy from a GPU."""
    return array if type(array) is np.ndarray else array.to_host()


def moved_to(index: Array, like: Array) -> Array:
    """An index array on the device of what it indexes: torch takes CPU indices on a GPU."""
    same = type(index) is type(like) or index.device == like.device
    return index if same else to_device_of(index, like)


def copied(x: Array) -> Array:
    """A copy with the elements in order."""
    return copying.copied(x) if type(x) is np.ndarray else x.copy()


def framed(x: Array, places: dict[int, np.ndarray[Any, Any]], before: int) -> Array:
    """A copy of x made of those places of its axes; the last axis has `before` of them (if that is
    not negative), and then all that there are, in order, or the first of these."""
    if type(x) is np.ndarray and x.ndim > 1 and before >= 0:
        return copying.framed(x, places, before)
    for axis in reversed(places):
        x = take_rows(x, to_device_of(places[axis], x), axis)
    return x


def reversed_along(x: Array, axes: tuple[int, ...]) -> Array:
    """A copy with the order of some axes reversed."""
    if type(x) is np.ndarray:
        return copying.reversed_along(x, axes)
    back = slice(None, None, -1)
    return x[tuple(back if i in axes else slice(None) for i in range(x.ndim))].copy()


def broadcast_to(x: Array, shape: tuple[int, ...]) -> Array:
    """A read-only view of x with its dimensions of size 1 stretched."""
    if type(x) is not np.ndarray:
        return x.broadcast_to(shape)
    # np.broadcast_to does this after 1.5 us of checks
    return nditer((x,), ITERATOR, [["readonly"]], itershape=shape, order="C").itviews[0]


def may_share_memory(x: Array, y: Array) -> bool:
    return np.may_share_memory(getattr(x, "layout", x), getattr(y, "layout", y))


def concatenate(arrays: Sequence[Array], axis: int) -> Array:
    """Arrays joined along an axis, in the dtype they promote to."""
    dtype = arrays[0].dtype
    for array in arrays[1:]:
        dtype = promote(dtype, array.dtype)
    all_numpy = check_one_device(arrays)
    parts = [array for array in arrays if array.shape != (0,)] or list(arrays[:1])
    if all_numpy:
        joined = np.concatenate(parts, axis, dtype=dtype)  # in the order of transposed parts
        return joined if joined.flags.c_contiguous else np.ascontiguousarray(joined)
    if builtins.any(is_batched(part) for part in parts):
        parts = [part.astype(dtype, copy=False) for part in parts]
        return batched_module("routines").concatenate(parts, axis)
    return join(parts, axis, dtype)


def join(parts: Sequence[Array], axis: int, dtype: np.dtype[Any]) -> Array:
    shape = list(parts[0].shape)
    shape[axis] = builtins.sum(part.shape[axis] for part in parts)
    result = full(tuple(shape), 0, dtype, parts[0])
    start = 0
    for part in parts:
        stop = start + part.shape[axis]
        key = (*[slice(None)] * axis, slice(start, stop), ...)
        result[key] = part.astype(dtype, copy=False)
        start = stop
    return result


def check_one_device(arrays: Sequence[Array]) -> bool:
    """RuntimeError unless all arrays are on one device (pointwise kernels see to it too); returns
    whether they are all NumPy's."""
    for array in arrays:
        if type(array) is not np.ndarray:
            break
    else:
        return True
    found = {array.device for array in arrays}
    if len(found) > 1:
        names = ["cpu" if device == "cpu" else f"cuda:{device}" for device in found]
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{' and '.join(sorted(names, reverse=True))}! Move one with .to(device)."
        )
    return False


# --------------------------------------------------------------------------------------- routines


def cuda_module(family: str) -> Any:
    """A module of CUDA kernels, imported when the first CUDA array needs it."""
    return importlib.import_module(f"minigrad.kernels.cuda.{family}")


def batched_module(name: str) -> Any:
    """A module of what vmap needs, imported when the first BatchedArray comes."""
    return importlib.import_module(f"minigrad.kernels.batched.{name}")


def is_batched(x: Any) -> bool:
    """Whether an array has a hidden axis of samples."""
    return hasattr(x, "level")


def physical(x: Array) -> Array:
    """The array itself; of a BatchedArray all samples, with their axes in front."""
    return x if type(x) is np.ndarray or not is_batched(x) else physical(x.values)


def routine(on_cpu: Callable[..., Any], by: int = 0) -> Callable[..., Any]:
    """A kernel on one whole array: the CPU's function here, those of the same name for a GPU and
    for samples.  The array at place `by` of the arguments tells which."""

    def run(*arguments: Any) -> Any:
        if observer is not None:
            return observer(run, arguments)
        if type(arguments[by]) is np.ndarray:
            return on_cpu(*arguments)
        return elsewhere(on_cpu, arguments[by : by + 1])(*arguments)

    run.__name__, run.__doc__ = on_cpu.__name__, on_cpu.__doc__
    return run


def routine_of_two(on_cpu: Callable[..., Any], x: int = 0, y: int = 1) -> Callable[..., Any]:
    """The same for a kernel on two arrays, at these places of the arguments."""

    def run(*arguments: Any) -> Any:
        if observer is not None:
            return observer(run, arguments)
        if type(arguments[x]) is np.ndarray and type(arguments[y]) is np.ndarray:
            return on_cpu(*arguments)
        return elsewhere(on_cpu, (arguments[x], arguments[y]))(*arguments)

    run.__name__, run.__doc__ = on_cpu.__name__, on_cpu.__doc__
    return run


def routine_of_many(on_cpu: Callable[..., Any], *places: int) -> Callable[..., Any]:
    """The same for any number of arrays, of which some may be None."""

    def run(*arguments: Any) -> Any:
        if observer is not None:
            return observer(run, arguments)
        for place in places:
            if type(arguments[place]) not in NUMPY:
                return elsewhere(on_cpu, [arguments[i] for i in places])(*arguments)
        return on_cpu(*arguments)

    run.__name__, run.__doc__ = on_cpu.__name__, on_cpu.__doc__
    return run


def routine_of_indices(on_cpu: Callable[..., Any], x: int, indices: int) -> Callable[..., Any]:
    """The same for an array and a tuple of index arrays, at these places of the arguments."""

    def run(*arguments: Any) -> Any:
        if observer is not None:
            return observer(run, arguments)
        for index in arguments[indices]:
            if type(index) is not np.ndarray:
                break
        else:
            if type(arguments[x]) is np.ndarray:
                return on_cpu(*arguments)
        return elsewhere(on_cpu, (arguments[x], *arguments[indices]))(*arguments)

    run.__name__, run.__doc__ = on_cpu.__name__, on_cpu.__doc__
    return run


def elsewhere(on_cpu: Callable[..., Any], arrays: Sequence[Array]) -> Any:
    """The routine of this name for arrays that are not all NumPy's.  Samples without one of their
    own go through the plain routine one after the other."""
    family, name = on_cpu.__module__.rpartition(".")[2], on_cpu.__name__
    if builtins.any(is_batched(x) for x in arrays):
        routines = batched_module("routines")
        own = getattr(routines, name, None)
        return own or routines.one_after_the_other(globals()[name])
    if importlib.util.find_spec(f"minigrad.kernels.cuda.{family}") is None:
        raise no_kernel(name)
    found = getattr(cuda_module(family), name, None)
    if found is None:
        raise no_kernel(name)
    return found


def no_kernel(operator: str) -> NotImplementedError:
    """What an operator without a kernel for a GPU raises."""
    return NotImplementedError(
        f"{operator} has no kernel for device 'cuda' yet. Move its tensors to the CPU and the "
        "result back: x.cpu() and y.cuda() say so in the program."
    )


def check_on_cpu(operator: str, x: Array) -> None:
    """NotImplementedError where an array is on a GPU, which `operator` has no kernel for."""
    if type(x) is not np.ndarray and type(physical(x)) is not np.ndarray:
        raise no_kernel(operator)


def index_put(x: Array, indices: Sequence[Array | None], values: Array) -> Array:
    """A copy of x with `values` at the places that index arrays number; the last one stays where
    places are equal."""
    arrays = (x, values, *indices)
    if not NUMPY.issuperset(map(type, arrays)):
        if builtins.any(is_batched(array) for array in arrays):
            return batched_module("routines").index_put(x, indices, values)
        return cuda_module("indexing").index_put(x, indices, values)
    result = x.copy()
    result[tuple(slice(None) if i is None else i for i in indices)] = values
    return result


def may_hold(target: Array, values: Array) -> bool:
    """Whether `target` has a place of its own for every sample that `values` has."""
    return not is_batched(values) or batched_module("array").may_hold(target, values)


def check_assignable(target: Array, values: Array) -> None:
    """RuntimeError where `target` would have to hold another value for every sample of a vmap."""
    if is_batched(values):
        batched_module("array").check_assignable(target, values)


def spread_over_samples(x: Array, shown: Array, values: Array) -> Array:
    """x for every sample that `values` has and `shown`, a part of x, has not."""
    return batched_module("array").spread_over_samples(x, shown, values)


as_strided = strided.as_strided
sum = routine(reductions.sum)
nansum = routine(reductions.nansum)
prod = routine(reductions.prod)
amax = routine(reductions.amax)
amin = routine(reductions.amin)
any = routine(reductions.any)
all = routine(reductions.all)
argmax = routine(reductions.argmax)
argmin = routine(reductions.argmin)
cumsum = routine(scans.cumsum)
cumprod = routine(scans.cumprod)
logcumsumexp = routine(scans.logcumsumexp)
recurrence = routine_of_two(scans.recurrence)
cummax = routine(scans.cummax)
cummin = routine(scans.cummin)
sort = routine(sorting.sort)
argsort = routine(sorting.argsort)
topk = routine(sorting.topk)
kthvalue = routine(sorting.kthvalue)
median = routine(sorting.median)
nanmedian = routine(sorting.nanmedian)
mode = routine(sorting.mode)
two_norm = routine(norms.two_norm)
one_norm = routine(norms.one_norm)
largest_size = routine(norms.largest_size)
smallest_size = routine(norms.smallest_size)
cdist = routine_of_two(distance.cdist)
cdist_backward = routine_of_many(distance.cdist_backward, 0, 1, 2, 3)
inverse = routine(linalg.inverse)
solve = routine_of_two(linalg.solve)
solve_triangular = routine_of_two(linalg.solve_triangular)
det = routine(linalg.det)
slogdet = routine(linalg.slogdet)
cofactors = routine_of_two(linalg.cofactors)
log_cofactors = routine(linalg.log_cofactors)
cholesky = routine(linalg.cholesky)
qr = routine(linalg.qr)
unique = routine(counting.unique)
unique_rows = routine(counting.unique_rows)
unique_consecutive = routine(counting.unique_consecutive)
bincount = routine_of_many(counting.bincount, 0, 1)
histc = routine(counting.histc)
histogram = routine_of_many(counting.histogram, 0, 3)
matmul = routine_of_two(gemm.matmul)
outer = routine_of_two(gemm.outer)
softmax = routine(rows.softmax)
softmax_backward = routine_of_two(rows.softmax_backward)
log_softmax = routine(rows.log_softmax)
log_softmax_backward = routine_of_two(rows.log_softmax_backward)
cross_entropy_rows = routine_of_many(cross_entropy.cross_entropy_rows, 0, 1, 2)
cross_entropy_backward = routine_of_many(cross_entropy.cross_entropy_backward, *range(8))
soft_cross_entropy_rows = routine_of_many(cross_entropy.soft_cross_entropy_rows, 0, 1, 2)
soft_cross_entropy_backward = routine_of_many(
    cross_entropy.soft_cross_entropy_backward, 0, 1, 2, 3, 4, 6
)
ctc_loss = routine(ctc.ctc_loss)
ctc_loss_backward = routine_of_two(ctc.ctc_loss_backward)
scores_backward = routine_of_many(cross_entropy.scores_backward, 0, 1, 2, 3)
at_targets = routine_of_two(cross_entropy.at_targets)
layer_norm = routine_of_many(rows.layer_norm, 0, 1, 2)
layer_norm_backward = routine_of_many(rows.layer_norm_backward, 0, 1, 2, 3, 4)
take_rows = routine_of_two(indexing.take_rows)
add_rows = routine_of_two(indexing.add_rows, 1, 2)
gather_nd = routine_of_indices(indexing.gather_nd, 0, 1)
scatter_add_nd = routine_of_indices(indexing.scatter_add_nd, 3, 2)
permutations = random.permutations
fill_random = routine(random.fill_random)
dropout = routine(random.dropout)
largest_first = routine(random.largest_first)
places_in_sums = routine_of_two(random.places_in_sums)
repeat_places = routine(indexing.repeat_places)
tril = routine(triangles.tril)
triu = routine(triangles.triu)
convolve = routine_of_many(convolution.convolve, 0, 1, 2)
convolve_input = routine_of_two(convolution.convolve_input)
convolve_weight = routine_of_two(convolution.convolve_weight)
unfold = routine(convolution.unfold)
fold = routine(convolution.fold)
index_add = routine_of_many(indexing.index_add, 0, 1, 2)
weighted_rows = routine_of_many(bags.weighted_rows, 0, 1, 2, 3)
maxima_of_rows = routine_of_many(bags.maxima_of_rows, 0, 1, 2)
gather = routine_of_two(along.gather)
scatter = routine_of_many(along.scatter, 0, 1, 2)
add_along = routine_of_two(along.add_along, 1, 2)
nonzero = routine(masks.nonzero)
masked_select = routine_of_two(masks.masked_select)
masked_scatter = routine_of_many(masks.masked_scatter, 0, 1, 2)
searchsorted = routine_of_many(searching.searchsorted, 0, 1, 2)
channel_statistics = routine(channels.channel_statistics)
normalise_channels = routine_of_many(channels.normalise_channels, 0, 1, 2, 3)
channel_sums = routine_of_many(channels.channel_sums, 0, 1, 2)
channel_gradient = routine_of_many(channels.channel_gradient, 0, 1, 2, 3, 4, 5)
resample = routine(pooling.resample)
max_pool = routine(pooling.max_pool)
pick_places = routine_of_two(pooling.pick_places)
put_places = routine_of_two(pooling.put_places)
update = routine(updates.update)
attention = routine_of_many(attentions.attention, 0, 1, 2, 3)
attention_backward = routine_of_many(attentions.attention_backward, 0, 1, 2, 3, 4, 5, 6)
recurrent_steps = routine_of_many(recurrent.recurrent_steps, 0, 1, 2)
recurrent_steps_backward = routine_of_many(recurrent.recurrent_steps_backward, 0, 2, 3, 4)
