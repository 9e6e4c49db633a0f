"""Activation checkpointing: less memory for more time, with the names of torch.utils.checkpoint.

A backward pass needs tensors that the forward pass computed, and so they are kept.  Those that a
checkpointed function computes are not kept; when the backward pass asks for the first of them,
the function runs once more and they are all there again.

    y = checkpoint(block, x, use_reentrant=False)

With use_reentrant=False the graph is the one that there would be anyway; a node of it holds a
Place where it would hold a tensor.  With use_reentrant=True the whole call is one node, whose
backward runs the function again and then a backward pass of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from minigrad import engine
from minigrad.autograd.backward import backward
from minigrad.autograd.saved_hooks import saved_tensors_hooks
from minigrad.function import Function
from minigrad.grad_mode import enable_grad, is_grad_enabled
from minigrad.memory import tick
from minigrad.random import fork_rng, get_rng_state, set_rng_state
from minigrad.tensor import Tensor
from minigrad.utils.recomputation import CheckpointError, Options, Region

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]

Run = Callable[..., Any]
Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]

SAY_WHICH = (
    "minigrad.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
    "use_reentrant=False is recommended; without it you get use_reentrant=True, which allows "
    "neither autograd.grad nor keyword arguments nor a second derivative."
)
NOT_VALID = (
    "When use_reentrant=True, minigrad.utils.checkpoint is incompatible with .grad() or passing "
    "an `inputs` parameter to .backward(). To resolve this error, you can either set "
    "use_reentrant=False, or call .backward() without passing the `inputs` argument."
)


def noop_context_fn() -> Contexts:
    """No contexts, neither around the first run nor around the second."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Run,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), which runs again in the backward pass instead of being kept.

    It must compute the same both times: CheckpointError if what it saves differs in number,
    shape, dtype or device (determinism_check="none" looks at the number only).  What it draws
    from the default generator is the same both times, unless preserve_rng_state=False.
    `context_fn` gives two context managers, for the first run and for those that follow.
    With early_stop, a run ends as soon as all is there that the first one saved.
    use_reentrant=True allows none of these options but preserve_rng_state.
    """
    if use_reentrant is None:
        warnings.warn(SAY_WHICH, stacklevel=2)
        use_reentrant = True
    if not use_reentrant:
        options = checked_options(early_stop, determinism_check, debug, context_fn)
        again = with_same_numbers(function, preserve_rng_state)
        return run_in_region(function, again, args, kwargs, context_fn(), options)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    check_backward_validity(args)
    return CheckpointFunction.apply(function, preserve_rng_state, *args)


def checkpoint_sequential(
    functions: Iterable[Run],
    segments: int,
    input: Tensor,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Run functions one after the other, in `segments` groups of which all but the last are
    checkpointed: with n functions, about n / segments results are kept at a time."""
    if use_reentrant is None:
        warnings.warn(SAY_WHICH.replace("checkpoint:", "checkpoint_sequential:"), stacklevel=2)
        use_reentrant = True
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions)
    size = len(steps) // segments
    last = 0
    for start in range(0, size * (segments - 1), size):
        last = start + size
        input = checkpoint(
            in_a_row(steps[start:last]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return in_a_row(steps[last:])(input)


def in_a_row(functions: Sequence[Run]) -> Run:
    def run(input: Any) -> Any:
        for function in functions:
            input = function(input)
        return input

    return run


def with_same_numbers(function: Run, preserve_rng_state: bool) -> Run:
    """The function with the random numbers that it would draw if called now."""
    if not preserve_rng_state:
        return function
    state = get_rng_state()

    def run_again(*args: Any, **kwargs: Any) -> Any:
        with fork_rng():
            set_rng_state(state)
            return function(*args, **kwargs)

    return run_again


# ---------------------------------------------------------- use_reentrant=True: one node for all


class CheckpointFunction(Function):
    """The call as one operation, whose backward runs the function again and differentiates it."""

    @staticmethod
    def forward(ctx: Any, run_function: Run, preserve_rng_state: bool, *args: Any) -> Any:
        ctx.again = with_same_numbers(run_function, preserve_rng_state)
        ctx.others = [None if isinstance(x, Tensor) else x for x in args]
        ctx.save_for_backward(*(x if isinstance(x, Tensor) else None for x in args))
        return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        running = engine.current.get()
        if running is not None and not running.whole:
            raise RuntimeError(NOT_VALID)
        pairs = zip(ctx.saved_tensors, ctx.others, strict=True)
        inputs = detach_variable(tuple(other if x is None else x for x, other in pairs))
        with enable_grad():
            results = ctx.again(*inputs)
        results = results if isinstance(results, tuple) else (results,)
        roots = [
            (x, grad)
            for x, grad in zip(results, grads, strict=True)
            if isinstance(x, Tensor) and x.requires_grad
        ]
        if not roots:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([x for x, _ in roots], [grad for _, grad in roots])
        return None, None, *(x.grad if isinstance(x, Tensor) else None for x in inputs)


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same values as leaves of a new graph."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs
    )


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn if no input takes part in the graph: the one node would not be recorded."""
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3
        )


# --------------------------------------------------- use_reentrant=False: places in the same graph


def run_in_region(
    function: Run,
    again: Run,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    contexts: Contexts,
    options: Options,
) -> Any:
    """Call `function` now, with places for what it saves, and `again` to fill them later."""
    if not is_grad_enabled():
        return function(*args, **kwargs)
    first, later = contexts

    def run_again(*args: Any) -> None:
        with later:
            again(*args, **kwargs)

    region = Region(run_again, args, options)
    with saved_tensors_hooks(region.pack, region.unpack), region.levels.noted(), first:
        result = function(*args, **kwargs)
        region.completed = tick()
        return result
    raise RuntimeError(
        "minigrad.utils.checkpoint: the forward context provided by context_fn suppressed an "
        "exception raised during the checkpointed forward. This is not supported because "
        "checkpoint cannot return a value for a failed forward."
    )


class Overrides:
    """What the context managers below say over the arguments of checkpoint(); None is nothing."""

    early_stop: bool | None = None
    debug: bool | None = None


@contextmanager
def overridden(name: str, value: bool | None) -> Iterator[None]:
    previous = getattr(Overrides, name)
    setattr(Overrides, name, value)
    try:
        yield
    finally:
        setattr(Overrides, name, previous)


def set_checkpoint_early_stop(enable: bool) -> AbstractContextManager[None]:
    """Whether second runs stop early, for checkpoints whose first run is in this block."""
    return overridden("early_stop", enable)


def set_checkpoint_debug_enabled(enabled: bool | None) -> AbstractContextManager[None]:
    """Whether errors list all that was saved, for checkpoints whose first run is in this block."""
    return overridden("debug", enabled)


def checked_options(
    early_stop: bool, determinism_check: str, debug: bool, context_fn: Callable[[], Contexts]
) -> Options:
    """The options of one call, after the context managers had their say."""
    if Overrides.early_stop is not None:
        early_stop = Overrides.early_stop
    if Overrides.debug is not None:
        debug = Overrides.debug
    if debug and context_fn is not noop_context_fn:
        raise ValueError("debug=True is incompatible with non-default context_fn")
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    return Options(early_stop, determinism_check == "default", debug)
