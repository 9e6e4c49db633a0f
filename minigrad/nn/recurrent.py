"""Recurrent layers: RNN, LSTM and GRU over whole sequences, padded or packed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.recurrence import recurrence
from minigrad.nn.utils.rnn import PackedSequence
from minigrad.ops.addmm import linear
from minigrad.ops.dropout import dropout
from minigrad.ops.filled import empty
from minigrad.ops.joining import cat, stack
from minigrad.ops.recurrent import Recurrence, State
from minigrad.ops.rows import index_select
from minigrad.ops.view import reshape, squeeze, transpose, unsqueeze
from minigrad.tensor import TENSORS, Tensor

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}
NO_PROJECTION = "proj_size argument is only supported for LSTM, not RNN or GRU"


class RNNBase(Module):
    """Layers of cells, each over the whole sequence of what the one below gives.

    Parameters of layer k: weight_ih_lk (G H, inputs), weight_hh_lk (G H, H), bias_ih_lk, bias_hh_lk
    (G H) for G gates, weight_hr_lk (proj_size, H); with _reverse for the way from the end.  All
    start uniform in +-1 / sqrt(hidden_size).
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_switches(dropout, num_layers, bias, batch_first)
        check_sizes(input_size, hidden_size, num_layers, proj_size)
        if mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode = mode
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        for layer in range(num_layers):
            for shapes in self._shapes(layer):
                for name, shape in shapes.items():
                    self.register_parameter(
                        name, Parameter(empty(*shape, device=device, dtype=dtype))
                    )
        self.reset_parameters()

    def _shapes(self, layer: int) -> list[dict[str, tuple[int, ...]]]:
        """The names and shapes of the parameters of a layer, for each direction."""
        suffixes = ["", "_reverse"] if self.bidirectional else [""]
        rows, outputs = GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        inputs = self.input_size if layer == 0 else outputs * len(suffixes)
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs)}
        shapes["weight_hh"] = (rows, outputs)
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return [{f"{n}_l{layer}{end}": s for n, s in shapes.items()} for end in suffixes]

    def reset_parameters(self) -> None:
        """Draw new values."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing to do: no kernel here wants the parameters in one piece of memory."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        names = [n for layer in range(self.num_layers) for n in self._shapes(layer)]
        return [[getattr(self, name) for name in each] for each in names]

    # ------------------------------------------------------------------------------------- forward

    def forward(self, input: Any, hx: Any = None) -> Any:
        """(output, last state) of input (L, N, input_size), (N, L, input_size) with batch_first,
        (L, input_size), or a PackedSequence; hx is the first state, zeros if left out."""
        state = None if hx is None else self._as_state(hx)
        if isinstance(input, PackedSequence):
            return self._of_packed(input, state)
        batched = self._is_batched(input, state)
        axis = 0 if self.batch_first else 1
        if not batched:
            input = unsqueeze(input, axis)
            state = None if state is None else tuple(unsqueeze(part, 1) for part in state)
        steps = transpose(input, 0, 1) if self.batch_first else input
        length, batch, size = steps.array.shape
        state = self._checked(input, 3, state, batch)
        if not length:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        rows, state = self._through(reshape(steps, (length * batch, size)), [batch] * length, state)
        output = reshape(rows, (length, batch, rows.array.shape[1]))
        if self.batch_first:
            output = transpose(output, 0, 1)
        if not batched:
            output, state = squeeze(output, axis), tuple(squeeze(part, 1) for part in state)
        return output, self._as_hx(state)

    def _of_packed(self, input: PackedSequence, state: State | None) -> Any:
        data, sizes, order, back = input
        batch_sizes = sizes.tolist()
        if state is not None and order is not None:
            state = tuple(index_select(part, 1, order) for part in state)
        state = self._checked(data, 2, state, batch_sizes[0])
        rows, state = self._through(data, batch_sizes, state)
        if back is not None:
            state = tuple(index_select(part, 1, back) for part in state)
        return PackedSequence(rows, sizes, order, back), self._as_hx(state)

    def _through(
        self, data: Tensor, batch_sizes: Sequence[int], state: State
    ) -> tuple[Tensor, State]:
        """(outputs, last state) of packed rows; a state is (layers directions, B, H)."""
        last, number = [], 0
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                data = dropout(data, self.dropout)
            outputs = []
            for reverse, names in enumerate(self._shapes(layer)):
                first = tuple(part[number] for part in state)
                plan = Recurrence(self.mode, batch_sizes, bool(reverse))
                output, end = self._one_way(plan, data, list(names), first)
                outputs.append(output)
                last.append(end)
                number += 1
            data = cat(outputs, 1) if len(outputs) > 1 else outputs[0]
        return data, tuple(stack(parts) for parts in zip(*last, strict=True))

    def _one_way(
        self, plan: Recurrence, data: Tensor, names: list[str], state: State
    ) -> tuple[Tensor, State]:
        """A layer in one direction: the products with all inputs are one product."""
        weights = [getattr(self, name) for name in names]
        projection = weights.pop() if self.proj_size else None
        weight_ih, weight_hh, bias_ih, bias_hh = weights if self.bias else (*weights, None, None)
        gates = linear(data, weight_ih, bias_ih)
        return recurrence(plan, gates, weight_hh, bias_hh, state, projection)

    # -------------------------------------------------------------------------------- what is given

    def _as_state(self, hx: Any) -> State:
        return (hx,)

    def _as_hx(self, state: State) -> Any:
        return state[0]

    def _is_batched(self, input: Tensor, state: State | None) -> bool:
        dims = input.dim()
        if dims not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {dims}D instead"
            )
        if state is not None and any(part.dim() != dims for part in state):
            kind = "batched 3-D" if dims == 3 else "unbatched 2-D"
            raise RuntimeError(
                f"For {kind} input, {self._wrong_dims(dims, [part.dim() for part in state])}"
            )
        return dims == 3

    def _wrong_dims(self, wanted: int, found: list[int]) -> str:
        return f"hx should also be {wanted}-D but got {found[0]}-D tensor"

    def _checked(self, input: Tensor, dims: int, state: State | None, batch: int) -> State:
        """The state to begin with, when input and state are what this layer takes."""
        wanted = self.weight_ih_l0.dtype
        if input.dtype != wanted:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({wanted}). Convert "
                f"input: input.to({wanted}), or convert model: model.to({input.dtype})"
            )
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if input.array.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{input.array.shape[-1]}"
            )
        shapes = self._state_shapes(batch)
        if state is None:
            return tuple(input.new_zeros(*shape) for shape in shapes)
        for number, (part, shape) in enumerate(zip(state, shapes, strict=True)):
            if part.array.shape != shape:
                place = f"[{number}]" if len(shapes) > 1 else ""
                raise RuntimeError(
                    f"Expected hidden{place} size {shape}, got {list(part.array.shape)}"
                )
        return state

    def _state_shapes(self, batch: int) -> list[tuple[int, ...]]:
        layers = self.num_layers * (2 if self.bidirectional else 1)
        return [(layers, batch, self.proj_size or self.hidden_size)]

    def extra_repr(self) -> str:
        usual = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        own = {name: getattr(self, name) for name in usual}
        said = [f", {name}={own[name]}" for name in usual if own[name] != usual[name]]
        return f"{self.input_size}, {self.hidden_size}{''.join(said)}"


def check_switches(dropout: Any, num_layers: int, bias: Any, batch_first: Any) -> None:
    number = isinstance(dropout, int | float) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and num_layers=1",
            stacklevel=4,
        )
    for name, value in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")


def check_sizes(input_size: Any, hidden_size: Any, num_layers: int, proj_size: int) -> None:
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(value, int):
            raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNN(RNNBase):
    """h' = tanh(W x + b + U h + b'), or relu of it, for every step (Elman 1990)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        proj_size: None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if proj_size is not None:
            raise ValueError(NO_PROJECTION)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        mode, switches = f"RNN_{nonlinearity.upper()}", (bias, batch_first, dropout, bidirectional)
        super().__init__(
            mode, input_size, hidden_size, num_layers, *switches, device=device, dtype=dtype
        )
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """c' = f c + i g, h' = o tanh(c') for every step, with the gates of LSTMCell (Hochreiter and
    Schmidhuber 1997); with proj_size, h' is W_hr times that (Sak et al. 2014).  hx is (h, c)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        switches = (bias, batch_first, dropout, bidirectional, proj_size)
        super().__init__("LSTM", input_size, hidden_size, num_layers, *switches, device, dtype)

    def _as_state(self, hx: Any) -> State:
        if type(hx) in TENSORS or len(hx) != 2:
            raise TypeError("LSTM: hx must be a tuple of two Tensors, (h_0, c_0)")
        return tuple(hx)

    def _as_hx(self, state: State) -> Any:
        return state

    def _wrong_dims(self, wanted: int, found: list[int]) -> str:
        got = f"({found[0]}-D, {found[1]}-D) tensors"
        return f"hx and cx should also be {wanted}-D but got {got}"

    def _state_shapes(self, batch: int) -> list[tuple[int, ...]]:
        (hidden,) = super()._state_shapes(batch)
        return [hidden, (*hidden[:2], self.hidden_size)]


class GRU(RNNBase):
    """h' = (1 - z) n + z h for every step, with the gates of GRUCell (Cho et al. 2014)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        proj_size: None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if proj_size is not None:
            raise ValueError(NO_PROJECTION)
        switches = (bias, batch_first, dropout, bidirectional)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, *switches, device=device, dtype=dtype
        )
