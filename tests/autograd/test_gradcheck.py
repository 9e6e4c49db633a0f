"""gradcheck: right derivatives pass, each wrong one fails, and the message says what is wrong."""

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import Function, GradcheckError, gradcheck, gradgradcheck
from minigrad.autograd.gradcheck import batched, demands, jacobians

float64 = minigrad.float64


def variable(*shape: int, start: float = -1.1, step: float = 0.4) -> Tensor:
    """-1.1, -0.7, -0.3, 0.1, ... in this shape."""
    values = start + step * np.arange(np.prod(shape, dtype=int))
    return minigrad.tensor(values.reshape(shape), requires_grad=True)


def function(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    jvp: Any = None,
    materialize: bool = True,
) -> Any:
    """A Function whose backward gets the gradient and then the arguments."""

    class Written(Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Tensor) -> Any:
            ctx.set_materialize_grads(materialize)
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)
            return forward(*inputs)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Any:
            return backward(*grads, *ctx.saved_tensors)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> Any:
            return jvp(*tangents, *ctx.saved_tensors)

    return Written.apply


def complaint(func: Any, *inputs: Any, check: Any = gradcheck, **options: Any) -> str:
    """What a check says that must fail."""
    assert check(func, inputs, raise_exception=False, **options) is False
    with pytest.raises(GradcheckError) as caught:
        check(func, inputs, **options)
    return str(caught.value)


def hint_of(message: str) -> str:
    return message.partition("Hint: ")[2]


# ----------------------------------------------------------------------------------- what is right

RIGHT: dict[str, Callable[..., Any]] = {
    "one": lambda x: x**3,
    "scalar": lambda x: (x.exp() * x).sum(),
    "several outputs": lambda x: (x.sin(), x.sum(0), x.sum()),
    "a list": lambda x: [x * 2, x.tanh()],
    "integers beside": lambda x: ((x > 0).long(), x * x, x > 0),
    "constants beside": lambda x: (x.detach() * 3, x * x),
    "the input itself": lambda x: x,
    "the input and more": lambda x: (x, x * x),
    "a view": lambda x: x.T[0],
    "written in place": lambda x: x.clone().mul_(x).add_(1),
    "written through a view": lambda x: written_through_a_view(x),
    "linear": lambda x: 3 * x,
    "no elements": lambda x: x[:0],
    "float32 inside a float64 function": lambda x: x.sum(0, keepdim=True).expand(2, 3),
}


def written_through_a_view(x: Tensor) -> Tensor:
    y = x * x
    y[0].mul_(x[1])
    return y


@pytest.mark.parametrize("fast_mode", [False, True], ids=["slow", "fast"])
@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass(name: str, fast_mode: bool) -> None:
    func = RIGHT[name]
    batches = {"check_batched_grad": True, "check_batched_forward_grad": True}
    assert gradcheck(func, variable(2, 3), fast_mode=fast_mode, check_forward_ad=True)
    assert gradcheck(func, variable(2, 3), check_forward_ad=True, **batches)
    assert gradcheck(func, [variable(2, 3)], fast_mode=fast_mode, check_grad_dtypes=True)
    assert gradgradcheck(func, (variable(2, 3),), fast_mode=fast_mode, check_fwd_over_rev=True)
    assert gradgradcheck(func, (variable(2, 3),), gen_non_contig_grad_outputs=True)


@pytest.mark.parametrize("fast_mode", [False, True], ids=["slow", "fast"])
def test_several_inputs(fast_mode: bool) -> None:
    def func(x: Tensor, power: int, index: Tensor, y: Tensor, constant: Tensor, unused: Any) -> Any:
        return x[index] ** power * y, y.sum() * constant

    index = minigrad.tensor([1, 0, 1])
    inputs = (variable(2, 3), 3, index, variable(3, 3), variable(2).detach(), variable(2))
    options = {"fast_mode": fast_mode, "check_batched_grad": True}
    assert gradcheck(
        func, inputs, check_forward_ad=True, check_batched_forward_grad=True, **options
    )
    assert gradgradcheck(func, inputs, check_fwd_over_rev=True, **options)


def test_inputs_of_any_shape() -> None:
    for shape in ((), (1,), (0, 3), (2, 0)):
        assert gradcheck(lambda x: x * x, variable(*shape), check_forward_ad=True)
        assert gradgradcheck(lambda x: x * x, variable(*shape), check_fwd_over_rev=True)


