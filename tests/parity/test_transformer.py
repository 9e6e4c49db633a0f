"""MultiheadAttention and transformers beside torch's, with the same weights."""

import warnings
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from tests.parity.compare import (
    LIBRARIES,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_tree,
    second_order,
)

torch: Any = pytest.importorskip("torch")

N, L, S, E, HEADS = 2, 3, 4, 6, 2

ATTENTIONS = {
    "plain": {},
    "batch_first": {"batch_first": True},
    "without biases": {"bias": False},
    "with a learned key": {"add_bias_kv": True},
    "with a key of zeros": {"add_zero_attn": True},
    "of other widths": {"kdim": 5, "vdim": 3},
    "of all": {
        "kdim": 5,
        "vdim": 3,
        "batch_first": True,
        "add_bias_kv": True,
        "add_zero_attn": True,
    },
}
CALLS = {
    "weights": {},
    "no weights": {"need_weights": False},
    "weights of the heads": {"average_attn_weights": False},
    "padding": {"key_padding_mask": "padding"},
    "bools": {"attn_mask": "bools"},
    "floats": {"attn_mask": "floats"},
    "of each head": {"attn_mask": "of heads"},
    "padding and mask": {
        "key_padding_mask": "padding",
        "attn_mask": "bools",
        "need_weights": False,
    },
    "causal": {"attn_mask": "causal", "is_causal": True},
    "causal, no weights": {"attn_mask": "causal", "is_causal": True, "need_weights": False},
}


