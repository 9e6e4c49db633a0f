"""Recurrent networks, step by step: the formulas of the cells, and sequences going through one.

Elman 1990; Hochreiter and Schmidhuber 1997 (LSTM); Cho et al. 2014 (GRU).  A step gets `gates`,
W x + b of its inputs, and `hidden`, U h + b of the state it is in: (N, G H) both, for G gates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from minigrad.ops.activation import relu
from minigrad.ops.addmm import linear
from minigrad.ops.joining import cat, chunk, split
from minigrad.ops.pointwise import sigmoid, tanh
from minigrad.ops.view import narrow
from minigrad.tensor import Tensor

State = tuple[Tensor, ...]  # (h,), or (h, c) of an LSTM: (N, H) each
Step = Callable[[Tensor, Tensor, State], State]


def tanh_step(gates: Tensor, hidden: Tensor, state: State) -> State:
    """h' = tanh(gates + hidden)"""
    return (tanh(gates + hidden),)


def relu_step(gates: Tensor, hidden: Tensor, state: State) -> State:
    """h' = relu(gates + hidden)"""
    return (relu(gates + hidden),)


def lstm_step(gates: Tensor, hidden: Tensor, state: State) -> State:
    """c' = f c + i g, h' = o tanh(c')"""
    i, f, g, o = chunk(gates + hidden, 4, 1)
    c = sigmoid(f) * state[1] + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def gru_step(gates: Tensor, hidden: Tensor, state: State) -> State:
    """n = tanh(gates + r hidden), h' = n + z (h - n)"""
    (reset, update, new), (r, z, n) = chunk(gates, 3, 1), chunk(hidden, 3, 1)
    candidate = tanh(new + sigmoid(reset + r) * n)
    return (candidate + sigmoid(update + z) * (state[0] - candidate),)


STEPS: dict[str, Step] = {
    "RNN_TANH": tanh_step,
    "RNN_RELU": relu_step,
    "LSTM": lstm_step,
    "GRU": gru_step,
}


class Recurrence(NamedTuple):
    """What a layer does in one direction: its kind of cell, the number of sequences that each step
    has (they stand in order of their length, the longest first), and whether the last comes first.
    """

    mode: str
    batch_sizes: Sequence[int]
    reverse: bool


def step_by_step(
    plan: Recurrence,
    gates: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    state: State,
    projection: Tensor | None = None,
) -> tuple[Tensor, State]:
    """(h of every step, the last state) of gates (rows, G H), the steps one below the other.

    weight (G H, H) and bias (G H) make `hidden` of h; with a projection (P, H), h is that of what
    the cell gives.
    """
    step, outputs = STEPS[plan.mode], []
    steps = split(gates, list(plan.batch_sizes))
    for inputs in reversed(steps) if plan.reverse else steps:
        count = inputs.array.shape[0]
        running = tuple(narrow(part, 0, 0, count) for part in state)
        now = step(inputs, linear(running[0], weight, bias), running)
        if projection is not None:
            now = (linear(now[0], projection), *now[1:])
        outputs.append(now[0])
        state = tuple(with_first(old, new) for old, new in zip(state, now, strict=True))
    return cat(outputs[::-1] if plan.reverse else outputs), state


def with_first(old: Tensor, new: Tensor) -> Tensor:
    """`old` with its first rows replaced."""
    count, rows = new.array.shape[0], old.array.shape[0]
    return new if count == rows else cat([new, narrow(old, 0, count, rows - count)])
