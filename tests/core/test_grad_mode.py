"""no_grad, enable_grad, set_grad_enabled: as blocks, as decorators, nested, in threads."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import minigrad
from minigrad import enable_grad, is_grad_enabled, no_grad, set_grad_enabled, tensor


def leaf(*values: float) -> Any:
    return tensor(values, requires_grad=True)


def test_recording_is_on_at_first() -> None:
    assert is_grad_enabled() is True


def test_no_grad_records_nothing() -> None:
    x = leaf(1.0)
    with no_grad():
        y = x * 2
        assert is_grad_enabled() is False
    assert (y.requires_grad, y.grad_fn, y.is_leaf) == (False, None, True)
    assert is_grad_enabled() is True


def test_modes_nest() -> None:
    seen = []
    with no_grad():
        seen.append(is_grad_enabled())
        with enable_grad():
            seen.append(is_grad_enabled())
            with no_grad(), set_grad_enabled(True):
                seen.append(is_grad_enabled())
            seen.append(is_grad_enabled())
        seen.append(is_grad_enabled())
    assert seen == [False, True, True, True, False]


@pytest.mark.parametrize("mode", [no_grad, enable_grad, lambda: set_grad_enabled(False)])
def test_an_exception_restores_the_mode(mode: Any) -> None:
    with pytest.raises(KeyError), mode():
        raise KeyError("inside")
    assert is_grad_enabled() is True


def test_one_object_may_be_entered_twice() -> None:
    """torch forgets the first mode here, and records nothing afterwards."""
    off = no_grad()
    with off:
        with off:
            assert not is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()
    with off:
        assert not is_grad_enabled()
    assert is_grad_enabled()


def test_set_grad_enabled_acts_at_once() -> None:
    try:
        set_grad_enabled(False)
        assert not is_grad_enabled()
        set_grad_enabled(True)
        assert is_grad_enabled()
    finally:
        set_grad_enabled(True)


@pytest.mark.parametrize("mode", [True, False])
def test_set_grad_enabled_as_a_block(mode: bool) -> None:
    with set_grad_enabled(mode):
        assert is_grad_enabled() is mode
    assert is_grad_enabled() is True


def test_set_grad_enabled_as_a_decorator_leaves_the_module_alone() -> None:
    @set_grad_enabled(False)
    def off() -> bool:
        return is_grad_enabled()

    assert is_grad_enabled() is True
    assert off() is False
    assert is_grad_enabled() is True


@pytest.mark.parametrize("decorator", [no_grad, no_grad()])
def test_decorators_with_and_without_parentheses(decorator: Any) -> None:
    @decorator
    def double(x: Any, times: int = 2) -> Any:
        """Its docstring."""
        return x * times

    assert double.__name__ == "double"
    assert double.__doc__ == "Its docstring."
    assert not double(leaf(1.0), times=3).requires_grad
    assert (leaf(1.0) * 2).requires_grad


def test_a_decorated_function_may_call_itself() -> None:
    @no_grad()
    def count(n: int) -> list[bool]:
        return [is_grad_enabled()] + (count(n - 1) if n else [])

    assert count(3) == [False] * 4
    assert is_grad_enabled()


def test_a_decorated_function_that_raises() -> None:
    @no_grad()
    def fail() -> None:
        raise ValueError("inside")

    for _ in range(2):
        with pytest.raises(ValueError, match="inside"):
            fail()
        assert is_grad_enabled()


def test_decorated_methods_know_their_object() -> None:
    class Model:
        factor = 3

        @no_grad()
        def predict(self, x: Any) -> Any:
            return x * self.factor

    assert Model().predict(leaf(2.0)).tolist() == [6.0]


# --------------------------------------------------------------------------------- generators


def test_the_mode_of_a_decorated_generator_stays_inside() -> None:
    @no_grad()
    def numbers() -> Iterator[bool]:
        yield is_grad_enabled()
        yield is_grad_enabled()

    seen = [(inside, is_grad_enabled()) for inside in numbers()]
    assert seen == [(False, True), (False, True)]


def test_a_decorated_generator_gets_what_is_sent_and_returns() -> None:
    @no_grad()
    def echo() -> Any:
        got = []
        while (value := (yield is_grad_enabled())) is not None:
            got.append(value)
        return got

    running = echo()
    assert next(running) is False
    assert running.send(1) is False
    assert running.send(2) is False
    with pytest.raises(StopIteration) as stop:
        running.send(None)
    assert stop.value.value == [1, 2]
    assert is_grad_enabled()


def test_exceptions_reach_a_decorated_generator() -> None:
    log = []

    @no_grad()
    def careful() -> Any:
        try:
            yield 1
        except KeyError:
            log.append(is_grad_enabled())
            yield 2
        finally:
            log.append(is_grad_enabled())

    running = careful()
    assert next(running) == 1
    assert running.throw(KeyError()) == 2
    running.close()
    assert log == [False, False]
    assert is_grad_enabled()


def test_a_decorated_generator_under_enable_grad_inside_no_grad() -> None:
    @enable_grad()
    def numbers() -> Iterator[bool]:
        yield is_grad_enabled()

    with no_grad():
        assert next(iter(numbers())) is True
        assert not is_grad_enabled()


# ------------------------------------------------------------------------------------ threads


def test_each_thread_has_its_own_mode_and_starts_recording() -> None:
    seen = []

    def work() -> None:
        seen.append(is_grad_enabled())
        with no_grad():
            seen.append(is_grad_enabled())
            inside.set()
            leave.wait(10)

    inside, leave = threading.Event(), threading.Event()
    with no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        inside.wait(10)
    here = is_grad_enabled()
    leave.set()
    thread.join()
    assert seen == [True, False]
    assert here is True


# ------------------------------------------------------------------ what the mode does not touch


def test_new_leaves_may_be_made_under_no_grad() -> None:
    with no_grad():
        x = leaf(1.0)
        y = minigrad.zeros(2).requires_grad_()
    assert (x.requires_grad, y.requires_grad) == (True, True)
    (x * y).sum().backward()
    assert x.grad.tolist() == [0.0]


def test_views_under_no_grad_have_no_history() -> None:
    x = leaf(1.0, 2.0) * 1
    with no_grad():
        view = x[0]
    assert view.grad_fn is None
    assert view.is_leaf


def test_in_place_under_no_grad_keeps_a_leaf_a_leaf() -> None:
    x = leaf(1.0, 2.0)
    with no_grad():
        x.mul_(3)
        x -= 1
        x[0] = 10
    assert x.tolist() == [10.0, 5.0]
    assert (x.is_leaf, x.requires_grad) == (True, True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [20.0, 10.0]


def test_graphs_may_be_joined_across_modes() -> None:
    x = leaf(2.0)
    with no_grad():
        constant = x * 10
        with enable_grad():
            y = x * constant
    y.backward()
    assert x.grad.tolist() == [20.0]


def test_a_decorated_class_is_warned_about() -> None:
    class Made:
        pass

    with pytest.warns(FutureWarning, match="directly decorate the `__init__` method"):
        minigrad.no_grad()(Made)


def test_nothing_is_written_out_to_an_inference_tensor() -> None:
    with minigrad.inference_mode():
        out = minigrad.ones(2)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
        minigrad.add(minigrad.ones(2), 1, out=out)
    assert out.tolist() == [1.0, 1.0]
