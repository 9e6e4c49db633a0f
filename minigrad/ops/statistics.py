"""Variance and standard deviation, alone and together with the mean."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.ops.either import Either
from minigrad.ops.pointwise import add, div, eq, mul, sqrt, sub, where
from minigrad.ops.reduction import ReductionNode, mean, spread
from minigrad.ops.spelling import numpy_names
from minigrad.saved import saved_values
from minigrad.shapes import axes_of
from minigrad.tensor import Tensor, record, record_several


class SpreadNode(ReductionNode):
    """`degrees` of freedom: elements less the correction.  `whole`: no dim was named."""

    __slots__ = ("degrees", "whole")
    degrees: float
    whole: bool


class VarBackward0(SpreadNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, _ = saved_values(self, grad)
        return (of_variance(self, grad, x),)


class StdBackward0(SpreadNode):
    __slots__ = ()

    def vjp(self, grad: Either) -> Any:
        x, result = saved_values(self, grad)
        return (of_variance(self, of_root(grad, result), x),)


class TwoResults(SpreadNode):
    """The second result is the mean."""

    __slots__ = ()
    outputs = 2
    plain = False

    def of_first(self, grad: Either, result: Either) -> Either:
        """The gradient of the variance."""
        return grad

    def vjp(self, grads: Sequence[Either]) -> Any:
        of_first, of_mean = grads
        x, result = saved_values(self, of_mean if of_first is None else of_first)
        if of_mean is not None:
            of_mean = div(spread(of_mean, self), math.prod(x.shape[i] for i in self.axes))
        if of_first is None:
            return (of_mean,)
        total = of_variance(self, self.of_first(of_first, result), x)
        return (total if of_mean is None else add(total, of_mean),)


class VarMeanBackward0(TwoResults):
    __slots__ = ()


class StdMeanBackward0(TwoResults):
    __slots__ = ()

    def of_first(self, grad: Either, result: Either) -> Either:
        return of_root(grad, result)


def of_variance(node: SpreadNode, grad: Either, x: Either) -> Either:
    """The gradient of x, from that of its variance."""
    center = mean(x, node.axes, True)
    if node.whole and node.degrees <= 0:  # torch, too, has another answer here
        return mul(spread(grad, node), where(eq(x, center), math.nan, math.inf))
    slope = 2.0 / node.degrees if node.degrees else math.inf
    return mul(spread(mul(grad, slope), node), sub(x, center))


def of_root(grad: Either, deviation: Either) -> Either:
    """The gradient of a variance, from that of its square root: 0 where all elements are equal."""
    return where(eq(deviation, 0), 0, div(grad, mul(deviation, 2)))


@numpy_names
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The variance: mean squared distance from the mean, over n - correction (1 by default)."""
    x, result, _, details = measured("var", input, dim, unbiased, keepdim, correction)
    return record(VarBackward0, result, (input,), (x, None), **details)


@numpy_names
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The standard deviation: the square root of var."""
    x, variance, _, details = measured("std", input, dim, unbiased, keepdim, correction)
    result = sqrt(variance)
    return record(StdBackward0, result, (input,), (x, result), **details)


@numpy_names
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, ...]:
    """The variance and the mean."""
    x, result, center, details = measured("var_mean", input, dim, unbiased, keepdim, correction)
    return record_several(VarMeanBackward0, (result, center), (input,), (x, None), **details)


@numpy_names
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, ...]:
    """The standard deviation and the mean."""
    x, variance, center, details = measured("std_mean", input, dim, unbiased, keepdim, correction)
    result = sqrt(variance)
    return record_several(StdMeanBackward0, (result, center), (input,), (x, result), **details)


def measured(
    name: str,
    input: Tensor,
    dim: Any,
    unbiased: bool | None,
    keepdim: bool,
    correction: float | None,
) -> tuple[Any, Any, Any, dict[str, Any]]:
    """(x, variance, mean, what a node keeps)."""
    if isinstance(dim, bool):  # var(False) means unbiased=False
        dim, unbiased = None, dim
    if correction is not None and unbiased is not None:
        raise TypeError(f"{name}() takes unbiased or correction, not both")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    x = input.array
    if x.dtype.kind != "f":
        names = "std and var" if name in ("std", "var") else name
        raise RuntimeError(
            f"{names} only support floating point and complex dtypes, but got {x.dtype}"
        )
    axes = axes_of(dim, x.ndim)
    degrees = float(math.prod(x.shape[i] for i in axes) - correction)
    if degrees <= 0:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the "
            "reduction factor (input numel divided by output numel).",
            stacklevel=4,
        )
    squares, center = squared_distances(x, axes, keepdim)
    variance = div(squares, max(degrees, 0.0))
    details = {"axes": axes, "input_shape": x.shape, "keepdim": keepdim, "degrees": degrees}
    details["whole"] = dim is None or not x.ndim
    return x, variance, center, details


def squared_distances(x: Any, axes: tuple[int, ...], keepdim: bool) -> tuple[Any, Any]:
    """The sum of the squared distances from the mean, and the mean."""
    center = mean(x, axes, True)
    distance = sub(x, center)
    squares = kernels.sum(mul(distance, distance), axes, keepdim)
    return squares, center if keepdim else center.reshape(squares.shape)
