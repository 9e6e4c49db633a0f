"""Layers and losses as plain functions, with the names of torch.nn.functional."""

from minigrad.ops.batch_norm import batch_norm, group_norm, instance_norm
from minigrad.ops.convolution import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    fold,
    unfold,
)
from minigrad.ops.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from minigrad.ops.embedding import embedding, one_hot
from minigrad.ops.loss import cross_entropy, mse_loss, nll_loss
from minigrad.ops.matmul import linear
from minigrad.ops.normalization import layer_norm, log_softmax, softmax
from minigrad.ops.padding import (
    pad,
)
from minigrad.ops.pointwise import elu, gelu, hardtanh, leaky_relu, sigmoid, silu, softplus, tanh
from minigrad.ops.pointwise import log_sigmoid as logsigmoid
from minigrad.ops.pointwise import relu as _relu
from minigrad.ops.response_norm import local_response_norm, rms_norm
from minigrad.tensor import Tensor

__all__ = [
    "alpha_dropout",
    "batch_norm",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "embedding",
    "feature_alpha_dropout",
    "fold",
    "gelu",
    "group_norm",
    "hardtanh",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "relu",
    "rms_norm",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise."""
    result: Tensor = input.relu_() if inplace else _relu(input)
    return result
