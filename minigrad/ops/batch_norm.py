"""Channels brought to mean 0 and variance 1: batch, instance and group normalisation.

Ioffe and Szegedy 2015; Ulyanov et al. 2016; Wu and He 2018.  All of them see x as (N, C, S).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_same_floats, not_implemented
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.arranging import repeat
from minigrad.ops.either import Either
from minigrad.ops.inplace import write
from minigrad.ops.pointwise import add, mul, rsqrt, sub
from minigrad.ops.reduction import mean as mean_of
from minigrad.ops.reduction import sum as sum_of
from minigrad.ops.view import clone, contiguous, reshape, select, view
from minigrad.saved import saved_values
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, constant, record

Array = Any
Maybe = Any  # a Tensor or None
FLOAT32 = np.dtype(np.float32)


def as_channels(array: Array, channels: int) -> Array:
    """(N, C, ...) as (N, C, S)."""
    return array.reshape((array.shape[0], channels, math.prod(array.shape[2:])))


def zeros_for(array: Array, channels: int) -> Array:
    return kernels.full((channels,), 0, np.promote_types(array.dtype, FLOAT32), array)


def gradient_written_out(
    grad: Tensor, x: Tensor, weight: Tensor | None, axes: tuple[int, ...], eps: float
) -> tuple[Tensor, Tensor]:
    """(dx, normalised x) in differentiable operations.  x and grad hold groups that lie along
    `axes`; weight broadcasts."""
    centred = sub(x, mean_of(x, axes, True))
    rstd = rsqrt(add(mean_of(mul(centred, centred), axes, True), eps))
    normal = mul(centred, rstd)
    inner = grad if weight is None else mul(grad, weight)
    projection = mul(normal, mean_of(mul(inner, normal), axes, True))
    dx = mul(sub(sub(inner, mean_of(inner, axes, True)), projection), rstd)
    return dx, normal


# ------------------------------------------------------------------------------------- batch norm


class NativeBatchNormBackward0(Node):
    """Of (input, weight, bias)."""

    __slots__ = ("eps", "mean", "rstd", "training")
    saved_names = ("input", "weight", "bias", "result")
    mean: Any
    rstd: Any
    training: bool
    eps: float

    def vjp(self, grad: Either) -> Any:
        x, weight, _, _ = saved_values(self, grad)
        if type(grad) in TENSORS:
            return self.vjp_written_out(grad, x, weight)
        channels = x.shape[1]
        flat, grads = as_channels(x, channels), as_channels(grad, channels)
        totals, products = kernels.channel_sums(grads, flat, self.mean)
        dx = None
        if self.needs_input_grad[0]:
            scale = self.rstd if weight is None else mul(self.rstd, weight)
            dx = self.grad_of_input(grads, flat, scale, totals, products).reshape(x.shape)
        return dx, mul(products, self.rstd), totals

    def grad_of_input(
        self, grads: Array, flat: Array, scale: Array, totals: Array, products: Array
    ) -> Array:
        if not self.training:
            nothing = zeros_for(grads, grads.shape[1])
            return kernels.normalise_channels(grads, nothing, scale, nothing)
        share = mul(scale, 1 / max(flat.shape[0] * flat.shape[2], 1))
        slope = mul(mul(share, products), mul(self.rstd, self.rstd))
        shift = mul(share, totals)
        return kernels.channel_gradient(grads, flat, self.mean, scale, shift, slope)

    def vjp_written_out(self, grad: Tensor, x: Tensor, weight: Tensor | None) -> Any:
        """The same in differentiable operations, for higher derivatives."""
        axes = (0, *range(2, x.array.ndim))
        shape = (1, -1, *(1,) * (x.array.ndim - 2))
        factor = None if weight is None else reshape(weight, shape)
        if self.training:
            dx, normal = gradient_written_out(grad, x, factor, axes, self.eps)
        else:
            rstd = constant(self.rstd.reshape(shape))
            normal = mul(sub(x, constant(self.mean.reshape(shape))), rstd)
            dx = mul(grad if factor is None else mul(grad, factor), rstd)
        return dx, sum_of(mul(grad, normal), axes), sum_of(grad, axes)


@typed
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Channels of (N, C, ...) with mean 0 and variance 1, times weight (C,), plus bias (C,).

    In training mean and variance are the batch's, and the running ones move towards them by
    `momentum`, in place; otherwise they are the running ones.
    """
    shape = input.array.shape
    if training and shape[:1] and math.prod(shape[:1] + shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    if eps < 0 or (training and eps == 0):
        wanted = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {wanted}, but got {eps}")
    parameters = (running_mean, running_var, weight, bias)
    return by_channel(input, *parameters, training, momentum, eps)


def by_channel(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """batch_norm of any number of values a channel."""
    shape = input.array.shape
    channels = shape[axis_of(1, len(shape))]
    if not input.array.size:
        return of_nothing(input, weight, bias)
    given = {"running_mean": running_mean, "running_var": running_var}
    given |= {"weight": weight, "bias": bias}
    check_parameters(input, channels, given, training)
    return normalised(input, channels, given, training, momentum, eps)


def of_nothing(input: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """An input without elements: a graph to weight and bias, whose gradients are zeros."""
    out = clone(input)
    if weight is not None:
        out = mul(out, select(weight, 0, 0))
    return out if bias is None else add(out, select(bias, 0, 0))


def check_parameters(
    input: Tensor, channels: int, given: dict[str, Tensor | None], training: bool
) -> None:
    """Raise unless there is what is needed, of the right size, dtype and device."""
    array = input.array
    if array.dtype.kind != "f" and (training or given["running_mean"] is not None):
        raise not_implemented("batch_norm", array.dtype)
    for name, x in given.items():
        if x is None:
            if not training and name.startswith("running"):
                raise RuntimeError(f"{name} must be defined in evaluation mode")
            continue
        if x.array.size != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {x.array.size}")
        if name.startswith("running") and x.requires_grad:
            raise RuntimeError(
                f"The function 'native_batch_norm' is not differentiable with respect to argument "
                f"'{name}'. This input cannot have requires_grad True."
            )
        kernels.check_one_device((array, x.array))
        may_be_wider = array.dtype == np.float16 and x.array.dtype == np.float32
        if x.array.dtype != array.dtype and not may_be_wider:
            raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")


def normalised(
    input: Tensor,
    channels: int,
    given: dict[str, Tensor | None],
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """batch_norm of arguments that fit; in training it moves the running ones."""
    running_mean, running_var, weight, bias = given.values()
    array = input.array
    flat = as_channels(array, channels)
    computed = np.promote_types(array.dtype, FLOAT32)
    if training:
        mean, var = kernels.channel_statistics(flat)
        update_running(running_mean, mean, momentum)
        count = array.size // max(channels, 1)
        update_running(running_var, mul(var, count / max(count - 1, 1)), momentum)
    else:
        assert running_mean is not None
        assert running_var is not None  # check_parameters() saw to it
        mean, var = running_mean.array.astype(computed), running_var.array.astype(computed)
    rstd = rsqrt(add(var, eps))
    scale = rstd if weight is None else mul(rstd, weight.array)
    shift = zeros_for(array, channels) if bias is None else bias.array
    out = kernels.normalise_channels(flat, mean, scale, shift).reshape(array.shape)
    missing = constant(array)  # stands for a weight or bias that is not there
    inputs = (input, missing if weight is None else weight, missing if bias is None else bias)
    saved = (array, None if weight is None else weight.array, None, None)
    details = {"mean": mean, "rstd": rstd, "training": training, "eps": eps}
    return record(NativeBatchNormBackward0, out, inputs, saved, **details)


def update_running(running: Tensor | None, value: Array, momentum: float) -> None:
    """running = (1 - momentum) running + momentum value, in place."""
    if running is not None:
        old = mul(running.array, 1 - momentum)
        new = add(old, mul(value, momentum)).astype(running.array.dtype, copy=False)
        write(running, constant(new))


# ---------------------------------------------------------------------------------- instance norm


@typed
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each sample of (N, C, ...) with mean 0 and variance 1, times weight (C,),
    plus bias (C,): batch_norm of one sample with N C channels."""
    shape = input.array.shape
    if use_input_stats and math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    n, channels = shape[0], shape[axis_of(1, len(shape))]
    means, variances, weights, biases = (
        repeated_for(x, n) for x in (running_mean, running_var, weight, bias)
    )
    one = reshape(input, (1, n * channels, *shape[2:]))
    out = by_channel(one, means, variances, weights, biases, use_input_stats, momentum, eps)
    for running, copies in ((running_mean, means), (running_var, variances)):
        if running is not None and copies is not None and use_input_stats:
            average = mean_of(copies.array.reshape((n, channels)), 0)
            write(running, constant(average.astype(running.array.dtype, copy=False)))
    return view(out, shape)


def repeated_for(x: Tensor | None, n: int) -> Tensor | None:
    """(C,) as (N C,)"""
    return None if x is None else repeat(x, n)


# ------------------------------------------------------------------------------------- group norm


class NativeGroupNormBackward0(Node):
    """Of (input, weight, bias); mean and rstd are (N, G)."""

    __slots__ = ("eps", "groups", "mean", "rstd")
    saved_names = ("input", "weight", "bias", "result")
    mean: Any
    rstd: Any
    groups: int
    eps: float

    def vjp(self, grad: Either) -> Any:
        x, weight, _, _ = saved_values(self, grad)
        if type(grad) in TENSORS:
            return self.vjp_written_out(grad, x, weight)
        n, channels = x.shape[:2]
        groups, size = self.groups, channels // self.groups
        length = math.prod(x.shape[2:])
        flat, grads = (a.reshape((1, n * channels, length)) for a in (x, grad))
        mean, rstd = (of_channels(v, size) for v in (self.mean, self.rstd))  # (N C,)
        totals, products = kernels.channel_sums(grads, flat, mean)
        dx = None
        if self.needs_input_grad[0]:
            factor = 1 if weight is None else weight.reshape((1, channels))
            shares = [
                sum_of(mul(v.reshape((n, channels)), factor).reshape((n, groups, size)), 2)
                for v in (totals, products)
            ]
            per_group = mul(self.rstd, 1 / max(size * length, 1))
            shift = mul(shares[0], per_group)
            slope = mul(mul(shares[1], per_group), mul(self.rstd, self.rstd))
            scale = mul(rstd.reshape((n, channels)), factor).reshape((n * channels,))
            numbers = of_channels(shift, size), of_channels(slope, size)
            dx = kernels.channel_gradient(grads, flat, mean, scale, *numbers).reshape(x.shape)
        dweight = sum_of(mul(products, rstd).reshape((n, channels)), 0)
        return dx, dweight, sum_of(totals.reshape((n, channels)), 0)

    def vjp_written_out(self, grad: Tensor, x: Tensor, weight: Tensor | None) -> Any:
        """The same in differentiable operations, for higher derivatives."""
        shape = x.array.shape
        n, channels = shape[:2]
        grouped = (n, self.groups, channels // self.groups, math.prod(shape[2:]))
        factor = None
        if weight is not None:
            factor = reshape(weight, (1, *grouped[1:3], 1))
        grads = reshape(grad, grouped)
        dx, normal = gradient_written_out(grads, reshape(x, grouped), factor, (2, 3), self.eps)
        dweight, dbias = sum_of(mul(grads, normal), (0, 3)), sum_of(grads, (0, 3))
        return reshape(dx, shape), reshape(dweight, (channels,)), reshape(dbias, (channels,))


def of_channels(values: Array, size: int) -> Array:
    """(N, G) of groups as (N C,) of their channels, `size` each."""
    n, groups = values.shape
    spread = kernels.broadcast_to(values.reshape((n, groups, 1)), (n, groups, size))
    return spread.reshape((n * groups * size,))


@typed
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Groups of neighbouring channels of each sample of (N, C, ...) with mean 0 and variance 1,
    times weight (C,), plus bias (C,)."""
    check_groups(input, num_groups, weight, bias)
    input = contiguous(input)
    weight, bias = (None if x is None else contiguous(x) for x in (weight, bias))
    array = input.array
    n, channels = array.shape[:2]
    size, length = channels // num_groups, math.prod(array.shape[2:])
    groups = array.reshape((1, n * num_groups, size * length))
    if array.size:
        mean, var = kernels.channel_statistics(groups)
    else:
        mean = kernels.full((n * num_groups,), math.nan, zeros_for(array, 0).dtype, array)
        var = mean
    mean, rstd = mean.reshape((n, num_groups)), rsqrt(add(var, eps)).reshape((n, num_groups))
    scale = of_channels(rstd, size)
    if weight is not None:
        scale = mul(scale.reshape((n, channels)), weight.array).reshape((n * channels,))
    shift = zeros_for(array, n * channels)
    if bias is not None:
        shift = kernels.broadcast_to(bias.array, (n, channels)).reshape((n * channels,))
    rows = array.reshape((1, n * channels, length))
    out = kernels.normalise_channels(rows, of_channels(mean, size), scale, shift)
    missing = constant(array)
    inputs = (input, missing if weight is None else weight, missing if bias is None else bias)
    saved = (array, None if weight is None else weight.array, None, None)
    details = {"mean": mean, "rstd": rstd, "groups": num_groups, "eps": eps}
    return record(NativeGroupNormBackward0, out.reshape(array.shape), inputs, saved, **details)


def check_groups(input: Tensor, groups: int, weight: Maybe, bias: Maybe) -> None:
    array = input.array
    if array.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {array.ndim}"
        )
    shape = list(array.shape)
    if array.size and groups and shape[0] * shape[1] // groups * math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {shape}"
        )
    if groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {groups}")
    if shape[1] % groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {shape} and num_groups={groups}"
        )
    parameters = (None if x is None else x.array.dtype for x in (weight, bias))
    check_same_floats("GroupNormKernelImpl", array.dtype, *parameters)
    for name, x in (("weight", weight), ("bias", bias)):
        if x is None:
            continue
        if x.array.shape != (shape[1],):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in "
                f"input, but got {name} of shape {list(x.array.shape)} and input of shape {shape}"
            )
        kernels.check_one_device((array, x.array))
