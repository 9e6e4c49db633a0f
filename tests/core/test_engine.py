"""The backward pass where peers break: deep, wide, repeated, nested, freed, and with odd roots."""

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor
from minigrad.autograd import Function, grad

DEEP = 200_000


def leaf(*values: float) -> Any:
    return tensor(values, requires_grad=True)


def here() -> str:
    """The caller's line as messages write it."""
    return f"{__file__}:{sys._getframe(1).f_lineno}"


@pytest.fixture
def without_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# ------------------------------------------------------------------------------ deep and wide


def test_thirty_diamonds_are_walked_once_each() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(30):  # 2**30 paths, 30 nodes
        y = y + y
    y.backward()
    assert x.grad.tolist() == [2.0**30]


def test_thirty_diamonds_of_two_nodes_and_second_order() -> None:
    x = tensor(1.0, dtype=minigrad.float64, requires_grad=True)
    y = x
    for _ in range(30):
        y = y * 0.5 + y * 0.5
    (first,) = grad(y * y, x, create_graph=True)
    (second,) = grad(first, x)
    assert first.item() == pytest.approx(2.0)
    assert second.item() == pytest.approx(2.0)


def test_a_node_runs_after_all_that_send_to_it() -> None:
    x = leaf(3.0)
    early = x * 2
    late = early
    for _ in range(5):
        late = late * early  # early gets a gradient from the youngest and the oldest node
    (late + early).backward()
    assert x.grad.tolist() == [2 * (6 * 6.0**5 + 1)]


def test_a_chain_of_200_000_operations_runs_and_is_freed(without_gc: None) -> None:
    x = leaf(1.0, 2.0)
    y = x
    for _ in range(DEEP):
        y = y + x
    y.sum().backward()
    assert x.grad.tolist() == [DEEP + 1.0] * 2
    youngest = weakref.ref(y.grad_fn)
    oldest = weakref.ref(x)
    del y, x
    assert (youngest(), oldest()) == (None, None)


