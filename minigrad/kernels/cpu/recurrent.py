"""Recurrent networks: the steps of a layer one after the other, and back.

A layer's sequences are packed: one row for each step of each sequence, the steps one below the
other, so that step t is the rows batch_sizes[0] + ... + batch_sizes[t - 1] and on.  Sequences stand
in order of their length, the longest first, so that a shorter step leaves out the last ones.
`gates` holds what the inputs give, W x + b; `hidden` what the states give, U h + b.

`state` is (1, B, H) of h, or (2, B, H) of h and c; a step changes its first rows in place.  For the
way back it keeps the state it came from in `before`, and its gates in `kept`.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from minigrad.kernels.cpu.gemm import matmul
from minigrad.kernels.cpu.reductions import sum as sum_over
from minigrad.kernels.cpu.vector_math import (
    either_width,
    exp_float32,
    exp_float64,
    tanh_float32,
    tanh_float64,
)
from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]

exp = either_width(exp_float32, exp_float64)
tanh = either_width(tanh_float32, tanh_float64)


# --------------------------------------------------------------------------------- parts of a step
# A loop that writes one row vectorises; one that writes several needs too many tests for overlap.


@kernel
def sigmoid_of_sum(x, y, z, out):
    one = x.dtype.type(1)
    for j in range(out.size):
        out[j] = one / (one + exp(-(x[j] + y[j] + z[j])))


@kernel
def tanh_of_sum(x, y, z, out):
    for j in range(out.size):
        out[j] = tanh(x[j] + y[j] + z[j])


@kernel
def remember(state, row, before, place):
    """Keep the state of a sequence."""
    for part in range(state.shape[0]):
        before[part, place] = state[part, row]


# ------------------------------------------------------------------------ h' = tanh(gates + hidden)


@kernel
def tanh_step(start, gates, hidden, bias, state, kept, before, out):
    for row in range(hidden.shape[0]):
        place = start + row
        remember(state, row, before, place)
        tanh_of_sum(gates[place], hidden[row], bias, out[place])
        state[0, row] = out[place]
        kept[place] = out[place]


@kernel
def tanh_step_back(start, stop, grad, kept, before, slopes, of_gates, of_hidden):
    one = grad.dtype.type(1)
    for place in range(start, stop):
        g, y, dh, result = grad[place], kept[place], slopes[0, place - start], of_gates[place]
        for j in range(y.size):
            result[j] = (g[j] + dh[j]) * (one - y[j] * y[j])
        dh[:] = grad.dtype.type(0)


# ------------------------------------------------------------------------ h' = relu(gates + hidden)


@kernel
def relu_step(start, gates, hidden, bias, state, kept, before, out):
    zero = gates.dtype.type(0)
    for row in range(hidden.shape[0]):
        place = start + row
        remember(state, row, before, place)
        x, y, result = gates[place], hidden[row], out[place]
        for j in range(x.size):
            total = x[j] + y[j] + bias[j]
            result[j] = zero if total < zero else total  # nan stays
        state[0, row] = result
        kept[place] = result


@kernel
def relu_step_back(start, stop, grad, kept, before, slopes, of_gates, of_hidden):
    zero = grad.dtype.type(0)
    for place in range(start, stop):
        g, y, dh, result = grad[place], kept[place], slopes[0, place - start], of_gates[place]
        for j in range(y.size):
            result[j] = zero if y[j] <= zero else g[j] + dh[j]
        dh[:] = zero


# ---------------------------------------------------------------- c' = f c + i g, h' = o tanh(c')


@kernel
def lstm_step(start, gates, hidden, bias, state, kept, before, out):
    size = out.shape[1]
    for row in range(hidden.shape[0]):
        place = start + row
        remember(state, row, before, place)
        for part in range(4):
            here = slice(part * size, part * size + size)
            sums = gates[place, here], hidden[row, here], bias[here], kept[place, here]
            if part == 2:
                tanh_of_sum(*sums)
            else:
                sigmoid_of_sum(*sums)
        i, f = kept[place, :size], kept[place, size : 2 * size]
        g, o = kept[place, 2 * size : 3 * size], kept[place, 3 * size :]
        c, result = state[1, row], out[place]
        for j in range(size):
            c[j] = f[j] * c[j] + i[j] * g[j]
        for j in range(size):
            result[j] = o[j] * tanh(c[j])
        state[0, row] = result


@kernel
def lstm_step_back(start, stop, grad, kept, before, slopes, of_gates, of_hidden):
    size = grad.shape[1]
    one = grad.dtype.type(1)
    for place in range(start, stop):
        i, f = kept[place, :size], kept[place, size : 2 * size]
        g, o = kept[place, 2 * size : 3 * size], kept[place, 3 * size :]
        di, df = of_gates[place, :size], of_gates[place, size : 2 * size]
        dg, do = of_gates[place, 2 * size : 3 * size], of_gates[place, 3 * size :]
        dh, dc = slopes[0, place - start], slopes[1, place - start]
        above, c = grad[place], before[1, place]
        for j in range(size):
            bent = tanh(f[j] * c[j] + i[j] * g[j])
            total = above[j] + dh[j]
            do[j] = total * bent * o[j] * (one - o[j])
            dc[j] += total * o[j] * (one - bent * bent)
        for j in range(size):
            di[j] = dc[j] * g[j] * i[j] * (one - i[j])
            dg[j] = dc[j] * i[j] * (one - g[j] * g[j])
        for j in range(size):
            df[j] = dc[j] * c[j] * f[j] * (one - f[j])
            dc[j] *= f[j]
        dh[:] = grad.dtype.type(0)


# ----------------------------------------- n = tanh(gates + r hidden), h' = n + z (h - n)


@kernel
def gru_step(start, gates, hidden, bias, state, kept, before, out):
    size = out.shape[1]
    for row in range(hidden.shape[0]):
        place = start + row
        remember(state, row, before, place)
        for part in range(2):
            here = slice(part * size, part * size + size)
            sigmoid_of_sum(gates[place, here], hidden[row, here], bias[here], kept[place, here])
        r, z = kept[place, :size], kept[place, size : 2 * size]
        n, u = kept[place, 2 * size : 3 * size], kept[place, 3 * size :]
        x, y, b = gates[place, 2 * size :], hidden[row, 2 * size :], bias[2 * size :]
        h, result = state[0, row], out[place]
        for j in range(size):
            u[j] = y[j] + b[j]
        for j in range(size):
            n[j] = tanh(x[j] + r[j] * u[j])
        for j in range(size):
            result[j] = n[j] + z[j] * (h[j] - n[j])
        state[0, row] = result


@kernel
def gru_step_back(start, stop, grad, kept, before, slopes, of_gates, of_hidden):
    size = grad.shape[1]
    one = grad.dtype.type(1)
    for place in range(start, stop):
        r, z = kept[place, :size], kept[place, size : 2 * size]
        n, u = kept[place, 2 * size : 3 * size], kept[place, 3 * size :]
        dr, dz = of_gates[place, :size], of_gates[place, size : 2 * size]
        dn, du = of_gates[place, 2 * size :], of_hidden[place, 2 * size :]
        h, dh, above = before[0, place], slopes[0, place - start], grad[place]
        for j in range(size):
            total = above[j] + dh[j]
            dz[j] = total * (h[j] - n[j]) * z[j] * (one - z[j])
            dn[j] = total * (one - z[j]) * (one - n[j] * n[j])
        for j in range(size):
            dh[j] = (above[j] + dh[j]) * z[j]
        for j in range(size):
            dr[j] = dn[j] * u[j] * r[j] * (one - r[j])
            du[j] = dn[j] * r[j]
        of_hidden[place, : 2 * size] = of_gates[place, : 2 * size]


# ------------------------------------------------------------------------------------ whole layers


class Cell(NamedTuple):
    """The kernels of a kind of cell, and the widths of its arrays in units of H."""

    step: Any
    step_back: Any
    states: int = 1
    kept: int = 1
    one_slope: bool = True  # whether gates and hidden are only ever added, and have one gradient


CELLS = {
    "RNN_TANH": Cell(tanh_step, tanh_step_back),
    "RNN_RELU": Cell(relu_step, relu_step_back),
    "LSTM": Cell(lstm_step, lstm_step_back, states=2, kept=4),
    "GRU": Cell(gru_step, gru_step_back, kept=4, one_slope=False),
}


def spans(batch_sizes: Sequence[int], backwards: bool) -> Iterable[tuple[int, int]]:
    """The first row and the end of each step, in order."""
    found = list(pairwise(accumulate(batch_sizes, initial=0)))
    return found[::-1] if backwards else found


def recurrent_steps(
    gates: Array,
    weight: Array,
    bias: Array | None,
    state: Sequence[Array],
    mode: str,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> tuple[Array, Array, Array, Array]:
    """(h of every step (N, H), the last state (S, B, H), before, kept), of gates (N, G H)."""
    cell, rows, size, dtype = CELLS[mode], len(gates), weight.shape[1], gates.dtype
    bias = np.zeros(len(weight), dtype) if bias is None else plain(bias)
    out, kept = np.empty((rows, size), dtype), np.empty((rows, cell.kept * size), dtype)
    before, now = np.empty((cell.states, rows, size), dtype), np.stack(state)
    gates, columns = plain(gates), np.ascontiguousarray(weight.T)
    for start, stop in spans(batch_sizes, reverse):
        hidden = matmul(now[0, : stop - start], columns)
        cell.step(start, gates, hidden, bias, now, kept, before, out)
    return out, now, before, kept


def recurrent_steps_backward(
    grad: Array | None,
    of_state: Sequence[Array | None],
    weight: Array,
    before: Array,
    kept: Array,
    mode: str,
    batch_sizes: Sequence[int],
    reverse: bool,
) -> tuple[Array, Array, Array, Array]:
    """The gradients of gates, weight, bias and state, of those of what the steps gave."""
    cell, (_, rows, size), dtype = CELLS[mode], before.shape, before.dtype
    grad = np.zeros((rows, size), dtype) if grad is None else plain(grad)
    slopes = np.zeros((cell.states, max(batch_sizes), size), dtype)
    for slope, given in zip(slopes, of_state, strict=True):
        if given is not None:
            slope[:] = given
    of_gates = np.empty((rows, len(weight)), dtype)
    of_hidden = of_gates if cell.one_slope else np.empty_like(of_gates)
    weight = plain(weight)
    for start, stop in spans(batch_sizes, not reverse):
        cell.step_back(start, stop, grad, kept, before, slopes, of_gates, of_hidden)
        slopes[0, : stop - start] += matmul(of_hidden[start:stop], weight)
    of_weight = matmul(of_hidden.T, before[0])
    return of_gates, of_weight, sum_over(of_hidden, (0,), False), slopes


def plain(x: Array) -> Array:
    """x, in the one layout that the kernels are compiled for."""
    return x if x.flags.carray else x.copy()
