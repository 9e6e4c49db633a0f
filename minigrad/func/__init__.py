"""minigrad.func: transformations of functions, under torch.func's names."""

from minigrad.func.vmap import vmap

__all__ = ["vmap"]
