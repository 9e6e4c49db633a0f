"""What is of use around layers, with the names of torch.nn.utils."""

from minigrad.nn.utils import rnn

__all__ = ["rnn"]
