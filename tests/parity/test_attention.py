"""Attention with every option: values, weights, gradients and exceptions."""

from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, outcome, run_backward, same_error, same_gradients
from tests.parity.compare import same_tree as same

RNG = np.random.default_rng(0)
HEADS, WIDTH = 2, 8
SHAPES = {
    "q": (3, 2, WIDTH),
    "k": (5, 2, 6),
    "v": (5, 2, 7),
    "s": (3, 2, WIDTH),
    "t": (5, 2, WIDTH),
    "alone": (4, WIDTH),
    "packed": (3 * WIDTH, WIDTH),
    "shift": (3 * WIDTH,),
    "wq": (WIDTH, WIDTH),
    "wk": (WIDTH, 6),
    "wv": (WIDTH, 7),
    "wo": (WIDTH, WIDTH),
    "bo": (WIDTH,),
    "bk": (1, 1, WIDTH),
    "bv": (1, 1, WIDTH),
    "fixed": (4, 5, 4),
    "added": (3, 3),
    "added_heads": (4, 3, 3),
    "added_padding": (2, 3),
}
ARRAYS: dict[str, Any] = {name: RNG.normal(size=shape) * 0.5 for name, shape in SHAPES.items()}
ARRAYS |= {
    "hidden": np.triu(np.ones((3, 3), bool), 1),
    "padding": np.array([[False, True, False], [False, False, True]]),
    "none_left": np.array([[True, True, True], [False, False, True]]),
}

# The arguments after those that are the same everywhere; the inputs are in front.
CALLS = {
    "self": "(s, s, s)",
    "unbatched": "(alone, alone, alone)",
    "unbatched, mask": "(alone[:3], alone[:3], alone[:3], attn_mask=hidden)",
    "across": "(s, t, t)",
    "three": "(s, t, t * 2)",
    "no weights": "(s, s, s, need_weights=False)",
    "each head": "(s, s, s, average_attn_weights=False)",
    "mask": "(s, s, s, attn_mask=hidden)",
    "float mask": "(s, s, s, attn_mask=added)",
    "mask of heads": "(s, s, s, attn_mask=added_heads)",
    "mask of heads, no weights": "(s, s, s, attn_mask=added_heads, need_weights=False)",
    "causal": "(s, s, s, attn_mask=hidden, is_causal=True, need_weights=False)",
    "causal, weights": "(s, s, s, attn_mask=hidden, is_causal=True)",
    "padding": "(s, s, s, key_padding_mask=padding)",
    "float padding": "(s, s, s, key_padding_mask=added_padding)",
    "padding, no weights": "(s, s, s, key_padding_mask=padding, need_weights=False)",
    "both masks": "(s, s, s, key_padding_mask=added_padding, attn_mask=added)",
    "nothing to see": "(s, s, s, key_padding_mask=none_left, need_weights=False)",
    "nothing to see, weights": "(s, s, s, key_padding_mask=none_left)",
    "biases": "(s, s, s, bias_k=bk, bias_v=bv, attn_mask=hidden, key_padding_mask=padding)",
    "zero key": "(s, s, s, add_zero_attn=True, attn_mask=added, key_padding_mask=added_padding)",
    "static": "(s, t, t, static_k=fixed, static_v=fixed * 2)",
    "separate": "(q, k, v, use_separate_proj_weight=True, q_proj_weight=wq, k_proj_weight=wk, "
    "v_proj_weight=wv)",
    "separate, no biases": "(q, k, v, in_proj_bias=None, use_separate_proj_weight=True, "
    "q_proj_weight=wq, k_proj_weight=wk, v_proj_weight=wv)",
    "dropout, evaluating": "(s, s, s, dropout_p=0.5, training=False)",
    # refused
    "wrong width": "(s, s, s, embed_dim_to_check=9)",
    "wrong heads": "(s, s, s, num_heads=3)",
    "wrong mask": "(s, s, s, attn_mask=hidden[:2])",
    "wrong mask of heads": "(s, s, s, attn_mask=added_heads[:3])",
    "wrong padding": "(s, s, s, key_padding_mask=padding[:, :2])",
    "an integer mask": "(s, s, s, attn_mask=hidden.long())",
    "causal without a mask": "(s, s, s, is_causal=True)",
    "key and value differ": "(s, t, s)",
    "mixed dims": "(s, alone, alone)",
    "biases and static": "(s, s, s, bias_k=bk, bias_v=bv, static_k=fixed)",
    "one bias": "(s, s, s, bias_k=bk)",
}


def called(library: Any, call: str, dtype: str) -> tuple[dict[str, Any], Any]:
    tensors = {}
    for name, array in ARRAYS.items():
        if array.dtype.kind == "b":
            tensors[name] = library.tensor(array)
        elif name in call or name in ("packed", "shift", "wo", "bo"):
            tensors[name] = library.tensor(array.astype(dtype)).requires_grad_()

    def attend(query: Any, key: Any, value: Any, **options: Any) -> Any:
        arguments = {
            "embed_dim_to_check": WIDTH,
            "num_heads": HEADS,
            "in_proj_weight": tensors["packed"],
            "in_proj_bias": tensors["shift"],
            "bias_k": None,
            "bias_v": None,
            "add_zero_attn": False,
            "dropout_p": 0.0,
            "out_proj_weight": tensors["wo"],
            "out_proj_bias": tensors["bo"],
        }
        forward = library.nn.functional.multi_head_attention_forward
        return forward(query, key, value, **(arguments | options))

    return tensors, eval(f"attend{call}", {"attend": attend, **tensors})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CALLS)
def test_several_heads(name: str, dtype: str) -> None:
    (theirs, error), (ours, our_error) = (
        outcome(called, library, CALLS[name], dtype) for library in LIBRARIES
    )
    if error is not None:
        same_error(error, our_error)
        return
    if our_error is not None:
        raise our_error
    same(theirs[1], ours[1])
    for library, (_, value) in zip(LIBRARIES, (theirs, ours), strict=True):
        run_backward(library, [x for x in value if x is not None])
    floating = [{n: x for n, x in side[0].items() if x.requires_grad} for side in (theirs, ours)]
    same_gradients(*floating)


SIZES = [(1, 1, 1), (5, 7, 4), (33, 65, 16), (200, 130, 8)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", ["", "bool", "float"])
@pytest.mark.parametrize("size", SIZES)
def test_one_node_of_any_size(size: tuple[int, int, int], masked: str, causal: bool) -> None:
    """Beyond one block of the kernel, with rows that see nothing."""
    rows, keys, width = size
    rng = np.random.default_rng(1)
    shapes = {
        "query": (2, 3, rows, width),
        "key": (2, 3, keys, width),
        "value": (2, 3, keys, width),
    }
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    mask: Any = rng.uniform(size=(2, 1, rows, keys)) < 0.6
    mask[:, :, rows // 2] = False
    if masked == "float":
        mask = np.where(mask, rng.normal(size=mask.shape), -np.inf)
    sides = []
    for library in LIBRARIES:
        tensors = {name: library.tensor(x).requires_grad_() for name, x in arrays.items()}
        given = library.tensor(mask) if masked else None
        attend = library.nn.functional.scaled_dot_product_attention
        value = attend(*tensors.values(), given, is_causal=causal)
        run_backward(library, value)
        sides.append((tensors, value))
    same(sides[0][1], sides[1][1])
    same_gradients(sides[0][0], sides[1][0])
