"""Recurrent layers, cells and packed sequences beside torch's, with the same weights."""

import warnings
from typing import Any

import numpy as np
import pytest

import minigrad
from tests.parity.compare import (
    LIBRARIES,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_tensor,
    same_tree,
    second_order,
)

torch: Any = pytest.importorskip("torch")

L, N, INPUTS, H, P = 5, 3, 4, 6, 2  # steps, batch, inputs, hidden, projection
LENGTHS = [3, 5, 1]

LAYERS = [
    "RNN(I, H)",
    "RNN(I, H, nonlinearity='relu')",
    "RNN(I, H, 2, 'relu', False, True, 0.0, True)",
    "LSTM(I, H)",
    "LSTM(I, H, bias=False)",
    "LSTM(I, H, num_layers=2, batch_first=True)",
    "LSTM(I, H, num_layers=2, bidirectional=True)",
    "LSTM(I, H, proj_size=P)",
    "LSTM(I, H, 2, bidirectional=True, proj_size=P, batch_first=True, bias=False)",
    "GRU(I, H)",
    "GRU(I, H, bias=False, batch_first=True)",
    "GRU(I, H, num_layers=3, bidirectional=True)",
]
CELLS = ["RNNCell(I, H)", "RNNCell(I, H, False, 'relu')", "LSTMCell(I, H)", "GRUCell(I, H)"]
CELLS += ["LSTMCell(I, H, bias=False)", "GRUCell(I, H, bias=False)"]


def build(code: str, dtype: str) -> list[Any]:
    """The layer of torch and ours, with torch's weights; they print alike."""
    made = []
    for lib in LIBRARIES:
        names = {"I": INPUTS, "H": H, "P": P, **vars(lib.nn)}
        made.append(eval(code, names).to(getattr(lib, dtype)))
    theirs, ours = made
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: minigrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    return made


def numbers(seed: int, *shape: int, dtype: str) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def leaves(lib: Any, layer: Any, dtype: str, batched: bool = True) -> dict[str, Any]:
    """An input, and the first states, that require gradients."""
    shape = (N, L, INPUTS) if layer.batch_first else (L, N, INPUTS)
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    arrays = {"input": numbers(0, *shape, dtype=dtype)}
    arrays["h"] = numbers(1, count, N, layer.proj_size or H, dtype=dtype)
    if type(layer).__name__ == "LSTM":
        arrays["c"] = numbers(2, count, N, H, dtype=dtype)
    if not batched:
        axis = {"input": 0 if layer.batch_first else 1, "h": 1, "c": 1}
        arrays = {name: x.take(0, axis[name]) for name, x in arrays.items()}
    return {name: lib.tensor(x).requires_grad_() for name, x in arrays.items()}


def state_of(given: dict[str, Any]) -> Any:
    return (given["h"], given["c"]) if "c" in given else given["h"]


def flat(result: Any) -> list[Any]:
    return [part for x in result for part in (x if isinstance(x, tuple) else (x,))]


def with_parameters(given: dict[str, Any], layer: Any) -> dict[str, Any]:
    return given | dict(layer.named_parameters())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("code", LAYERS)
def test_layers(code: str, batched: bool, dtype: str) -> None:
    results, tensors = [], []
    for lib, layer in zip(LIBRARIES, build(code, dtype), strict=True):
        given = leaves(lib, layer, dtype, batched)
        results.append(flat(layer(given["input"], state_of(given))))
        run_backward(lib, results[-1])
        tensors.append(with_parameters(given, layer))
    same_tree(*results)
    same_gradients(*tensors)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("code", LAYERS)
