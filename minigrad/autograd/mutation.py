"""allow_mutation_on_saved_tensors: a copy is kept of what is about to be written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minigrad.autograd.saved_hooks import saved_tensors_hooks
from minigrad.memory import owner_of
from minigrad.ops.inplace import before_write
from minigrad.tensor import Tensor, constant


class Kept:
    """A saved array, or, once its memory was written to, a copy of what it was."""

    def __init__(self, context: MutationContext, tensor: Tensor) -> None:
        self.context, self.tensor = context, tensor


class MutationContext:
    """What allow_mutation_on_saved_tensors knows: the saved arrays by the memory they show."""

    def __init__(self) -> None:
        self.by_memory: dict[int, list[Kept]] = {}
        self.active = True

    def keep(self, tensor: Tensor) -> Kept:
        kept = Kept(self, tensor)
        self.by_memory.setdefault(id(owner_of(tensor.array)), []).append(kept)
        return kept

    def restore(self, kept: Kept) -> Tensor:
        if not self.active:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in "
                "which the graph was originally recorded."
            )
        return kept.tensor

    def before_write(self, array: Any) -> None:
        for kept in self.by_memory.pop(id(owner_of(array)), ()):
            kept.tensor = constant(kept.tensor.array.copy())


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[MutationContext]:
    """Inside the block, saved tensors may be modified in place: what is about to change is copied
    first.  backward() must be called inside the block."""
    if any(isinstance(key, MutationContext) for key in before_write):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = MutationContext()
    before_write[context] = context.before_write
    try:
        with saved_tensors_hooks(context.keep, context.restore):
            yield context
    finally:
        context.active = False
        del before_write[context]
