"""Arguments of the wrong type: an operation's annotations are what they are held against.

    @typed
    def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True): ...

    x.topk(2, sorted=1)     TypeError: topk(): argument 'sorted' must be bool, not int

Named arguments are looked at before the call, and so are flags and numbers, for which others would
do.  An operand of the wrong type makes the call fail by itself, and so does a dimension; only then
is it looked for, so that a usual call costs 0.1 us.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, TypeVar

import numpy as np

from minigrad import dtypes
from minigrad.random import Generator
from minigrad.shapes import check_int64
from minigrad.tensor import Tensor

Flag = bool  # taken as true or false, whatever it is, as torch's functions in Python do
Operation = TypeVar("Operation", bound=Callable[..., Any])
Ints = Any  # an int, or several
Number = float  # what torch calls one
Dims = Any  # the same, or None
ALL: Any = None  # what a dimension is that was not given, where torch takes no None for it


@dataclass(frozen=True)
class Kind:
    """What an annotation stands for: torch's name of it, the types that nearly always are given,
    and which others will do."""

    name: str
    usual: frozenset[type]
    fits: Callable[[Any], bool]


def instances(name: str, *types: type) -> Kind:
    return Kind(name, frozenset(types), lambda x: isinstance(x, types))


def is_tensor_or_array(x: Any) -> bool:
    return isinstance(x, Tensor) or (hasattr(x, "dtype") and hasattr(x, "strides"))


def is_whole(x: Any) -> bool:
    """What serves as an int: a number of NumPy too, and a tensor of one integer, but no bool."""
    if isinstance(x, Tensor):
        return not x.array.ndim and x.array.dtype.kind in "iu"
    return hasattr(x, "__index__") and not isinstance(x, bool | np.bool_)


def are_whole(x: Any) -> bool:
    return isinstance(x, Sequence) and all(is_whole(element) for element in x)


def are_ints(x: Any) -> bool:
    return is_whole(x) or are_whole(x)


def is_dims(x: Any) -> bool:
    return x is None or are_ints(x)


def is_real(x: Any) -> bool:
    if isinstance(x, Tensor):
        return not x.array.ndim
    return isinstance(x, int | float | np.number | np.bool_)


DTYPE = instances("minigrad.dtype", dtypes.dtype, type(None), type)  # float itself, say
INTS = Kind("tuple of ints", frozenset({tuple, list}), are_whole)
TENSOR_LIST = instances("tuple of Tensors", tuple, list)
KINDS = {
    "Dtype": DTYPE,
    "Dims": Kind("int or tuple of ints", frozenset({int, tuple, list, type(None)}), is_dims),
    "Either": Kind("Tensor", frozenset({Tensor}), is_tensor_or_array),
    "Generator": instances("minigrad.Generator", Generator),
    "Ints": Kind("int or tuple of ints", frozenset({int, tuple, list}), are_ints),
    "None": instances("None", type(None)),
    "Number": Kind("Number", frozenset({float, int}), is_real),
    "Sequence[int]": INTS,
    "Sequence[Either]": TENSOR_LIST,
    "Sequence[Tensor]": TENSOR_LIST,
    "Tensor": instances("Tensor", Tensor),
    "tuple[float, float]": instances("tuple of floats", tuple, list),
    "bool": instances("bool", bool),
    "dtypes.dtype": DTYPE,
    "float": Kind("float", frozenset({float, int}), is_real),
    "int": Kind("int", frozenset({int}), is_whole),
    "str": instances("str", str),
}
NUMBERS = frozenset({"bool", "float", "int"})
ANYTHING = Kind("anything", frozenset({type(None), int, float, bool}), lambda x: True)
# What torch's functions in Python take as true or false, whatever it is; and what each loss looks
# at itself, with a ValueError.
LENIENT = {"inplace": "bool", "reduce": "bool", "reduction": "str", "size_average": "bool"}


@functools.cache
def kind_of(annotation: str) -> Kind:
    """The kind that an annotation stands for, be it of several: `int | None`."""
    kinds = [KINDS.get(word, ANYTHING) for word in annotation.split(" | ")]
    return Kind(
        " or ".join(kind.name for kind in kinds if kind.name != "None"),
        frozenset().union(*[kind.usual for kind in kinds]),
        lambda x: any(kind.fits(x) for kind in kinds),
    )


def kinds_of(op: Callable[..., Any]) -> dict[str, Kind]:
    """What each parameter of an operation may be."""
    kinds = {name: kind_of(annotation) for name, annotation in op.__annotations__.items()}
    lenient = [name for name, kind in kinds.items() if LENIENT.get(name) == kind.name]
    return kinds | dict.fromkeys(lenient, ANYTHING)


def typed(op: Operation, names: dict[str, str] | None = None) -> Operation:
    """An operation that refuses arguments of the wrong type with a TypeError that names them.

    `names`: other names that callers may give its arguments, and those they have here.
    """
    kinds = kinds_of(op)
    usual = {name: kind.usual for name, kind in kinds.items()}
    parameters = op.__code__.co_varnames[: op.__code__.co_argcount]
    strict = strict_places(op, kinds, parameters)
    before_strict = min(strict, default=len(parameters))

    @functools.wraps(op)
    def run(*args: Any, **named: Any) -> Any:
        if named:
            for name in named:
                if type(named[name]) not in usual.get(name, ()):
                    named = renamed(op, named, names) if names else named
                    named = dict(zip(named, plain(op, kinds, named.items()), strict=True))
                    break
        if len(args) > before_strict:
            for i in strict:
                if i < len(args) and type(args[i]) not in usual[parameters[i]]:
                    given = zip(chain(parameters, several(op)), args, strict=False)
                    args = plain(op, kinds, given)
                    break
        try:
            return op(*args, **named) if named else op(*args)  # the latter is faster by 60 ns
        except Exception:
            plain(op, kinds, zip(chain(parameters, several(op)), args, strict=False))
            check_sizes(op, (*args, *named.values()))
            raise

    return run  # type: ignore[return-value]


def strict_places(
    op: Callable[..., Any], kinds: dict[str, Kind], parameters: tuple[str, ...]
) -> list[int]:
    """The flags and numbers, for which the operation itself would take others; but dimensions only
    where it would take None for one."""
    defaults = dict(zip(reversed(parameters), reversed(op.__defaults__ or ()), strict=False))
    return [
        i
        for i, name in enumerate(parameters)
        if not NUMBERS.isdisjoint(kinds[name].name.split(" or "))
        and (name != "dim" or (defaults.get(name, 0) is ALL and not kinds[name].fits(None)))
    ]


def several(op: Callable[..., Any]) -> Iterator[str]:
    """The name of `*tensors`, again and again."""
    code = op.__code__
    named = code.co_argcount + code.co_kwonlyargcount
    return repeat(code.co_varnames[named]) if code.co_flags & inspect.CO_VARARGS else iter(())


def renamed(op: Callable[..., Any], named: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Named arguments under the operation's own names.  TypeError where one is given twice."""
    known = op.__annotations__
    own = {n if n in known else names.get(n, n): value for n, value in named.items()}
    if len(own) < len(named):
        raise TypeError(f"{op.__name__}() got an argument twice, under two names: {list(named)}")
    return own