def test_layers_of_packed_sequences(code: str, in_order: bool) -> None:
    results, tensors = [], []
    lengths = sorted(LENGTHS, reverse=True) if in_order else LENGTHS
    for lib, layer in zip(LIBRARIES, build(code, "float64"), strict=True):
        rnn, first = lib.nn.utils.rnn, layer.batch_first
        given = leaves(lib, layer, "float64")
        packed = rnn.pack_padded_sequence(given["input"], lengths, first, in_order)
        output, state = layer(packed, state_of(given))
        padded, found = rnn.pad_packed_sequence(output, first, -1.0, L + 1)
        results.append([*flat((padded, state)), found, output.batch_sizes])
        run_backward(lib, results[-1])
        tensors.append(with_parameters(given, layer))
    same_tree(*results)
    same_gradients(*tensors)


@pytest.mark.parametrize("code", ["RNN(I, H)", "LSTM(I, H)", "GRU(I, H, bidirectional=True)"])
def test_second_derivatives(code: str) -> None:
    tensors = []
    for lib, layer in zip(LIBRARIES, build(code, "float64"), strict=True):
        given = with_parameters(leaves(lib, layer, "float64"), layer)
        second_order(lib, flat(layer(given["input"], state_of(given))), list(given.values()))
        tensors.append(given)
    same_gradients(*tensors)


@pytest.mark.parametrize("code", LAYERS)
def test_layers_start_from_zeros(code: str) -> None:
    results = []
    for lib, layer in zip(LIBRARIES, build(code, "float64"), strict=True):
        layer.eval()
        with lib.no_grad():
            results.append(flat(layer(leaves(lib, layer, "float64")["input"])))
    same_tree(*results)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("code", CELLS)
def test_cells(code: str, batched: bool, dtype: str) -> None:
    results, tensors = [], []
    for lib, cell in zip(LIBRARIES, build(code, dtype), strict=True):
        shapes = {"input": (N, INPUTS), "h": (N, H)} | ({"c": (N, H)} if "LSTM" in code else {})
        given = {}
        for seed, (name, shape) in enumerate(shapes.items()):
            x = numbers(seed, *(shape if batched else shape[1:]), dtype=dtype)
            given[name] = lib.tensor(x).requires_grad_()
        once = flat([cell(given["input"], state_of(given))])
        again = flat([cell(given["input"])])
        results.append(once + again)
        run_backward(lib, results[-1])
        tensors.append(with_parameters(given, cell))
    same_tree(*results)
    same_gradients(*tensors)


@pytest.mark.parametrize("code", [*LAYERS, *CELLS])
def test_weights_start_within_the_same_bounds(code: str) -> None:
    names = {"I": INPUTS, "H": H, "P": P, **vars(minigrad.nn)}
    layer = eval(code, names)
    largest = max(float(weight.abs().max()) for weight in layer.parameters())
    assert 0.9 / H**0.5 < largest <= 1 / H**0.5


def test_dropout_is_between_layers_and_in_training_only() -> None:
    layer = minigrad.nn.GRU(INPUTS, H, 2, dropout=0.5)
    x = minigrad.randn(L, N, INPUTS)
    first, second = layer(x), layer(x)
    assert not minigrad.equal(first[0], second[0])
    assert minigrad.equal(first[1][0], second[1][0])  # below the dropout
    layer.eval()
    assert minigrad.equal(layer(x)[0], layer(x)[0])


# ------------------------------------------------------------------------------- packed sequences

