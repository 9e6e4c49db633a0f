"""Recurrent layers without torch: steps by hand, gradients by differences, packed sequences."""

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.recurrence import RecurrenceBackward0
from minigrad.nn.utils import rnn
from minigrad.ops.recurrent import Recurrence, step_by_step

LAYERS = {
    "rnn": lambda **options: nn.RNN(2, 3, **options),
    "relu": lambda **options: nn.RNN(2, 3, nonlinearity="relu", **options),
    "lstm": lambda **options: nn.LSTM(2, 3, **options),
    "gru": lambda **options: nn.GRU(2, 3, **options),
}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def filled(layer: Any, **values: Any) -> Any:
    """The layer with the weights given by name, the others zero."""
    with minigrad.no_grad():
        for name, weight in layer.named_parameters():
            weight.zero_()
            if name in values:
                weight.copy_(minigrad.tensor(values[name]).reshape(weight.shape))
    return layer


def test_two_steps_of_an_lstm_by_hand() -> None:
    weights = [0.5, -1.0, 2.0, 1.5]  # of the gates i, f, g, o
    layer = filled(
        nn.LSTM(1, 1, dtype=minigrad.float64),
        weight_ih_l0=weights,
        weight_hh_l0=[0.1, 0.2, 0.3, 0.4],
        bias_ih_l0=[0.0, 1.0, 0.0, 0.0],
        bias_hh_l0=[0.0, 0.0, -0.5, 0.0],
    )
    h = c = 0.0
    for x in (1.0, -2.0):
        i, f = sigmoid(0.5 * x + 0.1 * h), sigmoid(-x + 0.2 * h + 1.0)
        g, o = math.tanh(2.0 * x + 0.3 * h - 0.5), sigmoid(1.5 * x + 0.4 * h)
        c = f * c + i * g
        h = o * math.tanh(c)
    output, (last_h, last_c) = layer(minigrad.tensor([[[1.0]], [[-2.0]]], dtype=minigrad.float64))
    assert output[1].item() == pytest.approx(h)
    assert last_h.item() == pytest.approx(h)
    assert last_c.item() == pytest.approx(c)


def test_a_gru_keeps_its_state_where_the_update_gate_is_open() -> None:
    layer = filled(nn.GRU(1, 1), bias_ih_l0=[0.0, 50.0, 0.0])  # z = 1
    _, last = layer(minigrad.ones(4, 1, 1), minigrad.full((1, 1, 1), 0.25))
    assert last.item() == 0.25


def test_a_relu_network_counts() -> None:
    layer = filled(nn.RNN(1, 1, nonlinearity="relu"), weight_ih_l0=[1.0], weight_hh_l0=[1.0])
    output, _ = layer(minigrad.ones(4, 1))
    assert output.tolist() == [[1.0], [2.0], [3.0], [4.0]]


def test_the_way_back_is_the_way_there_of_the_reversed_sequence() -> None:
    layer = nn.LSTM(2, 3, bidirectional=True)
    with minigrad.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(layer, f"{name}_reverse").copy_(getattr(layer, name))
    x = minigrad.randn(5, 4, 2)
    there, back = layer(x)[0].chunk(2, 2)
    again, _ = layer(x.flip(0))[0].chunk(2, 2)
    np.testing.assert_allclose(back.flip(0).detach().numpy(), again.detach().numpy(), rtol=1e-5)
    assert not minigrad.allclose(there, back)


def test_a_cell_in_a_loop_is_a_layer() -> None:
    layer, cell = nn.LSTM(2, 3), nn.LSTMCell(2, 3)
    cell.load_state_dict({name[:-3]: w for name, w in layer.state_dict().items()})
    x, state = minigrad.randn(5, 4, 2), None
    for step in x:
        state = cell(step, state)
    assert state is not None
    output, (h, c) = layer(x)
    for ours, theirs in ((state[0], output[4]), (state[0], h[0]), (state[1], c[0])):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-6)


