"""Inference mode: nothing is recorded, and what was made inside stays out of every graph."""

from typing import Any

import pytest

import minigrad
from minigrad import inference_mode, tensor


def leaf(*values: float) -> Any:
    return tensor(values, requires_grad=True)


def test_nothing_is_recorded_inside() -> None:
    w = leaf(3.0)
    with inference_mode():
        assert minigrad.is_inference_mode_enabled()
        assert not minigrad.is_grad_enabled()
        y = w * w
        with minigrad.enable_grad():
            assert minigrad.is_grad_enabled()
            assert not (w * w).requires_grad
    assert not y.requires_grad
    assert y.is_inference()
    assert minigrad.is_inference(y)
    assert (w * w).requires_grad
    assert not minigrad.is_inference_mode_enabled()


def test_views_of_ordinary_tensors_stay_ordinary() -> None:
    x = tensor([1.0, 2.0])
    with inference_mode():
        assert not x[0].is_inference()
        assert not x.detach().is_inference()
        assert x.clone().is_inference()


@pytest.mark.parametrize(
    "use",
    [lambda w, t: w * t, lambda w, t: t @ w, lambda w, t: minigrad.where(t > 0, t * w, 0)],
    ids=["mul", "matmul", "where"],
)
def test_they_cannot_be_saved(use: Any) -> None:
    with inference_mode():
        made = tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        use(leaf(3.0, 4.0), made)


def test_what_saves_nothing_may_use_them() -> None:
    w = leaf(3.0, 4.0)
    with inference_mode():
        made = tensor([1.0, 2.0])
    (w + made).sum().backward()
    assert w.grad.tolist() == [1.0, 1.0]
    (w * made.clone()).sum().backward()
    assert w.grad.tolist() == [2.0, 3.0]


def test_what_they_refuse_outside() -> None:
    with inference_mode():
        made = tensor([1.0, 2.0])
        made.add_(1)
    for write in (lambda: made.add_(1), lambda: made[0].add_(1), lambda: made.__setitem__(0, 3)):
        with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
            write()
    assert made.tolist() == [2.0, 3.0]
    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor"):
        made.requires_grad_()
    with pytest.raises(RuntimeError, match="do not track version counter"):
        _ = made._version
    assert made.clone().requires_grad_().requires_grad


def test_as_a_decorator_and_around_a_generator() -> None:
    w = leaf(3.0)

    @inference_mode()
    def double() -> Any:
        return w * 2

    @inference_mode
    def numbers() -> Any:
        yield w * 2
        yield w * 3

    assert not double().requires_grad
    for made in numbers():
        assert not made.requires_grad
        assert not minigrad.is_inference_mode_enabled()
    with inference_mode(), inference_mode(False):
        assert (w * 2).requires_grad


def test_an_exception_restores_the_mode() -> None:
    with pytest.raises(KeyError), inference_mode():
        raise KeyError
    assert minigrad.is_grad_enabled()
    assert not minigrad.is_inference_mode_enabled()
