"""Checkpointing: the same gradients, a second run of the function, and memory that is free."""

import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import autograd, nn, tensor
from minigrad.autograd.graph import saved_tensors_hooks
from minigrad.testing.samples import Sample, has_derivative, samples, tensors_in
from minigrad.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)

Run = Callable[..., Any]
both_forms = pytest.mark.parametrize("use_reentrant", [True, False])


def leaf(*values: float) -> Any:
    return tensor(values or (0.1, 0.2, 0.3), dtype=minigrad.float64, requires_grad=True)


class Counted:
    """A function, and how often it was called."""

    def __init__(self, function: Run):
        self.function, self.calls = function, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self.function(*args, **kwargs)


def each_time(*functions: Run) -> Run:
    """A function that is another one at each call; the last of them stays."""
    left = list(functions)
    return lambda *args: (left.pop(0) if len(left) > 1 else left[0])(*args)


def sin_of_square(x: Any) -> Any:
    return (x * x).sin()


def slope(x: Any) -> Any:
    """The derivative of sin(x^2)."""
    values = x.detach().numpy()
    return 2 * values * np.cos(values**2)


def close(x: Any, values: Any) -> None:
    np.testing.assert_allclose(x.detach().numpy(), values, rtol=1e-12)


# -------------------------------------------------------------------------------- both forms alike


@both_forms
def test_gradients_are_those_without(use_reentrant: bool) -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    x = minigrad.randn(5, 4, requires_grad=True)
    expected = autograd.grad(model(x).tanh().sum(), [x, *model.parameters()])
    result = checkpoint(model, x, use_reentrant=use_reentrant)
    result.tanh().sum().backward()
    for y, gradient in zip([x, *model.parameters()], expected, strict=True):
        assert y.grad.tolist() == gradient.tolist()


@both_forms
def test_on_every_device(device: str, use_reentrant: bool) -> None:
    x = tensor([0.1, 0.2, 0.3], device=device, requires_grad=True)
    result = checkpoint(sin_of_square, x, use_reentrant=use_reentrant)
    result.sum().backward()
    assert x.grad.device.type == result.device.type == device
    np.testing.assert_allclose(x.grad.cpu().numpy(), slope(x.cpu()), rtol=1e-6)


@both_forms
def test_the_function_runs_once_forward_and_once_backward(use_reentrant: bool) -> None:
    function, x = Counted(sin_of_square), leaf()
    result = checkpoint(function, x, use_reentrant=use_reentrant)
    assert function.calls == 1
    result.sum().backward()
    assert function.calls == 2
    close(x.grad, slope(x))


@both_forms
def test_what_the_function_computes_dies_with_the_forward_pass(use_reentrant: bool) -> None:
    made: list[Any] = []

    def function(x: Any) -> Any:
        for _ in range(3):
            x = x.sin()
            made.append(weakref.ref(x.array))
        return x

    x = leaf()
    kept = function(x)
    assert [array() is None for array in made] == [False, False, False]
    del kept
    made.clear()
    result = checkpoint(function, x, use_reentrant=use_reentrant)
    assert [array() is None for array in made] == [True, True, False]  # the result itself lives
    result.sum().backward()
    del result
    assert all(array() is None for array in made)