def kernel_inputs(mode: str, gates: int, states: int) -> list[Any]:
    minigrad.manual_seed(0)
    shapes = [(7, gates * 3), (gates * 3, 3), (gates * 3,), *[(3, 3)] * states]
    return [minigrad.randn(*s, dtype=minigrad.float64, requires_grad=True) for s in shapes]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("mode", "gates", "states"),
    [("RNN_TANH", 1, 1), ("RNN_RELU", 1, 1), ("LSTM", 4, 2), ("GRU", 3, 1)],
)
def test_the_node_of_a_layer_is_all_of_its_steps(
    mode: str, gates: int, states: int, reverse: bool
) -> None:
    """Values and gradients of the kernels are those of the readable loop, for packed steps."""
    plan = Recurrence(mode, [3, 3, 1], reverse)
    results = []
    for run in (nn.recurrence.recurrence, step_by_step):
        inputs = kernel_inputs(mode, gates, states)
        output, state = run(plan, *inputs[:3], tuple(inputs[3:]))
        (output.square().sum() + sum(part.sin().sum() for part in state)).backward()
        results.append([output, *state, *(x.grad for x in inputs)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-12)
    assert type(results[0][0].grad_fn) is RecurrenceBackward0


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_derivatives(make: Any) -> None:
    minigrad.manual_seed(1)
    layer = make(dtype=minigrad.float64)
    names = [name for name, _ in layer.named_parameters()]
    x = minigrad.randn(3, 2, 2, dtype=minigrad.float64, requires_grad=True)

    def run(x: Any, *weights: Any) -> Any:
        weights = dict(zip(names, weights, strict=True))
        return minigrad.func.functional_call(layer, weights, (x,))[0]

    inputs = (x, *layer.parameters())
    assert gradcheck(run, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(run, inputs)


def test_a_state_that_is_h_and_c_at_once_gets_both_gradients() -> None:
    layer = nn.LSTM(2, 3, dtype=minigrad.float64)
    x = minigrad.randn(2, 2, 2, dtype=minigrad.float64)
    z = minigrad.randn(1, 2, 3, dtype=minigrad.float64, requires_grad=True)
    assert gradcheck(lambda z: layer(x, (z, z))[0], (z,))
    assert gradgradcheck(lambda z: layer(x, (z, z))[0], (z,))


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_vmap_of_a_layer(make: Any) -> None:
    layer, x = make(), minigrad.randn(4, 5, 3, 2)
    together = minigrad.vmap(lambda x: layer(x)[0])(x)
    one_by_one = minigrad.stack([layer(sample)[0] for sample in x])
    np.testing.assert_allclose(
        together.detach().numpy(), one_by_one.detach().numpy(), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_packed_sequences_are_as_if_each_came_alone(make: Any) -> None:
    layer = make(bidirectional=True)
    sequences = [minigrad.randn(length, 2) for length in (3, 5, 1)]
    packed, state = layer(rnn.pack_sequence(sequences, enforce_sorted=False))
    h = state[0] if isinstance(state, tuple) else state
    for number, output in enumerate(rnn.unpack_sequence(packed)):
        alone, last = layer(sequences[number])
        last = last[0] if isinstance(last, tuple) else last
        np.testing.assert_allclose(output.detach().numpy(), alone.detach().numpy(), atol=1e-6)
        np.testing.assert_allclose(h[:, number].detach().numpy(), last.detach().numpy(), atol=1e-6)


def test_float16_goes_step_by_step() -> None:
    layer = nn.GRU(2, 3).to(minigrad.float16)
    x = minigrad.randn(4, 3, 2)
    exact, _ = nn.GRU(2, 3), layer(x.half())
    exact.load_state_dict({name: w.float() for name, w in layer.state_dict().items()})
    found = layer(x.half())[0]
    assert found.dtype == minigrad.float16
    np.testing.assert_allclose(
        found.float().detach().numpy(), exact(x)[0].detach().numpy(), atol=5e-3
    )


def test_writing_to_an_output_or_a_state_harms_no_gradient() -> None:
    layer, x = nn.LSTM(2, 3), minigrad.randn(4, 3, 2)
    output, (h, _) = layer(x)
    plain = minigrad.autograd.grad(layer(x)[0].sum(), layer.weight_hh_l0)[0]
    kept = output.sum()
    h.zero_()
    output.detach().zero_()
    written = minigrad.autograd.grad(kept, layer.weight_hh_l0)[0]
    np.testing.assert_array_equal(written.numpy(), plain.numpy())


def test_packing_there_and_back() -> None:
    sequences = [minigrad.arange(length) for length in (2, 4, 1)]
    packed = rnn.pack_sequence(sequences, enforce_sorted=False)
    assert packed.data.tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1]
    assert packed.sorted_indices is not None
    assert packed.sorted_indices.tolist() == [1, 0, 2]
    assert [x.tolist() for x in rnn.unpack_sequence(packed)] == [x.tolist() for x in sequences]
    padded = rnn.pad_sequence(sequences, batch_first=True, padding_value=-1, padding_side="left")
    assert padded.tolist() == [[-1, -1, 0, 1], [0, 1, 2, 3], [-1, -1, -1, 0]]
