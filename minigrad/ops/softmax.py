"""softmax and its relatives as torch.nn.functional has them: a dimension may be left out."""

from __future__ import annotations

from minigrad import dtypes
from minigrad.memory import warn_user
from minigrad.ops import normalization
from minigrad.ops.pointwise import neg
from minigrad.tensor import Tensor

Dtype = dtypes.dtype | None


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Dtype = None
) -> Tensor:
    """exp(x) / sum(exp(x)) along one dimension."""
    axis = dim_or_usual("softmax", input, dim)
    return normalization.softmax(input, axis, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Dtype = None
) -> Tensor:
    """log(softmax(x)), without the loss of small values."""
    axis = dim_or_usual("log_softmax", input, dim)
    return normalization.log_softmax(input, axis, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Dtype = None
) -> Tensor:
    """softmax(-x): the smaller, the more."""
    axis = dim_or_usual("softmin", input, dim)
    return normalization.softmax(neg(input), axis, dtype)


def dim_or_usual(name: str, x: Tensor, dim: int | None) -> int:
    """The dimension; without one, that of old programs: 1 of batches, 0 of single samples."""
    if dim is not None:
        return dim
    warn_user(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument."
    )  # it finds the user's line by itself: torch's `_stacklevel` is not needed
    return 0 if x.array.ndim in (0, 1, 3) else 1
