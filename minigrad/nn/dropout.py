"""Dropout: in training, random parts of the input become 0 and the rest grows to make up for it."""

from __future__ import annotations

from dataclasses import dataclass

from minigrad.nn import functional as F
from minigrad.nn.layer import Layer
from minigrad.tensor import Tensor


@dataclass(eq=False, repr=False)
class DropoutLayer(Layer):
    """What all have: the probability p of becoming 0."""

    p: float = 0.5
    inplace: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {self.p}")

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(DropoutLayer):
    """Single numbers become 0 (Srivastava et al. 2014)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(DropoutLayer):
    """Whole channels of (N, C, L) or (C, L) become 0."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(DropoutLayer):
    """Whole channels of (N, C, H, W) or (N, C, L) become 0."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(DropoutLayer):
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) become 0."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(DropoutLayer):
    """Numbers become what SELU gives at minus infinity; mean and variance stay."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(DropoutLayer):
    """AlphaDropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
