"""Tensors filled in place with random numbers: x.uniform_(), x.normal_() and the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import check_floats, type_name
from minigrad.grad_mode import is_recording
from minigrad.kernels import philox
from minigrad.kernels.batched.array import has_level
from minigrad.kernels.batched.levels import running
from minigrad.kernels.promotion import computed_in
from minigrad.memory import note_write
from minigrad.node import NO_EDGE, Node
from minigrad.ops.arguments import typed
from minigrad.ops.draw import (
    check_one_draw_a_sample,
    named,
    source,
)
from minigrad.ops.inplace import OverwriteNode, check_writable, overwrite
from minigrad.ops.pointwise import add, ceil, clamp_min, div, exp, lt, mul, sub, tan
from minigrad.ops.random import check_bounds, check_probability, coins
from minigrad.random import Generator, chosen_generator
from minigrad.tensor import TENSORS, Tensor, edge_of

Array = Any
FLOAT32 = np.dtype(np.float32)


class UniformBackward0(OverwriteNode):
    __slots__ = ()


class NormalBackward0(OverwriteNode):
    __slots__ = ()


class ExponentialBackward0(OverwriteNode):
    __slots__ = ()


class LogNormalBackward0(OverwriteNode):
    __slots__ = ()


class CauchyBackward0(OverwriteNode):
    __slots__ = ()


class GeometricBackward0(OverwriteNode):
    __slots__ = ()


class RandomBackward(OverwriteNode):
    """x.random_(low, high)"""

    __slots__ = ()


class RandomBackward1(RandomBackward):
    """x.random_(high)"""

    __slots__ = ()


class RandomBackward2(RandomBackward):
    """x.random_()"""

    __slots__ = ()


RandomBackward.__name__ = "RandomBackward0"


class BernoulliBackward1(OverwriteNode):
    """x.bernoulli_(a tensor): the probabilities get zeros as well."""

    __slots__ = ()

    def vjp(self, grad: Any) -> Any:
        own, _ = super().vjp(grad)
        return own, own


class BernoulliBackward2(OverwriteNode):
    """x.bernoulli_(a number)"""

    __slots__ = ()


def draw_into(x: Tensor, values: Array, node_type: type[Node], *others: Tensor) -> Tensor:
    """Fill a tensor in place with values that no gradient flows to."""
    check_writable(x)
    for level in running():
        if has_level(values, level.number) and not has_level(x.array, level.number):
            raise RuntimeError(
                "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This "
                "will appear like same randomness: make a new tensor, as randn_like(x) does"
            )
    return overwrite(x, values, node_type, others)


def filled_directly(x: Tensor, name: str, generator: Generator | None, a: float, b: float) -> bool:
    """Draw straight into x's memory, if nothing is to be recorded and it lies in order."""
    array = x.array
    if type(array) is not np.ndarray or not array.flags.c_contiguous or running():
        return False
    if is_recording() and edge_of(x) is not NO_EDGE:
        return False
    check_writable(x)
    chosen, real = chosen_generator(generator), computed_in(array.dtype)
    distribution = named(name, array.dtype if name == "uniform" else real)
    seed, offset = chosen.take(philox.blocks_for(distribution, array.size))
    if array.size:
        kernels.fill_random(array, distribution, seed, offset, real.type(a), real.type(b))
    note_write(array)
    return True


# -------------------------------------------------------------------------------- of real numbers


@typed
def uniform_(
    x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Generator | None = None, **bounds: Any
) -> Tensor:
    """Fill with numbers drawn uniformly from [a, b), which torch calls `from` and `to`."""
    a, b = named_bounds("uniform_", bounds, a, b)
    check_floats("check_uniform_bounds", x.array.dtype)
    most = float(np.finfo(x.array.dtype).max)
    for name, bound in (("from", a), ("to", b)):
        if not -most <= bound <= most:
            raise RuntimeError(f"{name} is out of bounds for {x.array.dtype}")
    if a > b:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}"
        )
    if filled_directly(x, "uniform", generator, a, b - a):
        return x
    drawn = source(generator).uniform(x.array.shape, x.array.dtype, x.device, a, b)
    return draw_into(x, drawn, UniformBackward0)


