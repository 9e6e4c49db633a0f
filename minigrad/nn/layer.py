"""Layer: the base of layers that are described by the arguments they are made with."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

from minigrad.nn.module import Module

LayerType = TypeVar("LayerType", bound="Layer")


class Layer(Module):
    """A Module without parameters.  Its subclasses are dataclasses: the fields are what it is made
    with, are its attributes, and are printed.

        @dataclass(eq=False, repr=False)
        class ELU(Layer):
            alpha: float = 1.0
            inplace: bool = False
    """

    def __new__(cls: type[LayerType], *args: Any, **kwargs: Any) -> LayerType:
        layer = super().__new__(cls)
        Module.__init__(layer)  # here, because a dataclass makes an __init__ that does not call it
        return layer

    def __init__(self) -> None:
        """Nothing: __new__ has called Module's."""

    def extra_repr(self) -> str:
        named = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        if named.get("inplace") is False:
            del named["inplace"]
        return ", ".join(f"{name}={value!r}" for name, value in named.items())
