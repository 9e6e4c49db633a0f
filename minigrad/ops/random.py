"""New random tensors, drawn from a Generator on the device where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes, kernels
from minigrad.dtypes import check_floats, type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.creation import Device, Dtype, new_shape, numpy_dtype
from minigrad.ops.draw import (
    check_one_draw_a_sample,
    place_of,
    source,
)
from minigrad.ops.either import Either, array_of
from minigrad.ops.pointwise import add, div, ge, le, logical_and, lt, mul
from minigrad.ops.shared_memory import new_zeros
from minigrad.random import Generator
from minigrad.shapes import broadcast_shape, shape_argument
from minigrad.tensor import TENSORS, Tensor, constant, record, unrecorded

Array = Any

P_OUT_OF_RANGE = (
    "Expected p_in >= 0 && p_in <= 1 to be true, but got false. (A probability of bernoulli is "
    "negative, above 1 or nan.)"
)


def finished(array: Array, requires_grad: bool = False) -> Tensor:
    x = unrecorded(array)
    return x.requires_grad_() if requires_grad else x


@typed
def rand(
    *sizes: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from [0, 1)."""
    shape, place = new_shape(sizes or (size,)), place_of(device)
    return finished(source(generator).uniform(shape, numpy_dtype(dtype), place), requires_grad)


