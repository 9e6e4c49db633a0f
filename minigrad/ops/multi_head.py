"""Attention with several heads: projections, masks, attention of each head, projection.

Vaswani et al. 2017.  A sequence comes as (L, N, E), the position first, or without a batch as
(L, E); heads are (N H, L, D) inside.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad import kernels
from minigrad.ops.addmm import linear
from minigrad.ops.arguments import Flag, typed
from minigrad.ops.attention import added_mask, scaled_dot_product_attention
from minigrad.ops.dropout import dropout
from minigrad.ops.joining import cat, chunk, unbind
from minigrad.ops.matmul import bmm
from minigrad.ops.normalization import softmax
from minigrad.ops.pointwise import add, mul
from minigrad.ops.reduction import mean
from minigrad.ops.view import expand, permute, reshape, squeeze, transpose, unsqueeze
from minigrad.tensor import Tensor, constant

Maybe = Any  # a Tensor or None

CAUSAL_NEEDS_MASK = (
    "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
    "`generate_square_subsequent_mask` to create this mask."
)


@typed
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: Flag,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: Flag = True,
    key_padding_mask: Tensor | None = None,
    need_weights: Flag = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: Flag = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: Flag = True,
    is_causal: Flag = False,
) -> tuple[Tensor, Tensor | None]:
    """(output (L, N, E), weights (N, L, S) or None) of query (L, N, E), key and value (S, N, E).

    in_proj_weight (3 E, E) holds the three projections one below the other.  Masks: True means
    that a key is not seen, floats are added; key_padding_mask (N, S), attn_mask (L, S) or
    (N H, L, S).  bias_k, bias_v (1, 1, E) and add_zero_attn add a key to every sequence; static_k,
    static_v (N H, S, D) stand for the projected ones.  is_causal says that attn_mask is causal.
    """
    batched = is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = with_batch(query, key, value)
        key_padding_mask = None if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    length, batch, width = query.array.shape
    check_width(width, embed_dim_to_check, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(CAUSAL_NEEDS_MASK)
    causal = is_causal and key_padding_mask is None and not need_weights
    padding = checked_mask(key_padding_mask, "key_padding_mask", query)
    mask = None if causal else checked_mask(attn_mask, "attn_mask", query)
    p = dropout_p if training else 0.0
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    no_more_keys = bias_k is bias_v is static_k is static_v is None and not add_zero_attn
    one_projection = in_proj_weight is not None and separate is None
    if query is key is value and one_projection and no_more_keys and not need_weights:
        mask = one_mask(mask, padding, batch, num_heads, length)
        weights = in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias
        out = self_attention(query, num_heads, weights, mask, p, causal)
        return (out if batched else squeeze(out, 1)), None
    q, k, v = projected((query, key, value), in_proj_weight, in_proj_bias, separate)
    if mask is not None:
        mask = mask_of_heads(mask, batch * num_heads, (length, key.array.shape[0]))
    k, v, mask, padding = with_biases((k, v), (bias_k, bias_v), mask, padding, static_k, static_v)
    q = heads_of(q, num_heads)
    k = heads_of(k, num_heads) if static_k is None else checked_static(static_k, "static_k", q)
    v = heads_of(v, num_heads) if static_v is None else checked_static(static_v, "static_v", q)
    if add_zero_attn:
        k, v, mask, padding = with_zero_key(k, v, mask, padding)
    if padding is not None:
        mask = merged_mask(mask, padding, batch, num_heads, k.array.shape[1])
    details = (batch, num_heads, out_proj_weight, out_proj_bias)
    if not need_weights:
        out = without_weights(q, k, v, mask, p, causal, details)
        return (out if batched else squeeze(out, 1)), None
    out, shares = with_weights(q, k, v, mask, p, details)
    if average_attn_weights:
        shares = mean(shares, 1)
    return (out, shares) if batched else (squeeze(out, 1), squeeze(shares, 0))


# ----------------------------------------------------------------------------------- what is given


def require(condition: bool, message: str) -> None:
    """torch asserts what it demands of these arguments."""
    if not condition:
        raise AssertionError(message)


def check_width(width: int, expected: int, heads: int) -> None:
    require(width == expected, f"was expecting embedding dimension of {expected}, but got {width}")
    require(width % heads == 0, f"embed_dim {width} not divisible by num_heads {heads}")


def is_batched(
    query: Tensor, key: Tensor, value: Tensor, padding: Maybe, mask: Maybe, heads: int
) -> bool:
    """Whether there is a dimension of the batch; AssertionError where the others disagree."""
    dims = query.array.ndim
    require(
        dims in (2, 3),
        f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor",
    )
    kind = "batched (3-D)" if dims == 3 else "unbatched (2-D)"
    require(
        key.array.ndim == value.array.ndim == dims,
        f"For {kind} `query`, expected `key` and `value` to be {dims}-D but found "
        f"{key.array.ndim}-D and {value.array.ndim}-D tensors respectively",
    )
    require(
        padding is None or padding.array.ndim == dims - 1,
        f"For {kind} `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D but found "
        f"{padding.array.ndim if padding is not None else 0}-D tensor instead",
    )
    require(
        mask is None or mask.array.ndim in (2, 3),
        f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
        f"{mask.array.ndim if mask is not None else 0}-D tensor instead",
    )
    if dims == 2 and mask is not None and mask.array.ndim == 3:
        wanted = (heads, query.array.shape[0], key.array.shape[0])
        require(
            mask.array.shape == wanted,
            f"Expected `attn_mask` shape to be {wanted} but got {mask.shape}",
        )
    return dims == 3


def with_batch(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(L, E) as (L, 1, E); what was one tensor stays one, as its projection is one product."""
    q = unsqueeze(query, 1)
    k = q if key is query else unsqueeze(key, 1)
    v = k if value is key else unsqueeze(value, 1)
    return q, k, v


