"""Linear algebra by NumPy's LAPACK, and triangular systems.  All take batches of matrices."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]


class LinAlgError(RuntimeError):
    """A matrix for which there is no answer: singular, or not positive-definite."""


def which(batch_shape: tuple[int, ...], number: int) -> str:
    """What messages say of the matrix of this number in a batch."""
    return f"(Batch element {number}): " if batch_shape else ""


def first_failure(function: Callable[[Array], Any], a: Array) -> tuple[int, Array]:
    """The first matrix of a batch for which LAPACK gives up, and its number."""
    for number, matrix in enumerate(a.reshape(-1, *a.shape[-2:])):
        try:
            function(matrix)
        except np.linalg.LinAlgError:
            return number, matrix
    raise AssertionError("LAPACK gave up on a batch, but on none of its matrices")


def first_zero_pivot(matrix: Array) -> int:
    """Where elimination with row exchanges meets a zero on the diagonal (from 1)."""
    rows = matrix.astype(np.float64)
    for k in range(len(rows)):
        best = k + int(np.abs(rows[k:, k]).argmax())
        rows[[k, best]] = rows[[best, k]]
        if rows[k, k] == 0:
            return k + 1
        rows[k + 1 :] -= rows[k + 1 :, k : k + 1] / rows[k, k] * rows[k]
    return len(rows)


def inverse(a: Array) -> Array:
    """The inverse."""
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        number, matrix = first_failure(np.linalg.inv, a)
        raise LinAlgError(
            f"linalg.inv: {which(a.shape[:-2], number)}The diagonal element "
            f"{first_zero_pivot(matrix)} is zero, the inversion could not be completed because "
            "the input matrix is singular."
        ) from None


def solve(a: Array, b: Array) -> Array:
    """x with a @ x = b, for b of shape (..., n, k)."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        number, _ = first_failure(np.linalg.inv, a)
        raise LinAlgError(
            f"torch.linalg.solve: {which(a.shape[:-2], number)}The solver failed because the "
            "input matrix is singular."
        ) from None


def det(a: Array) -> Array:
    """The determinant."""
    return np.asarray(np.linalg.det(a))


def slogdet(a: Array) -> tuple[Array, Array]:
    """The sign of the determinant, and the logarithm of its absolute value."""
    sign, logarithm = np.linalg.slogdet(a)
    return np.where(np.isnan(logarithm), a.dtype.type(0), sign), np.asarray(logarithm)


def cofactors(a: Array, determinant: Array) -> Array:
    """The derivative of the determinant by each element: det(a) * inv(a).T, which exists for
    singular matrices, too: there it is made of the singular values but for one."""
    if (determinant != 0).all():
        try:
            return determinant[..., None, None] * np.linalg.inv(a).swapaxes(-1, -2)
        except np.linalg.LinAlgError:  # its underflow to 0 was not noticed
            pass
    u, sizes, vt = np.linalg.svd(a)
    others = np.stack([np.delete(sizes, i, -1).prod(-1) for i in range(sizes.shape[-1])], -1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return np.asarray(sign[..., None, None] * ((u * others[..., None, :]) @ vt), a.dtype)


def log_cofactors(a: Array) -> Array:
    """The derivative of the logarithm of the determinant: inv(a).T, infinite where a is
    singular."""
    try:
        return np.linalg.inv(a).swapaxes(-1, -2)
    except np.linalg.LinAlgError:
        determinant = det(a)
        with np.errstate(all="ignore"):
            return cofactors(a, determinant) / determinant[..., None, None]


def cholesky(a: Array, name: str) -> Array:
    """The lower triangular factor of a = L @ L.T; only the lower triangle of a is read."""
    try:
        return factor(a)
    except np.linalg.LinAlgError:
        number, matrix = first_failure(factor, a)
        raise LinAlgError(
            f"{name}: {which(a.shape[:-2], number)}The factorization could not be completed "
            "because the input is not positive-definite (the leading minor of order "
            f"{first_bad_minor(matrix)} is not positive-definite)."
        ) from None


def factor(a: Array) -> Array:
    result = np.linalg.cholesky(a)
    if np.isnan(np.diagonal(result, axis1=-2, axis2=-1)).any():  # not every LAPACK looks
        raise np.linalg.LinAlgError
    return result


def first_bad_minor(matrix: Array) -> int:
    for order in range(1, len(matrix)):
        try:
            factor(matrix[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return len(matrix)


def qr(a: Array, mode: str) -> tuple[Array, Array]:
    """a = Q @ R; mode "r" has an empty Q."""
    if mode == "r":
        return np.empty(0, a.dtype), np.asarray(np.linalg.qr(a, "r"))
    q, r = np.linalg.qr(a, "complete" if mode == "complete" else "reduced")
    return q, r


@kernel
def substitute(a, x, backward, unit):
    """x becomes the solution of a @ x = its old values, for a triangular a."""
    size = a.shape[1]
    for n in range(a.shape[0]):
        for step in range(size):
            i = size - 1 - step if backward else step
            row = x[n, i]
            for done in range(step):
                j = size - 1 - done if backward else done
                factor, other = a[n, i, j], x[n, j]
                for k in range(row.size):
                    row[k] -= factor * other[k]
            if not unit:
                for k in range(row.size):
                    row[k] /= a[n, i, i]


def solve_triangular(a: Array, b: Array, upper: bool, unit: bool) -> Array:
    """x with a @ x = b for triangles a, of which the other half is not read; `unit`: nor is the
    diagonal, which counts as ones."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])), order="C")
    if x.size:
        matrices = np.broadcast_to(a, (*batch, *a.shape[-2:])).reshape(-1, *a.shape[-2:])
        flat = x.reshape(-1, *b.shape[-2:])
        substitute(np.ascontiguousarray(matrices), flat, upper, unit)
    return x
