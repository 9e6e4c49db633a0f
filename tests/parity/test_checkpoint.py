"""Checkpointing under both libraries: gradients, graphs, the order of calls, what is refused."""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, graph, outcome, same_error, same_tensor

Results = dict[str, Any]
Program = Callable[..., Results]


def leaf(lib: Any, *values: float) -> Any:
    return lib.tensor(values or (0.1, 0.2, 0.3), dtype=lib.float64, requires_grad=True)


def checkpoint_of(lib: Any) -> Any:
    return lib.utils.checkpoint.checkpoint


def compare(theirs: Results, ours: Results) -> None:
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        given = ours[name]
        if hasattr(expected, "grad_fn"):
            same_tensor(expected, given, name)
            assert given.requires_grad == expected.requires_grad, name
            assert graph(given) == graph(expected), f"graph of {name}"
        else:
            assert given == expected, name


# ------------------------------------------------------------------------- programs for both forms


def several_results(lib: Any, reentrant: bool) -> Results:
    x, y = leaf(lib), leaf(lib, 1.0, 2.0, 3.0)
    a, b, c = checkpoint_of(lib)(
        lambda x, n, y, nothing: ((x**n).sin() * y, y.exp(), "c"),
        x,
        3,
        y,
        None,
        use_reentrant=reentrant,
    )
    (a * b).sum().backward()
    return {"a": a, "b": b, "c": c, "x.grad": x.grad, "y.grad": y.grad}


def one_result_unused(lib: Any, reentrant: bool) -> Results:
    x = leaf(lib)
    a, b = checkpoint_of(lib)(lambda x: (x.exp(), x.sin()), x, use_reentrant=reentrant)
    a.sum().backward()
    return {"b": b, "x.grad": x.grad}


def a_detached_result(lib: Any, reentrant: bool) -> Results:
    x = leaf(lib)
    a, b = checkpoint_of(lib)(lambda x: (x.exp(), x.detach().sin()), x, use_reentrant=reentrant)
    a.sum().backward()
    return {"a": a, "b": b, "x.grad": x.grad}


def a_list_of_results(lib: Any, reentrant: bool) -> Results:
    x = leaf(lib)
    a, b = checkpoint_of(lib)(lambda x: [x.exp(), x.sin()], x, use_reentrant=reentrant)
    return {"a": a, "b": b}


def the_argument_itself(lib: Any, reentrant: bool) -> Results:
    x = leaf(lib)
    y = checkpoint_of(lib)(lambda x: x, x, use_reentrant=reentrant)
    return {"same": y is x, "y": y}


def closed_over(lib: Any, reentrant: bool) -> Results:
    x, w = leaf(lib), leaf(lib, 1.0, 2.0, 3.0)
    y = checkpoint_of(lib)(lambda x: (x * w).sin(), x, use_reentrant=reentrant)
    y.sum().backward()
    return {"y": y, "x.grad": x.grad, "w.grad": w.grad}


def no_argument_requires_a_gradient(lib: Any, reentrant: bool) -> Results:
    w = leaf(lib)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = checkpoint_of(lib)(lambda x: x * w, leaf(lib).detach(), use_reentrant=reentrant)
    return {"y": y, "warned": [str(warning.message) for warning in caught]}


def under_no_grad(lib: Any, reentrant: bool) -> Results:
    calls = []
    with lib.no_grad():
        y = checkpoint_of(lib)(
            lambda x: calls.append(1) or x.sin(), leaf(lib), use_reentrant=reentrant
        )
    return {"y": y, "calls": calls}


def kept_graph(lib: Any, reentrant: bool) -> Results:
    x, calls = leaf(lib), []
    y = checkpoint_of(lib)(lambda x: calls.append(1) or (x * x).sin(), x, use_reentrant=reentrant)
    y.sum().backward(retain_graph=True)
    first = x.grad.clone()
    y.sum().backward()
    return {"first": first, "x.grad": x.grad, "calls": calls}