def named_bounds(function: str, given: dict[str, Any], low: Any, high: Any) -> tuple[Any, Any]:
    """The bounds, of which `from`, no name in Python, comes as a keyword in a dict."""
    unknown = given.keys() - {"from", "to"}
    if unknown:
        raise TypeError(f"{function}() got an unexpected keyword argument {min(unknown)!r}")
    return given.get("from", low), given.get("to", high)


@typed
def normal_(
    x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers drawn from the normal distribution."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    check_floats("normal_kernel", x.array.dtype)
    if filled_directly(x, "normal", generator, mean, std):
        return x
    drawn = source(generator).normal(x.array.shape, x.array.dtype, x.device, mean, std)
    return draw_into(x, drawn, NormalBackward0)


@typed
def exponential_(x: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers of the density lambd exp(-lambd x), x > 0."""
    check_continuous("Exponential", x)
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    drawn = source(generator).exponential(x.array.shape, x.array.dtype, x.device, lambd)
    return draw_into(x, drawn, ExponentialBackward0)


@typed
def log_normal_(
    x: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers whose logarithm is normally distributed."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    check_continuous("Log-normal", x)
    drawn = source(generator).normal(x.array.shape, x.array.dtype, x.device, mean, std)
    return draw_into(x, exp(drawn), LogNormalBackward0)


@typed
def cauchy_(
    x: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with numbers of the density sigma / (pi ((x - median)^2 + sigma^2))."""
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    check_continuous("Cauchy", x)
    drawn = source(generator).uniform(x.array.shape, x.array.dtype, x.device)
    turned = tan(mul(sub(drawn, 0.5), math.pi))
    return draw_into(x, add(mul(turned, sigma), median), CauchyBackward0)


def check_continuous(name: str, x: Tensor) -> None:
    if x.array.dtype.kind != "f":
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. dtype must be a "
            f"floating point but you specified {type_name(x.array.dtype)}"
        )


# ---------------------------------------------------------------------------------- of integers


@typed
def geometric_(x: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the number of the first success, when each has probability p: 1, 2 and so on."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    drawn = source(generator).exponential(x.array.shape, FLOAT32, x.device)
    tries = clamp_min(ceil(div(drawn, -math.log1p(-p))), 1)
    return draw_into(x, tries, GeometricBackward0)


@typed
def random_(x: Tensor, *bounds: Any, generator: Generator | None = None, **named: Any) -> Tensor:
    """Fill with integers: x.random_(low, high) from low to high - 1, x.random_(high) from 0,
    x.random_() from 0 to the largest that the dtype holds with all below it."""
    kind = x.array.dtype
    node = (RandomBackward2, RandomBackward1, RandomBackward)[len(bounds) + len(named)]
    low, high = (0, bounds[0]) if len(bounds) == 1 and not named else (0, None)
    if len(bounds) == 2:
        low, high = bounds
    elif len(bounds) == 1 and named:
        low = bounds[0]
    low, high = named_bounds("random_", named, low, high)
    if high is None:
        high = largest_whole(kind) + 1
    check_bounds(low, high, kind)
    drawn = source(generator).integers(low, high, x.array.shape, x.device)
    return draw_into(x, drawn.astype(kind, copy=False), node)


def largest_whole(kind: np.dtype[Any]) -> int:
    if kind.kind == "f":
        return int(2 ** (np.finfo(kind).nmant + 1))
    return 1 if kind.kind == "b" else int(np.iinfo(kind).max)


@typed
def bernoulli_(x: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with ones, of probability p (a number, or a tensor that broadcasts), and zeros."""
    array = x.array
    if type(p) not in TENSORS:
        check_probability("bernoulli_", p)
        drawn = source(generator).uniform(array.shape, FLOAT32, x.device)
        return draw_into(x, lt(drawn, p).astype(array.dtype), BernoulliBackward2)
    kernels.check_one_device((array, p.array))
    check_one_draw_a_sample(p.array)
    chances = expanded_chances(p.array, array.shape)
    drawn = coins(chances, array.shape, array.dtype, x.device, generator)
    return draw_into(x, drawn, BernoulliBackward1, p)


def expanded_chances(chances: Array, shape: tuple[int, ...]) -> Array:
    try:
        return kernels.broadcast_to(chances, shape)
    except ValueError:
        raise RuntimeError(
            f"The expanded size of the tensor must match the existing size at non-singleton "
            f"dimensions. Target sizes: {list(shape)}.  Tensor sizes: {list(chances.shape)}"
        ) from None
