"""register_multi_grad_hook: a hook that waits for the gradients of several tensors."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from minigrad import engine
from minigrad.hooks import Hooks, RemovableHandle
from minigrad.tensor import Tensor, edge_of


class MultiHandle(RemovableHandle):
    """What register_multi_grad_hook returns: remove() takes out the hooks of all tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
) -> MultiHandle:
    """Call fn(gradients) once all tensors' gradients are known (None for those that get none in
    this pass), or, with mode="any", fn(gradient) at the first of them."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        first = FirstGradient(fn)
        return MultiHandle([x.register_hook(first) for x in tensors if x.requires_grad])
    for place, x in enumerate(tensors):
        if not x.requires_grad:
            raise AssertionError(
                f"Expected gradient function to be set, but tensor {place} does not require grad"
            )
    waiting = AllGradients(tensors, fn)
    handles = [x.register_hook(waiting.hook_of(place)) for place, x in enumerate(tensors)]
    return MultiHandle(handles)


class FirstGradient:
    def __init__(self, fn: Callable[[Tensor], None]) -> None:
        self.fn = fn
        self.seen_in: WeakSet[Any] = WeakSet()  # the backward passes under way that called fn

    def __call__(self, grad: Tensor) -> None:
        running = engine.current.get()
        assert running is not None, "expected this hook to be called inside a backward call"
        if running not in self.seen_in:
            self.seen_in.add(running)
            self.fn(grad)


class AllGradients:
    """Gathers the gradients of several tensors, for each backward pass that is under way.

    It hangs on the nodes, so it knows them by weak references to their hooks.  (A leaf has
    another node in the next graph, with the same hooks.)
    """

    def __init__(self, tensors: Sequence[Tensor], fn: Callable[..., None]) -> None:
        self.places = [weakref.ref(hooks_of(x)) for x in tensors]
        self.fn = fn
        self.gathered: WeakKeyDictionary[Any, list[Tensor | None]] = WeakKeyDictionary()
        self.missing: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def hook_of(self, place: int) -> Callable[[Tensor], None]:
        def hook(grad: Tensor) -> None:
            running = engine.current.get()
            assert running is not None, "expected this hook to be called inside a backward call"
            if running not in self.gathered:
                visited = {id(n.hooks) for n in running.visited() if n.hooks is not None}
                self.gathered[running] = [None] * len(self.places)
                self.missing[running] = sum(id(place()) in visited for place in self.places)
            self.gathered[running][place] = grad
            self.missing[running] -= 1
            if not self.missing[running]:
                del self.missing[running]
                self.fn(self.gathered.pop(running))

        return hook


def hooks_of(x: Tensor) -> Hooks:
    node, _ = edge_of(x)
    assert node is not None
    return node.own_hooks()
