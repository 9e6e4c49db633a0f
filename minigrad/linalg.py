"""The namespace torch.linalg: linear algebra, norms, products of matrices."""

from minigrad.kernels.cpu.linalg import LinAlgError
from minigrad.ops.linalg import inv, matrix_power, multi_dot, solve, solve_triangular, vecdot
from minigrad.ops.linalg import linalg_cholesky as cholesky
from minigrad.ops.linalg import linalg_det as det
from minigrad.ops.linalg import linalg_qr as qr
from minigrad.ops.linalg import linalg_slogdet as slogdet
from minigrad.ops.matmul import matmul
from minigrad.ops.norm import linalg_norm as norm
from minigrad.ops.norm import matrix_norm, vector_norm

__all__ = [
    "LinAlgError",
    "cholesky",
    "det",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "multi_dot",
    "norm",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "vecdot",
    "vector_norm",
]