def checked_mask(mask: Maybe, name: str, like: Tensor) -> Maybe:
    """A mask as floats to be added: here True, not False, hides a key."""
    if mask is None:
        return None
    kind = mask.array.dtype.kind
    require(kind in "bf", f"only bool and floating types of {name} are supported")
    return mask if kind == "f" else added_mask(mask.logical_not(), like)


def mask_of_heads(mask: Tensor, heads: int, shape: tuple[int, int]) -> Tensor:
    """attn_mask as (1, L, S) or (N H, L, S)."""
    dims = mask.array.ndim
    wanted = shape if dims == 2 else (heads, *shape)
    if mask.array.shape != wanted:
        raise RuntimeError(
            f"The shape of the {dims}D attn_mask is {mask.shape}, but should be {wanted}."
        )
    return unsqueeze(mask, 0) if dims == 2 else mask


def checked_static(x: Tensor, name: str, q: Tensor) -> Tensor:
    """static_k or static_v, of as many heads and features as q (N H, L, D)."""
    for axis in (0, 2):
        found, wanted = x.array.shape[axis], q.array.shape[axis]
        require(found == wanted, f"expecting {name}.size({axis}) of {wanted}, but got {found}")
    return x


# ------------------------------------------------------------------------------------- projections


def projected(
    inputs: tuple[Tensor, Tensor, Tensor],
    weight: Maybe,
    bias: Maybe,
    separate: tuple[Maybe, Maybe, Maybe] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The projections of query, key and value."""
    query, key, value = inputs
    if separate is None:
        require(
            key.array.shape == value.array.shape,
            f"key shape {key.shape} does not match value shape {value.shape}",
        )
        require(weight is not None, "use_separate_proj_weight is False but in_proj_weight is None")
        return packed(query, key, value, weight, bias)
    require(
        key.array.shape[:2] == value.array.shape[:2],
        f"key's sequence and batch dims {key.array.shape[:2]} do not match value's "
        f"{value.array.shape[:2]}",
    )
    biases = (None,) * 3 if bias is None else chunk(bias, 3)
    results = []
    for name, x, w, b in zip("qkv", inputs, separate, biases, strict=True):
        require(w is not None, f"use_separate_proj_weight is True but {name}_proj_weight is None")
        results.append(linear(x, w, b))
    return results[0], results[1], results[2]


def packed(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Maybe
) -> tuple[Tensor, Tensor, Tensor]:
    """With one weight for all three: one product where they are one tensor."""
    if query is key is value:
        q, k, v = chunk(linear(query, weight, bias), 3, -1)
        return q, k, v
    weights = chunk(weight, 3)
    biases = (None,) * 3 if bias is None else chunk(bias, 3)
    q, k, v = (
        linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)
    )
    return q, k, v


def heads_of(x: Tensor, heads: int) -> Tensor:
    """(L, N, E) as (N H, L, D)."""
    length, batch, width = x.array.shape
    return transpose(reshape(x, (length, batch * heads, width // heads)), 0, 1)


# ------------------------------------------------------------------------------------- more keys


def with_biases(
    sequences: tuple[Tensor, Tensor],
    biases: tuple[Maybe, Maybe],
    mask: Maybe,
    padding: Maybe,
    static_k: Maybe,
    static_v: Maybe,
) -> tuple[Tensor, Tensor, Maybe, Maybe]:
    """A last key and value for every sequence, bias_k and bias_v."""
    (k, v), (bias_k, bias_v) = sequences, biases
    if bias_k is None or bias_v is None:
        require(bias_k is None, "bias_k is set but bias_v is None")
        require(bias_v is None, "bias_v is set but bias_k is None")
        return k, v, mask, padding
    require(static_k is None, "bias cannot be added to static key.")
    require(static_v is None, "bias cannot be added to static value.")
    row = (1, *k.array.shape[1:])
    k, v = cat([k, expand(bias_k, row)], 0), cat([v, expand(bias_v, row)], 0)
    return k, v, with_seen_key(mask), with_seen_key(padding)


def with_zero_key(
    k: Tensor, v: Tensor, mask: Maybe, padding: Maybe
) -> tuple[Tensor, Tensor, Maybe, Maybe]:
    """A last key and value of zeros for every head, (N H, S, D)."""
    shape = (k.array.shape[0], 1, k.array.shape[2])
    zeros = constant(kernels.full(shape, 0, k.array.dtype, k.array))
    return cat([k, zeros], 1), cat([v, zeros], 1), with_seen_key(mask), with_seen_key(padding)


def with_seen_key(mask: Maybe) -> Maybe:
    """A mask with a last column for a key that every query sees."""
    if mask is None:
        return None
    shape = (*mask.array.shape[:-1], 1)
    return cat([mask, constant(kernels.full(shape, 0, mask.array.dtype, mask.array))], -1)


def merged_mask(mask: Maybe, padding: Tensor, batch: int, heads: int, keys: int) -> Tensor:
    """Both masks as one, (N H, L or 1, S)."""
    for axis, wanted in enumerate((batch, keys)):
        found = padding.array.shape[axis]
        require(
            found == wanted,
            f"Expected key_padded_mask.shape[{axis}] to be {wanted}, but got {found}",
        )
    spread = expand(reshape(padding, (batch, 1, 1, keys)), (batch, heads, 1, keys))
    merged = reshape(spread, (batch * heads, 1, keys))
    return merged if mask is None else add(mask, merged)


# --------------------------------------------------------------------------- attention of the heads

Details = tuple[int, int, Tensor, Maybe]  # the batch, the heads, weight and bias of the output


def with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Maybe, p: float, details: Details
) -> tuple[Tensor, Tensor]:
    """(output (L, N, E), weights (N, H, L, S)); a query that sees nothing gives nan."""
    batch, heads, _, _ = details
    scores = bmm(mul(q, math.sqrt(1.0 / q.array.shape[-1])), transpose(k, 1, 2))
    if mask is not None:
        scores = add(scores, mask)
    weights = softmax(scores, -1)
    if p > 0:
        weights = dropout(weights, p)
    joined = transpose(bmm(weights, v), 0, 1)
    shape = (batch, heads, *weights.array.shape[1:])
    return output(joined, details), reshape(weights, shape)


def without_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Maybe, p: float, causal: bool, details: Details
) -> Tensor:
    """The output alone, which leaves the weights to a kernel that never has all of them."""
    batch, heads, _, _ = details
    q, k, v = (reshape(x, (batch, heads, *x.array.shape[1:])) for x in (q, k, v))
    mask = by_samples(mask, batch, heads)
    out = scaled_dot_product_attention(q, k, v, mask, p, causal)
    return output(permute(out, (2, 0, 1, 3)), details)


def one_mask(mask: Maybe, padding: Maybe, batch: int, heads: int, length: int) -> Maybe:
    """Both masks of a sequence that looks at itself."""
    if mask is not None:
        mask = mask_of_heads(mask, batch * heads, (length, length))
    return mask if padding is None else merged_mask(mask, padding, batch, heads, length)


def by_samples(mask: Maybe, batch: int, heads: int) -> Maybe:
    """A mask (1 or N H, L or 1, S) as (1, 1, L or 1, S) or (N, H, L or 1, S)."""
    if mask is None:
        return None
    lead = (1, 1) if mask.array.shape[0] == 1 else (batch, heads)
    return reshape(mask, (*lead, *mask.array.shape[1:]))


def self_attention(
    x: Tensor,
    heads: int,
    weights: tuple[Maybe, ...],
    mask: Maybe,
    p: float,
    causal: bool,
) -> Tensor:
    """The usual case in fewer steps: all of it from one x (L, N, E), which is one product.

    An x that lies in memory as (N, L, E) is taken so.
    """
    in_weight, in_bias, out_weight, out_bias = weights
    _, batch, width = x.array.shape
    swapped = not x.array.flags.c_contiguous
    if swapped:
        x = transpose(x, 0, 1)
    three = reshape(linear(x, in_weight, in_bias), (*x.shape[:2], 3, heads, width // heads))
    q, k, v = unbind(permute(three, (2, 0, 3, 1, 4) if swapped else (2, 1, 3, 0, 4)))
    out = scaled_dot_product_attention(q, k, v, by_samples(mask, batch, heads), p, causal)
    seen = reshape(permute(out, (0, 2, 1, 3) if swapped else (2, 0, 1, 3)), x.shape)
    result = linear(seen, out_weight, out_bias)
    return transpose(result, 0, 1) if swapped else result


def output(joined: Tensor, details: Details) -> Tensor:
    """The projection of the heads' results (L, N H or N x H, D), as (L, N, E)."""
    batch, _, weight, bias = details
    length = joined.array.shape[0]
    width = math.prod(joined.array.shape[1:]) // batch
    out = linear(reshape(joined, (length * batch, width)), weight, bias)
    return reshape(out, (length, batch, out.array.shape[-1]))