def plain(
    op: Callable[..., Any], kinds: dict[str, Kind], arguments: Iterable[tuple[str, Any]]
) -> tuple[Any, ...]:
    """The arguments, with a number where a tensor stands for one.  TypeError that names the first
    which is not of its kind."""
    return tuple([plain_argument(op, name, kinds.get(name, ANYTHING), x) for name, x in arguments])


def plain_argument(op: Callable[..., Any], name: str, kind: Kind, value: Any) -> Any:
    if type(value) in kind.usual:
        return value
    if not kind.fits(value):
        raise wrong_type(op.__name__, name, kind, value) from None
    stands_for_number = isinstance(value, Tensor) and kind.name in ("int", "float")
    return value.item() if stands_for_number else value


def check_sizes(op: Callable[..., Any], arguments: Sequence[Any]) -> None:
    """ValueError that names an int which 64 bits do not hold."""
    for value in arguments:
        if type(value) is int:
            check_int64(f"{op.__name__}(): one argument", value)


def wrong_type(op: str, argument: str, kind: Kind, value: Any) -> TypeError:
    text = f"{op}(): argument '{argument}' must be {kind.name}, not {type(value).__name__}"
    if "Tensor" in kind.name and isinstance(value, list | tuple | int | float | np.ndarray):
        text += ". Make a tensor of it first, with minigrad.tensor()."
    return TypeError(text)
