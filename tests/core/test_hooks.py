"""Hooks: when they run, what they may replace, and how they leave again."""

from typing import Any

import pytest

import minigrad
from minigrad import tensor
from minigrad.autograd import grad


def leaf(*values: float) -> Any:
    return tensor(values, requires_grad=True)


def test_a_hook_sees_the_gradient() -> None:
    seen = []
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: seen.append(g))
    (y * 3).backward()
    assert [type(g) for g in seen] == [minigrad.Tensor]
    assert seen[0].tolist() == [3.0]
    assert not seen[0].requires_grad


def test_a_hook_sees_the_whole_gradient_once() -> None:
    seen = []
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 3 + y * 4 + y.exp() * 0).backward()
    assert seen == [[7.0]]


def test_hooks_chain_in_the_order_of_their_registration() -> None:
    x = leaf(1.0)
    y = x * 1
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: None)
    y.backward()
    assert x.grad.tolist() == [20.0]


def test_a_hook_on_a_leaf_replaces_what_accumulates() -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g * 2)
    for _ in range(2):
        (x * 3).sum().backward()
    assert x.grad.tolist() == [12.0, 12.0]


def test_hooks_of_a_leaf_fire_under_grad_too() -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: g * 2)
    assert grad(x * 3, x)[0].tolist() == [6.0]


def test_a_captured_result_and_its_hook() -> None:
    x = leaf(1.0)
    y = x * 3
    y.register_hook(lambda g: g * 2)
    assert grad(y * 5, y)[0].tolist() == [10.0]  # and the node of y, which did not run, is kept
    # torch captures before the hook where the gradient flows on
    assert [g.tolist() for g in grad(y * 5, [y, x])] == [[5.0], [30.0]]


def test_the_order_over_the_graph_is_from_the_root_to_the_leaves() -> None:
    order: list[str] = []
    x = leaf(1.0)
    y = x * 2
    z = y * 3
    for name, t in {"leaf": x, "y": y, "z": z}.items():
        t.register_hook(lambda g, name=name: order.append(name))
    z.backward()
    assert order == ["z", "y", "leaf"]


def test_a_hook_of_the_root_sees_the_given_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.backward(tensor([1.0, 3.0]))
    assert x.grad.tolist() == [20.0, 60.0]


def test_removing_a_hook() -> None:
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()  # twice is no error
    x.backward()
    assert x.grad.tolist() == [1.0]


def test_a_handle_is_a_context_manager() -> None:
    x = leaf(1.0)
    with x.register_hook(lambda g: g * 100):
        x.backward()
    x.backward()
    assert x.grad.tolist() == [101.0]


def test_a_hook_may_remove_itself() -> None:
    x = leaf(1.0)
    y = x * 1
    calls = []

    def once(g: Any) -> Any:
        calls.append(1)
        handle.remove()
        return g * 5

    handle = y.register_hook(once)
    y.backward(retain_graph=True)
    y.backward()
    assert len(calls) == 1
    assert x.grad.tolist() == [6.0]


def test_the_same_hook_twice_runs_twice() -> None:
    x = leaf(1.0)

    def double(g: Any) -> Any:
        return g * 2

    first = x.register_hook(double)
    x.register_hook(double)
    x.backward()
    first.remove()
    x.backward()
    assert x.grad.tolist() == [4.0 + 2.0]


def test_hooks_under_create_graph_are_differentiated() -> None:
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * x)  # the gradient 2x becomes 2x * x
    (first,) = grad(y, x, create_graph=True)
    assert first.tolist() == [18.0]
    assert grad(first, x)[0].tolist() == [12.0]


def test_hooks_of_several_outputs_are_told_apart() -> None:
    seen = {}
    x = leaf(1.0, 2.0, 3.0)
    first, second = x.split([1, 2])
    first.register_hook(lambda g: seen.update({0: g.tolist()}))
    second.register_hook(lambda g: seen.update({1: g.tolist()}))
    (first.sum() + second.sum() * 2).backward()
    assert seen == {0: [1.0], 1: [2.0, 2.0]}


def test_a_hook_before_an_in_place_operation_belongs_to_the_old_value() -> None:
    seen = []
    x = leaf(1.0)
    y = x * 1
    y.register_hook(lambda g: seen.append(("old", g.tolist())))
    y.mul_(5)
    y.register_hook(lambda g: seen.append(("new", g.tolist())))
    y.backward()
    assert seen == [("new", [1.0]), ("old", [5.0])]


def test_a_tensor_without_gradient_takes_no_hook() -> None:
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that"):
        tensor([1.0]).register_hook(lambda g: g)


def test_a_hook_must_keep_the_size() -> None:
    x = leaf(1.0, 2.0)

    def shrink(g: Any) -> Any:
        return g[:1]

    x.register_hook(shrink)
    with pytest.raises(RuntimeError, match="hook 'shrink' has changed the size of value"):
        (x * 1).sum().backward()


def test_a_hook_must_keep_the_dtype() -> None:
    x = leaf(1.0)
    y = x * 1

    def widen(g: Any) -> Any:
        return g.double()

    y.register_hook(widen)
    with pytest.raises(RuntimeError, match="hook 'widen' has changed the type of value"):
        y.backward()