def test_a_chain_of_200_000_views_and_writes_is_freed(without_gc: None) -> None:
    y = leaf(1.0, 2.0) * 1
    for _ in range(DEEP // 10):
        y = y.view(2)
    z = leaf(1.0, 2.0) * 1
    for _ in range(DEEP // 100):
        z[0].mul_(1.0)
    youngest = [weakref.ref(y.grad_fn), weakref.ref(z.grad_fn)]
    y.sum().backward()
    z.sum().backward()
    del y, z
    assert [node() for node in youngest] == [None, None]


def test_a_deep_graph_that_never_ran_backward_is_freed(without_gc: None) -> None:
    y = leaf(1.0)
    for _ in range(DEEP):
        y = y * 1.0
    youngest = weakref.ref(y.grad_fn)
    del y
    assert youngest() is None


def test_inputs_through_a_deep_graph_need_no_recursion() -> None:
    x, unused = leaf(1.0), leaf(1.0)
    y = x
    for _ in range(DEEP // 4):
        y = y + 1.0
    assert grad(y, [x, unused], allow_unused=True)[0].tolist() == [1.0]


# ------------------------------------------------------------------------ a second backward


def test_second_backward_raises_and_tells_the_line() -> None:
    x = leaf(1.0, 2.0)
    squared, line = x * x, here()
    y = squared.sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time") as caught:
        y.backward()
    assert "Specify retain_graph=True" in str(caught.value)
    assert f"MulBackward0 was made at {line}, in test_second_backward" in str(caught.value)
    assert x.grad.tolist() == [2.0, 4.0]


def test_second_backward_through_what_saves_nothing_is_fine() -> None:
    x = leaf(1.0, 2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_retain_graph_allows_a_second_backward_and_no_third() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_create_graph_retains_the_graph_unless_told_not_to() -> None:
    x = leaf(3.0)
    y = x * x
    grad(y, x, create_graph=True)
    grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x)


def test_reuse_of_an_intermediate_after_backward() -> None:
    x = leaf(2.0)
    middle = x.exp()
    (middle * 2).backward()
    again = middle * 3  # forward is welcome; backward meets the freed node
    with pytest.raises(RuntimeError, match="second time"):
        again.backward()
    assert x.grad.tolist() == pytest.approx([2 * np.exp(2.0)], rel=1e-6)


def test_new_forwards_on_the_same_leaf_accumulate() -> None:
    x = leaf(2.0)
    for _ in range(3):
        (x * x).backward()
    assert x.grad.tolist() == [12.0]


def test_two_roots_of_one_graph_need_retain_graph() -> None:
    x = leaf(2.0)
    shared = x * x
    first, second = shared * 2, shared * 3
    first.backward(retain_graph=True)
    second.backward()
    assert x.grad.tolist() == [20.0]


def test_two_roots_at_once() -> None:
    x, y = leaf(2.0), leaf(5.0)
    shared = x * y
    minigrad.autograd.backward([shared * 2, shared * 3, x + 1])
    assert x.grad.tolist() == [26.0]
    assert y.grad.tolist() == [10.0]


def test_the_same_root_twice_counts_twice() -> None:
    x = leaf(2.0)
    y = x * x
    minigrad.autograd.backward([y, y])
    assert x.grad.tolist() == [8.0]


def test_one_root_inside_the_graph_of_another() -> None:
    x = leaf(2.0)
    inner = x * x
    outer = inner * inner
    minigrad.autograd.backward([inner, outer])
    assert x.grad.tolist() == [4.0 + 2 * 4.0 * 4.0]


def test_gradients_of_several_roots_weigh_them() -> None:
    x = leaf(1.0, 2.0)
    weights = [tensor([1.0, 10.0]), None]
    minigrad.autograd.backward([x * 3, (x * x).sum()], weights)
    assert x.grad.tolist() == [3.0 + 2.0, 30.0 + 4.0]


# --------------------------------------------------------------------------- higher orders


def test_third_derivative_by_create_graph() -> None:
    x = tensor(2.0, dtype=minigrad.float64, requires_grad=True)
    y = x**5
    (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first, x, create_graph=True)
    (third,) = grad(second, x)
    assert [first.item(), second.item(), third.item()] == [5 * 2**4, 20 * 2**3, 60 * 2**2]
    assert first.grad_fn is not None
    assert not third.requires_grad


def test_backward_with_create_graph_makes_grad_differentiable() -> None:
    x = leaf(3.0)
    (x * x * x).backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.backward()
    assert x.grad.tolist() == [18.0]


def test_gradient_penalty() -> None:
    weight, x = leaf(2.0, -1.0), leaf(1.0, 3.0)
    (slope,) = grad((weight * x * x).sum(), x, create_graph=True)
    (slope * slope).sum().backward()  # slope = 2 w x; d/dw (2 w x)**2 = 8 w x**2
    assert weight.grad.tolist() == [16.0, -72.0]
    assert x.grad.tolist() == [8 * 4.0 * 1.0, 8 * 1.0 * 3.0]


def test_a_plain_gradient_is_a_constant() -> None:
    x = leaf(3.0)
    (plain,) = grad(x * x, x)
    assert plain.grad_fn is None
    assert not plain.requires_grad


# ------------------------------------------------------------------------ freed without the gc


def test_graph_leaf_and_saved_tensors_die_without_the_gc(without_gc: None) -> None:
    x = leaf(1.0, 2.0)
    middle = (x * x).exp()
    y = middle.tanh().sum()
    alive = [weakref.ref(thing) for thing in (x, middle, y, y.grad_fn, middle.grad_fn)]
    y.backward()
    del middle, y
    assert [ref() is None for ref in alive] == [False, True, True, True, True]
    del x
    assert alive[0]() is None


def test_hooks_and_retained_gradients_make_no_cycle(without_gc: None) -> None:
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g)
    y = x * x
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    z = y.sum()
    z.backward()
    assert y.grad.tolist() == [2.0, 2.0]
    alive = [weakref.ref(thing) for thing in (x, y, z)]
    del x, y, z
    assert [ref() for ref in alive] == [None, None, None]


def test_hooks_that_wait_for_several_gradients_make_no_cycle(without_gc: None) -> None:
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    minigrad.autograd.graph.register_multi_grad_hook((x, w, y), lambda grads: None)
    y.backward()
    alive = [weakref.ref(thing) for thing in (x, w, y)]
    del x, w, y
    assert [ref() for ref in alive] == [None, None, None]


def test_a_hook_for_any_gradient_does_not_keep_the_graph(without_gc: None) -> None:
    x = leaf(1.0)
    minigrad.autograd.graph.register_multi_grad_hook([x], lambda grad: None, mode="any")
    y = x * x
    y.backward()
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_a_pass_inside_of_a_pass_has_a_first_gradient_of_its_own() -> None:
    x, w, first = leaf(1.0), leaf(2.0), []
    minigrad.autograd.graph.register_multi_grad_hook([x, w], first.append, mode="any")
    inner, y = x * 1, x * 2
    y.register_hook(lambda grad: inner.backward(retain_graph=True))
    z = w * 2
    (y.exp() + z).backward()
    assert len(first) == 2


def test_a_hook_for_all_gradients_sees_those_of_a_leafs_next_graph() -> None:
    x, w, seen = leaf(1.0), leaf(2.0), []
    minigrad.autograd.graph.register_multi_grad_hook([x, w], seen.append)
    for _ in range(2):
        (x * w).backward()
    x.exp().backward()
    assert [[g is None for g in grads] for grads in seen] == [[False] * 2] * 2 + [[False, True]]


def test_a_custom_function_makes_no_cycle(without_gc: None) -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            result = x * x
            ctx.save_for_backward(x, result)
            return result

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, _ = ctx.saved_tensors
            return g * 2 * x

    x = leaf(1.0, 2.0)
    y = Square.apply(x)
    z = y.sum()
    z.backward()
    alive = [weakref.ref(thing) for thing in (x, y, z.grad_fn)]
    del x, y, z
    assert [ref() for ref in alive] == [None, None, None]


def test_views_and_their_bases_make_no_cycle(without_gc: None) -> None:
    x = leaf(1.0, 2.0)
    base = x * 1
    view = base[0]
    view.mul_(3.0)
    base.sum().backward()
    alive = [weakref.ref(thing) for thing in (x, base, view)]
    del x, base, view
    assert [ref() for ref in alive] == [None, None, None]


def test_the_leaf_does_not_keep_the_graph(without_gc: None) -> None:
    x = leaf(1.0)
    node = weakref.ref((x * x).grad_fn)
    assert node() is None


def test_the_graph_keeps_the_leaf(without_gc: None) -> None:
    x = leaf(1.0)
    alive = weakref.ref(x)
    y = x + 1
    del x
    y.backward()
    assert alive().grad.tolist() == [1.0]


def test_one_accumulator_a_leaf() -> None:
    x = leaf(1.0)
    y = x * x
    (first, _), (second, _) = y.grad_fn.next_functions
    assert first is second
    assert first.variable is x


# ---------------------------------------------------------------------------- accumulation


def test_grad_is_added_to_in_place() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [5.0, 5.0]


def test_grad_is_replaced_under_create_graph() -> None:
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    first = x.grad
    (x * x).sum().backward(create_graph=True)
    assert x.grad is not first
    assert first.tolist() == [2.0, 2.0]
    assert x.grad.tolist() == [4.0, 6.0]


def test_a_plain_backward_adds_to_a_grad_with_a_history() -> None:
    x = leaf(1.0, 2.0)
    (slopes,) = grad((x * x).sum(), x, create_graph=True)
    x.grad = slopes
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_grads_of_a_sum_of_two_leaves_do_not_share_memory() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (a + b).backward(tensor([1.0, 1.0]))
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0]


def test_grad_does_not_share_memory_with_the_given_gradient() -> None:
    x, given = leaf(1.0, 2.0), tensor([1.0, 10.0])
    (x + 0).backward(given)
    x.backward(given)
    x.grad.mul_(100.0)
    assert given.tolist() == [1.0, 10.0]


def test_grad_of_a_leaf_that_is_the_root_itself() -> None:
    x, given = leaf(1.0, 2.0), tensor([1.0, 10.0])
    x.backward(given)
    assert x.grad.tolist() == [1.0, 10.0]
    assert not np.shares_memory(x.grad.numpy(), given.numpy())


def test_grad_of_a_sum_is_writable_memory() -> None:
    x = leaf(1.0, 2.0, 3.0)
    x.sum().backward()
    x.grad[1] = 7.0
    assert x.grad.tolist() == [1.0, 7.0, 1.0]
    assert x.grad.is_contiguous()


def test_grads_of_one_leaf_used_twice_and_its_views() -> None:
    x = leaf(1.0, 2.0)
    y = x.view(2)
    (y + x).backward(tensor([1.0, 1.0]))
    assert x.grad.tolist() == [2.0, 2.0]


def test_grads_of_stacked_leaves_do_not_share_memory() -> None:
    leaves = [leaf(1.0, 2.0) for _ in range(3)]
    minigrad.stack(leaves).sum().backward()
    leaves[0].grad.zero_()
    assert [x.grad.tolist() for x in leaves] == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]


