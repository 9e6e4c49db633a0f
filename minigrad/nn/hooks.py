"""Hooks of modules: functions that see what goes into a module and comes out, in both passes."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from minigrad.function import Function
from minigrad.grad_mode import is_grad_enabled
from minigrad.hooks import RemovableHandle
from minigrad.tensor import Tensor

Grads = tuple[Any, ...]  # Tensors; None for what is no tensor or got no gradient


class Hook(NamedTuple):
    """A function of the user that is called with a module's arguments."""

    function: Callable[..., Any]
    with_kwargs: bool
    always_call: bool = False  # also if forward raises

    def __call__(self, module: Any, args: Any, kwargs: Any, *result: Any) -> Any:
        if self.with_kwargs:
            return self.function(module, args, kwargs, *result)
        return self.function(module, args, *result)


class ModuleHooks:
    """The hooks of one module by number, in the order in which they are called."""

    def __init__(self) -> None:
        self.before_forward: OrderedDict[int, Hook] = OrderedDict()
        self.after_forward: OrderedDict[int, Hook] = OrderedDict()
        self.before_backward: OrderedDict[int, Any] = OrderedDict()
        self.after_backward: OrderedDict[int, Any] = OrderedDict()


class Hooked:
    """What may have hooks."""

    _module_hooks: ModuleHooks | None = None

    def _add_hook(self, kind: str, hook: Any, prepend: bool) -> RemovableHandle:
        if self._module_hooks is None:
            self._module_hooks = ModuleHooks()
        hooks = getattr(self._module_hooks, kind)
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before forward; it may return other args.

        with_kwargs: call hook(module, args, kwargs), which may return (args, kwargs).
        """
        return self._add_hook("before_forward", Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call hook(module, args, output) after forward; it may return another output.

        with_kwargs: call hook(module, args, kwargs, output).  always_call: even if forward raised.
        """
        return self._add_hook("after_forward", Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(module, grad_output) when the gradients of the outputs are there; it may
        return others."""
        return self._add_hook("before_backward", hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when the gradients of the inputs are there;
        it may return other grad_inputs."""
        return self._add_hook("after_backward", hook, prepend)


class HookedCall:
    """One call of a module that has hooks."""

    def __init__(self, module: Any, hooks: ModuleHooks, args: Any, kwargs: Any):
        self.module, self.hooks, self.args, self.kwargs = module, hooks, args, kwargs
        self.waiting = [hook for hook in hooks.after_forward.values() if hook.always_call]
        self.result: Any = None

    def run(self) -> Any:
        try:
            return self.run_all()
        except Exception as error:
            self.run_waiting(error)
            raise

    def run_all(self) -> Any:
        hooks = self.hooks
        backward = BackwardHooks(self.module, hooks)  # those there are now: a hook may add some
        for hook in tuple(hooks.before_forward.values()):
            self.replace_arguments(hook)
        self.args = backward.watch_inputs(self.args)
        self.result = self.module.forward(*self.args, **self.kwargs)
        for hook in tuple(hooks.after_forward.values()):
            if hook in self.waiting:
                self.waiting.remove(hook)
            self.replace_result(hook)
        return backward.watch_outputs(self.result)

    def replace_arguments(self, hook: Hook) -> None:
        new = hook(self.module, self.args, self.kwargs)
        if new is None:
            return
        if not hook.with_kwargs:
            self.args = new if isinstance(new, tuple) else (new,)
        elif isinstance(new, tuple) and len(new) == 2:
            self.args, self.kwargs = new
        else:
            raise RuntimeError(
                "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                f"but got {new}."
            )

    def replace_result(self, hook: Hook) -> None:
        new = hook(self.module, self.args, self.kwargs, self.result)
        if new is not None:
            self.result = new

    def run_waiting(self, error: Exception) -> None:
        """Call those that are always called; what they raise must not hide the first error."""
        for hook in self.waiting:
            try:
                self.replace_result(hook)
            except Exception as second:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception that was "
                    f"silenced as another error was raised in forward: {second}",
                    stacklevel=4,
                )


# ------------------------------------------------------------------------- in the backward pass


