"""backward and grad with every option."""

import threading
import time
from typing import Any

import pytest

import minigrad
from minigrad import leaf as leaves
from minigrad import tensor
from minigrad.autograd import Function, backward, grad
from minigrad.autograd.graph import get_gradient_edge


def leaf(*values: float) -> Any:
    return tensor(values, dtype=minigrad.float64, requires_grad=True)


# -------------------------------------------------------------------------------------- restricted


def test_backward_to_some_inputs_leaves_the_others_alone() -> None:
    x, w = leaf(2.0), leaf(3.0)
    backward(x * w, inputs=[x])
    assert x.grad.tolist() == [3.0]
    assert w.grad is None


def test_backward_to_inputs_runs_their_hooks_and_no_others() -> None:
    ran = []
    x, w = leaf(2.0), leaf(3.0)
    y = x * 5
    x.register_post_accumulate_grad_hook(lambda t: ran.append("x"))
    w.register_post_accumulate_grad_hook(lambda t: ran.append("w"))
    y.register_hook(lambda g: ran.append("y"))
    (y * w).backward(inputs={"w": w})
    assert ran == ["w"]
    (y * w).backward(inputs=[x])
    assert ran == ["w", "y", "x"]


def test_the_gradient_of_a_result_that_is_an_input() -> None:
    x = leaf(2.0)
    y = x * 3
    (y * y).backward(inputs=[y, x])
    assert y.grad.tolist() == [12.0]
    assert x.grad.tolist() == [36.0]


def test_a_dictionary_in_a_dictionary_out() -> None:
    x, w = leaf(2.0), leaf(3.0)
    result = grad(x * w, {"left": x, "right": w})
    assert {name: g.tolist() for name, g in result.items()} == {"left": [3.0], "right": [2.0]}


def test_edges_in_place_of_tensors() -> None:
    x = leaf(2.0)
    y = x * 3
    z = y * y
    edges = get_gradient_edge(z), get_gradient_edge(y), get_gradient_edge(x)
    del y, z
    assert [g.tolist() for g in grad(edges[0], edges[1:])] == [[12.0], [36.0]]


def test_edges_of_several_outputs() -> None:
    x = leaf(1.0, 2.0, 3.0)
    _, second, third = x.unbind()
    edge = get_gradient_edge(second)
    assert edge.output_nr == 1
    (g,) = grad(second * 5 + third, [edge])
    assert g.item() == 5.0


# -------------------------------------------------------------------- None along a live edge


class GivesNothing(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return None


class GivesOnes(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad + 1


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_function_sees_zeros_where_none_came(create_graph: bool) -> None:
    x = leaf(1.0, 2.0)
    y = GivesNothing.apply(GivesOnes.apply(x) * 3)
    y.sum().backward(create_graph=create_graph)
    assert x.grad.tolist() == [1.0, 1.0]


def test_hooks_see_none_and_leaves_stay_without_a_gradient() -> None:
    seen = []
    x = leaf(1.0, 2.0)
    x.register_hook(seen.append)
    x.register_post_accumulate_grad_hook(lambda t: seen.append("accumulated"))
    GivesNothing.apply(x * 3).sum().backward()
    assert seen == [None, "accumulated"]
    assert x.grad is None


def test_none_and_a_gradient_add_up_to_the_gradient() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    (GivesNothing.apply(y) + y * 5).sum().backward()
    assert x.grad.tolist() == [15.0, 15.0]


# ----------------------------------------------------------------------------- whose gradient it is


def test_a_gradient_that_was_saved_and_then_added_to_is_damage() -> None:
    x, w = leaf(2.0), leaf(3.0)
    (x * x).backward()
    loss = w * x.grad
    (x * x).backward()  # adds to x.grad in place
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_leaves_of_one_operation_run_in_the_order_of_its_arguments() -> None:
    order = []
    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    for name, x in {"a": a, "b": b, "c": c}.items():
        x.register_post_accumulate_grad_hook(lambda t, name=name: order.append(name))
    minigrad.addcmul(a, b, c).backward()
    minigrad.cat([c, a, b]).sum().backward()
    assert order == ["a", "b", "c", "c", "a", "b"]


def test_threads_add_up_without_losing_a_gradient() -> None:
    x = minigrad.ones(20_000, requires_grad=True)

    def work() -> None:
        for _ in range(50):
            (x * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [400.0] * 20_000


def test_two_threads_at_a_leaf_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(array: Any) -> bool:
        time.sleep(0.05)  # the other thread, too, finds that there is no .grad yet
        return False

    monkeypatch.setattr(leaves, "has_memory_alone", slowly)
    x = leaf(1.0)
    threads = [threading.Thread(target=(x * 2).backward) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [4.0]


def test_hooks_of_several_results_run_in_the_order_of_their_registration() -> None:
    order = []
    first, second = leaf(1.0, 2.0).unbind()
    second.register_hook(lambda g: order.append("second"))
    first.register_hook(lambda g: order.append("first"))
    second.register_hook(lambda g: order.append("second again"))
    (first + second).backward()
    assert order == ["second", "second again", "first"]


@pytest.mark.parametrize("how", ["grad", "inputs", "create_graph", "hooks"])
def test_deep_graphs(how: str) -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 0
    if how == "grad":
        assert grad(y, x)[0].tolist() == [1.0]
        return
    if how == "hooks":
        x.register_hook(lambda g: g * 2)
    y.backward(inputs=[x] if how == "inputs" else None, create_graph=how == "create_graph")
    assert x.grad.tolist() == [2.0 if how == "hooks" else 1.0]