def test_results_of_grad_may_be_modified_independently() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    first, _ = grad((a + b).sum(), [a, b])
    first = first.clone()
    first.zero_()
    assert grad((a + b).sum(), b)[0].tolist() == [1.0, 1.0]


def test_grad_has_the_leafs_shape_and_dtype() -> None:
    x = tensor([[1.0], [2.0]], dtype=minigrad.float32, requires_grad=True)
    y = tensor([1.0, 2.0, 3.0], dtype=minigrad.float64, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.shape, x.grad.dtype) == ((2, 1), minigrad.float32)
    assert (y.grad.shape, y.grad.dtype) == ((3,), minigrad.float64)
    assert x.grad.tolist() == [[6.0], [6.0]]


# ----------------------------------------------------------- inputs=, unused, materialize_grads


def test_backward_with_inputs_leaves_the_rest_alone() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (x * y).backward(inputs=[x])
    assert x.grad.tolist() == [3.0]
    assert y.grad is None


def test_backward_with_one_tensor_as_inputs_accumulates() -> None:
    x = leaf(2.0)
    for _ in range(2):
        (x * x).backward(inputs=x)
    assert x.grad.tolist() == [8.0]


def test_backward_with_a_result_among_the_inputs() -> None:
    x = leaf(2.0)
    middle = x * x
    middle.retain_grad()
    (middle * 3).backward(inputs=[middle])
    assert middle.grad.tolist() == [3.0]
    assert x.grad is None


