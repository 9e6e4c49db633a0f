"""Result dtypes: every pair of dtypes, tensors with and without dimensions, Python numbers."""

import itertools
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, NO_KERNEL, outcome, same_error, same_tensor

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
NUMBERS = (2, 2.5, True)
OPERATIONS = (
    *("x + y", "x - y", "x * y", "x / y", "x // y", "x % y", "x ** y", "x < y", "x == y"),
    *("x & y", "x | y", "x ^ y"),
)
FUNCTIONS = (
    *("torch.maximum(x, y)", "torch.where(x > 1, x, y)", "torch.atan2(x, y)"),
    *("torch.cat([x, y])", "torch.logical_and(x, y)"),
)
IN_PLACE = ("x.add_(y)", "x.mul_(y)", "x.div_(y)", "x.copy_(y)", "x.pow_(y)")


def compare(expression: str, make: Any) -> None:
    """The expression under both libraries, with the names that make(library) gives."""
    (theirs, error), (ours, our_error) = (
        outcome(eval, expression, {"torch": library, **make(library)}) for library in LIBRARIES
    )
    if error is not None:
        if NO_KERNEL not in str(error):
            same_error(error, our_error)
        return
    if our_error is not None:
        raise our_error
    same_tensor(theirs, ours, expression)


def tensor(library: Any, dtype: str, ndim: int) -> Any:
    values: Any = [1, 2] if ndim else 2
    return library.tensor(values, dtype=getattr(library, dtype))


@pytest.mark.parametrize("expression", OPERATIONS + FUNCTIONS + IN_PLACE)
def test_two_tensors(expression: str) -> None:
    for a, b in itertools.product(DTYPES, DTYPES):
        compare(expression, lambda lib, a=a, b=b: {"x": tensor(lib, a, 1), "y": tensor(lib, b, 1)})


@pytest.mark.parametrize("expression", [*OPERATIONS, *FUNCTIONS[:3], *IN_PLACE])
def test_a_tensor_without_dimensions(expression: str) -> None:
    for a, b, ndim in itertools.product(DTYPES, DTYPES, (0, 1)):
        if ndim or "_(" not in expression:
            compare(
                expression,
                lambda lib, a=a, b=b, n=ndim: {"x": tensor(lib, a, n), "y": tensor(lib, b, 0)},
            )


@pytest.mark.parametrize("expression", [*OPERATIONS, *IN_PLACE])
def test_a_number_on_the_right(expression: str) -> None:
    for a, number, ndim in itertools.product(DTYPES, NUMBERS, (0, 1)):
        if expression != "x.copy_(y)":
            compare(expression, lambda lib, a=a, n=ndim, y=number: {"x": tensor(lib, a, n), "y": y})


@pytest.mark.parametrize("expression", OPERATIONS)
def test_a_number_on_the_left(expression: str) -> None:
    for number, b, ndim in itertools.product(NUMBERS, DTYPES, (0, 1)):
        compare(expression, lambda lib, b=b, n=ndim, x=number: {"x": x, "y": tensor(lib, b, n)})


@pytest.mark.parametrize(
    "expression",
    [
        *("x.sum()", "x.prod()", "x.mean()", "x.max()", "x.amin()", "x.argmax()", "x.any()"),
        *("x.std()", "x.softmax(0)", "x.exp()", "x.floor()", "x.sign()", "x.abs()", "-x", "~x"),
        *("x.sum(dtype=torch.float64)", "x.mean(dtype=torch.float32)", "x.square()", "x.sqrt()"),
        *("x.clamp(1, 2)", "x.clamp(0.5)", "x.masked_fill(x > 1, 2.5)", "x.isnan()", "x.relu()"),
    ],
)
def test_one_tensor(expression: str) -> None:
    for dtype in DTYPES:
        compare(expression, lambda lib, d=dtype: {"x": tensor(lib, d, 1)})