def writes_inside(lib: Any, reentrant: bool) -> Results:
    def function(x: Any) -> Any:
        y = x * 2
        y.mul_(x)
        y[0].add_(1)
        return (y * x).sin()

    x = leaf(lib)
    y = checkpoint_of(lib)(function, x, use_reentrant=reentrant)
    y.sum().backward()
    return {"x.grad": x.grad}


def a_result_written_to(lib: Any, reentrant: bool) -> Results:
    x = leaf(lib)
    y = checkpoint_of(lib)(lambda x: x.exp(), x, use_reentrant=reentrant)
    y.add_(1)
    y.sum().backward()
    return {"x.grad": x.grad}


def nested(lib: Any, reentrant: bool) -> Results:
    calls = []

    def level(n: int, x: Any) -> Any:
        calls.append(n)
        y = x.sin() if n == 0 else checkpoint_of(lib)(level, n - 1, x * x, use_reentrant=reentrant)
        return y.exp()

    x = leaf(lib)
    checkpoint_of(lib)(level, 3, x, use_reentrant=reentrant).sum().backward()
    return {"x.grad": x.grad, "calls": calls}


def a_network(lib: Any, reentrant: bool) -> Results:
    layers = lib.nn.Sequential(
        *(
            lib.nn.Linear(3, 4),
            lib.nn.ReLU(),
            lib.nn.Linear(4, 4),
            lib.nn.ReLU(),
            lib.nn.Linear(4, 2),
        )
    ).double()
    for number, p in enumerate(layers.parameters()):
        with lib.no_grad():
            p.copy_(lib.arange(p.numel(), dtype=lib.float64).reshape(p.shape).sin() + number / 10)
    x = (lib.arange(12, dtype=lib.float64).cos()).reshape(4, 3).requires_grad_()
    y = lib.utils.checkpoint.checkpoint_sequential(layers, 2, x, use_reentrant=reentrant)
    (y * y).sum().backward()
    grads = {f"grad {n}": p.grad for n, p in enumerate(layers.parameters())}
    return {"y": y, "x.grad": x.grad, **grads}


