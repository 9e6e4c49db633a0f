"""Which memory a gradient takes over, and which it must not."""

from typing import Any

import numpy as np

import minigrad
from minigrad import tensor


def test_the_gradient_of_a_weight_lies_in_order_and_is_not_copied() -> None:
    weight = minigrad.randn(5, 4, requires_grad=True)
    minigrad.nn.functional.linear(minigrad.randn(3, 4), weight).sum().backward()
    assert weight.grad.is_contiguous()
    assert weight.grad.array.base is not None, (
        "made of a transposed view: a copy would own its memory"
    )


def test_a_given_gradient_is_copied() -> None:
    for view in (lambda x: x.view(2, 2), lambda x: x.view(2, 2).t(), lambda x: x):
        x = minigrad.randn(4, requires_grad=True)
        given = minigrad.ones(4) if view(x).ndim == 1 else minigrad.ones(2, 2)
        view(x).backward(given)
        assert not np.shares_memory(x.grad.array, given.array)


def test_two_leaves_do_not_share_a_gradient() -> None:
    a, b = minigrad.randn(4, requires_grad=True), minigrad.randn(4, requires_grad=True)
    (a.view(2, 2) + b.view(2, 2)).mul(2).sum().backward()
    assert not np.shares_memory(a.grad.array, b.grad.array)


def test_what_a_hook_kept_is_not_taken_over() -> None:
    kept: list[Any] = []
    x = minigrad.randn(4, requires_grad=True)
    middle = x.view(2, 2)
    middle.register_hook(kept.append)
    (middle * 2).sum().backward()
    assert not np.shares_memory(x.grad.array, kept[0].array)


def test_a_gradient_that_is_part_of_a_buffer_adds_up_there() -> None:
    x, buffer = tensor([1.0, 2.0], requires_grad=True), minigrad.zeros(4)
    x.grad = buffer[:2]
    (x * x).sum().backward()
    assert buffer.tolist() == [2.0, 4.0, 0.0, 0.0]


def test_a_gradient_with_a_history_adds_up_in_place() -> None:
    x = tensor([3.0], requires_grad=True)
    (x**3).backward(create_graph=True)
    first = x.grad
    (x * 1).backward()
    assert x.grad is first
    assert first.tolist() == [28.0]
    x.grad = None
    first.backward()
    assert x.grad.tolist() == [18.0]


def test_a_gradient_of_one_stretched_number_is_replaced() -> None:
    x, one = tensor([1.0, 2.0], requires_grad=True), minigrad.ones(1)
    x.grad = one.expand(2)
    (x * x).sum().backward()
    assert (x.grad.tolist(), one.tolist()) == ([3.0, 5.0], [1.0])


def test_a_gradient_lies_in_order() -> None:
    x, other = minigrad.ones(2, 3, requires_grad=True), minigrad.ones(3, 2).t()
    (x * other).sum().backward()
    assert x.grad.is_contiguous()
