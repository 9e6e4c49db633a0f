"""Hooks for saved tensors, mutation of what was saved, multi-grad hooks, saved values."""

import gc
import threading
import weakref
from typing import Any

import pytest

import minigrad
from minigrad import tensor
from minigrad.autograd import grad, graph


def leaf(*values: float) -> Any:
    return tensor(values, dtype=minigrad.float64, requires_grad=True)


# ---------------------------------------------------------------------- hooks for saved tensors


def test_what_is_saved_goes_through_the_hooks() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with graph.saved_tensors_hooks(lambda t: t.tolist(), lambda kept: 10 * tensor(kept).double()):
        y = x * w
    y.sum().backward()
    assert x.grad.tolist() == [30.0, 40.0]
    assert w.grad.tolist() == [10.0, 20.0]


def test_numbers_and_what_is_not_saved_are_left_alone() -> None:
    packs = []
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda t: packs.append(t) or t, lambda t: t):
        ((x + 1) * 3).sum()
        minigrad.ones(2) * minigrad.ones(2)
    assert packs == []


def test_inputs_come_with_their_history_and_hooks_record_nothing() -> None:
    seen = []
    x = leaf(1.0, 2.0)
    y = x * 2
    with graph.saved_tensors_hooks(
        lambda t: seen.append((t.grad_fn is y.grad_fn, (t * t).requires_grad)) or t, lambda t: t
    ):
        y.sin()
    assert seen == [(True, False)]


def test_the_innermost_block_counts() -> None:
    order = []

    def noting(name: str) -> Any:
        return graph.saved_tensors_hooks(lambda t: order.append(name) or t, lambda t: t)

    x = leaf(0.5)
    with noting("outer"):
        y = x.sin()
        with noting("inner"):
            y = y.sin()
        y = y.sin()
    y.sin()
    assert order == ["outer", "inner", "outer"]


def test_a_block_is_seen_by_its_own_thread_alone() -> None:
    packs, x = [], leaf(0.5)
    with graph.saved_tensors_hooks(lambda t: packs.append(t) or t, lambda t: t):
        thread = threading.Thread(target=lambda: x.sin())
        thread.start()
        thread.join()
    assert packs == []


def test_second_derivatives_of_packed_tensors() -> None:
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = (x * x * x).sum()
    (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first.sum(), x)
    assert first.tolist() == [3.0, 12.0]
    assert second.tolist() == [6.0, 12.0]


def test_packed_tensors_are_let_go_with_the_graph() -> None:
    class Holder:
        def __init__(self, t: Any) -> None:
            self.tensor = t

    holders = []

    def pack(t: Any) -> Holder:
        holder = Holder(t)
        holders.append(weakref.ref(holder))
        return holder

    x = leaf(1.0)
    gc.disable()
    try:
        with graph.saved_tensors_hooks(pack, lambda holder: holder.tensor):
            y = (x * x).exp()
        assert all(ref() is not None for ref in holders)
        y.sum().backward()
        assert all(ref() is None for ref in holders)
    finally:
        gc.enable()


def test_wrong_hooks() -> None:
    x = leaf(1.0)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = x * x
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got"):
        y.backward()
    with (
        graph.saved_tensors_hooks(lambda t: t.zero_(), lambda t: t),
        pytest.raises(RuntimeError, match="pack hook is modifying its input in place"),
    ):
        x * x


def test_disabled_hooks_say_why() -> None:
    hooks = graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with graph.disable_saved_tensors_hooks("not in this house"):
        with pytest.raises(RuntimeError, match="not in this house"), hooks:
            pass
        with (
            graph.disable_saved_tensors_hooks("nor here"),
            pytest.raises(RuntimeError, match="nor here"),
            hooks,
        ):
            pass
    with hooks:
        leaf(1.0).sin()


def test_save_on_cpu_gives_the_same_gradient() -> None:
    x = leaf(1.0, 2.0)
    with graph.save_on_cpu():
        y = (x * x).exp()
    y.sum().backward()
    expected = 2 * x.detach() * (x.detach() * x.detach()).exp()
    assert x.grad.tolist() == expected.tolist()


# ------------------------------------------------------------------------------------- mutation


def test_saved_tensors_may_change_where_that_is_allowed() -> None:
    x = leaf(1.0, 2.0)
    with graph.allow_mutation_on_saved_tensors():
        y = x.clone()
        z = (y * y).sum()
        y.mul_(y)  # y is saved by the very write that changes it
        (z + y.sum()).backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_outside_of_the_block_it_is_damage_again() -> None:
    x = leaf(1.0, 2.0)
    with graph.allow_mutation_on_saved_tensors():
        y = x.clone()
        z = (y * y).sum()
        y.zero_()
    with pytest.raises(AssertionError, match="backward outside of the 'allow_mutation"):
        z.backward()
    with (
        graph.allow_mutation_on_saved_tensors(),
        pytest.raises(RuntimeError, match="cannot be nested"),
        graph.allow_mutation_on_saved_tensors(),
    ):
        pass
    y = x.clone()
    z = (y * y).sum()
    y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_a_write_that_minigrad_did_not_see() -> None:
    y = leaf(1.0, 2.0).clone()
    z = y * y
    y.detach().numpy()[0] = 7
    graph.increment_version(y)
    assert y._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


# -------------------------------------------------------------- hooks that wait for several tensors


def test_a_hook_for_all_gradients() -> None:
    seen = []
    x, y, z = leaf(2.0), leaf(3.0), leaf(4.0)
    handle = graph.register_multi_grad_hook([x, y, z], lambda grads: seen.append(grads))
    (x * y).backward()
    ((first, second, third),) = seen
    assert (first.tolist(), second.tolist(), third) == ([3.0], [2.0], None)
    handle.remove()
    (x * y * z).backward()
    assert len(seen) == 1


def test_a_hook_for_any_gradient_runs_once_a_pass() -> None:
    seen = []
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    graph.register_multi_grad_hook([x, y, z], lambda g: seen.append(g.tolist()), mode="any")
    for _ in range(2):
        (z * 5).backward(retain_graph=True)
    assert seen == [[5.0], [5.0]]


# ------------------------------------------------------------------------------- what a node tells


def test_saved_values_by_torch_s_names() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    node = (x * w).grad_fn
    assert node._saved_self is x
    assert node._saved_other is w
    power = (x**3.0).grad_fn
    assert power._saved_exponent == 3.0
    y = x.exp()
    assert y.grad_fn._saved_result.tolist() == y.tolist()
    assert y.grad_fn._saved_result.grad_fn is y.grad_fn
    with pytest.raises(AttributeError):
        _ = node._saved_nonsense
    y.sum().backward()
    with pytest.raises(RuntimeError, match="already been freed"):
        _ = y.grad_fn._saved_result


def test_index_arrays_are_saved_without_a_history() -> None:
    x = leaf(1.0, 2.0, 3.0)
    seen = []
    with graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        y = x[tensor([2, 0])]
    (index,) = seen
    assert index.tolist() == [2, 0]
    assert not index.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]


def test_a_node_may_be_called() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    first, second = (x * w).grad_fn(tensor([1.0, 10.0]).double())
    assert (first.tolist(), second.tolist()) == ([3.0, 40.0], [1.0, 20.0])


def test_metadata_belongs_to_the_user() -> None:
    y = leaf(1.0) * 2
    y.grad_fn.metadata["layer"] = 3
    assert y.grad_fn.metadata == {"layer": 3}
