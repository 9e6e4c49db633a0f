"""Scaled dot product attention (Vaswani et al. 2017).

On the CPU the usual case is one node whose kernel keeps no T x T matrix; anything else is made of
matrix products and a softmax.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.dtypes import type_name
from minigrad.node import Node
from minigrad.ops.arguments import typed
from minigrad.ops.dropout import dropout
from minigrad.ops.either import Either
from minigrad.ops.masked import masked_fill
from minigrad.ops.matmul import matmul
from minigrad.ops.normalization import softmax
from minigrad.ops.pointwise import add, eq, logical_not, mul, sub
from minigrad.ops.reduction import all as all_of
from minigrad.ops.reduction import sum as sum_of
from minigrad.ops.view import expand, matrix_transpose, reshape, unsqueeze
from minigrad.saved import saved_values
from minigrad.shapes import broadcast_shape
from minigrad.tensor import TENSORS, Tensor, constant, has_history, record

Array = Any


class ScaledDotProductFlashAttentionForCpuBackward0(Node):
    """Of (query, key, value, mask): (N, H, L, E), (N, H, S, E), (N, H, S, F), (N, H, L, S)."""

    __slots__ = ("causal", "scale", "sums")
    saved_names = ("query", "key", "value", "attn_mask", "result")
    causal: bool
    scale: float
    sums: Any  # (N, H, L): the logarithms of the rows' sums of exponentials

    def vjp(self, grad: Either) -> Any:
        query, key, value, mask, out = saved_values(self, grad)
        if type(grad) in TENSORS:
            return self.vjp_written_out(grad, query, key, value, mask)
        options = self.sums, self.causal, self.scale
        return *kernels.attention_backward(grad, query, key, value, mask, out, *options), None

    def vjp_written_out(
        self, grad: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> Any:
        """The same in differentiable operations, for higher derivatives."""
        scaled = mul(query, self.scale)
        scores = matmul(scaled, matrix_transpose(key))
        weights, _ = weights_of(scores, mask, self.causal)
        slopes = matmul(grad, matrix_transpose(value))
        mean = sum_of(mul(weights, slopes), -1, True)
        of_scores = mul(weights, sub(slopes, mean))
        dq = mul(matmul(of_scores, key), self.scale)
        dk = matmul(matrix_transpose(of_scores), scaled)
        return dq, dk, matmul(matrix_transpose(weights), grad), None


@typed
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query key^T scale + mask) value, for (..., L, E), (..., S, E) and (..., S, F).

    attn_mask broadcasts to (..., L, S): floats are added, False means that a key is not seen.
    is_causal: row i sees keys up to i.  Without scale it is 1 / sqrt(E).  enable_gqa: several
    heads of the query share one of key and value.  A row that sees nothing gives zeros.
    """
    check_attention(query, key, value, attn_mask)
    if attn_mask is not None and is_causal:
        check_both_masks(query, key, value, dropout_p)
    if enable_gqa:
        key, value = repeated_heads(query, key, value)
    factor = 1 / math.sqrt(query.array.shape[-1] or 1) if scale is None else scale
    mask = None if attn_mask is None else added_mask(attn_mask, query)
    if not all(x.array.size for x in (query, key, value)):  # of nothing, any mask will do
        mask = None
    if is_usual(query, key, value, mask) and dropout_p == 0.0:
        return one_node(query, key, value, mask, is_causal, factor)
    scores = matmul(mul(query, factor), matrix_transpose(key))
    if mask is not None:
        check_mask_fits(mask.array.shape, scores.array.shape)
    weights, _ = weights_of(scores, mask, is_causal)
    return matmul(dropped_weights(weights, dropout_p), value)


def check_both_masks(query: Tensor, key: Tensor, value: Tensor, dropout_p: float) -> None:
    """RuntimeError unless attn_mask and is_causal go together, as they do in torch's kernel for
    (N, H, L, E)."""
    if dropout_p != 0.0 or any(x.array.ndim != 4 for x in (query, key, value)):
        raise RuntimeError(
            "scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True. Hide the later keys in attn_mask, too, with tril()."
        )


def check_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    q, k, v = query.array, key.array, value.array
    if not q.dtype == k.dtype == v.dtype:
        names = [type_name(x.dtype).lower() for x in (q, k, v)]
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{names[0]} key.dtype: {names[1]} and value.dtype: {names[2]} instead."
        )
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{q.ndim} key.dim: {k.ndim} and value.dim: {v.ndim} instead."
        )
    if q.dtype.kind != "f":
        raise RuntimeError(f"expected scalar type Float but found {type_name(q.dtype)}")
    kernels.check_one_device((q, k, v))
    if mask is None:
        return
    if mask.array.dtype != bool and mask.array.dtype != q.dtype:
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {type_name(mask.array.dtype).lower()} and  query.dtype: "
            f"{type_name(q.dtype).lower()} instead."
        )
    kernels.check_one_device((q, mask.array))


