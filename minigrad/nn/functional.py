"""Layers and losses as plain functions, with the names of torch.nn.functional."""

from minigrad.ops.index import embedding
from minigrad.ops.loss import cross_entropy, mse_loss, nll_loss
from minigrad.ops.matmul import linear
from minigrad.ops.normalization import layer_norm, log_softmax, softmax
from minigrad.ops.pointwise import elu, gelu, hardtanh, leaky_relu, sigmoid, silu, softplus, tanh
from minigrad.ops.pointwise import log_sigmoid as logsigmoid
from minigrad.ops.pointwise import relu as _relu
from minigrad.tensor import Tensor

__all__ = [
    "cross_entropy",
    "elu",
    "embedding",
    "gelu",
    "hardtanh",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mse_loss",
    "nll_loss",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise."""
    result: Tensor = input.relu_() if inplace else _relu(input)
    return result
