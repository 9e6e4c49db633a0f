"""Distances and similarities of vectors, as modules."""

from __future__ import annotations

from dataclasses import dataclass

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.tensor import Tensor


@dataclass(eq=False, repr=False)
class CosineSimilarity(Layer):
    """The cosine of the angle between vectors along `dim`."""

    dim: int = 1
    eps: float = 1e-8

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)

    def extra_repr(self) -> str:
        return ""


@dataclass(eq=False, repr=False)
class PairwiseDistance(Layer):
    """The p-norm of x1 - x2 + eps along the last dimension."""

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)

    def extra_repr(self) -> str:
        return ""
