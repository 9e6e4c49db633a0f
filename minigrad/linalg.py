"""The namespace torch.linalg: linear algebra, norms, products of matrices."""

from minigrad.kernels.cpu.linalg import LinAlgError
from minigrad.ops.cholesky import linalg_cholesky as cholesky
from minigrad.ops.determinants import linalg_det as det
from minigrad.ops.determinants import linalg_slogdet as slogdet
from minigrad.ops.linear_systems import inv, solve, solve_triangular
from minigrad.ops.matmul import matmul
from minigrad.ops.matrix_products import matrix_power, multi_dot, vecdot
from minigrad.ops.norm import linalg_norm as norm
from minigrad.ops.norm import matrix_norm, vector_norm
from minigrad.ops.qr import linalg_qr as qr

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
