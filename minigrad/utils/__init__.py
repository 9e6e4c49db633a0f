"""What is of use around training, with the names of torch.utils."""

from minigrad.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
