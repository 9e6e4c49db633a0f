"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.nn.parts import type_name
from minigrad.ops.joining import cat
from minigrad.tensor import Tensor


def on_one_device(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters as a list; TypeError if they are not all on one device."""
    given = list(parameters)
    if len({parameter.device for parameter in given}) > 1:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
    return given


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after the other."""
    return cat([parameter.view(-1) for parameter in on_one_device(parameters)])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters show the elements of `vec`, one after the other."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected minigrad.Tensor, but got: {type_name(vec)}")
    start = 0
    for parameter in on_one_device(parameters):
        stop = start + parameter.numel()
        parameter.data = vec[start:stop].view_as(parameter).data
        start = stop
