"""torch.backends' names, for programs that ask which there are: only CUDA may be, by Numba."""

from minigrad.backends import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]