@typed
def randn(
    *sizes: Any,
    size: Any = (),
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    shape, place = new_shape(sizes or (size,)), place_of(device)
    return finished(source(generator).normal(shape, numpy_dtype(dtype), place), requires_grad)


@typed
def randint(
    *bounds: Any,
    low: int = 0,
    high: int | None = None,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """randint(high, size) or randint(low, high, size): integers from low (0) to high - 1."""
    numbers = list(bounds)
    if size is None:
        size = numbers.pop()
    if high is None:
        high = numbers.pop()
    low = numbers[0] if numbers else low
    kind, shape = numpy_dtype(dtype, dtypes.int64), new_shape((tuple(size),))
    check_bounds(low, high, kind)
    array = source(generator).integers(low, high, shape, place_of(device))
    return finished(array.astype(kind, copy=False), requires_grad)


def check_bounds(low: Any, high: Any, kind: np.dtype[Any]) -> None:
    """Raise unless low < high are ints, and within an integer dtype."""
    for number in (low, high):
        if not hasattr(number, "__index__"):
            raise TypeError(f"randint(): the bounds must be ints, not {type(number).__name__}")
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    if kind.kind not in "iub":
        return
    least, most = (0, 1) if kind.kind == "b" else (np.iinfo(kind).min, np.iinfo(kind).max)
    for name, number in (("from", low), ("to - 1", high - 1)):
        if not least <= number <= most:
            raise RuntimeError(f"{name} is out of bounds for {type_name(kind)}")


@typed
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    (n,), kind, place = new_shape((n,)), numpy_dtype(dtype, dtypes.int64), place_of(device)
    if kind.kind in "iu" and n - 1 > np.iinfo(kind).max:
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    if place is not None and place.type != "cpu":
        raise kernels.no_kernel("randperm")
    array = source(generator).permutation(n).astype(kind, copy=False)
    return finished(array, requires_grad)


# ------------------------------------------------------------------------------ like another one


@typed
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """rand() with the shape, dtype and device of `input`."""
    kind, place = kind_and_place(input, dtype, device)
    return finished(source(generator).uniform(input.array.shape, kind, place), requires_grad)


@typed
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """randn() with the shape, dtype and device of `input`."""
    kind, place = kind_and_place(input, dtype, device)
    return finished(source(generator).normal(input.array.shape, kind, place), requires_grad)


@typed
def randint_like(
    input: Tensor,
    *bounds: Any,
    low: int = 0,
    high: int | None = None,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """randint() with the shape, dtype and device of `input`."""
    numbers = list(bounds)
    if high is None:
        high = numbers.pop()
    low = numbers[0] if numbers else low
    kind, place = kind_and_place(input, dtype, device)
    check_bounds(low, high, kind)
    array = source(generator).integers(low, high, input.array.shape, place)
    return finished(array.astype(kind, copy=False), requires_grad)


def kind_and_place(input: Tensor, dtype: Dtype, device: Device) -> tuple[np.dtype[Any], Any]:
    kind = input.array.dtype if dtype is None else dtypes.to_numpy(dtype)
    return kind, input.device if device is None else place_of(device)


# ------------------------------------------------------------------- that depend on other tensors


class ConstantDraw(Node):
    """Numbers whose distribution depends on the inputs, but no gradient flows through a draw."""

    __slots__ = ("input_shapes",)
    input_shapes: tuple[tuple[int, ...], ...]

    def vjp(self, grad: Either) -> Any:
        return tuple(new_zeros(grad, shape) for shape in self.input_shapes)


class NormalBackward1(ConstantDraw):
    """Of a tensor of means."""

    __slots__ = ()


class NormalBackward2(ConstantDraw):
    """Of a tensor of standard deviations."""

    __slots__ = ()


class NormalBackward3(ConstantDraw):
    """Of both."""

    __slots__ = ()


class BernoulliBackward0(ConstantDraw):
    """Of a tensor of probabilities."""

    __slots__ = ()


@typed
def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution of this mean and standard deviation: two numbers
    and a size, or a tensor of the one, the other or both, which broadcast."""
    tensors = [x for x in (mean, std) if type(x) in TENSORS]
    if not tensors:
        if size is None:
            raise TypeError("normal(): with numbers for mean and std, a size is needed")
        check_std(std)
        place = place_of(device)
        array = source(generator).normal(
            shape_argument((tuple(size),)), numpy_dtype(dtype), place, mean, std
        )
        return finished(array, requires_grad)
    if size is not None or dtype is not None or device is not None:
        raise TypeError("normal(): size, dtype and device are those of the tensors given")
    result = normal_around(mean, std, tensors, generator)
    node = NormalBackward3
    if len(tensors) == 1:
        node = NormalBackward1 if tensors[0] is mean else NormalBackward2  # type: ignore[assignment]
    made = record(node, result, tensors, input_shapes=tuple(x.array.shape for x in tensors))
    return made.requires_grad_() if requires_grad else made


def normal_around(
    mean: Any, std: Any, tensors: Sequence[Tensor], generator: Generator | None
) -> Array:
    first = tensors[0]
    check_floats("normal_kernel", first.array.dtype)
    arrays = [x.array for x in tensors]
    kernels.check_one_device(arrays)
    check_std(std)
    for array in arrays:
        check_one_draw_a_sample(array)
    shape = broadcast_shape(*(array.shape for array in arrays))
    drawn = source(generator).normal(shape, first.array.dtype, first.device)
    spread, centre = (array_of(x) for x in (std, mean))
    return add(mul(drawn, spread), centre).astype(first.array.dtype, copy=False)


def check_std(std: Any) -> None:
    """RuntimeError for a negative standard deviation."""
    if type(std) not in TENSORS:
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    elif std.array.size and not holds_everywhere(ge(std.array, 0)):
        raise RuntimeError("normal expects all elements of std >= 0.0")


def holds_everywhere(conditions: Array) -> bool:
    conditions = kernels.physical(conditions)
    return bool(kernels.to_host(kernels.all(conditions, tuple(range(conditions.ndim)), False)))


@typed
def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None
) -> Tensor:
    """1 with the probability that each element of `input` says (or all of them p), else 0."""
    array = input.array
    if p is not None:
        check_probability("bernoulli_", p)
        drawn = source(generator).uniform(array.shape, np.dtype(np.float32), input.device)
        return unrecorded(lt(drawn, p).astype(array.dtype))
    check_floats("bernoulli_tensor_p_", array.dtype)
    check_one_draw_a_sample(array)
    result = coins(array, array.shape, array.dtype, input.device, generator)
    return record(BernoulliBackward0, result, (input,), input_shapes=(array.shape,))


def coins(
    chances: Array, shape: Sequence[int], dtype: Any, device: Any, generator: Generator | None
) -> Array:
    """Ones with these chances, and zeros."""
    if chances.size and not holds_everywhere(logical_and(ge(chances, 0), le(chances, 1))):
        raise RuntimeError(P_OUT_OF_RANGE)
    drawn = source(generator).uniform(shape, np.dtype(np.float32), device)
    return lt(drawn, chances).astype(dtype)


def check_probability(name: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")


# ------------------------------------------------------------------------------------ multinomial


@typed
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Indices drawn with probabilities in proportion to the weights of each row, (n,) or (N, n).

    Without replacement, the largest of weight / e for exponential numbers e: the first of them is
    a draw with those probabilities, and so is each next among the rest (Efraimidis and Spirakis).
    """
    weights = input.array
    check_weights(weights, num_samples, replacement)
    if replacement and num_samples > 1:
        return drawn_again(input, num_samples, generator)
    check_one_draw_a_sample(weights)
    drawn = source(generator).exponential(weights.shape, weights.dtype, input.device)
    keys = div(weights, drawn)
    if num_samples == 1:
        return constant(kernels.argmax(keys, weights.ndim - 1, True))
    if input.is_cuda:
        raise kernels.no_kernel("multinomial")
    return constant(kernels.largest_first(keys, num_samples))


def drawn_again(input: Tensor, count: int, generator: Generator | None) -> Tensor:
    """With replacement: where points of [0, 1) lie among the sums of the weights."""
    if input.is_cuda:
        raise kernels.no_kernel("multinomial")
    weights = input.array
    check_one_draw_a_sample(weights)
    shape = (*weights.shape[:-1], count)
    points = source(generator).uniform(shape, np.dtype(np.float64))
    return constant(kernels.places_in_sums(weights, points))


def check_weights(weights: Array, count: Any, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if weights.dtype.kind != "f":
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{type_name(weights.dtype)}"
        )
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and count > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    if not weights.size:
        return
    if not holds_everywhere(logical_and(ge(weights, 0), lt(weights, float("inf")))):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not holds_everywhere(lt(0, kernels.sum(weights, (weights.ndim - 1,), False))):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