X = "t(L, N, 2)"
SEQUENCES = [
    f"pack_padded_sequence({X}, [5, 3, 1])",
    f"pack_padded_sequence({X}, torch.tensor([5, 3, 3]))",
    f"pack_padded_sequence({X}, [2, 4, 1], enforce_sorted=False)",
    f"pack_padded_sequence({X}.transpose(0, 1), [2, 4, 1], True, enforce_sorted=False)",
    f"pack_padded_sequence({X}, [2, 2, 2], enforce_sorted=False)",
    "pack_padded_sequence(t(4, 1), [4])",
    f"pad_packed_sequence(pack_padded_sequence({X}, [2, 4, 1], enforce_sorted=False))",
    f"pad_packed_sequence(pack_padded_sequence({X}, [4, 2, 1]), True, -1, total_length=6)",
    "pack_sequence([t(3, 2), t(2, 2)])",
    "pack_sequence([t(2), t(3)], enforce_sorted=False)",
    "unpack_sequence(pack_sequence([t(2), t(3)], enforce_sorted=False))",
    "pad_sequence([t(2, 3), t(4, 3)])",
    "pad_sequence([t(2, 3), t(4, 3)], True, 7.0)",
    "pad_sequence([t(0, 3), t(4, 3)], batch_first=True, padding_side='left')",
    "pad_sequence(t(2, 3))",
    "pad_sequence(x for x in [t(1), t(2)])",
    f"unpad_sequence(0 + {X}, torch.tensor([5, 2, 1]))",
    f"unpad_sequence({X}, torch.tensor([1, 2, 3, 2, 1]), batch_first=True)",
    "invert_permutation(torch.tensor([2, 0, 1]))",
    "PackedSequence(t(3), torch.tensor([2, 1]))",
    "PackedSequence([t(3), torch.tensor([2, 1])])",
    "PackedSequence(t(3), torch.tensor([2, 1]), torch.tensor([1, 0])).float()",
    "PackedSequence(t(3), torch.tensor([2, 1]), torch.tensor([1, 0])).to('cpu')",
]


@pytest.mark.parametrize("code", SEQUENCES)
def test_packing(code: str) -> None:
    results, tensors = [], []
    for lib in LIBRARIES:
        made: dict[str, Any] = {}

        def t(*shape: int, lib: Any = lib, made: dict[str, Any] = made) -> Any:
            x = lib.tensor(numbers(len(made), *shape, dtype="float64")).requires_grad_()
            made[str(len(made))] = x
            return x

        names = {"t": t, "L": L, "N": N, "torch": lib, **vars(lib.nn.utils.rnn)}
        results.append(eval(code, names))
        parts = results[-1] if isinstance(results[-1], tuple | list) else [results[-1]]
        run_backward(lib, [part for part in parts if part is not None])
        tensors.append(made)
    same_tree(*results)
    same_gradients(*tensors)


# ---------------------------------------------------------------------------------------- errors

REFUSED = [
    "RNN(2.0, 3)",
    "LSTM(2, 3.0)",
    "LSTM(0, 3)",
    "GRU(2, 0)",
    "LSTM(2, 3, 0)",
    "LSTM(2, 3, bias=1)",
    "GRU(2, 3, batch_first=1)",
    "LSTM(2, 3, dropout=2)",
    "LSTM(2, 3, dropout=True)",
    "LSTM(2, 3, proj_size=3)",
    "LSTM(2, 3, proj_size=-1)",
    "RNN(2, 3, nonlinearity='foo')",
    "RNN(2, 3, proj_size=1)",
    "GRU(2, 3, proj_size=0)",
    "RNN()",
    "RNN(2, 3, foo=1)",
    "LSTM(2, 3)(z(0, 3, 2))",
    "LSTM(2, 3)(z(3, 2, 2).double())",
    "GRU(2, 3)(z(3, 2, 5))",
    "LSTM(2, 3)(z(3, 2, 2, 2))",
    "GRU(2, 3)(z(2))",
    "LSTM(2, 3)(z(3, 2, 2), (z(1, 2, 4), z(1, 2, 3)))",
    "LSTM(2, 3)(z(3, 2, 2), (z(1, 2, 3), z(1, 1, 3)))",
    "LSTM(2, 3)(z(3, 2, 2), (z(1, 2, 3), z(1, 3)))",
    "LSTM(2, 3)(z(3, 2), (z(1, 2, 3), z(1, 3)))",
    "GRU(2, 3)(z(3, 2, 2), z(1, 2, 4))",
    "GRU(2, 3)(z(3, 2, 2), z(2, 4))",
    "RNN(2, 3)(z(3, 2), z(1, 2, 4))",
    "RNNCell(2, 3, nonlinearity='foo')(z(2))",
    "RNNCell(2, 3)(z(1, 1, 2))",
    "RNNCell(2, 3)(z(1, 2), z(1, 1, 3))",
    "RNNCell(2, 3)(z(1, 4))",
    "GRUCell(2, 3)(z(1, 2), z(1, 4))",
    "RNNCell(2, 3)(z(1, 2), z(2, 3))",
    "LSTMCell(2, 3)(z(1, 2), (z(1, 3), z(2, 3)))",
    "LSTMCell(2, 3)(z(1, 2), (z(1, 3), z(1, 4)))",
    "LSTMCell(2, 3)(z(1, 2), z(1, 3))",
    "pack_padded_sequence(z(4, 3, 2), [4, 2, 0])",
    "pack_padded_sequence(z(4, 3, 2), [4, 2])",
    "pack_padded_sequence(z(0, 3, 2), [0, 0, 0])",
    "pack_sequence([])",
    "pad_sequence(3)",
    "pad_sequence([z(2, 3), z(3, 2)])",
    "pad_sequence([z(2), z(3)], padding_side='up')",
    "pad_sequence([1, 2])",
    "PackedSequence(z(3))",
]
NOT_ALIKE = {
    "RNN()": "missing 2 required positional arguments",
    "RNN(2, 3, foo=1)": "unexpected keyword argument 'foo'",
}