def test_a_tensor_that_is_no_leaf() -> None:
    assert gradcheck(lambda x: x.exp(), variable(3) * 2)


def test_the_same_tensor_twice() -> None:
    x = variable(3)
    assert gradcheck(lambda a, b: a * b, (x, x))


def test_given_grad_outputs() -> None:
    seeds = (variable(2, 3), variable(3))
    assert gradgradcheck(lambda x: (x**3, x.sum(0).exp()), variable(2, 3), seeds)
    assert gradgradcheck(lambda x: x**3, variable(2, 3), variable(2, 3).detach())


def test_inputs_and_random_numbers_are_left_as_they_were() -> None:
    x = variable(2, 3)
    before, drawn = x.tolist(), minigrad.get_rng_state()
    gradcheck(lambda x: x * x, x, fast_mode=True)
    gradgradcheck(lambda x: x * x, x)
    with pytest.raises(RuntimeError, match="too many"):
        gradcheck(raises_at_second_call(), x)
    assert x.tolist() == before
    assert x.grad is None
    assert x._version == 0
    assert minigrad.get_rng_state().tolist() == drawn.tolist()


def raises_at_second_call() -> Any:
    calls: list[int] = []

    def func(x: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("too many")
        return x * x

    return func


def test_on_a_device(device: str) -> None:
    x = minigrad.tensor([1.0, -2.0], dtype=float64, device=device, requires_grad=True)
    assert gradcheck(lambda x: x * x, x, check_forward_ad=True)
    assert gradgradcheck(lambda x: x * x, x, gen_non_contig_grad_outputs=True)
    wrong = function(lambda x: x * x, lambda g, x: -2 * g * x)
    assert "wrong sign" in hint_of(complaint(wrong, x))


# -------------------------------------------------------------------------- what is refused

REFUSED = {
    "nothing requires a gradient": (
        lambda: gradcheck(lambda x: x * x, minigrad.ones(2, dtype=float64)),
        ValueError,
        "none of them have requires_grad=True",
    ),
    "an expanded input": (
        lambda: gradcheck(
            lambda x: x * x, minigrad.ones(1, dtype=float64).expand(3).requires_grad_()
        ),
        RuntimeError,
        "The 0th input has a dimension with stride 0",
    ),
    "a result that is no tensor": (
        lambda: gradcheck(lambda x: x.sum().item(), variable(2)),
        AttributeError,
        r"'float' object has no attribute 'requires_grad'.*output 0.*Let func return the Tensor",
    ),
    "a shape that depends on values": (
        lambda: gradcheck(lambda x: x[x > 1], minigrad.ones(2, dtype=float64, requires_grad=True)),
        AssertionError,
        r"outputs with the same shape when inputs are perturbed on index \(0,\) by 1e-06",
    ),
    "a dtype that depends on values": (
        lambda: gradcheck(
            lambda x: x.float() if (x > 1).any() else x * 1,
            minigrad.ones(2, dtype=float64, requires_grad=True),
        ),
        AssertionError,
        "outputs with the same dtype when inputs are perturbed",
    ),
    "sparse tensors": (
        lambda: gradcheck(lambda x: x * x, variable(2), masked=True),
        NotImplementedError,
        "masked=True .* sparse",
    ),
    "sparse second derivatives": (
        lambda: gradgradcheck(lambda x: x * x, variable(2), masked=True),
        NotImplementedError,
        "masked=True .* sparse",
    ),
    "no mode": (
        lambda: gradcheck(lambda x: x * x, variable(2), check_backward_ad=False),
        AssertionError,
        "at least one of check_forward_ad or check_backward_ad",
    ),
    "batches of no backward": (
        lambda: gradcheck(
            lambda x: x,
            variable(2),
            check_backward_ad=False,
            check_forward_ad=True,
            check_batched_grad=True,
        ),
        AssertionError,
        "check_batched_grad=True requires check_backward_ad",
    ),
    "batches of no forward mode": (
        lambda: gradcheck(lambda x: x, variable(2), check_batched_forward_grad=True),
        AssertionError,
        "check_batched_forward_grad=True requires check_forward_ad",
    ),
    "no outer mode": (
        lambda: gradgradcheck(lambda x: x, variable(2), check_rev_over_rev=False),
        AssertionError,
        "at least one of check_fwd_over_rev or check_rev_over_rev",
    ),
    "undefined gradients of no backward": (
        lambda: gradgradcheck(
            lambda x: x, variable(2), check_rev_over_rev=False, check_fwd_over_rev=True
        ),
        AssertionError,
        "check_undefined_grad=True requires check_rev_over_rev",
    ),
    "an error of func": (
        lambda: gradcheck(lambda x: x.reshape(7), variable(2), raise_exception=False),
        RuntimeError,
        "is invalid for input of size 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    call, kind, words = REFUSED[name]
    with pytest.raises(kind, match=re.compile(words, re.DOTALL)) as caught:
        call()
    assert type(caught.value) is kind


def test_low_precision_is_warned_of() -> None:
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match="Input #1 requires gradient and is not a double") as found:
        gradcheck(lambda n, x: x * n, (2, x), atol=0.1)
    assert found[0].filename == __file__
    with pytest.warns(UserWarning, match=r"Input #[01] requires gradient") as found:
        gradgradcheck(lambda x: x * 2, x, atol=0.1)
    assert found[0].filename == __file__
    with pytest.warns(UserWarning, match="not a double"):
        message = complaint(lambda x: x * x * 100, x)
    assert "the input is minigrad.float32, so finite differences" in hint_of(message)
    with pytest.warns(UserWarning, match="not a double"):
        message = complaint(lambda x: x**3, minigrad.tensor([2.0, 3.0], requires_grad=True))
    assert "corner" not in message, "what looks like one is rounding"


# ----------------------------------------------------------- what backward must do besides numbers


def test_outputs_without_history_must_be_constant() -> None:
    assert gradcheck(lambda x: minigrad.ones(2), variable(2))
    assert gradcheck(lambda x: x > 100, variable(2), fast_mode=True)
    assert gradcheck(lambda x: (), variable(2))
    ones = minigrad.ones(2, dtype=float64, requires_grad=True)
    assert gradcheck(lambda x: x < 1, ones), "other outputs than floating ones may jump"
    for fast_mode in (False, True):
        message = complaint(lambda x: x.detach() * 2, variable(2), fast_mode=fast_mode)
        assert message.startswith("Numerical gradient for function expected to be zero")
        assert "leaves the graph: detach()" in message


def test_backward_must_be_multiplied_by_grad_output() -> None:
    constant = function(lambda x: x.sum(), lambda g, x: minigrad.ones_like(x))
    for fast_mode in (False, True):
        message = complaint(constant, variable(3), fast_mode=fast_mode)
        assert message.startswith("backward not multiplied by grad_output")


def test_backward_must_be_deterministic() -> None:
    def shaky(g: Tensor, x: Tensor) -> Tensor:
        return g * (2 + 1e-7 * minigrad.rand_like(x))

    noisy = function(lambda x: 2 * x, shaky)
    for fast_mode in (False, True):
        message = complaint(noisy, variable(3), fast_mode=fast_mode)
        assert "Backward is not reentrant, i.e., running backward with same input" in message
        assert gradcheck(noisy, variable(3), nondet_tol=1e-6, fast_mode=fast_mode)


class TwoOutputs(Function):
    """Doubles and triples; what backward makes of missing gradients is up to `total`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, total: Any) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.total = total
        return 2 * x, 3 * x

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, h: Tensor | None) -> tuple[Tensor | None, None]:
        return ctx.total(g, h), None


def careful(g: Tensor | None, h: Tensor | None) -> Tensor | None:
    terms = [n * grad for n, grad in ((2, g), (3, h)) if grad is not None]
    return sum(terms) if terms else None


def careless(g: Tensor | None, h: Tensor | None) -> Tensor | None:
    if g is None and h is None:
        raise RuntimeError("no gradient at all")
    return careful(g, h)


def inventive(g: Tensor | None, h: Tensor | None) -> Tensor | None:
    return minigrad.ones(3, dtype=float64) if g is None and h is None else careful(g, h)


def test_backward_must_handle_undefined_gradients() -> None:
    x = variable(3)
    assert gradcheck(TwoOutputs.apply, (x, careful))
    message = complaint(TwoOutputs.apply, x, careless)
    assert message.startswith("Expected backward function to handle undefined output grads")
    assert "no gradient at all" in message
    message = complaint(TwoOutputs.apply, x, inventive)
    assert message.startswith("Expected all input grads to be undefined or zero")
    for total in (careless, inventive):
        assert gradcheck(TwoOutputs.apply, (x, total), check_undefined_grad=False)


def test_other_errors_at_undefined_gradients_say_so() -> None:
    def unthinking(g: Tensor | None, h: Tensor | None) -> Tensor | None:
        return g * 2 if h is None else (h * 3 if g is None else g * 2 + h * 3)

    with pytest.raises(TypeError) as caught:
        gradcheck(TwoOutputs.apply, (variable(3), unthinking))
    if hasattr(caught.value, "__notes__"):
        assert "Expected backward function to handle undefined" in caught.value.__notes__[-1]


def test_each_output_may_be_without_a_gradient() -> None:
    def selfish(g: Tensor | None, h: Tensor | None) -> Tensor | None:
        if h is not None and not h.numpy().any() and g is None:
            raise RuntimeError("the second one alone")
        return careful(g, h)

    message = complaint(TwoOutputs.apply, variable(3), selfish)
    assert "handle undefined output grads" in message


def test_a_gradient_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine lets no such gradient through; if it did, gradcheck would tell."""
    honest = minigrad.autograd.grad

    def lying(change: Any) -> Any:
        def grad(*arguments: Any, **options: Any) -> Any:
            return tuple(change(g) for g in honest(*arguments, **options))

        return grad

    for module, change, options, words in (
        (jacobians, lambda g: g.float(), {"check_grad_dtypes": True}, "Gradient has dtype"),
        (jacobians, lambda g: g[:1], {}, "Analytical gradient has incorrect size"),
        (demands, lambda g: g.float(), {}, "grad is incorrect type"),
        (demands, lambda g: g[:1], {}, "grad is incorrect size"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, "grad", lying(change))
            assert words in complaint(lambda x: x * 1, variable(3), **options)


# ------------------------------------------------------------------------------------ forward mode


def squares(jvp: Any, materialize: bool = True) -> Any:
    return function(lambda x, y: x * x + y, lambda g, x, y: (2 * g * x, g), jvp, materialize)


def test_a_jvp_of_ones_own() -> None:
    inputs = (variable(2, 3), variable(2, 3))
    right = squares(lambda a, b, x, y: 2 * a * x + b)
    wrong = squares(lambda a, b, x, y: 2 * a * x - b)
    for fast_mode in (False, True):
        options = {"check_forward_ad": True, "fast_mode": fast_mode, "check_undefined_grad": False}
        assert gradcheck(right, inputs, **options)
        assert gradcheck(wrong, inputs, fast_mode=fast_mode)
        message = complaint(wrong, *inputs, **options)
        assert message.startswith("Jacobian computed with forward mode mismatch for output 0 with")
        assert "with respect to input 1," in message
        assert "forward mode gives -1.0, finite differences give 1.0; the sign differs" in message


def test_undefined_tangents_count_as_zeros() -> None:
    def jvp(a: Tensor | None, b: Tensor | None, x: Tensor, y: Tensor) -> Tensor:
        if a is None:
            return b + 1
        return 2 * a * x + (0 if b is None else b)

    inputs = (variable(3), variable(3))
    forward_only = {"check_forward_ad": True, "check_backward_ad": False}
    message = complaint(squares(jvp, materialize=False), *inputs, **forward_only)
    assert message.startswith("Mismatch in tangent values for output with index: 0 when input: 0")
    assert gradcheck(squares(jvp), inputs, **forward_only)
    assert gradcheck(
        squares(jvp, materialize=False), inputs, check_undefined_grad=False, **forward_only
    )


def test_forward_mode_alone() -> None:
    """backward may be as wrong as it likes."""
    wrong = function(lambda x: 2 * x, lambda g, x: 5 * g, lambda t, x: 2 * t)
    for fast_mode in (False, True):
        options = {"check_backward_ad": False, "fast_mode": fast_mode}
        assert gradcheck(wrong, variable(3), check_forward_ad=True, **options)
        assert not gradcheck(wrong, variable(3), raise_exception=False)


# ---------------------------------------------------------------------------------------- batches


def test_several_gradients_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    peeking = function(lambda x: 2 * x, lambda g, x: g * 2 if g.sum().item() != 7 else g)
    message = complaint(peeking, variable(3), check_batched_grad=True)
    assert message.startswith("While computing batched gradients, got: vmap: It looks like")
    assert "gradcheck or gradgradcheck failed while testing batched gradient" in message
    assert gradcheck(peeking, variable(3))

    def grad(*arguments: Any, is_grads_batched: bool = False, **options: Any) -> Any:
        options["is_grads_batched"] = is_grads_batched
        found = minigrad.autograd.grad(*arguments, **options)
        return tuple(g + 1 for g in found) if is_grads_batched else found

    monkeypatch.setattr(batched, "grad", grad)
    message = complaint(lambda x: 2 * x, variable(3), check_batched_grad=True)
    assert message.startswith(
        "For output 0 and input 0:\n\ngradcheck or gradgradcheck failed while"
    )
    assert "Got:\ntensor([[" in message
    assert "Expected:\ntensor([[" in message


def test_several_tangents_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"check_forward_ad": True, "check_batched_forward_grad": True}
    peeking = function(lambda x: 2 * x, lambda g, x: 2 * g, lambda t, x: t * (2 + 0 * t[0].item()))
    message = complaint(peeking, variable(3), **options)
    assert message.startswith("While computing batched gradients, got: vmap: It looks like")
    assert "with forward-mode AD" in message
    assert gradcheck(peeking, variable(3), check_forward_ad=True)

    def wrong(func: Any, x: Tensor) -> Any:
        return [y + 1 for y in right(func, x)]

    right = batched.at_once
    monkeypatch.setattr(batched, "at_once", wrong)
    message = complaint(lambda x: 2 * x, variable(3), **options)
    assert message.startswith("For output 0 and input 0:\n\ngradcheck failed while testing batched")


# ------------------------------------------------------------------------------ second derivatives


def test_a_backward_that_is_no_derivative_of_itself() -> None:
    """First derivatives are right, but backward leaves the graph."""
    cube = function(lambda x: x**3, lambda g, x: g * 3 * (x * x).detach())
    assert gradcheck(cube, variable(3))
    for options in ({}, {"fast_mode": True}, {"check_fwd_over_rev": True}):
        message = complaint(cube, variable(3), check=gradgradcheck, **options)
        assert "Jacobian mismatch for output 0 with respect to input 0" in message
        assert "In gradgradcheck the outputs are the gradients that backward gives" in message
        assert "no gradient comes to this input" in hint_of(message)


def test_forward_over_reverse_alone() -> None:
    cube = function(lambda x: x**3, lambda g, x: g * 3 * (x * x).detach())
    options = {"check_rev_over_rev": False, "check_undefined_grad": False}
    message = complaint(cube, variable(3), check=gradgradcheck, check_fwd_over_rev=True, **options)
    assert message.startswith("Jacobian computed with forward mode mismatch")


def test_noncontiguous_gradients_reach_backward() -> None:
    seen = []

    def backward(g: Tensor, x: Tensor) -> Tensor:
        seen.append(g.is_contiguous())
        return g * 2

    double = function(lambda x: 2 * x, backward)
    assert gradgradcheck(double, variable(2, 3))
    assert all(seen)
    assert gradgradcheck(double, variable(2, 3), gen_non_contig_grad_outputs=True)
    assert not all(seen)


# ------------------------------------------------------------------------------ what a message says


def test_a_message() -> None:
    square = function(lambda x: x * x, lambda g, x: -2 * g * x)
    message = complaint(square, minigrad.tensor([[1.0, -2.0]], dtype=float64, requires_grad=True))
    line = inspect.getsourcelines(complaint)[1]
    assert message == (
        "Jacobian mismatch for output 0 with respect to input 0,\n"
        "numerical:tensor([[ 2.0000,  0.0000],\n"
        "        [ 0.0000, -4.0000]], dtype=minigrad.float64)\n"
        "analytical:tensor([[-2.,  0.],\n"
        "        [ 0.,  4.]], dtype=minigrad.float64)\n"
        "(row: an element of the input; column: an element of the output)\n"
        "\n"
        "2 of 4 entries differ, most of all:\n"
        "  d output[0, 1] / d input 0[0, 1]: backward gives 4.0, finite differences give -4.0; "
        "the sign differs (difference: 8.0)\n"
        f"This output was made by WrittenBackward at {__file__}:{line + 4}, in complaint.\n"
        "Hint: every entry has the wrong sign: look for a minus that is missing or too much."
    )


def test_the_example_of_the_docstring() -> None:
    text = inspect.cleandoc(gradcheck.__doc__ or "")
    program, _, said = text.partition("    class Cube")[2].partition("says, after both Jacobians:")
    names = {"minigrad": minigrad, "Function": Function}
    with pytest.raises(GradcheckError) as caught:
        exec(compile(textwrap.dedent("    class Cube" + program), "cube.py", "exec"), names)
    for line in said.strip().splitlines():
        assert line.strip().removesuffix(" ...") in str(caught.value)


def test_infinite_derivatives() -> None:
    message = complaint(lambda x: x.sqrt(), minigrad.zeros(1, dtype=float64, requires_grad=True))
    assert "backward gives inf, finite differences give nan; nan is equal to nothing" in message


def test_a_message_of_fast_mode() -> None:
    double = function(lambda x: 2 * x, lambda g, x: 4 * g)
    message = complaint(double, variable(2), fast_mode=True)
    first, _, second = message.partition("in slow mode:")
    assert re.search(r"numerical:[\d.]+\nanalytical:[\d.]+\n", first)
    assert "Numerical:tensor([[2.0000, 0.0000],\n" in second
    assert "Analytical:tensor([[4., 0.],\n" in second
    assert "backward gives 4.0, finite differences give 2.0; that is 2 times as much" in second
    assert "every entry is 2 times what it should be" in hint_of(second)


def test_fast_mode_may_be_stricter() -> None:
    """Every error is 0.9 of 1000, but in the projection only the true derivatives cancel out."""
    slopes = minigrad.tensor([1000.0, -1000.0] * 50, dtype=float64)
    nearly = function(lambda x: slopes * x, lambda g, x: g * (slopes + 0.9))
    assert gradcheck(nearly, variable(100))
    message = complaint(nearly, variable(100), fast_mode=True)
    assert "Fast gradcheck failed but element-wise differences are small" in message
    assert "The max per-element difference (slow mode) is: 0.9" in message


def test_the_entry_that_differs_most_is_shown_of_a_large_jacobian() -> None:
    def backward(g: Tensor, x: Tensor) -> Tensor:
        wrong = 2 * g
        wrong[17, 3] = 7.5 * g[17, 3]
        wrong[2, 1] = 2.5 * g[2, 1]
        return wrong

    message = complaint(function(lambda x: 2 * x, backward), variable(20, 5))
    assert (
        "2 of 10000 entries differ, most of all:\n  d output[17, 3] / d input 0[17, 3]: back"
        in (message)
    )
    assert "backward gives 7.5, finite differences give 2.0; difference: 5.5" in message
    assert "shown are rows 84 to 91 of 100 and columns 84 to 91 of 100" in message
    assert "7.5000" in message.partition("analytical:")[2]
    assert message.count("\n") < 30


def test_the_entry_that_differs_most_is_a_wrong_one() -> None:
    """The first is off by more than the second, but within its tolerance."""
    slopes = minigrad.tensor([1000.0, 1.0], dtype=float64)
    change = minigrad.tensor([0.5, 0.1], dtype=float64)
    message = complaint(
        function(lambda x: slopes * x, lambda g, x: (slopes + change) * g), variable(2)
    )
    assert "1 of 4 entries differs, most of all:\n  d output[1] / d input 0[1]: backward" in message


def test_fast_mode_draws_the_same_vectors_each_time() -> None:
    wrong = function(lambda x: x.exp(), lambda g, x: g)
    first, second = (complaint(wrong, variable(3), fast_mode=True) for _ in range(2))
    assert first == second


def test_numbers_of_outputs_and_inputs() -> None:
    wrong = function(lambda x, y: (x * y).exp(), lambda g, x, y: (g * y * (x * y).exp(), g))
    message = complaint(
        lambda n, x, y: (x.detach(), x * n, wrong(x, y)), 2, variable(2, 2), variable(2, 2)
    )
    assert message.startswith("Jacobian mismatch for output 1 with respect to input 1,")
    assert re.search(r"  d output 1\[\d, \d\] / d input 1\[\d, \d\]: backward gives", message)
    assert "Input 1 is argument 2 of func" in message
    assert "Output 1 is number 2 of what func returns" in message


def test_a_scalar_has_no_index() -> None:
    wrong = function(lambda x: x * x, lambda g, x: g * x)
    message = complaint(wrong, variable(start=1.5))
    assert "The only entry differs:\n  d output / d input 0: backward gives 1.5, " in message
    assert "finite differences give 3.0; that is 1/2 of it (difference: 1.5)" in message
    assert not hint_of(message), "one number proves nothing"


def test_numbers_that_are_nearly_equal_are_written_out() -> None:
    wrong = function(lambda x: 2 * x, lambda g, x: 2.0000003 * g)
    message = complaint(wrong, variable(2), rtol=0, atol=1e-8)
    assert "backward gives 2.0000003, finite differences give 2.0" in message


def test_nan_is_wrong() -> None:
    message = complaint(lambda x: (x * 0) / x, minigrad.zeros(2, dtype=float64, requires_grad=True))
    assert "backward gives nan" in message
    assert "nan is equal to nothing" in message
    assert not hint_of(message)


def test_the_functions_on_the_way_are_named() -> None:
    double = function(lambda x: 2 * x, lambda g, x: 4 * g)
    message = complaint(lambda x: double(x).sum(), variable(3))
    assert "This output was made by SumBackward0 at " in message
    assert "On the way to it lies WrittenBackward, called at " in message
    assert message.count(f"{__file__}:") == 2


def test_an_input_returned_as_it_is() -> None:
    x = variable(3)
    message = complaint(lambda y: (x.data.mul_(1.5), y)[1], x)
    assert "This output is an input that func returned as it is." in message


# ------------------------------------------------------------------------------------------- hints

KNOWN: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "sign": (
        function(lambda x: x.cos(), lambda g, x: g * x.sin()),
        (variable(2, 2),),
        "every entry has the wrong sign",
    ),
    "factor": (
        function(lambda x: x**3, lambda g, x: g * x * x),
        (variable(2, 2),),
        "every entry is 0.3333 times what it should be",
    ),
    "grad_output forgotten": (
        function(lambda x: x**2, lambda g, x: 2 * x),
        (variable(2, 2),),
        "backward gives the same for every gradient that comes in: multiply what it returns by",
    ),
    "mean for a sum": (
        function(lambda b: b.expand(4, 3) * 1, lambda g, b: g.mean(0)),
        (variable(3),),
        "each input element has a part in 4 output elements: add their gradients up, do not aver",
    ),
    "sum for a mean": (
        function(lambda x: x.mean(1), lambda g, x: g[:, None].expand(2, 3)),
        (variable(2, 3),),
        "each output element is made of 3 input elements: the gradient of a mean is divided by",
    ),
    "half of a sigmoid's": (
        function(lambda x: x.sigmoid(), lambda g, x: g * x.sigmoid()),
        (variable(2, 3),),
        "every entry is right once multiplied by (1 - the output).",
    ),
    "a tanh forgotten": (
        function(lambda x: x.tanh(), lambda g, x: g),
        (variable(2, 3),),
        "every entry is right once multiplied by (1 - the output ** 2).",
    ),
    "the diagonal of a softmax": (
        function(lambda x: x.softmax(1), lambda g, x: g * x.softmax(1) * (1 - x.softmax(1))),
        (variable(2, 3),),
        "backward is right where an output element depends on the input element at its own place",
    ),
    "missing factor": (
        function(lambda x, y: x * y, lambda g, x, y: (g, g * x)),
        (variable(2, 2), variable(2, start=2.0)),
        "every entry is right once multiplied by input 1.",
    ),
    "missing constant": (
        function(lambda x, w: w * x, lambda g, x, w: (g, None)),
        (variable(2, 2), variable(2, start=2.0).detach()),
        "every entry is right once multiplied by argument 1 of func.",
    ),
    "the power's own": (
        function(lambda x: x**3, lambda g, x: g * 2 * x),
        (variable(2, 2),),
        "every entry is right once multiplied by 1.5 times input 0.",
    ),
    "factor too many": (
        function(lambda x: x.log(), lambda g, x: g * 2),
        (variable(4, start=0.5),),
        "every entry is right once divided by 2 times input 0.",
    ),
    "the output": (
        function(lambda x: x.exp(), lambda g, x: g),
        (variable(4),),
        "every entry is right once multiplied by the output.",
    ),
    "transposed factor": (
        function(lambda a, b: a @ b, lambda g, a, b: (g @ b, a.T @ g)),
        (variable(3, 3), variable(3, 3)),
        "the Jacobian is transposed",
    ),
    "transposed gradient": (
        function(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, (a.T @ g).T)),
        (variable(2, 3), variable(3, 3)),
        "the gradient of this input is transposed",
    ),
    "transposed weight": (
        function(lambda x: x.T @ minigrad.eye(2, dtype=float64), lambda g, x: g),
        (variable(2, 2),),
        "transposed",
    ),
    "summed over the wrong dimension": (
        function(lambda b: b.expand(3, 3) * 1, lambda g, b: g.sum(1)),
        (variable(3),),
        "right for the transposed output: is the sum over the wrong dimension",
    ),
    "order of gradients": (
        function(lambda x, y: x * y.exp(), lambda g, x, y: (g * x * y.exp(), g * y.exp())),
        (variable(2, 2), variable(2, 2)),
        "these are the derivatives with respect to input 1",
    ),
    "not summed over the broadcast dimension": (
        function(lambda b: b.expand(4, 3) * 1, lambda g, b: g[0]),
        (variable(3),),
        "its gradient is the sum of all of theirs over the broadcast dimension",
    ),
    "a case forgotten": (
        function(lambda x: x.relu(), lambda g, x: g),
        (variable(2, 3),),
        "wrong up to -0.3 and right from 0.1 on",
    ),
    "the other case forgotten": (
        function(lambda x: x.clamp(max=0.2) + x / 2, lambda g, x: g * 1.5),
        (variable(2, 3),),
        "right up to 0.1 and wrong from 0.5 on",
    ),
    "no gradient": (
        lambda x: x + x.detach() ** 2 - x,
        (variable(3),),
        "backward gives zeros for this input, but the output changes with it",
    ),
    "left the graph": (
        lambda x, y: x.detach() * y,
        (variable(3), variable(3)),
        "no gradient comes to this input",
    ),
    "None": (
        function(lambda x, y: x * y, lambda g, x, y: (g * y, None)),
        (variable(3), variable(3)),
        "Either backward returns None for it",
    ),
    "a corner": (
        lambda x: x.relu(),
        (minigrad.zeros(2, dtype=float64, requires_grad=True),),
        "the slope is 0 on one side and 1 on the other",
    ),
    "a corner and more": (
        function(lambda x: x.relu(), lambda g, x: -5 * g),
        (minigrad.zeros(2, dtype=float64, requires_grad=True),),
        "func has a corner or a jump there",
    ),
    "a jump": (
        lambda x: minigrad.where(x < 0, x, x + 1),
        (minigrad.zeros(2, dtype=float64, requires_grad=True),),
        "func has a corner or a jump there",
    ),
    "random": (
        lambda x: x * minigrad.rand(3, dtype=float64),
        (variable(3),),
        "func gives different outputs for the same inputs",
    ),
}


