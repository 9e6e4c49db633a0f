"""Elements chosen along one dimension: the gradient goes to where they were."""

from __future__ import annotations

from typing import Any

from minigrad.node import Node
from minigrad.ops.either import Either
from minigrad.ops.gather import add_along
from minigrad.ops.view import unsqueeze_axes


class ChoiceNode(Node):
    """Saves the places of the elements that were chosen."""

    __slots__ = ("axis", "input_shape", "keepdim")
    saved_names = ("indices",)
    axis: int
    input_shape: tuple[int, ...]
    keepdim: bool  # whether the results have the dimension, too

    def vjp(self, grad: Either) -> Any:
        if not self.input_shape:
            return (grad,)
        (indices,) = self.saved_arrays()
        if not self.keepdim:
            grad, indices = (unsqueeze_axes(x, (self.axis,)) for x in (grad, indices))
        return (add_along(grad, indices, self.axis, self.input_shape),)
