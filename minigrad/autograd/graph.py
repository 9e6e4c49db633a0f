"""The graph as a user sees it, and what may be hung on it: torch.autograd.graph's names."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.autograd.backward import GradientEdge, get_gradient_edge
from minigrad.autograd.multi_grad_hook import register_multi_grad_hook
from minigrad.autograd.mutation import allow_mutation_on_saved_tensors
from minigrad.autograd.saved_hooks import (
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)
from minigrad.memory import note_write
from minigrad.node import Node
from minigrad.tensor import Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that memory was written to in a way that minigrad did not see."""
    tensors: Iterable[Tensor] = (tensor,) if isinstance(tensor, Tensor) else tensor
    if not isinstance(tensors, Iterable):
        raise RuntimeError(
            "increment_version expect a Iterable[Tensor] as input, or one Tensor, but got "
            f"{type(tensor).__name__}"
        )
    for x in tensors:
        note_write(x.array)
