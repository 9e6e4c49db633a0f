"""Anomaly detection under torch and minigrad: the same step is blamed, the same lines are shown."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error


def nan_of_a_root(lib: Any) -> None:
    x = lib.zeros(2, requires_grad=True)
    y = (x.sqrt() * 0).sum()
    y.backward()


def forward_outside(lib: Any) -> None:
    with lib.autograd.set_detect_anomaly(False):
        x = lib.zeros(2, requires_grad=True)
        y = (x.sqrt() * 0).sum()
    y.backward()


def second_input(lib: Any) -> None:
    x, y = lib.ones(2, requires_grad=True), lib.zeros(2, requires_grad=True)
    (x * 0 / y).sum().backward()


def nan_from_outside(lib: Any) -> None:
    x = lib.ones(2, requires_grad=True)
    x.sum().backward(lib.tensor(float("nan")))


def functions_in_between(lib: Any) -> None:
    def norm(x: Any) -> Any:
        return (x * x).sum().sqrt()

    def loss(x: Any) -> Any:
        return norm(x) * 0

    loss(lib.zeros(2, requires_grad=True)).backward()


def by_autograd_grad(lib: Any) -> None:
    x = lib.zeros(2, requires_grad=True)
    lib.autograd.grad((x.sqrt() * 0).sum(), x)


def second_order(lib: Any) -> None:
    x = lib.zeros(1, requires_grad=True)
    y = x**1.5
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    (g * 0).sum().backward()


def freed(lib: Any) -> None:
    x = lib.ones(2, requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    loss.backward()


def damaged(lib: Any) -> None:
    y = lib.ones(2, requires_grad=True).exp()
    y += 1
    y.sum().backward()


def failing_hook(lib: Any) -> None:
    y = lib.ones(2, requires_grad=True).exp()
    y.register_hook(lambda g: 1 / 0)
    y.sum().backward()


def nan_of_a_hook(lib: Any) -> None:
    y = lib.ones(2, requires_grad=True).exp()
    y.register_hook(lambda g: g * float("nan"))
    y.sum().backward()


def nan_of_a_nodes_hook(lib: Any) -> None:
    y = lib.ones(2, requires_grad=True).exp()
    y.grad_fn.register_hook(lambda grads, _: (grads[0] * float("nan"),))
    y.sum().backward()


def failing_function(lib: Any) -> None:
    class Fails(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise ValueError("mine")

    Fails.apply(lib.ones(2, requires_grad=True)).sum().backward()


FAILING = [
    value for value in list(globals().values()) if getattr(value, "__module__", "") == __name__
]


def traced(
    program: Callable[[Any], None], lib: Any
) -> tuple[Exception, list[tuple[str, list[str]]]]:
    """The exception, and of each warning its first sentence and the places in this file."""
    with warnings.catch_warnings(record=True) as shown, lib.autograd.set_detect_anomaly(True):
        warnings.simplefilter("always")
        _, error = outcome(program, lib)
    assert error is not None
    texts = [str(warning.message) for warning in shown]
    place = re.compile(rf'File "{re.escape(__file__)}", (line \d+, in \w+)')
    return error, [(text.strip().partition("\n")[0], place.findall(text)) for text in texts]


@pytest.mark.parametrize("program", FAILING)
def test_fails_alike(program: Callable[[Any], None]) -> None:
    (theirs, their_warnings), (ours, our_warnings) = (traced(program, lib) for lib in LIBRARIES)
    same_error(theirs, ours)
    first = str(theirs).partition(":")[0].partition(". ")[0]
    assert str(ours).startswith(first)
    assert [places for _, places in our_warnings] == [places for _, places in their_warnings]
    for (their_words, _), (our_words, _) in zip(their_warnings, our_warnings, strict=True):
        assert their_words.startswith(our_words)


def states(lib: Any) -> list[tuple[bool, bool]]:
    seen = []

    def look() -> None:
        seen.append((lib.is_anomaly_enabled(), lib.is_anomaly_check_nan_enabled()))

    look()
    with lib.autograd.detect_anomaly(check_nan=False):
        look()
        with lib.autograd.set_detect_anomaly(True):
            look()
        look()
        with lib.autograd.set_detect_anomaly(False):
            look()
    lib.autograd.set_detect_anomaly(True, check_nan=False)
    look()
    lib.autograd.set_detect_anomaly(False)
    look()
    lib.autograd.set_detect_anomaly(False, check_nan=True)
    return seen


def test_states() -> None:
    theirs, ours = (states(lib) for lib in LIBRARIES)
    assert ours == theirs


def passes(lib: Any) -> list[list[float]]:
    """What is no anomaly: infinity, and NaN where it is not looked for."""
    x, y = (lib.zeros(2, requires_grad=True) for _ in range(2))
    with lib.autograd.set_detect_anomaly(True):
        x.log().sum().backward()
        y.register_hook(lambda g: g * float("nan"))
        y.sum().backward()
    with lib.autograd.set_detect_anomaly(True, check_nan=False):
        nan_of_a_root(lib)
    return [[str(v) for v in z.grad.tolist()] for z in (x, y)]


def test_passes() -> None:
    theirs, ours = (passes(lib) for lib in LIBRARIES)
    assert ours == theirs
