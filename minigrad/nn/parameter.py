"""Tensors that a Module finds when they are set as attributes."""

import numpy as np

from minigrad.dtypes import get_default_dtype
from minigrad.node import NO_EDGE
from minigrad.tensor import Tensor


class Parameter(Tensor):
    """A leaf that a Module trains.  Shares the memory of `data`."""

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> "Parameter":
        self = super().__new__(cls)
        self.array = np.empty(0, get_default_dtype().numpy) if data is None else data.array
        self.edge, self._grad = NO_EDGE, None
        self.requires_grad_(requires_grad)
        return self


class Buffer(Tensor):
    """A tensor that belongs to a Module's state but is not trained.  Shares the memory of `data`.

    persistent: whether state_dict() has it.
    """

    __slots__ = ("persistent",)
    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> "Buffer":
        self = super().__new__(cls)
        self.array = np.empty(0, get_default_dtype().numpy) if data is None else data.array
        self.edge, self._grad, self.persistent = NO_EDGE, None, persistent
        return self
