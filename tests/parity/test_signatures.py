"""Functions and methods take torch's arguments, by torch's names and with its defaults."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import minigrad
from minigrad.nn import functional as F

torch = pytest.importorskip("torch")

EMPTY = inspect.Parameter.empty
NAMES = {"self": "input"}

# Arguments of torch that are not taken (a TypeError names them): of results that are to be written
# somewhere, of memory, of named dimensions, of matrices whose product gets another dtype.
NOT_TAKEN = {"out", "memory_format", "layout", "pin_memory", "names", "out_dtype"}

# Names that torch's schemas have and its functions do not take, or take otherwise.
NOT_TAKEN_BY: dict[str, set[str]] = {
    "as_tensor": {"t"},
    "atleast_1d": {"input"},  # *tensors
    "atleast_2d": {"input"},
    "atleast_3d": {"input"},
    "backward": {"tensors", "grad_tensors"},  # of the function, not of the method
    "copy_": {"src"},
    "dsplit": {"indices", "sections"},  # indices_or_sections
    "einsum": {"a", "equation", "tensors", "path"},  # *args
    "eq": {"a", "b"},  # of Python's numbers
    "expand": {"implicit"},
    "histogram": {"bins"},
    "hsplit": {"indices", "sections"},
    "ne": {"a", "b"},
    "norm": {"p"},
    "rrelu": {"generator"},
    "sort": {"reverse"},  # of Python's lists
    "split": {"input", "split_size", "split_sizes"},
    "tensor": {"t"},
    "tensor_split": {"tensor_indices_or_sections"},
    "tensordot": {"input", "other", "dims_self", "dims_other"},
    "vsplit": {"indices", "sections"},
}

# Kinds of tensors that are not here: overloads for them say nothing.
FOREIGN = ("Dimname", "complex", "Stream", "Storage")


def schemas(name: str) -> list[Any]:
    """torch's overloads of a function, without those of Python numbers and lists."""
    found = torch._C._jit_get_schemas_for_operator(f"aten::{name}")
    return [s for s in found if is_of_tensors(s)]


def is_of_tensors(schema: Any) -> bool:
    kinds = [str(argument.type) for argument in schema.arguments]
    returned = [str(value.type) for value in schema.returns]
    if any(word in kind for word in FOREIGN for kind in kinds):
        return False
    if schema.overload_name.endswith("out") or any(a.is_out for a in schema.arguments):
        return False
    return any("Tensor" in kind for kind in kinds + returned)


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    return dict(inspect.signature(function).parameters)


def takes_anything(given: dict[str, Any]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in given.values())


def complaints(
    name: str, theirs: dict[str, Any], ours: dict[str, Any], not_taken: set[str]
) -> Iterator[str]:
    for argument, default in theirs.items():
        if argument in not_taken:
            continue
        if argument not in ours:
            yield f"{name}() takes no {argument}="
        elif default is not EMPTY and not same_default(default, ours[argument].default):
            yield f"{name}({argument}={default!r}) is {ours[argument].default!r} here"


def same_default(theirs: Any, ours: Any) -> bool:
    """None stands for a default that depends on other arguments; a list for a tuple or number."""
    if theirs is None or ours is None or ours is EMPTY:
        return theirs is None or ours is None
    if isinstance(theirs, list | tuple):
        return list(theirs) == (
            list(ours) if isinstance(ours, list | tuple) else [ours] * len(theirs)
        )
    return bool(theirs == ours)


def arguments_of(schema: Any) -> dict[str, Any]:
    return {
        NAMES.get(a.name, a.name): a.default_value if a.has_default_value() else EMPTY
        for a in schema.arguments
    }


FUNCTIONS = [
    name
    for name in minigrad.__all__
    if callable(getattr(minigrad, name))
    and not inspect.isclass(getattr(minigrad, name))
    and torch._C._jit_get_schemas_for_operator(f"aten::{name}")
]
METHODS = [
    name
    for name in dir(minigrad.Tensor)
    if not name.startswith("_")
    and callable(getattr(minigrad.Tensor, name))
    and torch._C._jit_get_schemas_for_operator(f"aten::{name}")
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    ours = parameters(getattr(minigrad, name))
    wrong: list[str] = []
    for schema in [] if takes_anything(ours) else schemas(name):
        not_taken = NOT_TAKEN | NOT_TAKEN_BY.get(name, set())
        wrong += complaints(name, arguments_of(schema), ours, not_taken)
    assert not wrong, "\n".join(dict.fromkeys(wrong))


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    ours = parameters(getattr(minigrad.Tensor, name))
    wrong: list[str] = []
    for schema in [] if takes_anything(ours) else schemas(name):
        theirs = arguments_of(schema)
        theirs.pop("input", None)
        not_taken = NOT_TAKEN | NOT_TAKEN_BY.get(name, set())
        wrong += complaints(f"x.{name}", theirs, ours, not_taken)
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_no_methods_of_our_own() -> None:
    ours = {name for name in dir(minigrad.Tensor) if not name.startswith("_")}
    assert {n for n in ours if not hasattr(torch.Tensor, n)} == {
        "array",
        "edge",
        "host_array",
        "only_element",
    }


@pytest.mark.parametrize("name", F.__all__)
def test_functional(name: str) -> None:
    function = getattr(torch.nn.functional, name)
    ours = parameters(getattr(F, name))
    try:
        theirs = {n: p.default for n, p in parameters(function).items() if not n.startswith("_")}
    except ValueError:  # not written in Python
        theirs = next((arguments_of(s) for s in schemas(name)), {})
    if list(theirs) == ["args", "kwargs"]:  # chosen by a flag among functions with names
        theirs = parameters(function.__wrapped__) if hasattr(function, "__wrapped__") else {}
    not_taken = NOT_TAKEN | NOT_TAKEN_BY.get(name, set())
    wrong = [] if takes_anything(ours) else list(complaints(name, theirs, ours, not_taken))
    assert not wrong, "\n".join(wrong)
