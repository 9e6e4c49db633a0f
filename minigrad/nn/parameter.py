"""Parameter: a tensor that a Module trains."""

import numpy as np

from minigrad.dtypes import get_default_dtype
from minigrad.node import NO_EDGE
from minigrad.tensor import Tensor


class Parameter(Tensor):
    """A leaf that a Module finds when it is set as an attribute.  Shares the memory of `data`."""

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> "Parameter":
        self = super().__new__(cls)
        self.array = np.empty(0, get_default_dtype().numpy) if data is None else data.array
        self.edge, self._grad = NO_EDGE, None
        self.requires_grad_(requires_grad)
        return self
