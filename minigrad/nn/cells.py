"""Recurrent cells: one step at a time, for loops of one's own."""

from __future__ import annotations

import math
from typing import Any

from minigrad.nn import init
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.addmm import linear
from minigrad.ops.filled import empty
from minigrad.ops.recurrent import STEPS, State
from minigrad.ops.view import squeeze, unsqueeze
from minigrad.tensor import TENSORS, Tensor


class RNNCellBase(Module):
    """Weights of a cell with `num_chunks` gates, all uniform in +-1 / sqrt(hidden_size)."""

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows, where = num_chunks * hidden_size, {"device": device, "dtype": dtype}
        self.weight_ih = Parameter(empty(rows, input_size, **where))
        self.weight_hh = Parameter(empty(rows, hidden_size, **where))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, **where)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")

    def step(self, mode: str, input: Tensor, state: State | None) -> State:
        """The next state, of input (N, input_size) or (input_size) and state (N, H) or (H)."""
        batched = input.dim() == 2
        if not batched:
            input = unsqueeze(input, 0)
            state = None if state is None else tuple(unsqueeze(part, 0) for part in state)
        if state is None:
            zeros = input.new_zeros(input.array.shape[0], self.hidden_size)
            state = (zeros, zeros) if mode == "LSTM" else (zeros,)
        self.check_sizes(input, state)
        gates = linear(input, self.weight_ih, self.bias_ih)
        hidden = linear(state[0], self.weight_hh, self.bias_hh)
        state = STEPS[mode](gates, hidden, state)
        return state if batched else tuple(squeeze(part, 0) for part in state)

    def check_dims(self, input: Tensor, **state: Tensor | None) -> None:
        for name, x in {"input": input, **state}.items():
            if x is not None and x.dim() not in (1, 2):
                raise ValueError(
                    f"{type(self).__name__}: Expected {name} to be 1D or 2D, got {x.dim()}D instead"
                )

    def check_sizes(self, input: Tensor, state: State) -> None:
        batch, size = input.array.shape
        if size != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {size} expected {self.input_size}"
            )
        for number, part in enumerate(state):
            if part.dim() != 2:
                raise RuntimeError(
                    f"hidden{number} has inconsistent dimensions: it has a batch where input has "
                    "one, and only there"
                )
            rows, size = part.array.shape
            if size != self.hidden_size:
                raise RuntimeError(
                    f"hidden{number} has inconsistent hidden_size: got {size}, expected "
                    f"{self.hidden_size}"
                )
            if rows != batch:
                raise RuntimeError(
                    f"Input batch size {batch} doesn't match hidden{number} batch size {rows}"
                )


class RNNCell(RNNCellBase):
    """h' = tanh(W x + b + U h + b'), or relu of it (Elman 1990).

    input (N, input_size) and hx (N, hidden_size), or one sample without N; hx is zeros if left out.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        self.check_dims(input, hidden=hx)
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        mode = f"RNN_{self.nonlinearity.upper()}"
        return self.step(mode, input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        usual = self.nonlinearity == "tanh"
        return super().extra_repr() + ("" if usual else f", nonlinearity={self.nonlinearity}")


class LSTMCell(RNNCellBase):
    """Gates i, f, o that are sigmoids and g that is a tanh, each of W x + b + U h + b':
    c' = f c + i g, h' = o tanh(c') (Hochreiter and Schmidhuber 1997).

    input (N, input_size) and hx = (h, c) of (N, hidden_size), or one sample without N.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        if type(hx) in TENSORS:
            raise TypeError(
                "lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors, not Tensor"
            )
        self.check_dims(input, **{f"hx[{i}]": part for i, part in enumerate(hx or ())})
        h, c = self.step("LSTM", input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """Gates r and z that are sigmoids of W x + b + U h + b': n = tanh(W x + b + r (U h + b')),
    h' = (1 - z) n + z h (Cho et al. 2014).

    input (N, input_size) and hx (N, hidden_size), or one sample without N; hx is zeros if left out.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        self.check_dims(input, hidden=hx)
        return self.step("GRU", input, None if hx is None else (hx,))[0]