def bytes_of(run: Callable[[], Any]) -> int:
    """How much memory the results of `run` hold in all, with what they lead to."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = run()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return after - before


@both_forms
def test_memory_of_a_segment_is_free_after_the_forward_pass(use_reentrant: bool) -> None:
    x = minigrad.ones(10_000, dtype=minigrad.float64, requires_grad=True)

    def ten_layers(x: Any) -> Any:
        for _ in range(10):
            x = x.sin()
        return x

    ten_layers(x)  # what is compiled now is not counted
    one = x.array.nbytes
    assert bytes_of(lambda: ten_layers(x)) > 9.9 * one
    assert bytes_of(lambda: checkpoint(ten_layers, x, use_reentrant=use_reentrant)) < 1.5 * one


@both_forms
def test_after_the_backward_pass_nothing_is_left_of_the_second_run(use_reentrant: bool) -> None:
    made: list[Any] = []

    def function(x: Any) -> Any:
        y = x.exp().sin()
        made.append(weakref.ref(y.array))
        return y.cos()

    x = leaf()
    result = checkpoint(function, x, use_reentrant=use_reentrant).sum()
    result.backward(retain_graph=True)
    assert len(made) == 2
    assert all(array() is None for array in made)


@both_forms
def test_arguments_and_results_of_any_kind(use_reentrant: bool) -> None:
    x, y = leaf(), leaf(1.0, 2.0, 3.0)

    def function(x: Any, power: int, nothing: None, y: Any, name: str) -> Any:
        assert (power, nothing, name) == (2, None, "n")
        return (x**power).sin(), name, y.exp(), None

    a, name, b, nothing = checkpoint(function, x, 2, None, y, "n", use_reentrant=use_reentrant)
    assert (name, nothing) == ("n", None)
    (a * b).sum().backward()
    close(x.grad, slope(x) * np.exp(y.detach().numpy()))
    close(y.grad, np.exp(y.detach().numpy()) * np.sin(x.detach().numpy() ** 2))


@both_forms
def test_one_of_two_results_may_stay_unused(use_reentrant: bool) -> None:
    x = leaf()
    a, _ = checkpoint(lambda x: (x.exp(), x.sin()), x, use_reentrant=use_reentrant)
    a.sum().backward()
    close(x.grad, np.exp(x.detach().numpy()))


@both_forms
def test_constants_among_the_arguments_and_whole_numbers(use_reentrant: bool) -> None:
    x, scale, index = leaf(), tensor([2.0, 3.0]).double(), tensor([2, 0])
    checkpoint(
        lambda x, s, i: x[i] * s, x, scale, index, use_reentrant=use_reentrant
    ).sum().backward()
    assert x.grad.tolist() == [3.0, 0.0, 2.0]


@both_forms
def test_nothing_is_recorded_under_no_grad(use_reentrant: bool) -> None:
    function = Counted(sin_of_square)
    with minigrad.no_grad():
        result = checkpoint(function, leaf(), use_reentrant=use_reentrant)
    assert (result.requires_grad, function.calls) == (False, 1)


@both_forms
def test_the_backward_pass_may_run_under_no_grad(use_reentrant: bool) -> None:
    x = leaf()
    result = checkpoint(sin_of_square, x, use_reentrant=use_reentrant).sum()
    with minigrad.no_grad():
        result.backward()
    close(x.grad, slope(x))


@both_forms
def test_a_second_backward_pass_needs_the_graph(use_reentrant: bool) -> None:
    function, x = Counted(sin_of_square), leaf()
    result = checkpoint(function, x, use_reentrant=use_reentrant).sum()
    result.backward(retain_graph=True)
    result.backward()
    assert function.calls == 3  # what the second run made is not kept for a third
    close(x.grad, 2 * slope(x))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        result.backward()
    assert function.calls == 3


@both_forms
def test_writes_inside_the_function(use_reentrant: bool) -> None:
    def function(x: Any) -> Any:
        y = x * 2
        y.mul_(x)
        y[0].add_(1)
        return (y * x).sin()

    x, plain = leaf(), leaf()
    function(plain).sum().backward()
    checkpoint(function, x, use_reentrant=use_reentrant).sum().backward()
    close(x.grad, plain.grad.numpy())


@both_forms
def test_an_exception_in_the_second_run_leaves_everything_usable(use_reentrant: bool) -> None:
    def fails(x: Any) -> Any:
        x.sin()
        raise KeyError("boom")

    x = leaf()
    minigrad.manual_seed(0)
    function = each_time(sin_of_square, fails, sin_of_square)
    result = checkpoint(function, x, use_reentrant=use_reentrant).sum()
    state = minigrad.get_rng_state().tolist()
    with pytest.raises(KeyError, match="boom"):
        result.backward()
    assert minigrad.is_grad_enabled()
    assert minigrad.get_rng_state().tolist() == state
    assert x.grad is None
    result.backward()
    close(x.grad, slope(x))
    assert x.exp().grad_fn.name() == "ExpBackward0"  # saves as ever
    x.exp().sum().backward()


@both_forms
def test_an_argument_that_is_modified_in_between_is_noticed(use_reentrant: bool) -> None:
    x = leaf()
    y = x * 1
    result = checkpoint(sin_of_square, y, use_reentrant=use_reentrant)  # saved here
    y.add_(1)  # modified here
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as raised:
        result.sum().backward()
    for words in ("saved here", "modified here"):
        assert f"test_checkpoint.py:{line_with(words)}" in str(raised.value)


def line_with(words: str) -> int:
    """The number of the one line of this file that ends in a comment of these words."""
    with open(__file__, encoding="utf-8") as file:
        (number,) = [n for n, line in enumerate(file, 1) if line.endswith(f"  # {words}\n")]
    return number


@both_forms
def test_a_checkpoint_in_a_checkpoint(use_reentrant: bool) -> None:
    calls: list[str] = []

    def inner(x: Any) -> Any:
        calls.append("inner")
        return (x * x).sin()

    def outer(x: Any) -> Any:
        calls.append("outer")
        return checkpoint(inner, x * 2, use_reentrant=use_reentrant).exp()

    x = leaf()
    with warnings_of_no_grad(use_reentrant):
        result = checkpoint(outer, x, use_reentrant=use_reentrant)
    assert calls == ["outer", "inner"]
    result.sum().backward()
    assert calls == ["outer", "inner", "outer", "inner", "inner"]
    square = 4 * x.detach().numpy() ** 2
    close(x.grad, np.exp(np.sin(square)) * np.cos(square) * 8 * x.detach().numpy())


def warnings_of_no_grad(use_reentrant: bool) -> Any:
    """What a reentrant checkpoint says inside another, whose function runs under no_grad."""
    return pytest.warns(UserWarning, match="None of the inputs") if use_reentrant else nullcontext()


# ------------------------------------------------------------------------------- every operation


@pytest.mark.parametrize("sample", samples(), ids=str)
def test_no_operation_keeps_its_inputs_but_for_its_places(sample: Sample) -> None:
    """What a node holds beside its saved tensors would escape the checkpoint."""
    made: list[Any] = []

    def function(**operands: Any) -> Any:
        copies = {name: x.clone() for name, x in operands.items()}
        made.extend(weakref.ref(x.array) for x in copies.values())
        return sample.call(minigrad, copies)

    def differentiate(result: Any) -> list[Any]:
        roots = [x for x in tensors_in(result) if has_derivative(x)]
        if roots:
            autograd.backward(roots, [minigrad.ones_like(x) for x in roots])
        return [None if x.grad is None else x.grad.tolist() for x in operands.values()]

    operands = sample.tensors(minigrad, requires_grad=True)
    expected = differentiate(function(**operands))
    made.clear()
    operands = sample.tensors(minigrad, requires_grad=True)
    result = checkpoint(function, use_reentrant=False, **operands)
    shown = [x.array for x in tensors_in(result)]
    kept = [array for reference in made if (array := reference()) is not None]
    assert all(any(np.shares_memory(a, b) for b in shown) for a in kept)  # but for views
    assert same(differentiate(result), expected)


def same(a: list[Any], b: list[Any]) -> bool:
    """Equal to the last bit, NaN included."""
    return repr(a) == repr(b)


# ---------------------------------------------------------------------------------- random numbers


def dropout(x: Any) -> Any:
    return x * (minigrad.rand(x.shape, dtype=x.dtype) > 0.5).double() * x


@both_forms
def test_dropout_drops_the_same_both_times(use_reentrant: bool) -> None:
    minigrad.manual_seed(3)
    x = minigrad.ones(100, dtype=minigrad.float64, requires_grad=True)
    result = checkpoint(dropout, x, use_reentrant=use_reentrant)
    minigrad.rand(5)
    state = minigrad.get_rng_state().tolist()
    result.sum().backward()
    assert x.grad.tolist() == (2 * result.detach()).tolist()
    assert 20 < x.grad.sum() / 2 < 80
    assert minigrad.get_rng_state().tolist() == state


@both_forms
def test_without_preserve_rng_state_it_drops_others(use_reentrant: bool) -> None:
    minigrad.manual_seed(3)
    x = minigrad.ones(100, dtype=minigrad.float64, requires_grad=True)
    result = checkpoint(dropout, x, use_reentrant=use_reentrant, preserve_rng_state=False)
    state = minigrad.get_rng_state().tolist()
    result.sum().backward()
    assert x.grad.tolist() != (2 * result.detach()).tolist()
    assert minigrad.get_rng_state().tolist() != state


# --------------------------------------------------------------------------------- what is refused


def test_which_form_should_be_said() -> None:
    x = leaf()
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed") as warned:
        result = checkpoint(sin_of_square, x)
    assert warned[0].filename == __file__
    assert result.grad_fn.name() == "CheckpointFunctionBackward"
    with pytest.warns(UserWarning, match="checkpoint_sequential: the use_reentrant parameter"):
        checkpoint_sequential([sin_of_square, sin_of_square], 1, x)


def test_the_reentrant_form_warns_where_nothing_would_be_recorded() -> None:
    w = leaf()
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True") as warned:
        result = checkpoint(lambda x: x * w, tensor([1.0]), use_reentrant=True)
    assert warned[0].filename == __file__
    assert not result.requires_grad
    assert checkpoint(lambda x: x * w, tensor([1.0]), use_reentrant=False).requires_grad


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"use_reentrant": True, "scale": 2}, "Unexpected keyword arguments: scale"),
        ({"use_reentrant": True, "debug": True}, "only supported when use_reentrant=False"),
        ({"use_reentrant": True, "context_fn": lambda: None}, "only supported when"),
        ({"use_reentrant": False, "determinism_check": "x"}, r"one of \['default', 'none'\]"),
        ({"use_reentrant": False, "debug": True, "context_fn": lambda: None}, "incompatible"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checkpoint(sin_of_square, leaf(), **options)


def grad_of(result: Any, x: Any) -> None:
    autograd.grad(result, x)


def backward_to(result: Any, x: Any) -> None:
    result.backward(inputs=[x])


@pytest.mark.parametrize("differentiate", [grad_of, backward_to])
def test_the_reentrant_form_wants_a_whole_backward_pass(differentiate: Run) -> None:
    x = leaf()
    result = checkpoint(sin_of_square, x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match=r"incompatible with \.grad\(\) or passing an `inputs`"):
        differentiate(result, x)
    result.backward()
    close(x.grad, slope(x))


def test_nor_may_a_pass_further_out_be_a_part_only() -> None:
    class Inner(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            with minigrad.enable_grad():
                checkpoint(sin_of_square, leaf(), use_reentrant=True).sum().backward()
            return grad

    x = leaf()
    result = Inner.apply(x).sum()
    result.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="incompatible with"):
        autograd.grad(result, x)


def test_the_reentrant_form_has_no_second_derivative() -> None:
    x = leaf()
    checkpoint(sin_of_square, x, use_reentrant=True).sum().backward(create_graph=True)
    assert not x.grad.requires_grad


def test_a_reentrant_function_must_have_a_gradient() -> None:
    result = checkpoint(lambda x: x.detach().sin(), leaf(), use_reentrant=True)
    assert result.requires_grad
    with pytest.raises(RuntimeError, match="none of output has requires_grad=True"):
        result.sum().backward()


def test_a_reentrant_function_gets_leaves_the_second_time() -> None:
    seen: list[Any] = []
    x = leaf()
    checkpoint(lambda y: seen.append(y) or y.sin(), x * 1, use_reentrant=True).sum().backward()
    assert [y.is_leaf and y.requires_grad for y in seen] == [False, True]


# ---------------------------------------------------------------------- the form with places only


def test_the_graph_is_the_one_without() -> None:
    x = leaf()
    result = checkpoint(lambda x: (x * x).sin() + 1, x, use_reentrant=False)
    names = []
    node = result.grad_fn
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    assert names == ["AddBackward0", "SinBackward0", "MulBackward0", "AccumulateGrad"]


@pytest.mark.parametrize("differentiate", [grad_of, backward_to])
def test_a_part_of_a_backward_pass(differentiate: Run) -> None:
    x = leaf()
    result = checkpoint(sin_of_square, x, use_reentrant=False).sum()
    (gradient,) = autograd.grad(result, x, retain_graph=True)
    close(gradient, slope(x))
    differentiate(result, x)


def test_keyword_arguments_trees_and_what_a_function_closes_over() -> None:
    x, w, scale = leaf(), leaf(), leaf()

    def function(given: dict[str, Any], *, scale: Any) -> dict[str, Any]:
        return {"a": [given["x"] * w * scale]}

    checkpoint(function, {"x": x}, use_reentrant=False, scale=scale)["a"][0].sum().backward()
    values = x.detach().numpy() ** 2
    for y in (x, w, scale):
        close(y.grad, values)


def test_second_and_third_derivatives() -> None:
    x, calls = leaf(), Counted(lambda x: x**4)
    y = checkpoint(calls, x, use_reentrant=False).sum()
    values = x.detach().numpy()
    (first,) = autograd.grad(y, x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x, create_graph=True)
    (third,) = autograd.grad(second.sum(), x)
    close(first, 4 * values**3)
    close(second, 12 * values**2)
    close(third, 24 * values)


def test_gradgradcheck_through_a_checkpoint() -> None:
    assert autograd.gradcheck(lambda x: checkpoint(sin_of_square, x, use_reentrant=False), leaf())
    assert autograd.gradgradcheck(
        lambda x: checkpoint(sin_of_square, x, use_reentrant=False), leaf()
    )


def steps_of(**options: Any) -> list[str]:
    steps: list[str] = []

    def function(x: Any) -> Any:
        steps.append("exp")
        x = x.exp()
        steps.append("sin")
        x = x.sin()
        steps.append("add")
        return x + 1

    checkpoint(function, leaf(), use_reentrant=False, **options).sum().backward()
    return steps[3:]


def test_a_second_run_stops_when_all_is_there() -> None:
    assert steps_of() == ["exp", "sin"]
    assert steps_of(early_stop=False) == ["exp", "sin", "add"]
    with set_checkpoint_early_stop(False):
        assert steps_of() == ["exp", "sin", "add"]
        with set_checkpoint_early_stop(True):
            assert steps_of(early_stop=False) == ["exp", "sin"]
    assert steps_of() == ["exp", "sin"]


def test_the_early_stop_is_that_of_the_forward_pass() -> None:
    function, ended = Counted(sin_of_square), []
    with set_checkpoint_early_stop(False):
        result = checkpoint(
            lambda x: (function(x), ended.append(1))[0], leaf(), use_reentrant=False
        )
    result.sum().backward()
    assert len(ended) == 2


def test_the_function_cannot_catch_the_early_stop() -> None:
    caught: list[Exception] = []

    def function(x: Any) -> Any:
        try:
            return sin_of_square(x)
        except Exception as error:
            caught.append(error)
            return x

    x = leaf()
    checkpoint(function, x, use_reentrant=False).sum().backward()
    assert not caught
    close(x.grad, slope(x))


def test_what_saves_nothing_does_not_run_again() -> None:
    function, x = Counted(lambda x: x + 1), leaf()
    checkpoint(function, x, use_reentrant=False).sum().backward()
    assert function.calls == 1
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_saved_tensors_can_be_looked_at() -> None:
    x = leaf()
    y = checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False)
    for _ in range(2):
        close(y.grad_fn._saved_self, np.exp(x.detach().numpy()))
    y.sum().backward()


def test_a_users_function_inside() -> None:
    class Square(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * x * grad

    x = leaf()
    checkpoint(lambda x: Square.apply(x.exp()), x, use_reentrant=False).sum().backward()
    close(x.grad, 2 * np.exp(2 * x.detach().numpy()))


def test_a_users_function_may_ask_twice_for_what_it_saved() -> None:
    """torch refuses the second time; here the function runs once more."""

    class Square(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return sum(ctx.saved_tensors[0] * grad for _ in range(2))

    x = leaf()
    function = Counted(lambda x: Square.apply(x.exp()))
    checkpoint(function, x, use_reentrant=False).sum().backward()
    close(x.grad, 2 * np.exp(2 * x.detach().numpy()))
    assert function.calls == 3


def test_transforms_of_functions() -> None:
    """torch.func knows no hooks for saved tensors, so that torch refuses the gradients."""
    x = leaf().detach()
    values = x.numpy()

    def function(x: Any) -> Any:
        return checkpoint(sin_of_square, x, use_reentrant=False)

    close(minigrad.func.grad(lambda x: function(x).sum())(x), slope(x))
    close(minigrad.func.jvp(function, (x,), (x,))[1], slope(x) * values)
    close(minigrad.func.vmap(function)(x), np.sin(values**2))
    close(minigrad.func.jacrev(function)(x), np.diag(slope(x)))


@pytest.mark.parametrize("early_stop", [True, False])
def test_the_function_may_itself_differentiate(early_stop: bool) -> None:
    def function(x: Any) -> Any:
        (gradient,) = autograd.grad(x.sin().cos().sum(), x)
        return x.cos() * gradient

    x = leaf()
    y = checkpoint(function, x, use_reentrant=False, early_stop=early_stop)
    values = x.detach().numpy()
    gradient = -np.sin(np.sin(values)) * np.cos(values)
    close(y, np.cos(values) * gradient)
    y.sum().backward()
    close(x.grad, -np.sin(values) * gradient)


def test_places_of_nodes_that_are_gone_stay_empty() -> None:
    made: list[Any] = []

    def function(x: Any) -> Any:
        y = x.exp()
        made.append(weakref.ref(y.array))
        return y.sin(), (x * x).cos()

    x = leaf()
    a, b = checkpoint(function, x, use_reentrant=False, early_stop=False)
    del a
    b.sum().backward(retain_graph=True)
    assert made[1]() is None


def test_parts_of_a_region_can_be_differentiated_one_after_the_other() -> None:
    function = Counted(lambda x, y: ((x * x).sin(), (y * y).sin()))
    x, y = leaf(), leaf(1.0, 2.0, 3.0)
    a, b = checkpoint(function, x, y, use_reentrant=False)
    (of_x,) = autograd.grad(a.sum(), x)
    (of_y,) = autograd.grad(b.sum(), y)
    close(of_x, slope(x))
    close(of_y, slope(y))
    assert function.calls == 2


def test_hooks_of_the_function_come_first() -> None:
    packed: list[Any] = []

    def function(x: Any) -> Any:
        with saved_tensors_hooks(lambda x: packed.append(x) or x, lambda x: x):
            return x.exp()

    checkpoint(function, leaf(), use_reentrant=False).sum().backward()
    assert len(packed) == 1


def test_the_arguments_of_an_inner_checkpoint_are_not_kept_either() -> None:
    made: list[Any] = []

    def outer(x: Any) -> Any:
        y = x * 2
        made.append(weakref.ref(y.array))
        return checkpoint(sin_of_square, y, use_reentrant=False).exp()

    result = checkpoint(outer, leaf(), use_reentrant=False)
    assert made[0]() is None
    del result


def test_three_levels() -> None:
    calls: list[int] = []

    def level(n: int, x: Any) -> Any:
        calls.append(n)
        y = x.sin() if n == 0 else checkpoint(level, n - 1, x * x, use_reentrant=False)
        return y.exp()

    x, plain = leaf(), leaf()
    checkpoint(level, 2, x, use_reentrant=False).sum().backward()
    (plain**4).sin().exp().exp().exp().sum().backward()
    close(x.grad, plain.grad.numpy())
    assert calls == [2, 1, 0, 2, 1, 0, 1, 0, 0]


def test_a_checkpoint_is_freed_with_its_graph() -> None:
    x = leaf()
    y = x * 1
    array = weakref.ref(y.array)
    result = checkpoint(sin_of_square, y, use_reentrant=False)
    del y
    assert array() is not None
    del result
    assert array() is None


def test_a_checkpoint_is_freed_by_the_backward_pass() -> None:
    y = leaf() * 1
    array = weakref.ref(y.array)
    result = checkpoint(sin_of_square, y, use_reentrant=False)
    del y
    result.sum().backward()
    assert array() is None
    assert result.requires_grad


def test_two_context_managers() -> None:
    log: list[str] = []

    @contextmanager
    def logged(name: str) -> Iterator[None]:
        log.append(name)
        try:
            yield
        finally:
            log.append(f"end of {name}")

    def contexts() -> Any:
        return logged("first"), logged("later")

    result = checkpoint(sin_of_square, leaf(), use_reentrant=False, context_fn=contexts)
    assert log == ["first", "end of first"]
    result.sum().backward()
    assert log[2:] == ["later", "end of later"]


def test_nothing_is_entered_where_nothing_is_recorded() -> None:
    """As in torch; operations that the function itself records are kept as without a checkpoint."""
    kept: list[Any] = []

    def function(x: Any) -> Any:
        with minigrad.enable_grad():
            y = x.exp()
            kept.append(weakref.ref(y.array))
            return y.sin()

    def contexts() -> Any:
        return pytest.raises(KeyError), pytest.raises(KeyError)  # which want one, once entered

    x = leaf()
    with minigrad.no_grad():
        result = checkpoint(function, x, use_reentrant=False, context_fn=contexts)
    assert kept[0]() is not None
    result.sum().backward()
    assert len(kept) == 1


def test_an_exception_in_the_first_run_leaves_everything_usable() -> None:
    with pytest.raises(IndexError):
        checkpoint(lambda x: [][0], leaf(), use_reentrant=False)
    y = leaf().exp()
    kept = weakref.ref(y.array)
    z = y.sin()
    del y
    assert kept() is not None
    z.sum().backward()


def test_a_context_manager_may_not_hide_that_the_forward_pass_failed() -> None:
    with pytest.raises(RuntimeError, match="suppressed an exception"):
        checkpoint(
            lambda x: [][0],
            leaf(),
            use_reentrant=False,
            context_fn=lambda: (suppress(IndexError), nullcontext()),
        )


def test_threads_share_a_graph_and_take_turns() -> None:
    busy, most = 0, 0

    def function(x: Any) -> Any:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.005)  # long enough for the others to come in
        busy -= 1
        return (x * x).sin().exp().cos()

    x, plain = leaf(), leaf()
    loss = checkpoint(function, x, use_reentrant=False, early_stop=False).sum()
    (expected,) = autograd.grad((plain * plain).sin().exp().cos().sum(), plain)
    found: list[Any] = []

    def differentiate() -> None:
        for _ in range(3):
            found.extend(autograd.grad(loss, x, retain_graph=True))

    threads = [threading.Thread(target=differentiate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [gradient.tolist() for gradient in found] == [expected.tolist()] * 9
    assert most == 1


# ---------------------------------------------------------------- a second run that differs


def shorter(x: Any) -> Any:
    return x * x


def longer(x: Any) -> Any:
    return (x * x).sin().cos()


def narrower(x: Any) -> Any:
    return (x[:2] * x[:2]).sin()


def less_precise(x: Any) -> Any:
    return (x.float() * x.float()).sin()


FEWER = "A different number of tensors was saved during the original forward and recomputation"
MORE = "trying to save more tensors during recomputation than during the original forward pass"
OTHER = "have different metadata than during the forward pass"


@pytest.mark.parametrize(
    ("first", "again", "options", "words"),
    [
        (longer, sin_of_square, {}, FEWER),
        (longer, sin_of_square, {"determinism_check": "none"}, FEWER),
        (sin_of_square, longer, {"early_stop": False}, MORE),
        (sin_of_square, lambda x: (x[:2] * x[:2]).sin(), {}, OTHER),
        (sin_of_square, less_precise, {}, OTHER),
    ],
)
def test_a_second_run_that_differs(first: Run, again: Run, options: Any, words: str) -> None:
    x = leaf()
    function = each_time(first, again, first)
    result = checkpoint(function, x, use_reentrant=False, **options).sum()
    with pytest.raises(CheckpointError, match=words):
        result.backward()
    assert x.grad is None
    result.backward()  # the run that failed has left nothing behind
    plain = leaf()
    first(plain).sum().backward()
    close(x.grad, plain.grad.numpy())


def test_what_is_no_longer_needed_may_differ() -> None:
    x = leaf()
    a, b = checkpoint(each_time(two_parts, other_parts), x, use_reentrant=False)
    del a
    b.sum().backward()
    close(x.grad, slope(x))


def two_parts(x: Any) -> Any:
    return x.exp(), (x * x).sin()


def other_parts(x: Any) -> Any:
    return x[:2].exp(), (x * x).sin()


def test_more_tensors_are_not_noticed_after_an_early_stop() -> None:
    x = leaf()
    checkpoint(each_time(sin_of_square, longer), x, use_reentrant=False).sum().backward()
    close(x.grad, slope(x))


def test_the_check_can_be_left_out() -> None:
    x = leaf()
    checkpoint(
        each_time(sin_of_square, less_precise), x, use_reentrant=False, determinism_check="none"
    ).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), slope(x), rtol=1e-6)


def message_of(first: Run, again: Run, **options: Any) -> str:
    result = checkpoint(each_time(first, again), leaf(), use_reentrant=False, **options).sum()
    with pytest.raises(CheckpointError) as raised:
        result.backward()
    return str(raised.value)


def test_the_error_says_how_many_tensors() -> None:
    message = message_of(longer, shorter)
    assert "saved during forward: 4" in message
    assert "saved during recomputation: 2" in message
    assert "debug=True" in message


def test_the_error_says_what_only_one_run_saved() -> None:
    def both(x: Any) -> Any:
        return x.exp()

    def longer(x: Any) -> Any:
        return both(x).sin()  # the sine

    line = f"only: at {__file__}:{line_with('the sine')}"
    assert f"Saved by the first run {line}" in message_of(longer, both)
    assert f"Saved by the second run {line}" in message_of(both, longer, early_stop=False)


def test_the_error_says_which_tensors_differ() -> None:
    message = message_of(sin_of_square, less_precise)
    assert "tensor at position 0:\nsaved metadata: {'shape': minigrad.Size([3])" in message
    assert "recomputed metadata: {'shape': minigrad.Size([3]), 'dtype': minigrad.float32" in message


def test_the_error_says_where_the_runs_part() -> None:
    flag = [True]

    def function(x: Any) -> Any:
        x = x.exp()
        if flag[0]:
            x = x.sin()  # first only
        return x.cos()  # both times

    result = checkpoint(function, leaf(), use_reentrant=False).sum()
    flag[0] = False
    with pytest.raises(CheckpointError) as raised:
        result.backward()
    first, again = (line_with(words) for words in ("first only", "both times"))
    assert f"Tensor 1 was saved at {__file__}:{first}" in str(raised.value)
    assert f"and by the second run at {__file__}:{again}" in str(raised.value)


def test_debug_lists_all_that_was_saved() -> None:
    for message in (message_of(longer, shorter, debug=True), debugged_by_context()):
        first, again = message.split("Tensors saved during recomputation:")
        assert first.count("minigrad.float64 [3], at ") == 4
        assert again.count("minigrad.float64 [3], at ") == 2
        assert "debug=True in checkpoint" not in message
    with set_checkpoint_debug_enabled(False):
        assert "Tensors saved" not in message_of(longer, shorter, debug=True)


def debugged_by_context() -> str:
    with set_checkpoint_debug_enabled(True):
        return message_of(longer, shorter)


def test_a_weight_that_is_modified_in_between_is_noticed() -> None:
    """torch computes the gradient of another function here, and does not say so."""
    x, w = leaf(), leaf()
    result = checkpoint(lambda x: (x * w).sin(), x, use_reentrant=False).sum()
    with minigrad.no_grad():
        w.sub_(0.1)  # the step
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as raised:
        result.backward()
    assert f"test_checkpoint.py:{line_with('the step')}" in str(raised.value)


def test_what_an_operation_saved_may_not_be_modified_inside_either() -> None:
    def function(x: Any) -> Any:
        y = x.exp()  # keeps y
        y.add_(1)  # spoils y
        return y.sin()

    result = checkpoint(function, leaf(), use_reentrant=False).sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as raised:
        result.backward()
    for words in ("keeps y", "spoils y"):
        assert f"test_checkpoint.py:{line_with(words)}" in str(raised.value)


def test_memory_that_is_written_anew_in_each_run_is_no_damage() -> None:
    scratch = minigrad.zeros(3, dtype=minigrad.float64)

    def function(x: Any) -> Any:
        scratch.copy_(x.detach() * 2)
        return x * scratch

    x, y = leaf(), leaf(1.0, 2.0, 3.0)
    first = checkpoint(function, x, use_reentrant=False).sum()
    second = checkpoint(function, y, use_reentrant=False).sum()
    first.backward()
    second.backward()
    close(x.grad, 2 * x.detach().numpy())
    close(y.grad, 2 * y.detach().numpy())


def test_a_result_may_be_modified_afterwards() -> None:
    """Without a checkpoint exp would have kept it; here it is computed again."""
    x = leaf()
    y = checkpoint(lambda x: x.exp(), x, use_reentrant=False)
    y.add_(1)
    y.sum().backward()
    close(x.grad, np.exp(x.detach().numpy()))


# -------------------------------------------------------------------------- checkpoint_sequential


@both_forms
@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_a_sequence_in_segments(use_reentrant: bool, segments: int) -> None:
    steps = [Counted(lambda x: (x * x).sin()) for _ in range(5)]
    x, plain = leaf(), leaf()
    y = plain
    for step in steps:
        y = step.function(y)
    y.sum().backward()
    checkpoint_sequential(steps, segments, x, use_reentrant=use_reentrant).sum().backward()
    close(x.grad, plain.grad.numpy())
    again = 5 // segments * (segments - 1)  # all segments but the last run twice
    assert [step.calls for step in steps] == [2] * again + [1] * (5 - again)


def test_a_sequential_module() -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
    x = minigrad.randn(6, 3)
    expected = autograd.grad(model(x).sum(), list(model.parameters()))
    checkpoint_sequential(model, 3, x, use_reentrant=False).sum().backward()
    for p, gradient in zip(model.parameters(), expected, strict=True):
        assert p.grad.tolist() == gradient.tolist()


def test_a_sequence_keeps_the_ends_of_its_segments() -> None:
    x = minigrad.ones(10_000, dtype=minigrad.float64, requires_grad=True)
    sines = [minigrad.sin] * 16

    def run(segments: int) -> Any:
        return checkpoint_sequential(sines, segments, x, use_reentrant=False)

    run(4)
    one = x.array.nbytes
    # the ends of three segments, and the four results of the last, which is not checkpointed
    assert 6.9 * one < bytes_of(lambda: run(4)) < 7.5 * one
    assert 15.9 * one < bytes_of(lambda: run(1)) < 16.5 * one


def test_a_sequence_takes_no_other_arguments() -> None:
    with pytest.raises(ValueError, match="Unexpected keyword arguments: depth"):
        checkpoint_sequential([minigrad.sin], 1, leaf(), use_reentrant=False, depth=3)
    with pytest.raises(ZeroDivisionError):
        checkpoint_sequential([minigrad.sin], 0, leaf(), use_reentrant=False)
    with pytest.raises(ValueError, match="range"):
        checkpoint_sequential([minigrad.sin], 2, leaf(), use_reentrant=False)


# -------------------------------------------------------------------- with the transforms of func


def test_a_vmap_in_a_checkpoint() -> None:
    w = tensor([0.3, -0.7, 1.1]).requires_grad_()

    def rows(x: Any) -> Any:
        inner = minigrad.vmap(lambda a: minigrad.vmap(lambda b: (a * b * w).sin().sum())(x))(x)
        return inner.sum()

    def nested(x: Any) -> Any:
        return checkpoint(rows, x, use_reentrant=False) * 2

    x = minigrad.randn(4)
    for function in (rows, nested):
        found = [
            autograd.grad(value, w)[0].numpy()
            for value in (function(x), checkpoint(function, x, use_reentrant=False))
        ]
        np.testing.assert_allclose(*found, rtol=1e-5)


def test_what_only_forward_mode_records_is_no_part_of_a_checkpoint() -> None:
    w = tensor(2.0).requires_grad_()

    def f(x: Any) -> Any:
        def part(s: Any) -> Any:
            with minigrad.no_grad():
                x.sin()
            y = x * 1
            y.clamp_(-2, 2)
            return s * s * x.exp()

        return checkpoint(part, w, use_reentrant=False)

    _, tangent = minigrad.func.jvp(f, (tensor(0.5),), (tensor(1.0),))
    (found,) = autograd.grad(tangent, w)
    np.testing.assert_allclose(found.numpy(), 4 * np.exp(0.5), rtol=1e-6)


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_a_checkpoint_in_a_vmap_draws_the_same_numbers_for_each_sample_again(
    randomness: str,
) -> None:
    w = minigrad.ones(3).requires_grad_()
    rows = minigrad.ones(4, 3)

    def noisy(x: Any) -> Any:
        return (x * w * minigrad.rand(3)).sin().sum()

    def checkpointed(x: Any) -> Any:
        return checkpoint(noisy, x, use_reentrant=False)

    found = []
    for function in (noisy, checkpointed):
        minigrad.manual_seed(0)
        losses = minigrad.vmap(function, randomness=randomness)(rows)
        found.append(autograd.grad(losses.sum(), w)[0].numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)
