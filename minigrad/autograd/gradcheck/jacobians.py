"""The same Jacobian three ways: by finite differences, by backward, by forward mode.

A Jacobian has a row for each element of the input and a column for each element of the output.
Each way is one product with a vector; with every unit vector in turn, it gives the whole matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from minigrad import kernels
from minigrad.autograd.backward import grad
from minigrad.autograd.gradcheck.error import GradcheckError
from minigrad.autograd.gradcheck.subject import Matrix, Subject, tensor_like
from minigrad.tensor import Tensor


def unit_vectors(x: Tensor) -> Iterator[tuple[tuple[int, ...], Matrix]]:
    """Each place in x, and an array that is 1 there and 0 elsewhere."""
    for place in np.ndindex(*x.array.shape):
        vector = np.zeros(x.array.shape)
        vector[place] = 1
        yield place, vector


# ------------------------------------------------------------------------------ finite differences


@contextmanager
def moved(x: Tensor, step: Matrix) -> Iterator[None]:
    """x with other values for a while.  The clock of writes does not see it: the graph that was
    made at the old values stays as good as it was."""
    kept = x.array.copy()
    x.array[...] = kernels.to_device_of(np.asarray(x.host_array() + step), x.array)
    try:
        yield
    finally:
        x.array[...] = kept


def numerical_jvp(
    subject: Subject, x: Tensor, direction: Matrix, place: tuple[int, ...] | None = None
) -> list[Matrix]:
    """How fast each output changes as x moves along `direction`, by central differences."""
    step = subject.eps * direction
    with moved(x, -step):
        below = subject.values()
    with moved(x, step):
        above = subject.values()
    for a, b in zip(below, above, strict=True):
        check_alike(a, b, subject.eps, place)
    with np.errstate(all="ignore"):
        return [
            (b.astype(np.float64) - a.astype(np.float64)).reshape(-1) / (2 * subject.eps)
            for a, b in zip(below, above, strict=True)
        ]


def check_alike(a: Matrix, b: Matrix, eps: float, place: tuple[int, ...] | None) -> None:
    """AssertionError if an output takes another shape or dtype when an input moves a little."""
    where = "" if place is None else f"on index {place} "
    for what, one, other in (("shape", a.shape, b.shape), ("dtype", a.dtype, b.dtype)):
        if one != other:
            raise AssertionError(
                f"Expected `func` to return outputs with the same {what} when inputs are "
                f"perturbed {where}by {eps}, but got: {what}s {one} and {other}."
            )


def numerical_jacobians(subject: Subject, x: Tensor) -> list[Matrix]:
    """The Jacobian of each output with respect to x."""
    rows = [numerical_jvp(subject, x, vector, place) for place, vector in unit_vectors(x)]
    if not rows:
        return [np.zeros((0, value.size)) for value in subject.values()]
    return [np.array(of_output) for of_output in zip(*rows, strict=True)]


# ----------------------------------------------------------------------------------- backward mode


def vjps(
    output: Tensor, inputs: list[Tensor], seed: Matrix, check_dtypes: bool
) -> list[Matrix | None]:
    """seed @ Jacobian for each input, flat; None where no gradient arrives."""
    found = grad(output, inputs, tensor_like(seed, output), retain_graph=True, allow_unused=True)
    for gradient, x in zip(found, inputs, strict=True):
        if gradient is not None:
            check_kind(gradient, x, check_dtypes)
    return [None if g is None else np.array(g.host_array(), np.float64).ravel() for g in found]


def check_kind(gradient: Tensor, x: Tensor, check_dtypes: bool) -> None:
    if gradient.array.shape != x.array.shape:
        raise GradcheckError(
            f"Analytical gradient has incorrect size: {list(gradient.array.shape)} for an input "
            f"of size {list(x.array.shape)}."
        )
    if check_dtypes and gradient.dtype != x.dtype:
        raise GradcheckError(
            f"Gradient has dtype mismatch: {gradient.dtype} for an input of {x.dtype}."
        )


def backward_jacobians(
    output: Tensor, inputs: list[Tensor], check_dtypes: bool = False
) -> list[Matrix | None]:
    """The Jacobian of an output with respect to each input; None where no gradient ever arrives."""
    vectors = unit_vectors(output)
    columns = [vjps(output, inputs, vector, check_dtypes) for _, vector in vectors]
    if not columns:
        return [np.zeros((x.array.size, 0)) for x in inputs]
    return [
        joined(of_input, x.array.size)
        for of_input, x in zip(zip(*columns, strict=True), inputs, strict=True)
    ]


def joined(columns: tuple[Matrix | None, ...], length: int) -> Matrix | None:
    if all(column is None for column in columns):
        return None
    zeros = np.zeros(length)
    return np.stack([zeros if column is None else column for column in columns], axis=1)