def test_hint_of_an_argument_that_is_modified() -> None:
    def func(x: Tensor, scale: Tensor) -> Tensor:
        result = x * scale.clone()
        scale.mul_(2)
        return result

    message = complaint(func, variable(3), minigrad.ones(3, dtype=float64))
    assert "func modifies its tensor argument 1 in place" in hint_of(message)


def test_hint_of_inputs_that_share_memory() -> None:
    x = variable(3)
    message = complaint(lambda x, y: x * y, x, x.detach().requires_grad_())
    assert "inputs 0 and 1 share memory" in hint_of(message)
    columns = variable(3, 2).detach()
    wrong = function(lambda x, y: x * y, lambda g, x, y: (g * y, -g * x))
    message = complaint(wrong, *(columns[:, i].requires_grad_() for i in (0, 1)))
    assert "every entry has the wrong sign" in hint_of(message)


alternating = minigrad.tensor([[2.0, 0.0, 2.0], [0.0, 2.0, 0.0]], dtype=float64)


@pytest.mark.parametrize(
    "wrong",
    [
        function(lambda x: x**3, lambda g, x: g * x.exp()),
        function(lambda x: x.sin(), lambda g, x: g * (x.cos() + 0.1)),
        function(lambda x: x.softmax(1), lambda g, x: g * x.softmax(1)),
        function(lambda x: 2 * x, lambda g, x: g * alternating),  # nothing is broadcast
    ],
)
def test_no_hint_that_the_numbers_do_not_support(wrong: Any) -> None:
    assert not hint_of(complaint(wrong, variable(2, 3)))


def test_few_numbers_may_fall_apart_by_chance() -> None:
    wrong = function(lambda x: 2 * x, lambda g, x: g * minigrad.where(x < 1, 3, 2))
    assert not hint_of(complaint(wrong, variable(4, start=0.5)))
    assert "wrong up to 0.9" in hint_of(complaint(wrong, variable(6, start=0.5)))


def test_no_hint_without_finite_differences() -> None:
    zero = function(lambda x: x.log(), lambda g, x: g * 0)
    assert not hint_of(complaint(zero, minigrad.zeros(2, dtype=float64, requires_grad=True)))


def test_huge_outputs_are_no_trouble() -> None:
    wrong = function(lambda x: x * 1e200, lambda g, x: g * x.exp())
    assert not hint_of(complaint(wrong, variable(3)))


@pytest.mark.parametrize("name", KNOWN)
def test_hint(name: str) -> None:
    func, inputs, words = KNOWN[name]
    assert words in hint_of(complaint(func, *inputs))