class BackwardHookFunction(Function):
    """The identity.  Its node sees the gradients of all inputs, or all outputs, of a module."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.mark_non_differentiable(*[x for x in tensors if not x.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        return grads


class BackwardHooks:
    """The backward hooks of one call, which wait until the gradients they are given are there."""

    def __init__(self, module: Any, hooks: ModuleHooks):
        self.module = module
        self.before = tuple(hooks.before_backward.values())
        self.after = tuple(hooks.after_backward.values())
        self.inputs = self.outputs = Watched((), (), None)
        self.grad_outputs: Grads | None = None

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if not (self.before or self.after):
            return args
        self.inputs = watch(args)
        if self.inputs.node is not None:
            self.inputs.node.register_hook(self.on_grad_inputs)
        return self.inputs.values

    def watch_outputs(self, result: Any) -> Any:
        if not (self.before or self.after):
            return result
        if not isinstance(result, Tensor | tuple):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}",
                stacklevel=5,
            )
        self.outputs = watch(result if isinstance(result, tuple) else (result,))
        if self.outputs.node is not None:
            self.outputs.node.register_hook(self.on_grad_outputs)
        return self.outputs.values if isinstance(result, tuple) else self.outputs.values[0]

    def on_grad_outputs(self, _: Grads, grads: Grads) -> Grads:
        grad_outputs = self.outputs.among_all(grads)
        for hook in self.before:
            grad_outputs = same_number(
                "pre hook", "output", hook(self.module, grad_outputs), grad_outputs
            )
        if self.inputs.node is None:
            self.run_without_grad_inputs(grad_outputs)
        else:
            self.grad_outputs = grad_outputs
        return self.outputs.of_tensors(grad_outputs)

    def on_grad_inputs(self, grads: Grads, _: Grads) -> Grads | None:
        grad_outputs, self.grad_outputs = self.grad_outputs, None
        if grad_outputs is None:  # a second derivative came here, but not through the outputs
            return None
        grad_inputs = self.inputs.among_all(grads)
        for hook in self.after:
            new = hook(self.module, grad_inputs, grad_outputs)
            grad_inputs = same_number("hook", "input", new, grad_inputs)
        return self.inputs.of_tensors(grad_inputs)

    def run_without_grad_inputs(self, grad_outputs: Grads) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients: grad_input has None for each of them.",
            stacklevel=2,
        )
        nothing = (None,) * len(self.inputs.values)
        for hook in self.after:
            new = hook(self.module, nothing, grad_outputs)
            if new is not None and any(grad is not None for grad in new):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )


class Watched(NamedTuple):
    """Inputs or outputs of a module, and the node that sees the gradients of the tensors there."""

    values: tuple[Any, ...]
    places: tuple[int, ...]  # of the tensors among the values
    node: Any  # None if no gradient is wanted

    def among_all(self, grads: Grads) -> Grads:
        """Gradients of the tensors, with None for the values between them."""
        of_place = dict(zip(self.places, grads, strict=True))
        return tuple(of_place.get(place) for place in range(len(self.values)))

    def of_tensors(self, grads: Grads) -> Grads:
        return tuple(grads[place] for place in self.places)


def watch(values: tuple[Any, ...]) -> Watched:
    """The same values, of which the tensors passed through one node."""
    places = tuple(place for place, x in enumerate(values) if isinstance(x, Tensor))
    tensors = [values[place] for place in places]
    if not (is_grad_enabled() and any(x.requires_grad for x in tensors)):
        return Watched(values, places, None)
    passed = BackwardHookFunction.apply(*tensors)
    node = next(x.grad_fn for x in passed if x.requires_grad)
    return Watched(with_tensors(values, places, passed), places, node)


def with_tensors(values: Any, places: Iterable[int], tensors: Iterable[Tensor]) -> Any:
    """The tuple, be it a named one, with these tensors at these places."""
    changed = list(values)
    for place, x in zip(places, tensors, strict=True):
        changed[place] = x
    return tuple(changed) if type(values) is tuple else type(values)(*changed)


def same_number(kind: str, what: str, new: Any, grads: Grads) -> Grads:
    """What a hook returned in the place of gradients; RuntimeError unless as many."""
    if new is None:
        return grads
    if not isinstance(new, tuple | list):
        new = (new,)
    if len(new) != len(grads):
        raise RuntimeError(
            f"Backward {kind} returned an invalid number of grad_{what}, "
            f"got {len(new)}, but expected {len(grads)}"
        )
    return tuple(new)