def pair(code: str, dtype: str = "float64") -> list[Any]:
    """The module of torch and ours, with torch's weights; they print alike."""
    made = []
    for lib in LIBRARIES:
        names = {"F": lib.nn.functional, **vars(lib.nn)}
        made.append(eval(code, names).to(getattr(lib, dtype)))
    theirs, ours = made
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    ours.load_state_dict({k: minigrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    return made


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def mask(name: str, keys: int, batched: bool, dtype: str = "float64") -> np.ndarray:
    made = float_or_bool_mask(name, keys, batched)
    return made if made.dtype == bool else made.astype(dtype)


def float_or_bool_mask(name: str, keys: int, batched: bool) -> np.ndarray:
    if name == "padding":
        padding = np.zeros((N, keys), bool)
        padding[0, -1] = True
        return padding if batched else padding[0]
    if name == "causal":
        return np.triu(np.full((L, keys), -np.inf), 1)
    if name == "of heads":
        return numbers(5, (N if batched else 1) * HEADS, L, keys)
    floats = numbers(6, L, keys)
    return floats if name == "floats" else (floats > 0.5) & (np.arange(keys) > 0)


def sequence(seed: int, length: int, width: int, batch_first: bool, batched: bool) -> np.ndarray:
    if not batched:
        return numbers(seed, length, width)
    return numbers(seed, *((N, length) if batch_first else (length, N)), width)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("options", ATTENTIONS)
def test_attention(options: str, call: str, batched: bool) -> None:
    """In training and not, of others and of itself: values, weights and gradients."""
    given = ATTENTIONS[options]
    text = ", ".join(f"{name}={value}" for name, value in given.items())
    modules = pair(f"MultiheadAttention({E}, {HEADS}, {text})")
    of_itself = "kdim" not in given
    for training, same in [(True, False), (False, of_itself)]:
        keys, first = L if same else S, "batch_first" in given
        arrays = {"query": sequence(0, L, E, first, batched)}
        if not same:
            arrays["key"] = sequence(1, S, given.get("kdim", E), first, batched)
            arrays["value"] = sequence(2, S, given.get("vdim", E), first, batched)
        results, tensors = [], []
        for lib, module in zip(LIBRARIES, modules, strict=True):
            module.train(training)
            module.zero_grad()
            leaves = {name: lib.tensor(x).requires_grad_() for name, x in arrays.items()}
            query = leaves["query"]
            how = {
                name: lib.tensor(mask(value, keys, batched)) if isinstance(value, str) else value
                for name, value in CALLS[call].items()
            }
            output = module(query, leaves.get("key", query), leaves.get("value", query), **how)
            results.append(output)
            run_backward(lib, [x for x in output if x is not None])
            tensors.append(leaves | dict(module.named_parameters()))
        same_tree(*results)
        same_gradients(*tensors)


LAYER = f"({E}, {HEADS}, 8, 0.0, {{}})"
MODULES = {
    "encoder layer": f"TransformerEncoderLayer{LAYER}",
    "encoder": f"TransformerEncoder(TransformerEncoderLayer{LAYER}, 2, LayerNorm({E}))",
    "decoder layer": f"TransformerDecoderLayer{LAYER}",
    "decoder": f"TransformerDecoder(TransformerDecoderLayer{LAYER}, 2)",
    "transformer": f"Transformer({E}, {HEADS}, 2, 1, 8, 0.0, {{}})",
}
OPTIONS = [
    "",
    "batch_first=True",
    "norm_first=True",
    "activation='gelu'",
    "activation=F.silu",
    "activation=GELU()",
    "bias=False",
    "layer_norm_eps=1e-2, norm_first=True, batch_first=True",
]


def transform(lib: Any, kind: str, module: Any, x: Any, other: Any, masks: tuple[str, ...]) -> Any:
    """x through a module; the masks are of x itself."""
    batched, dtype = x.dim() == 3, str(x.dtype).partition(".")[2]
    given = [lib.tensor(mask(name, L, batched, dtype)) if name else None for name in masks]
    if "encoder" in kind:
        return module(x, *given)
    if kind == "transformer":
        return module(other, x, tgt_mask=given[0], tgt_key_padding_mask=given[1])
    return module(x, other, tgt_mask=given[0], tgt_key_padding_mask=given[1])


def compare(kind: str, options: str, masks: tuple[str, ...], batched: bool, dtype: str) -> None:
    modules = pair(MODULES[kind].format(options), dtype)
    first = "batch_first" in options
    x, other = (sequence(i, n, E, first, batched).astype(dtype) for i, n in ((0, L), (1, S)))
    for training in (True, False):
        results, tensors = [], []
        for lib, module in zip(LIBRARIES, modules, strict=True):
            module.train(training)
            module.zero_grad()
            leaves = {"x": lib.tensor(x).requires_grad_(), "y": lib.tensor(other).requires_grad_()}
            results.append(transform(lib, kind, module, leaves["x"], leaves["y"], masks))
            run_backward(lib, results[-1])
            tensors.append(leaves | dict(module.named_parameters()))
        same_tree(*results)
        if dtype == "float64":
            same_gradients(*tensors)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", MODULES)
def test_transformers(kind: str, options: str) -> None:
    if "GELU()" in options and kind in ("decoder", "transformer"):
        pytest.skip("torch's copies of a decoder's layer forget a module and take relu")
    compare(kind, options, ("", ""), True, "float64")
    compare(kind, options, ("causal", "padding"), False, "float64")


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize(
    "masks", [("causal", ""), ("floats", ""), ("bools", ""), ("", "padding"), ("bools", "padding")]
)
@pytest.mark.parametrize("kind", MODULES)
def test_masks(kind: str, masks: tuple[str, ...]) -> None:
    compare(kind, "", masks, True, "float64")


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("kind", MODULES)
def test_in_float32(kind: str) -> None:
    compare(kind, "batch_first=True", ("causal", ""), True, "float32")


def test_second_derivatives() -> None:
    tensors = []
    code = MODULES["encoder layer"].format("activation='gelu', batch_first=True")
    for lib, module in zip(LIBRARIES, pair(code), strict=True):
        x = lib.tensor(sequence(0, L, E, True, True)).requires_grad_()
        leaves = {"x": x, **dict(module.named_parameters())}
        # the one of torch's kernels that has a second derivative
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            second_order(lib, module(x), list(leaves.values()))
        tensors.append(leaves)
    same_gradients(*tensors)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_causal_mask(dtype: str) -> None:
    made = [
        lib.nn.Transformer.generate_square_subsequent_mask(4, dtype=getattr(lib, dtype))
        for lib in LIBRARIES
    ]
    same_tree(*made)


def test_weights_start_as_torchs_do() -> None:
    """The same standard deviations and bounds; zeros where torch has zeros."""
    theirs = torch.nn.Transformer(32, 4, 1, 1, 64)
    minigrad.manual_seed(0)
    ours = nn.Transformer(32, 4, 1, 1, 64)
    for (name, a), b in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        a, b = a.detach().numpy(), b.detach().numpy()
        np.testing.assert_allclose(abs(b).max(), abs(a).max(), rtol=0.15, err_msg=name)
        if a.size > 500:
            np.testing.assert_allclose(b.std(), a.std(), rtol=0.1, err_msg=name)


# ---------------------------------------------------------------------------------------- errors

REFUSED = [
    "MultiheadAttention(0, 2)",
    "MultiheadAttention(6, 0)",
    "MultiheadAttention(6, 4)",
    "MultiheadAttention(6, 2)(z(3, 2, 5), z(3, 2, 5), z(3, 2, 5))",
    "MultiheadAttention(6, 2)(z(3), z(3), z(3))",
    "MultiheadAttention(6, 2)(z(3, 6), z(3, 2, 6), z(3, 6))",
    "MultiheadAttention(6, 2)(z(3, 2, 6), z(4, 2, 6), z(5, 2, 6))",
    "MultiheadAttention(6, 2)(*[z(3, 2, 6)] * 3, is_causal=True)",
    "MultiheadAttention(6, 2)(*[z(3, 2, 6)] * 3, attn_mask=z(3, 4))",
    "MultiheadAttention(6, 2)(*[z(3, 2, 6)] * 3, attn_mask=z(3, 3).long())",
    "MultiheadAttention(6, 2)(*[z(3, 2, 6)] * 3, key_padding_mask=z(3, 2))",
    "MultiheadAttention(6, 2)(*[z(3, 2, 6)] * 3, key_padding_mask=z(3, 2).long())",
    "TransformerEncoderLayer(6, 4)",
    "TransformerEncoderLayer(6, 2, activation='tanh')",
    "TransformerDecoderLayer(6, 2, activation='tanh')",
    "TransformerEncoderLayer(6, 2)(z(3, 2, 6), z(3, 3).long())",
    "TransformerEncoderLayer(6, 2)(z(3, 2, 6), None, z(2, 3).long())",
    "TransformerEncoderLayer(6, 2)(z(3, 2, 6), is_causal=True)",
    "Transformer(6, 2, 1, 1, 8)(z(3, 2, 6), z(3, 1, 6))",
    "Transformer(6, 2, 1, 1, 8, batch_first=True)(z(3, 2, 6), z(2, 2, 6))",
    "Transformer(6, 2, 1, 1, 8)(z(3, 2, 6), z(3, 2, 5))",
]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("code", REFUSED)
def test_errors(code: str) -> None:
    errors = [outcome(eval, code, {"z": lib.zeros, **vars(lib.nn)})[1] for lib in LIBRARIES]
    same_error(*errors)
    assert str(errors[0]).replace("torch.", "minigrad.") in str(errors[1])


def test_masks_of_two_kinds_warn() -> None:
    said = []
    for lib in LIBRARIES:
        x, padding = lib.zeros(3, 2, 6), lib.zeros(2, 3, dtype=lib.bool)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lib.nn.MultiheadAttention(6, 2)(x, x, x, padding, attn_mask=lib.zeros(3, 3))
            lib.nn.TransformerEncoderLayer(6, 2)(x, lib.zeros(3, 3), padding)
        said.append([str(w.message) for w in caught])
    assert said[0] == said[1]
