"""Layers, losses and starting values, with the names of torch.nn."""

from minigrad.nn import functional, init
from minigrad.nn.activation import ReLU
from minigrad.nn.container import Sequential
from minigrad.nn.linear import Linear
from minigrad.nn.loss import CrossEntropyLoss
from minigrad.nn.module import Module
from minigrad.nn.parameter import Buffer, Parameter

__all__ = [
    "Buffer",
    "CrossEntropyLoss",
    "Linear",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "functional",
    "init",
]