def test_backward_with_no_inputs_raises() -> None:
    with pytest.raises(RuntimeError, match=r"`inputs` argument to `backward\(\)` cannot be empty"):
        (leaf(2.0) * 2).backward(inputs=[])


def test_grad_touches_no_leaf() -> None:
    x, y = leaf(2.0), leaf(3.0)
    assert grad(x * y, [y])[0].tolist() == [2.0]
    assert (x.grad, y.grad) == (None, None)


def test_grad_of_an_intermediate_and_the_leaf_behind_it() -> None:
    x = leaf(2.0)
    middle = x * x
    to_middle, to_leaf = grad(middle * 3, [middle, x])
    assert (to_middle.tolist(), to_leaf.tolist()) == ([3.0], [12.0])


def test_grad_of_a_root_to_itself() -> None:
    x = leaf(2.0)
    y = x * x
    to_root, to_leaf = grad(y, [y, x])
    assert (to_root.tolist(), to_leaf.tolist()) == ([1.0], [4.0])


def test_grad_names_the_same_input_twice() -> None:
    x = leaf(2.0)
    first, second = grad(x * x, [x, x])
    assert (first.tolist(), second.tolist()) == ([4.0], [4.0])


def test_unused_input_raises_or_is_none_or_zeros() -> None:
    x, unused = leaf(2.0), leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        grad(x * x, [x, unused])
    assert grad(x * x, [x, unused], allow_unused=True)[1] is None
    zeros = grad(x * x, [x, unused], materialize_grads=True)[1]
    assert zeros.tolist() == [0.0, 0.0]


def test_materialize_grads_and_allow_unused_false_contradict_each_other() -> None:
    x = leaf(2.0)
    with pytest.raises(ValueError, match="to be True or not passed when materialize_grads"):
        grad(x * x, [x], allow_unused=False, materialize_grads=True)


def test_input_without_requires_grad_raises() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(x * x, [tensor([1.0])])


def test_inputs_prune_a_branch_that_would_fail() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise AssertionError("not needed")

    x, y = leaf(2.0), leaf(3.0)
    assert grad(Fails.apply(x) + y, y)[0].tolist() == [1.0]


# --------------------------------------------------------------------------------- reentrancy


