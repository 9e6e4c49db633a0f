"""Arguments that speak of dimensions: checked and made plain, with torch's errors."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any


def axis_of(dim: Any, ndim: int) -> int:
    """A dimension as a number from 0.  A 0-d tensor may be asked for dimension 0 or -1."""
    if type(dim) is not int:
        dim = int_of("dim", dim)
    bound = max(ndim, 1)
    if not -bound <= dim < bound:
        check_int64("dim", dim)
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], "
            f"but got {dim})"
        )
    return int(dim % bound)


def int_of(name: str, number: Any) -> int:
    """What stands for a whole number, as an int.  TypeError for bools and all else."""
    try:
        if not isinstance(number, bool):
            return operator.index(number)
    except (TypeError, ValueError):  # the latter of a tensor of several
        pass
    raise TypeError(f"{name} must be int, not {type(number).__name__}. Convert it with int().")


def check_int64(name: str, number: int) -> None:
    """ValueError for an int that 64 bits do not hold."""
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"Overflow when unpacking long long: {name}={number} needs over 64 bits")


def axes_of(dim: Any, ndim: int) -> tuple[int, ...]:
    """The dimensions to reduce, sorted; all of them for None or ()."""
    if type(dim) is int and -ndim <= dim < ndim:  # the usual case, without the checks below
        return (dim % ndim,)
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, tuple | list):
        dim = (dim,)
    if not dim:
        return tuple(range(ndim))
    dims = [axis_of(d, ndim) for d in dim]
    check_distinct(dims)
    return tuple(sorted(dims)) if ndim else ()


def check_distinct(dims: Sequence[int]) -> None:
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """The order of axes that undoes another one."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def shape_argument(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as f(2, 3) or as f((2, 3))."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = tuple(sizes[0])
    return tuple([n if type(n) is int else int_of("size, a tuple of ints: each", n) for n in sizes])


def sizes_of(function: str, keyword: str, sizes: tuple[Any, ...], named: Any) -> tuple[int, ...]:
    """A shape given as f(2, 3), as f((2, 3)) or by its keyword, but not twice."""
    if named is None:
        if sizes:
            return shape_argument(sizes)
        raise TypeError(f'{function}() missing 1 required positional arguments: "{keyword}"')
    if sizes:
        raise TypeError(f"{function}() got multiple values for argument '{keyword}'")
    return shape_argument((named,))


def infer(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """A shape for `size` elements, with at most one -1 filled in."""
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    known = math.prod(n for n in shape if n != -1)
    if -1 in shape:
        if known == 0 and size == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        if known and size % known == 0:
            return tuple(size // known if n == -1 else n for n in shape)
    elif known == size:
        return shape
    for n in shape:
        check_int64("size", n)
    raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {size}")


def broadcast_shape(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The common shape.  RuntimeError where the sizes of a dimension differ and none is 1."""
    ndim = max(len(shape) for shape in shapes)
    result = [1] * ndim
    for shape in shapes:
        for place in range(-len(shape), 0):
            n = shape[place]
            if n != 1 and result[place] not in (1, n):
                raise RuntimeError(mismatch(result[place], n, ndim + place))
            if n != 1:
                result[place] = n
    return tuple(result)


def is_stretched(shape: Sequence[int], to: Sequence[int]) -> bool:
    """Whether broadcasting can make shape `to` of `shape`."""
    tail = to[max(len(to) - len(shape), 0) :]
    return len(tail) == len(shape) and all(n in (1, m) for n, m in zip(shape, tail, strict=True))


def mismatch(a: int, b: int, dim: int) -> str:
    return (
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) "
        f"at non-singleton dimension {dim}"
    )
