"""Anomaly detection: the first step that makes NaN raises, and the forward lines are shown."""

import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import minigrad
from minigrad import is_anomaly_check_nan_enabled, is_anomaly_enabled, ones, tensor, zeros
from minigrad.autograd import Function, detect_anomaly, grad, set_detect_anomaly

ENABLED = "Anomaly Detection has been enabled. This mode will increase the runtime"


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    yield
    assert not is_anomaly_enabled()
    assert is_anomaly_check_nan_enabled()


def caught(program: Callable[[], Any], error: type[Exception] = RuntimeError) -> tuple[str, Any]:
    """The message and the warnings of a program that fails in anomaly mode."""
    with warnings.catch_warnings(record=True) as shown, set_detect_anomaly(True):
        warnings.simplefilter("always")
        with pytest.raises(error) as raised:
            program()
    return str(raised.value), shown


def root_at_zero() -> Any:
    x = zeros(2, requires_grad=True)
    return (x.sqrt() * 0).sum()  # the gradient of sqrt is inf there, and 0 * inf is NaN


def test_the_step_that_made_nan_and_its_line() -> None:
    message, shown = caught(lambda: root_at_zero().backward())
    line = root_at_zero.__code__.co_firstlineno + 2
    assert message.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert f"It was made at {__file__}:{line}, in root_at_zero." in message
    assert len(shown) == 1
    text = str(shown[0].message)
    assert text.startswith(
        "Error detected in SqrtBackward0. Traceback of forward call that caused the error:\n"
    )
    assert f'File "{__file__}", line {line}, in root_at_zero\n    return (x.sqrt() * 0)' in text
    assert "in test_the_step_that_made_nan_and_its_line" in text
    assert "minigrad/minigrad" not in text  # only the user's lines


def test_the_warning_stands_at_the_users_backward() -> None:
    y = root_at_zero()
    _, shown = caught(lambda: y.backward())
    assert shown[0].filename == __file__
    assert shown[0].lineno == sys._getframe().f_lineno - 2


def test_detect_anomaly_says_that_it_is_slow() -> None:
    with pytest.warns(UserWarning, match=ENABLED), detect_anomaly():
        assert is_anomaly_enabled()


def test_forward_without_anomaly_mode() -> None:
    y = root_at_zero()
    message, shown = caught(y.backward)
    assert "returned nan values" in message
    assert str(shown[0].message) == (
        "Error detected in SqrtBackward0. No forward pass information available. Enable detect "
        "anomaly during forward pass for more information."
    )


def test_the_number_of_the_output() -> None:
    def program() -> None:
        x, y = ones(2, requires_grad=True), zeros(2, requires_grad=True)
        (x * 0 / y).sum().backward()

    message, _ = caught(program)
    assert message.startswith("Function 'DivBackward0' returned nan values in its 1th output.")


def test_a_users_function_that_makes_nan() -> None:
    class Bad(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g * float("nan")

    x = ones(2, requires_grad=True)
    message, _ = caught(lambda: Bad.apply(x, x).sum().backward())
    assert "Function 'BadBackward' returned nan values in its 1th output." in message


def test_a_hook_that_makes_nan_of_a_steps_results() -> None:
    def program() -> None:
        y = ones(2, requires_grad=True).exp()
        y.grad_fn.register_hook(lambda grads, _: tuple(g * float("nan") for g in grads))
        y.sum().backward()

    message, _ = caught(program)
    assert "Function 'ExpBackward0' returned nan values" in message


def test_without_check_nan() -> None:
    y = root_at_zero()
    leaf = y.grad_fn.next_functions[0][0].next_functions[0][0].next_functions[0][0].variable
    with set_detect_anomaly(True, check_nan=False):
        assert not is_anomaly_check_nan_enabled()
        y.backward()
    assert minigrad.isnan(leaf.grad).all()


def test_without_check_nan_other_errors_are_still_shown() -> None:
    with set_detect_anomaly(True, check_nan=False):
        x = ones(2, requires_grad=True)
        loss = (x * x).sum()
        loss.backward()
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            with pytest.raises(RuntimeError, match="a second time"):
                loss.backward()
    assert str(shown[0].message).startswith("Error detected in MulBackward0. Traceback of forward")


def test_infinities_are_no_anomaly() -> None:
    x = zeros(2, requires_grad=True)
    with set_detect_anomaly(True):
        x.log().sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [float("inf")] * 2


def test_every_exception_shows_the_forward_pass() -> None:
    def boom(g: Any) -> None:
        raise KeyError("boom")

    def program() -> None:
        y = ones(2, requires_grad=True).exp()
        y.register_hook(boom)
        y.sum().backward()

    message, shown = caught(program, KeyError)
    assert "boom" in message
    assert "Error detected in ExpBackward0. Traceback of forward call" in str(shown[0].message)


def test_a_second_backward_shows_both_passes() -> None:
    def program() -> None:
        x = zeros(1, requires_grad=True)
        y = x**1.5
        (g,) = grad(y.sum(), x, create_graph=True)
        (g * 0).sum().backward()

    first = program.__code__.co_firstlineno
    message, shown = caught(program)
    assert "Function 'PowBackward0' returned nan values" in message
    error, parent = (str(warning.message) for warning in shown)
    assert f"line {first + 3}, in program\n    (g,) = grad(y.sum(), x, create_graph" in error
    assert parent.startswith(
        "\n\nPrevious calculation was induced by PowBackward0. Traceback of forward call that "
        "induced the previous calculation:\n"
    )
    assert f"line {first + 2}, in program\n    y = x**1.5\n" in parent


def test_nested() -> None:
    states = []
    with set_detect_anomaly(True, check_nan=False):
        states.append((is_anomaly_enabled(), is_anomaly_check_nan_enabled()))
        with set_detect_anomaly(True):
            states.append((is_anomaly_enabled(), is_anomaly_check_nan_enabled()))
            with set_detect_anomaly(False):
                states.append((is_anomaly_enabled(), is_anomaly_check_nan_enabled()))
        states.append((is_anomaly_enabled(), is_anomaly_check_nan_enabled()))
    assert states == [(True, False), (True, True), (False, True), (True, False)]


def test_restored_after_an_exception() -> None:
    with pytest.raises(ValueError, match="mine"), set_detect_anomaly(True):
        raise ValueError("mine")


def test_set_for_good() -> None:
    set_detect_anomaly(True)
    assert is_anomaly_enabled()
    set_detect_anomaly(False)


@pytest.mark.parametrize(
    ("arguments", "words"), [(("a",), "'enabled'"), ((True, 1), "'check_nan'")]
)
def test_flags_are_bools(arguments: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"argument {words} .* must be bool"):
        set_detect_anomaly(*arguments)


def test_metadata() -> None:
    x = tensor([1.0], requires_grad=True)
    with set_detect_anomaly(True):
        inside = x * 2
    outside = x * 3
    assert "inside = x * 2" in inside.grad_fn.metadata["traceback_"][-1]
    assert outside.grad_fn.metadata == {}