def repeated_heads(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Key and value with as many heads (the dimension before the last two) as the query."""
    if query.array.ndim < 3:
        raise IndexError(
            "Dimension out of range (expected to be in range of [-2, 1], but got -3): enable_gqa "
            "needs a dimension of heads"
        )
    heads = query.array.shape[-3]
    repeated = []
    for x in (key, value):
        shape = x.array.shape
        if shape[-3] == heads:
            repeated.append(x)
            continue
        if not shape[-3] or heads % shape[-3]:
            raise RuntimeError(
                "Number of heads in key and value must divide the number of heads in query"
            )
        times = heads // shape[-3]
        spread = expand(unsqueeze(x, -3), (*shape[:-2], times, *shape[-2:]))
        repeated.append(reshape(spread, (*shape[:-3], heads, *shape[-2:])))
    return repeated[0], repeated[1]


def added_mask(mask: Tensor, query: Tensor) -> Tensor:
    """A mask as numbers to be added: -inf for False."""
    if mask.array.dtype != bool:
        return mask
    zeros = constant(kernels.full(mask.array.shape, 0, query.array.dtype, query.array))
    hidden = constant(logical_not(mask.array))
    result: Tensor = masked_fill(zeros, hidden, -math.inf)
    return result


def is_usual(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> bool:
    """Whether the CPU's kernel can do it: no broadcasting, nothing empty, a constant mask."""
    arrays = [x.array for x in (query, key, value, mask) if x is not None]
    if any(type(array) is not np.ndarray or not array.size for array in arrays):
        return False
    q, k, v = (array.shape for array in arrays[:3])
    if not q[:-2] == k[:-2] == v[:-2] or q[-1] != k[-1] or k[-2] != v[-2]:
        return False
    return mask is None or not has_history(mask)


def one_node(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, scale: float
) -> Tensor:
    """By the CPU's kernel, which wants (N, H, L, E): the dimensions in front are merged or made."""
    shape = query.array.shape
    lead = (math.prod(shape[:-3]), *shape[-3:-2]) if len(shape) > 2 else (1, 1)
    q, k, v = query, key, value
    if len(shape) != 4:
        q, k, v = (reshape(x, (*lead, *x.array.shape[-2:])) for x in (q, k, v))
    added = None
    if mask is not None:
        wanted = (*shape[:-1], key.array.shape[-2])
        added = broadcast_mask(mask.array, wanted).reshape((*lead, *wanted[-2:]))
    out, sums = kernels.attention(q.array, k.array, v.array, added, causal, scale)
    inputs = (q, k, v, constant(out if added is None else added))
    saved = (q.array, k.array, v.array, added, out)
    details: dict[str, Any] = {"sums": sums, "causal": causal, "scale": scale}
    node = ScaledDotProductFlashAttentionForCpuBackward0
    result = record(node, out, inputs, saved, **details)
    return result if len(shape) == 4 else reshape(result, (*shape[:-1], out.shape[-1]))


def broadcast_mask(mask: Array, shape: tuple[int, ...]) -> Array:
    if mask.ndim < 2:
        raise IndexError(
            "Dimension out of range (expected to be in range of [-1, 0], but got -2): attn_mask "
            "needs a dimension for the queries and one for the keys"
        )
    try:
        return kernels.broadcast_to(mask, shape)
    except ValueError:
        raise RuntimeError(
            f"The size of tensor a ({shape[-1]}) must match the size of tensor b "
            f"({mask.shape[-1]}) at non-singleton dimension {len(shape) - 1}: attn_mask of shape "
            f"{list(mask.shape)} for scores of shape {list(shape)}"
        ) from None


def check_mask_fits(mask: tuple[int, ...], scores: tuple[int, ...]) -> None:
    """RuntimeError where a mask would stretch the scores."""
    both = broadcast_shape(scores, mask)
    if both != scores:
        raise RuntimeError(
            f"output with shape {list(scores)} doesn't match the broadcast shape {list(both)}: "
            f"attn_mask of shape {list(mask)}"
        )


def weights_of(scores: Tensor, mask: Tensor | None, causal: bool) -> tuple[Tensor, Any]:
    """The softmax of scores (..., L, S) plus the mask; zeros where a row sees nothing, and which
    rows those are."""
    if causal:
        rows, keys = scores.array.shape[-2:]
        later = np.triu(np.ones((rows, keys), bool), 1)
        hidden = constant(kernels.to_device_of(later, scores.array))
        scores = masked_fill(scores, hidden, -math.inf)
    if mask is None:
        return softmax(scores, -1), None
    scores = add(scores, mask)
    blind = all_of(eq(scores, -math.inf), -1, True)
    weights = softmax(masked_fill(scores, blind, 0.0), -1)
    return masked_fill(weights, blind, 0.0), blind


def dropped_weights(weights: Tensor, p: float) -> Tensor:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    return dropout(weights, p) if p else weights
