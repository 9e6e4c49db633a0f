"""Hooks: functions of the user that the backward pass calls at a node."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

_keys = itertools.count()


class Handle:
    """What registering a hook returns: remove() takes the hook out again."""

    def __init__(self, hooks: dict[int, Any], hook: Any):
        self.hooks, self.id = hooks, next(_keys)
        hooks[self.id] = hook

    def remove(self) -> None:
        self.hooks.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one node, in the order they run: those of its output tensors, retain_grad,
    those before the node, those after it.  Hooks always see Tensors."""

    def __init__(self, constant: Callable[[Any], Any]):
        self.constant = constant  # the tensor of an array
        self.of_tensors: dict[int, dict[int, Any]] = {}
        self.retained: dict[int, Any] = {}  # weak references: a tensor holds its node
        self.before: dict[int, Any] = {}
        self.after: dict[int, Any] = {}

    def add_tensor_hook(self, output_nr: int, hook: Any) -> Handle:
        return Handle(self.of_tensors.setdefault(output_nr, {}), hook)

    def retain(self, output_nr: int, tensor: Any) -> None:
        self.retained[output_nr] = weakref.ref(tensor)

    def on_arrival(self, grads: list[Any], of_arrays: bool) -> list[Any]:
        """Run the tensors' hooks on the gradients of the node's outputs (None where none came)."""
        return [
            grad if grad is None else self.on_output(nr, grad, of_arrays)
            for nr, grad in enumerate(grads)
        ]

    def on_output(self, output_nr: int, grad: Any, of_arrays: bool) -> Any:
        hooks, retained = self.of_tensors.get(output_nr), self.retained.get(output_nr)
        tensor = retained and retained()
        if not hooks and tensor is None:
            return grad
        seen = self.constant(grad) if of_arrays else grad
        for hook in list(hooks.values()) if hooks else ():
            seen = replaced(hook(seen), seen, hook)
        if tensor is not None:
            kept = self.constant(seen.array.copy()) if of_arrays else seen
            tensor._grad = kept if tensor._grad is None else tensor._grad + kept
        return seen.array if of_arrays else seen

    def run_before(self, grads: list[Any], of_arrays: bool) -> list[Any]:
        """The node's prehooks: hook(grad_outputs) may return other gradients."""
        if not self.before:
            return grads
        seen = self.wrap(grads, of_arrays)
        for hook in list(self.before.values()):
            result = hook(seen)
            seen = seen if result is None else as_tuple(result)
        return self.unwrap(seen, of_arrays)

    def run_after(self, results: Any, grads: list[Any], of_arrays: bool) -> Any:
        """The node's hooks: hook(grad_inputs, grad_outputs) may return other grad_inputs."""
        if not self.after:
            return results
        seen, outputs = self.wrap(results, of_arrays), self.wrap(grads, of_arrays)
        for hook in list(self.after.values()):
            result = hook(seen, outputs)
            seen = seen if result is None else as_tuple(result)
        return self.unwrap(seen, of_arrays)

    def wrap(self, grads: Any, of_arrays: bool) -> tuple[Any, ...]:
        return tuple(g if g is None or not of_arrays else self.constant(g) for g in grads)

    def unwrap(self, grads: Any, of_arrays: bool) -> list[Any]:
        return [g if g is None or not of_arrays else g.array for g in grads]


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def replaced(result: Any, grad: Any, hook: Any) -> Any:
    """What a tensor hook returned, checked, or the gradient as it was."""
    if result is None:
        return grad
    name = getattr(hook, "__name__", "hook")
    if not hasattr(result, "array"):
        raise TypeError(
            f"expected Variable, but hook returned '{type(result).__name__}': "
            f"{name}(grad) should return a Tensor or None"
        )
    if result.array.shape != grad.array.shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of value: from {list(grad.array.shape)} "
            f"to {list(result.array.shape)}"
        )
    if result.array.dtype != grad.array.dtype:
        raise RuntimeError(f"hook '{name}' has changed the type of value")
    return result
