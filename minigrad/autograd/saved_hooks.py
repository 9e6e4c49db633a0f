"""Hooks for saved tensors: what nodes save may be packed away, and unpacked when it is wanted.

Different from torch: a pack hook gets a node's own result without its history.  With it, a hook
that keeps the tensor would make a cycle, and the graph would wait for the garbage collector.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minigrad.autograd.saved_attributes import value_to_pack
from minigrad.forward_levels import forward_only, gets_gradient
from minigrad.grad_mode import GradMode, is_grad_enabled
from minigrad.memory import version
from minigrad.node import Node
from minigrad.ops.define import is_number
from minigrad.recording import observers
from minigrad.tensor import Tensor

_stack: ContextVar[tuple[saved_tensors_hooks, ...]] = ContextVar("saved_tensors_hooks", default=())
_refusal: ContextVar[str | None] = ContextVar("saved_tensors_hooks_refusal", default=None)


class saved_tensors_hooks:  # torch's name
    """Inside the block, what nodes save is pack_hook(tensor) of it; when it is wanted, it is
    unpack_hook(packed).  The innermost block counts; a block is seen by its own thread alone."""

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        refusal = _refusal.get()
        if refusal is not None:
            raise RuntimeError(refusal)
        _stack.set((*_stack.get(), self))
        with _counting:
            _blocks.append(self)
            observers[saved_tensors_hooks] = pack

    def __exit__(self, *exception: object) -> None:
        _stack.set(_stack.get()[:-1])
        with _counting:
            _blocks.remove(self)
            if not _blocks:
                observers.pop(saved_tensors_hooks, None)


_blocks: list[saved_tensors_hooks] = []  # of all threads
_counting = threading.Lock()


def pack(node: Node) -> None:
    """Give what a new node saved to the innermost pack hook, if a gradient may come for it."""
    hooks = _stack.get()
    if not hooks or type(node.saved) is not tuple or not node.saved:
        return
    if is_grad_enabled() and not (forward_only and not gets_gradient(node)):
        node.saved = PackedTensors(node, node.saved, hooks[-1])


@contextmanager
def without_saved_tensors_hooks() -> Iterator[None]:
    """Inside, nodes keep what they save."""
    outer = _stack.set(())
    try:
        yield
    finally:
        _stack.reset(outer)


class PackedTensors:
    """What a pack hook made of the arrays that a node saved; numbers are left alone."""

    __slots__ = ("items", "plain", "unpack_hook")

    def __init__(self, node: Node, arrays: tuple[Any, ...], hooks: saved_tensors_hooks) -> None:
        self.plain = [array is None or is_number(array) for array in arrays]
        self.unpack_hook = hooks.unpack_hook
        with GradMode(False):
            self.items = [
                array if plain else packed(value_to_pack(node, place, array), hooks)
                for place, (array, plain) in enumerate(zip(arrays, self.plain, strict=True))
            ]

    def arrays(self) -> tuple[Any, ...]:
        return tuple(map(self.array, range(len(self.items))))

    def array(self, place: int) -> Any:
        item = self.items[place]
        if self.plain[place]:
            return item
        result = self.unpack_hook(item)
        if not isinstance(result, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(result).__name__}"
            )
        return result.array


def packed(tensor: Tensor, hooks: saved_tensors_hooks) -> Any:
    before = version(tensor.array)
    result = hooks.pack_hook(tensor)
    if version(tensor.array) != before:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
            "to pack hook can not be modified by in-place operations as this can lead to "
            "unexpected side-effects. Work on a clone() of it."
        )
    return result


class save_on_cpu(saved_tensors_hooks):  # torch's name
    """Inside the block, what nodes save waits on the CPU for the backward pass."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(
            lambda tensor: (tensor.device, tensor.cpu()),
            lambda item: item[1].to(item[0]),
        )


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside the block, saved_tensors_hooks raise RuntimeError(error_message)."""
    if _stack.get():
        raise RuntimeError(error_message)
    outer = _refusal.set(error_message)
    try:
        yield
    finally:
        _refusal.reset(outer)