@pytest.mark.parametrize("wrong", [1.0, "gradient", [1.0]])
def test_a_hook_must_return_a_tensor(wrong: Any) -> None:
    x = leaf(1.0)
    x.register_hook(lambda g: wrong)
    with pytest.raises(TypeError, match="expected Variable, but hook returned"):
        x.backward()


def test_a_tensor_captured_by_a_hook_is_the_users_to_keep() -> None:
    kept = []
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    x.register_hook(kept.append)
    (x + y).sum().backward()
    (x + y).sum().backward()
    assert [g.tolist() for g in kept] == [[1.0, 1.0], [1.0, 1.0]]
    assert x.grad.tolist() == [2.0, 2.0]


# ------------------------------------------------------------------------------- retain_grad


def test_retain_grad_keeps_the_gradient_of_a_result() -> None:
    x = leaf(2.0)
    y = x * x
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()  # twice is once
    assert y.retains_grad
    (y * 3).backward()
    assert y.grad.tolist() == [3.0]
    assert x.grad.tolist() == [12.0]


def test_retain_grad_accumulates() -> None:
    y = leaf(2.0) * 2
    y.retain_grad()
    z = y * 3
    z.backward(retain_graph=True)
    z.backward()
    assert y.grad.tolist() == [6.0]


def test_retain_grad_of_the_root() -> None:
    y = leaf(2.0) * 2
    y.retain_grad()
    y.backward()
    assert y.grad.tolist() == [1.0]


def test_retain_grad_sees_what_hooks_made_of_the_gradient() -> None:
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 7)
    y.backward()
    assert y.grad.tolist() == [7.0]


def test_retain_grad_does_not_share_memory_with_the_pass() -> None:
    x = leaf(1.0, 2.0)
    y = x + 0
    y.retain_grad()
    y.sum().backward()
    y.grad.zero_()
    assert x.grad.tolist() == [1.0, 1.0]


def test_retain_grad_on_a_leaf_changes_nothing() -> None:
    x = leaf(2.0)
    x.retain_grad()
    assert not x.retains_grad
    (x * x).backward()
    assert x.grad.tolist() == [4.0]


def test_retain_grad_under_create_graph_is_differentiable() -> None:
    x = leaf(3.0)
    y = x * 1
    y.retain_grad()
    (y * y * y).sum().backward(create_graph=True)
    assert grad(y.grad, x)[0].tolist() == [18.0]


def test_retain_grad_follows_a_tensor_through_an_in_place_operation() -> None:
    x = leaf(2.0)
    y = x * 1
    y.retain_grad()
    y.mul_(5)
    (y * 3).backward()
    assert y.grad.tolist() == [3.0]
    assert x.grad.tolist() == [15.0]


def test_retain_grad_follows_a_base_through_a_write_to_its_view() -> None:
    x = leaf(2.0, 3.0)
    y = x * 1
    y.retain_grad()
    y[0].mul_(5)
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert x.grad.tolist() == [15.0, 3.0]


def test_retain_grad_follows_a_view_that_is_written_to() -> None:
    x = leaf(2.0, 3.0)
    view = (x * 1)[0]
    view.retain_grad()
    view.mul_(5)
    (view * 4).backward()
    assert view.grad.tolist() == 4.0
    assert x.grad.tolist() == [20.0, 0.0]


def test_retain_grad_needs_requires_grad() -> None:
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has"):
        tensor([1.0]).retain_grad()


def test_a_hook_after_accumulation_returns_nothing() -> None:
    x = leaf(1.0)
    x.register_post_accumulate_grad_hook(lambda leaf: leaf.detach())
    with pytest.raises(RuntimeError, match=r"hooks should return None.*change leaf\.grad"):
        x.backward()


def test_a_node_hook_sees_gradients_that_fit_the_inputs() -> None:
    x, row, seen = minigrad.ones(2, 3, requires_grad=True), leaf(1.0, 2.0, 3.0), []
    y = x * row
    y.grad_fn.register_hook(lambda given, _: seen.extend(tuple(g.shape) for g in given))
    y.sum().backward(retain_graph=True)
    assert seen == [(2, 3), (3,)]
    y.grad_fn.register_hook(lambda given, _: (given[0], minigrad.ones(2, 3)))
    with pytest.raises(RuntimeError, match="has changed the size of value"):
        y.sum().backward()


def test_a_hook_may_change_the_gradient_of_a_mean_in_place() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    y.register_hook(lambda g: g.mul_(4))
    y.mean().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    (grad,) = minigrad.autograd.grad(x.mean(), x)
    assert grad.mul_(4).tolist() == [2.0, 2.0]


def test_hooks_of_a_leaf_whose_gradient_is_no_longer_wanted() -> None:
    x, seen = leaf(1.0), []
    y = x * 1
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad))
    x.requires_grad_(False)
    y.backward()
    assert seen == [None]


def test_a_prehook_runs_before_damage_is_looked_for() -> None:
    x, seen = leaf(1.0), []
    y = x.exp()
    y.grad_fn.register_prehook(lambda grads: seen.append(len(grads)))
    with minigrad.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        y.backward()
    assert seen == [1]
