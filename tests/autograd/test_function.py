"""Functions of users beyond their first derivative: what messages say, marks, jvp, memory."""

import copy
import gc
import inspect
import pickle
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import tensor
from minigrad.autograd import Function, forward_ad, grad, gradcheck, gradgradcheck
from minigrad.autograd.function import FunctionCtx, InplaceFunction, once_differentiable
from visualize import backward_graph


def leaf(*values: float) -> Any:
    return tensor(values, dtype=minigrad.float64, requires_grad=True)


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * g * x

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * t * x


def custom(forward: Callable[..., Any], **methods: Callable[..., Any]) -> Any:
    methods = {"forward": forward, "backward": lambda ctx, *grads: grads[0], **methods}
    members = {name: staticmethod(method) for name, method in methods.items()}
    return type("Custom", (Function,), members)


def here() -> str:
    """This file and the line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno}"


# ------------------------------------------------------------------------------- what messages say


ONE = minigrad.ones(2, dtype=minigrad.float64)


@pytest.mark.parametrize(
    ("results", "words", "advice"),
    [
        ((ONE,), "expected 2, got 1", "one gradient for each argument of forward"),
        ((ONE, 1.0), r"expected Variable or None \(got float\)", "tensor 1 of its arguments"),
        ((ONE, ONE[:0]), r"got \[0\] but expected shape", "has the shape and device of its arg"),
    ],
)
def test_a_wrong_gradient_names_the_line_of_the_call(results: Any, words: str, advice: str) -> None:
    function = custom(lambda ctx, a, b: a + b, backward=lambda ctx, g: results)
    y, line = function.apply(leaf(1.0, 2.0), leaf(3.0, 4.0)), here()
    with pytest.raises(RuntimeError, match=words) as caught:
        y.sum().backward()
    assert line in str(caught.value)
    assert advice in str(caught.value)


def test_a_gradient_for_a_number_names_the_line() -> None:
    function = custom(lambda ctx, x, n: x * n, backward=lambda ctx, g: (g, g))
    y, line = function.apply(leaf(1.0), 2), here()
    with pytest.raises(RuntimeError, match="different than None at position 2") as caught:
        y.backward()
    assert line in str(caught.value)


def test_an_exception_in_backward_names_the_line() -> None:
    def fails(ctx: Any, g: Any) -> Any:
        raise ValueError("mine")

    y, line = custom(lambda ctx, x: x * 1, backward=fails).apply(leaf(1.0)), here()
    with pytest.raises(ValueError, match="mine") as caught:
        y.backward()
    if hasattr(caught.value, "__notes__"):  # since Python 3.11
        assert any(line in note for note in caught.value.__notes__)


def test_damage_names_both_lines() -> None:
    middle = leaf(1.0) * 1
    y, saved = Square.apply(middle), here()
    middle.mul_(3)
    modified = here()
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        y.backward()
    file, _, number = modified.rpartition(":")
    assert saved in str(caught.value)
    assert f"{file}:{int(number) - 1}" in str(caught.value)


@pytest.mark.parametrize("name", ["saved", "hooks", "code", "vjp", "line", "outputs"])
def test_a_name_that_the_graph_needs_is_refused(name: str) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        setattr(ctx, name, 7)
        return x * 1

    with pytest.raises(AttributeError, match=name):
        custom(forward).apply(leaf(1.0))


# ---------------------------------------------------------------------------- once_differentiable


def test_once_differentiable() -> None:
    class Once(Square):
        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            assert not minigrad.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return 2 * g * x

    x, weight = leaf(3.0), leaf(1.0)
    (first,), line = grad(Once.apply(x), x, weight, create_graph=True), here()
    assert first.tolist() == [6.0]
    assert first.grad_fn.name() == "Error"
    with pytest.raises(RuntimeError, match="marked with @once_differentiable") as caught:
        first.backward()
    assert line in str(caught.value)
    (constant,) = grad(Once.apply(x), x, create_graph=True)
    assert not constant.requires_grad


def test_old_names() -> None:
    assert isinstance(Square.apply(leaf(1.0)).grad_fn, FunctionCtx)
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        assert InplaceFunction(inplace=True).inplace


# --------------------------------------------------------------------------------- forward mode


def test_jvp_beside_backward() -> None:
    assert gradcheck(Square.apply, leaf(0.5, -2.0), check_forward_ad=True)


def push(function: Any, *args: Any) -> Any:
    with forward_ad.dual_level():
        x, *others = args
        y = function.apply(forward_ad.make_dual(x, minigrad.ones_like(x)), *others)
        return forward_ad.unpack_dual(y).tangent


def test_jvp_sees_what_was_saved_for_it() -> None:
    def forward(ctx: Any, x: Any, factor: float) -> Any:
        result = (x * factor).exp()
        ctx.save_for_forward(result)
        ctx.save_for_backward(x)
        ctx.factor = factor
        return result

    seen = []

    def jvp(ctx: Any, t: Any, of_factor: Any) -> Any:
        (result,) = ctx.saved_tensors
        seen.append(of_factor)
        return t * ctx.factor * result

    x = leaf(0.5)
    assert push(custom(forward, jvp=jvp), x, 3.0).tolist() == (3 * (3 * x).exp()).tolist()
    assert seen == [None]


def test_jvp_may_not_return_what_does_not_fit() -> None:
    function = custom(lambda ctx, x: x * 1, jvp=lambda ctx, t: (t, t))
    with pytest.raises(RuntimeError, match=r"expected 1 but got 2.*returns one for each result"):
        push(function, leaf(1.0))
    with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
        push(custom(lambda ctx, x: x * 1), leaf(1.0))


# ------------------------------------------------------------------------------- memory, threads


@pytest.mark.parametrize("saves", ["argument", "result", "both"])
def test_a_call_is_freed_without_the_collector(saves: str) -> None:
    def forward(ctx: Any, x: Any) -> Any:
        result = x.exp()
        kept = {"argument": (x,), "result": (result,), "both": (x, result)}[saves]
        ctx.save_for_backward(*kept)
        ctx.save_for_forward(*kept)
        return result

    gc.disable()
    try:
        y = custom(forward).apply(leaf(1.0) * 1)
        node = weakref.ref(y.grad_fn)
        y.grad_fn.saved_tensors[0].sum()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_results_are_no_leaves() -> None:
    y = Square.apply(leaf(1.0))
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(y)
    assert pickle.loads(pickle.dumps(y.detach())).tolist() == [1.0]
    assert copy.deepcopy(y.detach()).tolist() == [1.0]


def test_several_threads() -> None:
    x = leaf(1.0, 2.0)
    y = Square.apply(x)
    found: list[Any] = []

    def work(n: float) -> None:
        found.append(grad((Square.apply(x * n) + y).sum(), x, retain_graph=True)[0].tolist())

    threads = [threading.Thread(target=work, args=(float(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[2.0 * n * n + 2, 4.0 * n * n + 4] for n in range(8)]


# ------------------------------------------------------------------------------------- writes


def test_an_expanded_gradient_is_summed_for_a_modified_view() -> None:
    """The view is not forward's first tensor, and its old values have a gradient, too."""

    def forward(ctx: Any, factor: Any, target: Any) -> Any:
        target.mul_(factor)
        ctx.save_for_backward(factor, target)
        ctx.mark_dirty(target)
        return target

    def backward(ctx: Any, g: Any) -> Any:
        factor, result = ctx.saved_tensors
        return g * result / factor, g * factor

    def program(factor: Any, x: Any) -> Any:
        base = x * 1
        custom(forward, backward=backward).apply(factor, base[1])
        return base * base

    x = tensor([[1.0, 2.0], [3.0, 4.0]], dtype=minigrad.float64, requires_grad=True)
    assert gradcheck(program, (leaf(2.0), x))
    assert gradgradcheck(program, (leaf(2.0), x))


def test_a_write_behind_the_back_counts() -> None:
    def forward(ctx: Any, x: Any) -> Any:
        x.detach().numpy()[...] *= 2
        ctx.mark_dirty(x)
        return x

    y = leaf(1.0) * 1
    product = y * y
    line = here()
    custom(forward).apply(y)
    file, _, number = line.rpartition(":")
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        product.backward()
    assert f"{file}:{int(number) + 1}" in str(caught.value)


def test_a_drawing_shows_what_a_function_saved() -> None:
    x = leaf(1.0, 2.0)
    node = Square.apply(x).grad_fn
    assert [name for name in dir(node) if name.startswith("_saved_")] == [], "as torch's Functions"
    assert "saved[0] = x" in str(backward_graph(node, {"x": x}, saved=True))
