"""Hooks of modules: when they are called, with what, and what they may replace."""

import copy
from typing import Any

import pytest

import minigrad
from minigrad import nn


class Scale(nn.Module):
    """x * factor."""

    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(minigrad.tensor(factor))

    def forward(self, x: Any, bias: float = 0.0) -> Any:
        return x * self.factor + bias


def one() -> Any:
    return minigrad.ones(1, requires_grad=True)


def test_forward_hooks_replace_input_and_output() -> None:
    net = Scale()
    net.register_forward_pre_hook(lambda module, args: args[0] + 1)
    net.register_forward_hook(lambda module, args, output: output + args[0])
    assert net(one()).tolist() == [6]


def test_hooks_with_keyword_arguments() -> None:
    net, seen = Scale(), []

    def before(module: Any, args: Any, kwargs: Any) -> Any:
        return args, {"bias": kwargs["bias"] + 1}

    def after(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        seen.append(kwargs)

    net.register_forward_pre_hook(before, with_kwargs=True)
    net.register_forward_hook(after, with_kwargs=True)
    assert net(one(), bias=3.0).tolist() == [6]
    assert seen == [{"bias": 4.0}]


def test_order_and_removal() -> None:
    net, calls = Scale(), []
    handle = net.register_forward_hook(lambda *_: calls.append("first"))
    net.register_forward_hook(lambda *_: calls.append("second"))
    net.register_forward_hook(lambda *_: calls.append("zeroth"), prepend=True)
    net(one())
    handle.remove()
    net(one())
    with net.register_forward_hook(lambda *_: calls.append("third")):
        pass
    net(one())
    assert calls == ["zeroth", "first", "second", "zeroth", "second", "zeroth", "second"]


def test_always_called_even_if_forward_fails() -> None:
    net, results = Scale(), []
    net.register_forward_hook(lambda m, a, output: results.append(output), always_call=True)
    net.register_forward_hook(lambda m, a, output: results.append("not called"))
    with pytest.raises(TypeError):
        net("text")
    assert results == [None]


def test_full_backward_hooks_see_and_change_gradients() -> None:
    net, seen = Scale(), []

    def before(module: Any, grad_output: Any) -> Any:
        seen.append(("before", grad_output[0].item()))
        return (grad_output[0] * 3,)

    def after(module: Any, grad_input: Any, grad_output: Any) -> Any:
        seen.append(("after", grad_input[0].item(), grad_output[0].item()))
        return (grad_input[0] + 1,)

    net.register_full_backward_hook(after)
    net.register_full_backward_pre_hook(before)
    x = one()
    net(x).sum().backward()
    assert seen == [("before", 1), ("after", 6, 3)]
    assert x.grad.tolist() == [7]
    assert net.factor.grad.item() == 3


def test_a_first_layer_has_no_gradients_of_inputs() -> None:
    net, seen = Scale(), []
    net.register_full_backward_hook(lambda m, i, o: seen.append((i, o[0].item())))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        net(minigrad.ones(1)).sum().backward()
    assert seen == [((None,), 1)]


def test_results_that_are_no_tensors_are_warned_of() -> None:
    class Named(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"x": x}

    net = Named()
    net.register_full_backward_hook(lambda *_: None)
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        net(one())


def test_no_gradients_no_backward_hooks() -> None:
    net = Scale()
    net.register_full_backward_hook(lambda *_: pytest.fail("called"))
    with minigrad.no_grad():
        assert net(one()).grad_fn is None


def test_a_copy_has_hooks_of_its_own() -> None:
    net, calls = Scale(), []
    net.register_forward_hook(lambda *_: calls.append(1))
    other = copy.deepcopy(net)
    other.register_forward_hook(lambda *_: calls.append(2))
    net(one())
    assert calls == [1]
    other(one())
    assert calls == [1, 1, 2]


def test_state_hooks() -> None:
    net, calls = Scale(), []
    net.register_state_dict_pre_hook(lambda module, prefix, keep_vars: calls.append(prefix))
    net.register_state_dict_post_hook(lambda module, state, prefix, meta: state.update(more=1))
    net.register_load_state_dict_pre_hook(lambda module, state, *rest: state.pop("more"))
    handle = net.register_load_state_dict_post_hook(lambda m, keys: calls.append(keys))
    state = net.state_dict()
    assert list(state) == ["factor", "more"]
    net.load_state_dict(state)
    assert calls == ["", ([], [])]
    assert list(state) == ["factor", "more"]  # hooks had a copy
    handle.remove()
    Scale().register_forward_hook(lambda *_: calls.append("of another"))
    net.load_state_dict(state)
    assert len(calls) == 2
