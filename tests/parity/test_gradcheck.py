"""The same right and wrong programs: gradcheck says the same of them under torch and minigrad."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, outcome, same_error

Program = Callable[..., Any]
Options = dict[str, Any]
SLOW: Options = {}
FAST = {"fast_mode": True}
FORWARD = {"check_forward_ad": True}
FORWARD_ONLY = {"check_forward_ad": True, "check_backward_ad": False}
FAST_FORWARD = {"check_forward_ad": True, "fast_mode": True}
BATCHED = {"check_batched_grad": True}
BATCHED_FORWARD = {"check_forward_ad": True, "check_batched_forward_grad": True}


def variable(lib: Any, *shape: int, start: float = -1.1) -> Any:
    """-1.1, -0.7, -0.3, 0.1, ... in this shape."""
    count = int(np.prod(shape, dtype=int))
    return (lib.arange(count, dtype=lib.float64) * 0.4 + start).reshape(shape).requires_grad_()


def function(lib: Any, forward: Any, backward: Any, jvp: Any = None) -> Any:
    """A Function whose backward gets the gradient and then the arguments."""

    class Written(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*inputs)
            ctx.primals = [x.detach() for x in inputs]
            return forward(*inputs)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return backward(*grads, *ctx.saved_tensors)

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Any:
            return jvp(*tangents, *ctx.primals)

    return Written.apply


def times(g: Any, factor: Any) -> Any:
    return None if g is None else g * factor


# name: (the function for a library, shapes of its inputs)
Case = tuple[Callable[[Any], Any], list[tuple[int, ...]]]

RIGHT: dict[str, Case] = {
    "cube": (lambda lib: lambda x: x**3, [(2, 3)]),
    "no dimensions": (lambda lib: lambda x: x.exp(), [()]),
    "no elements": (lambda lib: lambda x: x * x, [(0, 3)]),
    "several outputs": (lambda lib: lambda x: (x.sin(), x.sum(0), x.sum()), [(2, 3)]),
    "a list": (lambda lib: lambda x: [x * 2, x.tanh()], [(3,)]),
    "no outputs": (lambda lib: lambda x: (), [(3,)]),
    "integers beside": (lambda lib: lambda x: (x * x, (x > 0).long()), [(3,)]),
    "constants beside": (lambda lib: lambda x: (x * x, x.detach() * 3), [(3,)]),
    "the input itself": (lambda lib: lambda x: x, [(3,)]),
    "the input and more": (lambda lib: lambda x: (x, x * 2), [(3,)]),
    "a view": (lambda lib: lambda x: x.T[0], [(2, 3)]),
    "written in place": (lambda lib: lambda x: x.clone().mul_(x), [(2, 3)]),
    "several inputs": (lambda lib: lambda x, y: x @ y, [(2, 3), (3, 2)]),
    "an input not used": (lambda lib: lambda x, y: x * x, [(2,), (2,)]),
    "a constant": (lambda lib: lambda x: lib.ones(2, dtype=lib.float64), [(2,)]),
    "zeros outside the graph": (lambda lib: lambda x: x.detach() * 0, [(2,)]),
    "a Function": (
        lambda lib: function(
            lib, lambda x: x**3, lambda g, x: times(g, 3 * x * x), lambda t, x: 3 * t * x * x
        ),
        [(2, 3)],
    ),
}

WRONG: dict[str, Case] = {
    "sign": (lambda lib: function(lib, lambda x: x.cos(), lambda g, x: times(g, x.sin())), [(3,)]),
    "factor": (lambda lib: function(lib, lambda x: x**3, lambda g, x: times(g, x * x)), [(2, 2)]),
    "a scalar": (lambda lib: function(lib, lambda x: x * x, lambda g, x: times(g, x)), [()]),
    "second input": (
        lambda lib: function(lib, lambda x, y: x * y, lambda g, x, y: (times(g, y), times(g, -x))),
        [(3,), (3,)],
    ),
    "second output": (
        lambda lib: lambda x: (x * 2, x.detach() * x),
        [(3,)],
    ),
    "None": (lambda lib: function(lib, lambda x: x * 2, lambda g, x: None), [(3,)]),
    "outside the graph": (lambda lib: lambda x: x.detach() * 2, [(3,)]),
    "partly outside the graph": (lambda lib: lambda x, y: x.detach() * y, [(3,), (3,)]),
    "not multiplied by grad_output": (
        lambda lib: function(
            lib, lambda x: x.sum(), lambda g, x: None if g is None else lib.ones_like(x)
        ),
        [(3,)],
    ),
    "random": (
        lambda lib: function(
            lib, lambda x: x * 2, lambda g, x: times(g, 2 + lib.rand_like(x) * 1e-8)
        ),
        [(3,)],
    ),
    "undefined gradients not handled": (
        lambda lib: function(lib, lambda x: x * 2, lambda g, x: raising(g) * 2),
        [(3,)],
    ),
    "undefined gradients made up": (
        lambda lib: function(
            lib, lambda x: x * 2, lambda g, x: lib.ones_like(x) if g is None else g * 2
        ),
        [(3,)],
    ),
    "undefined gradients not thought of": (
        lambda lib: function(lib, lambda x: x * 2, lambda g, x: g * 2),
        [(3,)],
    ),
    "nan": (lambda lib: lambda x: (x - x.detach()) / (x - x), [(2,)]),
    "a shape that depends on values": (
        lambda lib: lambda x: x[x > -1.1],
        [(3,)],
    ),
    "a dtype that depends on values": (
        lambda lib: lambda x: x.float() if (x > -1.1).all() else x * 1,
        [(2,)],
    ),
    "no tensor": (lambda lib: lambda x: 1.0, [(2,)]),
    "nothing": (lambda lib: lambda x: None, [(2,)]),
    "an error of its own": (lambda lib: lambda x: x.reshape(7), [(2,)]),
    "a modified leaf": (lambda lib: lambda x: x.mul_(2), [(2,)]),
    "a gradient of the wrong shape": (
        lambda lib: function(lib, lambda x: x * 2, lambda g, x: lib.ones(5)),
        [(2,)],
    ),
    "too many gradients": (
        lambda lib: function(lib, lambda x: x * 2, lambda g, x: (g, g)),
        [(2,)],
    ),
}


def raising(g: Any) -> Any:
    if g is None:
        raise RuntimeError("no gradient")
    return g


# Words of messages that both libraries must share, as far as torch has them.
KEY_WORDS = (
    *(
        f"Jacobian {mode}mismatch for output {output} with respect to input {number},\nnumerical:"
        for mode in ("", "computed with forward mode ")
        for output in (0, 1)
        for number in (0, 1)
    ),
    "The above quantities relating the numerical and analytical jacobians are computed",
    "Below, we recompute numerical and analytical jacobians in slow mode",
    "Numerical gradient for function expected to be zero",
    "backward not multiplied by grad_output",
    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
    "times gives different values, although analytical gradient matches numerical gradient.",
    "The tolerance for nondeterminism was 0.0",
    "Expected backward function to handle undefined output grads",
    "Expected all input grads to be undefined or zero when all output grads are undefined or zero",
    "Expected `func` to return outputs with the same shape when inputs are perturbed",
    "Expected `func` to return outputs with the same dtype when inputs are perturbed",
    "has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping",
    "gradcheck expects at least one input tensor to require gradient, but none of them have "
    "requires_grad=True.",
    "object has no attribute 'requires_grad'",
    "is invalid for input of size 2",
    "a leaf Variable that requires grad",
    "returned an invalid gradient at index 0 - got [5] but expected shape compatible with [2]",
    "returned an incorrect number of gradients (expected 1, got 2)",
    "at least one of check_forward_ad or check_backward_ad to be True",
    "at least one of check_fwd_over_rev or check_rev_over_rev to be True",
    "requires check_backward_ad to be True",
    "requires check_forward_ad to be True",
    "requires check_rev_over_rev to be True",
    "is not a double precision floating point",
    "While computing batched gradients, got: ",
    "For output 0 and input 0:",
    "gradcheck or gradgradcheck failed while testing batched gradient computation.",
    "gradcheck failed while testing batched gradient computation with forward-mode AD.",
    "Got:",
    "Expected:",
)


def judged(lib: Any, program: Program, *arguments: Any) -> tuple[Any, Exception | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return outcome(program, lib, *arguments)


def same_judgement(program: Program, *arguments: Any) -> Any:
    """The same result or exception under both libraries, which is returned."""
    theirs, their_error = judged(LIBRARIES[0], program, *arguments)
    ours, our_error = judged(LIBRARIES[1], program, *arguments)
    if their_error is None:
        assert our_error is None, f"torch says {theirs}, minigrad raises {our_error!r}"
        assert ours == theirs
        return ours
    same_error(their_error, our_error)
    for words in KEY_WORDS:
        assert (words in plain(their_error)) == (words in plain(our_error)), (
            f"{words}\n--- torch: {their_error}\n--- minigrad: {our_error}"
        )
    return our_error


def plain(error: Exception | None) -> str:
    return str(error).replace(" \n", " ")


def check(lib: Any, case: Case, options: Options, second: bool = False) -> Any:
    make, shapes = case
    inputs = tuple(variable(lib, *shape) for shape in shapes)
    checker = lib.autograd.gradgradcheck if second else lib.autograd.gradcheck
    return checker(make(lib), inputs, **options)


ALL_OPTIONS = [SLOW, FAST, FORWARD, FAST_FORWARD, FORWARD_ONLY, BATCHED, BATCHED_FORWARD]


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=lambda o: " ".join(o) or "slow")
@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str, options: Options) -> None:
    if (name, options) == ("constants beside", FAST_FORWARD):
        pytest.skip("torch raises IndexError here: it miscounts outputs that need no gradient")
    assert same_judgement(check, RIGHT[name], options) is True


@pytest.mark.parametrize("options", [SLOW, FAST], ids=lambda o: " ".join(o) or "slow")
@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str, options: Options) -> None:
    error = same_judgement(check, WRONG[name], options)
    assert isinstance(error, Exception)
    silent = same_judgement(check, WRONG[name], {**options, "raise_exception": False})
    assert silent is False or type(silent) is type(error)


# torch's gradgradcheck raises TypeError where no output requires a gradient: it calls func without
# arguments.
CONSTANT = {"a constant", "no outputs", "zeros outside the graph"}


@pytest.mark.parametrize("name", [name for name in RIGHT if name not in CONSTANT])
def test_right_second_derivatives(name: str) -> None:
    assert same_judgement(check, RIGHT[name], SLOW, True) is True


def constant_second_derivative(lib: Any) -> Any:
    return function(lib, lambda x: x**3, lambda g, x: times(g, 3 * (x * x).detach()))


@pytest.mark.parametrize(
    "options",
    [{}, FAST, {"check_fwd_over_rev": True}, {"gen_non_contig_grad_outputs": True}],
    ids=lambda o: " ".join(o) or "slow",
)
def test_wrong_second_derivatives(options: Options) -> None:
    case = (constant_second_derivative, [(2, 3)])
    assert isinstance(same_judgement(check, case, options, True), Exception)


def wrong_jvp(lib: Any) -> Any:
    return function(lib, lambda x: x * x, lambda g, x: times(g, 2 * x), lambda t, x: 3 * t * x)


@pytest.mark.parametrize("options", [FORWARD, FORWARD_ONLY, FAST_FORWARD])
def test_wrong_jvp(options: Options) -> None:
    error = same_judgement(check, (wrong_jvp, [(3,)]), options)
    assert "Jacobian computed with forward mode mismatch for output 0" in str(error)


def peeking(lib: Any) -> Any:
    return function(
        lib,
        lambda x: x * 2,
        lambda g, x: None if g is None else g * (2 + 0 * g.sum().item()),
        lambda t, x: t * (2 + 0 * t.sum().item()),
    )


@pytest.mark.parametrize("options", [BATCHED, BATCHED_FORWARD], ids=" ".join)
def test_wrong_batches(options: Options) -> None:
    assert isinstance(same_judgement(check, (peeking, [(3,)]), options), Exception)


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "nothing requires a gradient": lambda lib: lib.autograd.gradcheck(
        lambda x: x * x, variable(lib, 3).detach()
    ),
    "an expanded input": lambda lib: lib.autograd.gradcheck(
        lambda x: x * x, lib.ones(1, dtype=lib.float64).expand(3).requires_grad_()
    ),
    "an expanded input, in silence": lambda lib: lib.autograd.gradcheck(
        lambda x: x * x,
        lib.ones(1, dtype=lib.float64).expand(3).requires_grad_(),
        raise_exception=False,
    ),
    "float32": lambda lib: lib.autograd.gradcheck(
        lambda x: x * x, variable(lib, 3).detach().float().requires_grad_()
    ),
    "float32 with tolerance": lambda lib: lib.autograd.gradcheck(
        lambda x: x * x,
        variable(lib, 3).detach().float().requires_grad_(),
        eps=1e-2,
        atol=1e-2,
    ),
    "no leaf": lambda lib: lib.autograd.gradcheck(lambda x: x * x, variable(lib, 3) * 2),
    "numbers and None among inputs": lambda lib: lib.autograd.gradcheck(
        lambda x, n, nothing: x * n, (variable(lib, 3), 2, None)
    ),
    "integer inputs": lambda lib: lib.autograd.gradcheck(
        lambda x, i: x[i] ** 2, (variable(lib, 3), lib.tensor([0, 2, 0]))
    ),
    "the same input twice": lambda lib: lib.autograd.gradcheck(
        lambda x, y: x * y, (variable(lib, 3),) * 2
    ),
    "tolerance of noise": lambda lib: lib.autograd.gradcheck(
        function(lib, lambda x: x * 2, lambda g, x: times(g, 2 + lib.rand_like(x) * 1e-8)),
        variable(lib, 3),
        nondet_tol=1e-6,
    ),
    "undefined gradients need not be handled": lambda lib: lib.autograd.gradcheck(
        function(lib, lambda x: x * 2, lambda g, x: raising(g) * 2),
        variable(lib, 3),
        check_undefined_grad=False,
    ),
    "a gradient in another dtype": lambda lib: lib.autograd.gradcheck(
        function(lib, lambda x: x * 2, lambda g, x: None if g is None else (g * 2).float()),
        variable(lib, 3),
        check_grad_dtypes=True,
    ),
    "a wider tolerance": lambda lib: lib.autograd.gradcheck(
        function(lib, lambda x: x * 2, lambda g, x: times(g, 2.1)), variable(lib, 3), rtol=0.1
    ),
    "a coarse step": lambda lib: lib.autograd.gradcheck(
        lambda x: x**3, variable(lib, 3), eps=0.5, raise_exception=False
    ),
    "a corner": lambda lib: lib.autograd.gradcheck(
        lambda x: x.relu(), lib.zeros(2, dtype=lib.float64, requires_grad=True)
    ),
    "an argument that is modified": lambda lib: lib.autograd.gradcheck(
        modifies, (variable(lib, 3), lib.ones(3, dtype=lib.float64))
    ),
    "given gradients": lambda lib: lib.autograd.gradgradcheck(
        lambda x: (x**3, x.sum().exp()), variable(lib, 3), (variable(lib, 3), variable(lib))
    ),
    "one constant gradient": lambda lib: lib.autograd.gradgradcheck(
        lambda x: x**3, variable(lib, 3), variable(lib, 3).detach()
    ),
    "no mode": lambda lib: lib.autograd.gradcheck(
        lambda x: x, variable(lib, 3), check_backward_ad=False
    ),
    "no outer mode": lambda lib: lib.autograd.gradgradcheck(
        lambda x: x, variable(lib, 3), check_rev_over_rev=False
    ),
    "undefined gradients without reverse mode": lambda lib: lib.autograd.gradgradcheck(
        lambda x: x, variable(lib, 3), check_rev_over_rev=False, check_fwd_over_rev=True
    ),
    "batches without reverse mode": lambda lib: lib.autograd.gradgradcheck(
        lambda x: x,
        variable(lib, 3),
        check_rev_over_rev=False,
        check_fwd_over_rev=True,
        check_undefined_grad=False,
        check_batched_grad=True,
    ),
    "batches without backward": lambda lib: lib.autograd.gradcheck(
        lambda x: x,
        variable(lib, 3),
        check_forward_ad=True,
        check_backward_ad=False,
        check_batched_grad=True,
    ),
    "batches without forward mode": lambda lib: lib.autograd.gradcheck(
        lambda x: x, variable(lib, 3), check_batched_forward_grad=True
    ),
}


def modifies(x: Any, scale: Any) -> Any:
    result = x * scale.clone()
    scale.mul_(2)
    return result


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    same_judgement(PROGRAMS[name])


def test_warning_of_low_precision() -> None:
    def warned(lib: Any) -> str:
        x = variable(lib, 3).detach().float().requires_grad_()
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            lib.autograd.gradcheck(lambda n, x: x * n, (2, x), eps=1e-2, atol=1e-1)
        return " ".join(str(w.message) for w in found)

    for lib in LIBRARIES:
        assert (
            "Input #1 requires gradient and is not a double precision floating point or complex. "
            "This check will likely fail if all the inputs are not of double precision floating "
            "point or complex."
        ) in warned(lib)


def test_fast_mode_may_be_stricter() -> None:
    def nearly(lib: Any, fast_mode: bool) -> bool:
        slopes = lib.tensor([1000.0, -1000.0] * 50, dtype=lib.float64)
        func = function(lib, lambda x: slopes * x, lambda g, x: times(g, slopes + 0.9))
        return lib.autograd.gradcheck(func, variable(lib, 100), fast_mode=fast_mode)

    assert same_judgement(nearly, False) is True
    error = same_judgement(nearly, True)
    for words in (
        "Fast gradcheck failed but element-wise differences are small. This means that the",
        "test might've passed in slow_mode!",
        "The max per-element difference (slow mode) is: 0.9",
    ):
        assert words in str(error)


def test_the_error_is_torchs() -> None:
    for lib in LIBRARIES:
        _, error = outcome(check, lib, WRONG["sign"], SLOW)
        assert type(error).__name__ == "GradcheckError"
        assert type(error).__mro__[1] is RuntimeError
        assert type(error).__module__.split(".")[1:3] == ["autograd", "gradcheck"]
