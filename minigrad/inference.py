"""Inference mode: no_grad for good, with tensors that can never become part of a graph.

What is made in inference mode is known by its memory.  As long as such memory exists, every node
that is recorded is asked whether it saved some of it.
"""

from __future__ import annotations

import weakref
from typing import Any

from minigrad.grad_mode import GradMode, _inference, set_mode
from minigrad.memory import owner_of
from minigrad.modes import decorate
from minigrad.recording import observers


class inference_mode(GradMode):  # torch's name
    """no_grad for good: tensors made inside can never become part of a graph."""

    def __init__(self, mode: bool = True):
        super().__init__(not mode)
        self.inference = bool(mode)
        self.inference_before: list[bool] = []

    def __new__(cls, mode: Any = True) -> Any:
        return object.__new__(cls) if isinstance(mode, bool) else decorate(cls, mode)

    def clone(self) -> GradMode:
        return inference_mode(self.inference)

    def __enter__(self) -> None:
        super().__enter__()
        self.inference_before.append(_inference.get())
        set_mode(_inference, self.inference)

    def __exit__(self, *exception: object) -> None:
        _inference.set(self.inference_before.pop())
        super().__exit__(*exception)


NO_SAVING = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
    "inference mode in computation tracked by autograd. To work around this, you can make a clone "
    "to get a normal tensor and use it in autograd, or use `minigrad.no_grad()` instead of "
    "`minigrad.inference_mode()`."
)
inference_memory: dict[int, Any] = {}  # made in inference mode: weak references, by the owner's id


def note_inference(array: Any) -> None:
    """Remember that the memory of `array` was made in inference mode."""
    owner, key = owner_of(array), id(owner_of(array))
    inference_memory[key] = weakref.ref(owner, lambda _: forget_inference(key))
    observers[NO_SAVING] = refuse_inference


def forget_inference(key: int) -> None:
    inference_memory.pop(key, None)
    if not inference_memory:
        observers.pop(NO_SAVING, None)


def is_made_in_inference(array: Any) -> bool:
    return id(owner_of(array)) in inference_memory


def is_inference(input: Any) -> bool:
    """Whether a tensor was made in inference mode."""
    return is_made_in_inference(input.array)


def refuse_inference(node: Any) -> None:
    """RuntimeError if a new node saved an inference tensor."""
    saved = node.saved if type(node.saved) is tuple else ()
    if any(array is not None and is_made_in_inference(array) for array in saved):
        raise RuntimeError(f"{NO_SAVING} ({node.name()}, at {node.line}, wants to save one.)")
