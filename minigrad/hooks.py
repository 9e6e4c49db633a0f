"""Hooks: functions of the user that the backward pass calls at a node."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

_keys = itertools.count()

Grads = list[Any]  # Tensors; None where no gradient came


class RemovableHandle:
    """What registering a hook returns: remove() takes the hook out again."""

    def __init__(self, hooks: dict[int, Any], hook: Any):
        self.hooks, self.id = hooks, next(_keys)
        hooks[self.id] = hook

    def remove(self) -> None:
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Hooks:
    """What users attached to one node, in the order it runs: hooks of its output tensors,
    retain_grad, hooks before the node, those after a leaf's gradient was added up, hooks after
    the node.  All of them see Tensors."""

    def __init__(self) -> None:
        self.of_tensors: dict[int, dict[int, Any]] = {}
        self.retained: dict[int, Any] = {}  # weak references: a tensor holds its node
        self.before: dict[int, Any] = {}
        self.after_accumulation: dict[int, Any] = {}
        self.after: dict[int, Any] = {}
        self.metadata: dict[Any, Any] = {}

    def add_tensor_hook(self, output_nr: int, hook: Any) -> RemovableHandle:
        return RemovableHandle(self.of_tensors.setdefault(output_nr, {}), hook)

    def retain(self, output_nr: int, tensor: Any) -> None:
        self.retained[output_nr] = weakref.ref(tensor)

    def on_arrival(self, grads: Grads) -> Grads:
        """Run the hooks of the node's output tensors on their gradients, then retain_grad."""
        grads = list(grads)
        for nr, hooks in self.of_tensors.items():
            for hook in tuple(hooks.values()):
                result = hook(grads[nr])
                if result is not None:
                    check(grads[nr], result, hook)
                    grads[nr] = result
        for nr, reference in self.retained.items():
            tensor, grad = reference(), grads[nr]
            if tensor is not None and grad is not None:
                tensor._grad = grad.clone() if tensor._grad is None else tensor._grad + grad
        return grads

    def run_before(self, grads: Grads) -> Grads:
        """The node's prehooks: hook(grad_outputs) may return other gradients."""
        seen = tuple(grads)
        for hook in tuple(self.before.values()):
            seen = replaced(hook(seen), seen, hook)
        return list(seen)

    def run_after_accumulation(self, leaf: Any) -> None:
        for hook in tuple(self.after_accumulation.values()):
            result = hook(leaf)
            if result is not None:
                check(leaf, result, hook)
                raise RuntimeError(
                    "Tensor post accumulate grad hooks should return None. "
                    f"{name_of(hook)} may change leaf.grad instead."
                )

    def run_after(self, results: Grads, grads: Grads) -> Grads:
        """The node's hooks: hook(grad_inputs, grad_outputs) may return other grad_inputs."""
        seen, outputs = tuple(results), tuple(grads)
        for hook in tuple(self.after.values()):
            seen = replaced(hook(seen, outputs), seen, hook)
        return list(seen)


def name_of(hook: Callable[..., Any]) -> str:
    return str(getattr(hook, "__name__", type(hook).__name__))


def replaced(results: Any, seen: tuple[Any, ...], hook: Any) -> tuple[Any, ...]:
    """The gradients after a node's hook: what it returned, if that is as many of the same kind."""
    if results is None:
        return seen
    if not isinstance(results, tuple):
        raise TypeError(
            f"expected tuple, but hook returned '{type(results).__name__}': "
            f"{name_of(hook)} should return None or as many gradients as it was given"
        )
    if len(results) != len(seen):
        raise RuntimeError(
            f"hook '{name_of(hook)}' has returned an incorrect number of values "
            f"(got {len(results)}, but expected {len(seen)})"
        )
    for grad, result in zip(seen, results, strict=True):
        if result is not None:
            check(grad, result, hook)
    return results


def check(grad: Any, result: Any, hook: Any) -> None:
    """A hook's result must be like the gradient that it takes the place of."""
    if grad is None:
        raise RuntimeError(
            "can't replace a None gradient with a non-None value: no gradient came here, so "
            f"{name_of(hook)} should return None"
        )
    if not hasattr(result, "array"):
        raise TypeError(
            f"expected Variable, but hook returned '{type(result).__name__}': "
            f"{name_of(hook)} should return a Tensor or None"
        )
    if result.array.dtype != grad.array.dtype:
        raise RuntimeError(
            f"hook '{name_of(hook)}' has changed the type of value "
            f"(was {grad.dtype} got {result.dtype})"
        )
    if result.device != grad.device:
        raise RuntimeError(
            f"hook '{name_of(hook)}' has changed the device of value "
            f"(was {grad.device} got {result.device})"
        )
    if result.array.shape != grad.array.shape:
        raise RuntimeError(
            f"hook '{name_of(hook)}' has changed the size of value "
            f"(was {list(grad.shape)} got {list(result.shape)})"
        )