class Nested(Function):
    """x**3, whose backward runs a backward pass of its own."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        with minigrad.enable_grad():
            inner = x.detach().requires_grad_()
            (slope,) = grad((inner**3).sum(), inner)
        return g * slope


def test_backward_inside_a_functions_backward() -> None:
    x = leaf(2.0, 3.0)
    (Nested.apply(x * 1) * x).sum().backward()
    assert x.grad.tolist() == pytest.approx([4 * 8.0, 4 * 27.0])


def test_backward_inside_a_hook() -> None:
    x, other = leaf(2.0), leaf(5.0)
    y = x * x

    def run_another(g: Any) -> None:
        with minigrad.enable_grad():
            (other * other).backward()

    y.register_hook(run_another)
    (y * 3).backward()
    assert x.grad.tolist() == [12.0]
    assert other.grad.tolist() == [10.0]


def test_backward_to_the_same_leaf_inside_a_hook() -> None:
    x = leaf(2.0)
    y = x * x

    def run_again(g: Any) -> None:
        with minigrad.enable_grad():
            (x * 10).backward()

    y.register_hook(run_again)
    y.backward()
    assert x.grad.tolist() == [14.0]


def test_nested_backward_30_levels_deep() -> None:
    class Deeper(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, level: int) -> Any:
            ctx.level = level
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            if ctx.level:
                with minigrad.enable_grad():
                    inner = leaf(1.0)
                    Deeper.apply(inner, ctx.level - 1).backward()
                return g + inner.grad, None
            return g, None

    x = leaf(1.0)
    Deeper.apply(x, 30).backward()
    assert x.grad.tolist() == [31.0]


# --------------------------------------------------------------------- exceptions and grad modes


class Breaks(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        raise ZeroDivisionError("from backward")


def test_an_exception_inside_backward_leaves_everything_usable() -> None:
    x = leaf(2.0)
    with pytest.raises(ZeroDivisionError, match="from backward"):
        (Breaks.apply(x) * x).backward()
    assert minigrad.is_grad_enabled()
    x.grad = None
    (x * x).backward()
    assert x.grad.tolist() == [4.0]


def test_an_exception_inside_a_hook_leaves_the_grad_mode_alone() -> None:
    x = leaf(2.0)
    y = x * x

    def fail(g: Any) -> None:
        raise KeyError("hook")

    y.register_hook(fail)
    with pytest.raises(KeyError):
        y.backward(create_graph=True)
    with minigrad.no_grad():
        with pytest.raises(KeyError):
            y.backward(retain_graph=True)
        assert not minigrad.is_grad_enabled()


def test_grad_mode_inside_backward_is_create_graph() -> None:
    seen = []
    x = leaf(2.0)
    y = x * x
    y.register_hook(lambda g: seen.append(minigrad.is_grad_enabled()))
    y.backward(retain_graph=True)
    y.backward(create_graph=True)
    with minigrad.no_grad():
        y.backward(create_graph=True)
    assert seen == [False, True, True]


def test_backward_works_under_no_grad() -> None:
    x = leaf(2.0)
    y = x * x
    with minigrad.no_grad():
        y.backward()
    assert x.grad.tolist() == [4.0]


def test_a_result_made_under_no_grad_has_no_backward() -> None:
    x = leaf(2.0)
    with minigrad.no_grad():
        y = x * x
    assert y.is_leaf
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        y.backward()


# ------------------------------------------------------------------------------------ the roots


def test_backward_of_a_non_scalar_needs_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        y.backward()
    y.backward(tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]


def test_backward_of_one_element_of_any_rank_needs_none() -> None:
    x = tensor([[[3.0]]], requires_grad=True)
    (x * x).backward()
    assert x.grad.tolist() == [[[6.0]]]


def test_a_gradient_of_another_shape_raises() -> None:
    y = leaf(1.0, 2.0) * 2
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\] has a shape of"):
        y.backward(tensor([1.0]))


def test_zero_dim_tensors() -> None:
    x = tensor(3.0, requires_grad=True)
    y = x * x
    y.backward()
    assert (y.shape, x.grad.shape, x.grad.item()) == ((), (), 6.0)


def test_zero_dim_and_vector_together() -> None:
    x, v = tensor(3.0, requires_grad=True), leaf(1.0, 2.0)
    (x * v).sum().backward()
    assert x.grad.item() == 3.0
    assert v.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3, 1)])
def test_empty_tensors(shape: tuple[int, ...]) -> None:
    x = minigrad.zeros(shape, requires_grad=True)
    (x * x + 1).sum().backward()
    assert x.grad.shape == shape
    assert x.grad.numel() == 0


def test_empty_operand_beside_a_broadcast_leaf() -> None:
    x = leaf(2.0)
    (x * minigrad.zeros(0, 1)).sum().backward()
    assert x.grad.tolist() == [0.0]


def test_broadcasting_is_undone_for_every_operand() -> None:
    a = minigrad.ones(3, 1, requires_grad=True)
    b = minigrad.ones(1, 4, requires_grad=True)
    c = minigrad.ones(2, 1, 1, requires_grad=True)
    (a * b * c).sum().backward()
    assert (a.grad.shape, b.grad.shape, c.grad.shape) == ((3, 1), (1, 4), (2, 1, 1))
    assert [x.grad.numpy().flat[0] for x in (a, b, c)] == [8.0, 6.0, 12.0]


# ---------------------------------------------------------------------------------- several threads


def test_backward_from_several_threads() -> None:
    results = {}

    def work(number: int) -> None:
        x = leaf(float(number), 1.0)
        for _ in range(50):
            x.grad = None
            y = x
            for _ in range(20):
                y = y * 1.0 + x
            y.sum().backward()
        results[number] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [21.0, 21.0] for number in range(4)}


def test_a_graph_made_in_one_thread_runs_in_another() -> None:
    x = leaf(3.0)
    y = x * x
    with minigrad.no_grad():
        thread = threading.Thread(target=y.backward)
        thread.start()
        thread.join()
    assert x.grad.tolist() == [6.0]
