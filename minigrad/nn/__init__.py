"""Layers, losses and starting values, with the names of torch.nn."""

from minigrad.nn import functional, init, utils
from minigrad.nn.activation import ReLU
from minigrad.nn.attention import MultiheadAttention
from minigrad.nn.cells import GRUCell, LSTMCell, RNNCell, RNNCellBase
from minigrad.nn.container import Sequential
from minigrad.nn.linear import Linear
from minigrad.nn.loss import CrossEntropyLoss
from minigrad.nn.module import Module
from minigrad.nn.parameter import Buffer, Parameter
from minigrad.nn.recurrent import GRU, LSTM, RNN, RNNBase

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Buffer",
    "CrossEntropyLoss",
    "GRUCell",
    "LSTMCell",
    "Linear",
    "Module",
    "MultiheadAttention",
    "Parameter",
    "RNNBase",
    "RNNCell",
    "RNNCellBase",
    "ReLU",
    "Sequential",
    "functional",
    "init",
    "utils",
]
