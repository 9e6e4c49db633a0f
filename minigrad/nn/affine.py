"""Affine: the base of normalising layers, which scale and shift what they have normalised."""

from __future__ import annotations

from typing import Any

from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.filled import empty


class Affine(Module):
    """A layer with a weight that starts as ones and a bias that starts as zeros, or without."""

    weight: Parameter | None
    bias: Parameter | None

    def _add_affine(
        self, shape: Any, weight: bool, bias: bool, device: Any = None, dtype: Any = None
    ) -> None:
        """Make the parameters that are wanted, and places for the others."""
        for name, wanted in (("weight", weight), ("bias", bias)):
            parameter = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, parameter)

    def reset_parameters(self) -> None:
        """Ones and zeros, as at the start."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