def an_exception_in_the_second_run(lib: Any, reentrant: bool) -> Results:
    x, calls = leaf(lib), []

    def function(x: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("boom")
        return (x * x).sin()

    y = checkpoint_of(lib)(function, x, use_reentrant=reentrant)
    with pytest.raises(KeyError, match="boom"):
        y.sum().backward(retain_graph=True)
    enabled = lib.is_grad_enabled()
    y.sum().backward()
    return {"x.grad": x.grad, "calls": calls, "enabled": enabled}


def hooks_inside(lib: Any, reentrant: bool) -> Results:
    log = []

    def function(x: Any) -> Any:
        y = x.sin()
        if y.requires_grad:
            y.register_hook(lambda g: log.append(g.tolist()))
        return y.exp()

    x = leaf(lib)
    x.register_hook(lambda g: log.append("x"))
    checkpoint_of(lib)(function, x, use_reentrant=reentrant).sum().backward()
    return {"count": len(log), "last": log[-1], "x.grad": x.grad}


def random_numbers(lib: Any, reentrant: bool) -> Results:
    same = []
    for preserve in (True, False):
        lib.manual_seed(0)
        x = lib.ones(50, requires_grad=True)
        y = checkpoint_of(lib)(
            lambda x: x * x * (lib.rand(50) > 0.5),
            x,
            use_reentrant=reentrant,
            preserve_rng_state=preserve,
        )
        before = lib.get_rng_state().tolist()
        y.sum().backward()
        same += [x.grad.tolist() == (2 * y).tolist(), lib.get_rng_state().tolist() == before]
    return {"same": same}


BOTH_FORMS = [
    *(several_results, one_result_unused, a_detached_result, a_list_of_results),
    *(the_argument_itself, closed_over, no_argument_requires_a_gradient, under_no_grad),
    *(kept_graph, writes_inside, a_result_written_to, nested, a_network),
    *(an_exception_in_the_second_run, hooks_inside, random_numbers),
]


@pytest.mark.parametrize("reentrant", [True, False], ids=["reentrant", "places"])
@pytest.mark.parametrize("program", BOTH_FORMS, ids=lambda p: p.__name__)
def test_program(program: Program, reentrant: bool) -> None:
    theirs, ours = (program(lib, reentrant) for lib in LIBRARIES)
    compare(theirs, ours)


# ----------------------------------------------------------- programs that need use_reentrant=False


def partial_passes(lib: Any) -> Results:
    x, y = leaf(lib), leaf(lib, 1.0, 2.0, 3.0)
    a, b = checkpoint_of(lib)(
        lambda x, *, y: ((x * x).sin(), (y * y).cos()), x, y=y, use_reentrant=False
    )
    (of_x,) = lib.autograd.grad(a.sum(), x)
    b.sum().backward(inputs=[y])
    return {"of x": of_x, "x.grad": x.grad is None, "y.grad": y.grad}


def higher_derivatives(lib: Any) -> Results:
    x, found = leaf(lib), {}
    y = checkpoint_of(lib)(lambda x: x**4 * x.exp(), x, use_reentrant=False).sum()
    for order in range(3):
        (y,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        found[f"order {order}"] = y.detach()
    return found


def gradient_penalty(lib: Any) -> Results:
    x, w = leaf(lib), leaf(lib, 1.0, 2.0, 3.0)
    y = checkpoint_of(lib)(lambda x: (x * w).tanh(), x, use_reentrant=False).sum()
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    (y + (g * g).sum()).backward()
    return {"x.grad": x.grad, "w.grad": w.grad}


def early_stops(lib: Any) -> Results:
    log = []

    def function(x: Any) -> Any:
        log.append("exp")
        x = x.exp()
        log.append("sin")
        x = x.sin()
        log.append("add")
        return x + 1

    def run(**options: Any) -> None:
        log.append("-")
        checkpoint_of(lib)(function, leaf(lib), use_reentrant=False, **options).sum().backward()

    run()
    run(early_stop=False)
    with lib.utils.checkpoint.set_checkpoint_early_stop(False):
        run()
        with lib.utils.checkpoint.set_checkpoint_early_stop(True):
            run(early_stop=False)
    return {"log": log}


def nothing_saved(lib: Any) -> Results:
    x, calls = leaf(lib), []
    y = checkpoint_of(lib)(lambda x: calls.append(1) or x + 1, x, use_reentrant=False)
    y.sum().backward()
    return {"calls": calls, "x.grad": x.grad}


def grad_inside(lib: Any, early_stop: bool = True) -> Results:
    calls = []

    def function(x: Any) -> Any:
        calls.append(1)
        (gradient,) = lib.autograd.grad(x.sin().cos().sum(), x)
        return x.cos() * gradient

    x = leaf(lib)
    y = checkpoint_of(lib)(function, x, use_reentrant=False, early_stop=early_stop)
    y.sum().backward()
    return {"y": y.detach(), "x.grad": x.grad, "calls": calls}


def grad_inside_to_the_end(lib: Any) -> Results:
    return grad_inside(lib, early_stop=False)


def second_derivative_inside(lib: Any) -> Results:
    calls = []

    def function(x: Any) -> Any:
        calls.append(1)
        (g,) = lib.autograd.grad((x * x).sin().sum(), x, create_graph=True)
        return (g * g).exp()

    x = leaf(lib)
    checkpoint_of(lib)(function, x, use_reentrant=False).sum().backward()
    return {"x.grad": x.grad, "calls": calls}


def batched_gradients(lib: Any) -> Results:
    x = leaf(lib)
    y = checkpoint_of(lib)(lambda x: x.exp() * x.sum(), x, use_reentrant=False)
    basis = lib.eye(3, dtype=lib.float64)
    (rows,) = lib.autograd.grad(y, x, basis, is_grads_batched=True)
    return {"rows": rows}


def a_hessian(lib: Any) -> Results:
    def function(x: Any) -> Any:
        return checkpoint_of(lib)(lambda x: (x.exp() * x.sum()).sin().sum(), x, use_reentrant=False)

    return {"hessian": lib.autograd.functional.hessian(function, leaf(lib).detach())}


def forward_mode(lib: Any) -> Results:
    fw = lib.autograd.forward_ad
    with fw.dual_level():
        x = fw.make_dual(leaf(lib).detach(), lib.ones(3, dtype=lib.float64))
        y = checkpoint_of(lib)(lambda x: (x * x).sin(), x, use_reentrant=False)
        primal, tangent = fw.unpack_dual(y)
    return {"primal": primal.detach(), "tangent": tangent.detach()}


def contexts(lib: Any) -> Results:
    log = []

    @contextmanager
    def logged(name: str) -> Iterator[None]:
        log.append(name)
        try:
            yield
        finally:
            log.append(f"end of {name}")

    def pair() -> Any:
        log.append("made")
        return logged("first"), logged("later")

    y = checkpoint_of(lib)(lambda x: x.sin(), leaf(lib), use_reentrant=False, context_fn=pair)
    log.append("-")
    y.sum().backward()
    return {"log": log}


def a_function_inside(lib: Any) -> Results:
    class Square(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * x * grad

    x = leaf(lib)
    y = checkpoint_of(lib)(lambda x: Square.apply(x.exp()), x, use_reentrant=False)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    g.sum().backward()
    return {"y": y, "x.grad": x.grad}


def places_in_nested_regions(lib: Any) -> Results:
    log = []

    def inner(x: Any, y: Any) -> Any:
        log.append("inner")
        return x.exp() * y

    def outer(x: Any, y: Any) -> Any:
        log.append("outer")
        a = checkpoint_of(lib)(inner, x.sin(), y, use_reentrant=False)
        return checkpoint_of(lib)(inner, a.cos(), x, use_reentrant=False).sin()

    x, y = leaf(lib), leaf(lib, 1.0, 2.0, 3.0)
    for _ in range(2):
        log.append("-")
        out = checkpoint_of(lib)(outer, x, y, use_reentrant=False)
        lib.autograd.grad(out.sum(), [y, x], retain_graph=True)
        log.append("again")
        out.sum().backward()
    return {"log": log, "x.grad": x.grad, "y.grad": y.grad}


PLACES = [
    *(partial_passes, higher_derivatives, gradient_penalty, early_stops, nothing_saved),
    *(grad_inside, grad_inside_to_the_end, contexts, a_function_inside, places_in_nested_regions),
    *(second_derivative_inside, batched_gradients, a_hessian, forward_mode),
]


@pytest.mark.parametrize("program", PLACES, ids=lambda p: p.__name__)
def test_program_with_places(program: Program) -> None:
    theirs, ours = (program(lib) for lib in LIBRARIES)
    compare(theirs, ours)


# ------------------------------------------------------------------------------- random programs

OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "sin": lambda x: x.sin(),
    "exp": lambda x: (-x).exp(),
    "square": lambda x: x * x,
    "sigmoid": lambda x: x.sigmoid(),
    "half": lambda x: x / 2,
    "plus": lambda x: x + 1,
    "softmax": lambda x: x.softmax(0),
    "matmul": lambda x: x.outer(x) @ x,
    "flip": lambda x: x[[2, 1, 0]],
    "scaled": lambda x: x * x.sum(),
    "written": lambda x: x.clone().mul_(x.sin()),
    "relu": lambda x: (x - 0.15).relu(),
}


def random_plan(chance: random.Random, depth: int) -> list[Any]:
    """A list of operations, of which lists are the functions of checkpoints."""
    plan: list[Any] = []
    for _ in range(chance.randint(1, 4)):
        if depth and chance.random() < 0.5:
            plan.append(random_plan(chance, depth - 1))
        else:
            plan.append(chance.choice(list(OPERATIONS)))
    return plan


def follow(lib: Any, plan: list[Any], log: list[str], options: dict[str, Any], x: Any) -> Any:
    log.append(f"{len(plan)}: {plan[0]}")
    for step in plan:
        if isinstance(step, str):
            x = OPERATIONS[step](x)
        else:
            x = checkpoint_of(lib)(follow, lib, step, log, options, x, **options)
    return x


@pytest.mark.parametrize("reentrant", [True, False], ids=["reentrant", "places"])
@pytest.mark.parametrize("seed", range(40))
def test_random_program(seed: int, reentrant: bool) -> None:
    plan = random_plan(random.Random(seed), 3)
    found = []
    for lib in LIBRARIES:
        log: list[str] = []
        x = leaf(lib)
        y = follow(lib, plan, log, {"use_reentrant": reentrant}, x)
        log.append("backward")
        y.sum().backward()
        found.append({"y": y.detach(), "x.grad": x.grad, "log": log})
    compare(*found)


# ---------------------------------------------------------------------------------- what is refused


def other_run(lib: Any, first: Any, again: Any, **options: Any) -> None:
    runs = [first, again]
    y = checkpoint_of(lib)(lambda x: runs.pop(0)(x), leaf(lib), use_reentrant=False, **options)
    y.sum().backward()


def shorter(x: Any) -> Any:
    return (x * x).sin()


def longer(x: Any) -> Any:
    return (x * x).sin().cos()


def fewer_tensors(lib: Any) -> None:
    other_run(lib, longer, shorter)


def fewer_tensors_without_a_check(lib: Any) -> None:
    other_run(lib, longer, shorter, determinism_check="none")


def fewer_tensors_with_debug(lib: Any) -> None:
    other_run(lib, longer, shorter, debug=True)


def more_tensors(lib: Any) -> None:
    other_run(lib, shorter, longer, early_stop=False)


def another_shape(lib: Any) -> None:
    other_run(lib, shorter, lambda x: (x[:2] * x[:2]).sin())


def another_dtype(lib: Any) -> None:
    other_run(lib, shorter, lambda x: (x.float() * x.float()).sin())


def no_such_check(lib: Any) -> None:
    other_run(lib, shorter, shorter, determinism_check="x")


def debug_with_contexts(lib: Any) -> None:
    other_run(lib, shorter, shorter, debug=True, context_fn=lambda: (nullcontext(), nullcontext()))


def suppressed(lib: Any) -> None:
    def pair() -> Any:
        return suppress(IndexError), nullcontext()

    checkpoint_of(lib)(lambda x: [][0], leaf(lib), use_reentrant=False, context_fn=pair)


def hooks_disabled(lib: Any) -> None:
    with lib.autograd.graph.disable_saved_tensors_hooks("no hooks here"):
        other_run(lib, shorter, shorter)


def argument_written_inside(lib: Any) -> None:
    y = checkpoint_of(lib)(lambda x: x.mul_(2).sin(), leaf(lib) * 1, use_reentrant=False)
    y.sum().backward()


def contexts_used_up(lib: Any) -> None:
    @contextmanager
    def once() -> Iterator[None]:
        yield

    y = checkpoint_of(lib)(
        shorter, leaf(lib), use_reentrant=False, context_fn=lambda: (once(), once())
    )
    y.sum().backward(retain_graph=True)
    y.sum().backward()


def nan_inside(lib: Any) -> None:
    with lib.autograd.detect_anomaly():
        other_run(lib, lambda x: ((x - x).sqrt() * 0).exp(), lambda x: ((x - x).sqrt() * 0).exp())


def reentrant(lib: Any, **options: Any) -> Any:
    x = leaf(lib)
    return x, checkpoint_of(lib)(shorter, x, use_reentrant=True, **options).sum()


def reentrant_grad(lib: Any) -> None:
    x, y = reentrant(lib)
    lib.autograd.grad(y, x)


def reentrant_inputs(lib: Any) -> None:
    x, y = reentrant(lib)
    y.backward(inputs=[x])


def reentrant_keyword(lib: Any) -> None:
    reentrant(lib, scale=3, size=4)


def reentrant_debug(lib: Any) -> None:
    reentrant(lib, debug=True)


def reentrant_contexts(lib: Any) -> None:
    reentrant(lib, context_fn=lambda: (nullcontext(), nullcontext()))


def reentrant_constant(lib: Any) -> None:
    y = checkpoint_of(lib)(lambda x: x.detach().sin(), leaf(lib), use_reentrant=True)
    y.sum().backward()


def reentrant_write(lib: Any) -> None:
    y = checkpoint_of(lib)(lambda x: x.mul_(2), leaf(lib) * 1, use_reentrant=True)
    y.sum().backward()


def detached_list(lib: Any) -> None:
    lib.utils.checkpoint.detach_variable([leaf(lib)])


def sequence_keyword(lib: Any) -> None:
    lib.utils.checkpoint.checkpoint_sequential([shorter], 1, leaf(lib), use_reentrant=False, n=1)


def no_segments(lib: Any) -> None:
    lib.utils.checkpoint.checkpoint_sequential([shorter], 0, leaf(lib), use_reentrant=False)


def too_many_segments(lib: Any) -> None:
    lib.utils.checkpoint.checkpoint_sequential([shorter], 2, leaf(lib), use_reentrant=False)


def twice(lib: Any, form: bool) -> None:
    y = checkpoint_of(lib)(shorter, leaf(lib), use_reentrant=form).sum()
    y.backward()
    y.backward()


def damaged(lib: Any, form: bool) -> None:
    x = leaf(lib) * 1
    y = checkpoint_of(lib)(shorter, x, use_reentrant=form).sum()
    x.add_(1)
    y.backward()


REFUSED: dict[Callable[..., None], str] = {
    fewer_tensors: "A different number of tensors was saved during the original forward and "
    "recomputation.\nNumber of tensors saved during forward: 4\n"
    "Number of tensors saved during recomputation: 3.",
    fewer_tensors_without_a_check: "Number of tensors saved during recomputation: 3.",
    fewer_tensors_with_debug: "An error happened while unpacking tensors",
    more_tensors: "trying to save more tensors during recomputation than during the original "
    "forward pass.",
    another_shape: "Recomputed values for the following tensors have different metadata than "
    "during the forward pass.\ntensor at position 0:\nsaved metadata: {'shape': ",
    another_dtype: "recomputed metadata: {'shape': ",
    no_such_check: "determinism_check should be one of ['default', 'none'], but got x",
    debug_with_contexts: "debug=True is incompatible with non-default context_fn",
    suppressed: "the forward context provided by context_fn suppressed an exception raised during",
    hooks_disabled: "no hooks here",
    argument_written_inside: "has been modified by an inplace operation",
    contexts_used_up: "",
    nan_inside: "Function 'SqrtBackward0' returned nan values in its 0th output",
    reentrant_grad: "is incompatible with .grad() or passing an `inputs` parameter to .backward()",
    reentrant_inputs: "you can either set use_reentrant=False, or call .backward() without passing",
    reentrant_keyword: "Unexpected keyword arguments: scale,size",
    reentrant_debug: "Passing `context_fn` or `debug` is only supported when use_reentrant=False.",
    reentrant_contexts: "Passing `context_fn` or `debug` is only supported when use_reentrant=Fal",
    reentrant_constant: "none of output has requires_grad=True, this checkpoint() is not necessary",
    reentrant_write: "a leaf Variable that requires grad",
    detached_list: "Only tuple of tensors is supported. Got Unsupported input type: list",
    sequence_keyword: "Unexpected keyword arguments: n",
    no_segments: "",
    too_many_segments: "range() arg 3 must not be zero",
}


@pytest.mark.parametrize("program", REFUSED, ids=lambda p: p.__name__)
def test_what_is_refused(program: Callable[..., None]) -> None:
    refused_alike(program, REFUSED[program])


@pytest.mark.parametrize("form", [True, False], ids=["reentrant", "places"])
@pytest.mark.parametrize(
    ("program", "words"),
    [
        (twice, "Trying to backward through the graph a second time"),
        (damaged, "has been modified by an inplace operation"),
    ],
)
def test_what_both_forms_refuse(program: Callable[..., None], words: str, form: bool) -> None:
    refused_alike(program, words, form)


def refused_alike(program: Callable[..., None], words: str, *options: Any) -> None:
    (_, theirs), (_, ours) = (outcome(program, lib, *options) for lib in LIBRARIES)
    assert theirs is not None
    same_error(theirs, ours)
    assert words in str(theirs)
    assert words in str(ours)


def test_both_warn_if_the_form_is_not_said() -> None:
    for lib in LIBRARIES:
        checkpoints = lib.utils.checkpoint
        with pytest.warns(
            UserWarning, match="the use_reentrant parameter should be passed explicitly"
        ):
            y = checkpoints.checkpoint(shorter, leaf(lib))
        assert y.grad_fn.name() == "CheckpointFunctionBackward"
        with pytest.warns(
            UserWarning, match="the use_reentrant parameter should be passed explicitly"
        ):
            checkpoints.checkpoint_sequential([shorter, shorter], 1, leaf(lib))


def test_states_of_generators() -> None:
    for lib in LIBRARIES:
        lib.manual_seed(5)
        state = lib.get_rng_state()
        assert state.dtype is lib.uint8
        drawn = [lib.rand(3).tolist() for _ in range(2)]
        with lib.random.fork_rng():
            lib.manual_seed(9)
        assert lib.initial_seed() == 5
        lib.set_rng_state(state)
        other = lib.Generator().set_state(state)
        assert [lib.rand(3).tolist() for _ in range(2)] == drawn
        assert lib.rand(3, generator=other.clone_state()).tolist() == drawn[0]
        assert lib.Generator().manual_seed(-5).initial_seed() == 2**64 - 5


@pytest.mark.parametrize(
    "wrong",
    [lambda s: s.float(), lambda s: s[:10], lambda s: [1, 2]],
    ids=["dtype", "size", "list"],
)
def test_what_is_no_state(wrong: Any) -> None:
    (_, theirs), (_, ours) = (
        outcome(lib.set_rng_state, wrong(lib.get_rng_state())) for lib in LIBRARIES
    )
    assert theirs is not None
    same_error(theirs, ours)


def test_seeds_that_are_none() -> None:
    for seed in (2**64, -(2**63) - 1):
        errors = [outcome(lib.Generator().manual_seed, seed)[1] for lib in LIBRARIES]
        assert [type(error) for error in errors] == [ValueError, ValueError]


def test_a_weight_modified_in_between() -> None:
    """The one place where the two differ on purpose: torch differentiates another function."""
    theirs, ours = LIBRARIES

    def run(lib: Any) -> Any:
        x, w = leaf(lib), leaf(lib)
        y = checkpoint_of(lib)(lambda x: x * w, x, use_reentrant=False)
        with lib.no_grad():
            w.mul_(10)
        y.sum().backward()
        return x.grad

    np.testing.assert_allclose(run(theirs).numpy(), [1.0, 2.0, 3.0])  # of y it is 0.1, 0.2, 0.3
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        run(ours)
