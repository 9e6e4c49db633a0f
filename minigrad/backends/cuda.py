"""What was built for CUDA.  Products are computed in their own dtype, never in TF32."""


class _Matmul:
    allow_tf32 = False


matmul = _Matmul()


def is_built() -> bool:
    """Whether Numba can compile for GPUs: always, where its CUDA package is installed."""
    return True