@pytest.mark.parametrize("code", REFUSED)
def test_errors(code: str) -> None:
    errors = []
    for lib in LIBRARIES:
        names = {"z": lib.zeros, **vars(lib.nn), **vars(lib.nn.utils.rnn)}
        errors.append(outcome(eval, code, names)[1])
    theirs, ours = errors
    same_error(theirs, ours)
    said = str(theirs).replace("torch.", "minigrad.").replace("1D tensor instead", "1D instead")
    assert NOT_ALIKE.get(code, said) in str(ours)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("pack_padded_sequence(z(4, 3, 2), [2, 4, 1])", "must be sorted in decreasing order"),
        ("pack_padded_sequence(z(4, 3, 2), [[4, 2, 1]])", "'lengths' argument should be a 1D"),
        ("pack_padded_sequence(z(4, 3, 2), [5, 2, 1])", "has an element 5"),  # torch reads beyond
        ("LSTM(2, 3)(z(3, 2, 2), z(1, 2, 3))", "must be a tuple of two Tensors"),
        ("GRU(2, 3)(z(3, 2, 2), z(1, 2, 3).double())", "same dtype"),
        ("GRUCell(2, 3)(z(2), z(1, 3))", "inconsistent dimensions"),
    ],
)
def test_errors_in_our_words(code: str, message: str) -> None:
    names = {"z": minigrad.zeros, **vars(minigrad.nn), **vars(minigrad.nn.utils.rnn)}
    with pytest.raises((RuntimeError, TypeError), match=message):
        eval(code, names)


def test_dropout_without_a_layer_above_warns() -> None:
    said = []
    for lib in LIBRARIES:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lib.nn.LSTM(2, 3, dropout=0.5)
        said.append([str(w.message) for w in caught])
    assert said[0] == said[1]


def test_weights_that_are_replaced_count() -> None:
    """A layer reads its parameters when it is called, as functional_call() wants it to."""
    (_, ours), x = build("LSTM(I, H)", "float32"), minigrad.ones(L, N, INPUTS)
    ours.weight_ih_l0 = minigrad.nn.Parameter(minigrad.zeros(4 * H, INPUTS))
    theirs = torch.nn.LSTM(INPUTS, H)
    state = {k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    same_tensor(theirs(torch.ones(L, N, INPUTS))[0], ours(x)[0])
    assert [len(each) for each in ours.all_weights] == [4]
