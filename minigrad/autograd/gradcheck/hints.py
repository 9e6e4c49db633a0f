"""Usual mistakes, told from the numbers.  A hint is given only where it explains every entry.

Each function below knows one mistake: it returns what to say if the two Jacobians show it, else
None.  In a Jacobian a row is an element of the input, a column an element of the output.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minigrad.autograd.gradcheck.jacobians import moved
from minigrad.autograd.gradcheck.mismatch import Mismatch
from minigrad.autograd.gradcheck.subject import Matrix
from minigrad.tensor import Tensor

MANY = 2  # numbers that must tell the same story before it is told


def hints(case: Mismatch) -> list[str]:
    """What explains the mismatch: doubts about the check itself, else the first mistake found."""
    doubts = [said for ask in DOUBTS if (said := ask(case)) is not None]
    if doubts:
        return doubts
    if not (np.isfinite(case.analytical).all() and np.isfinite(case.numerical).all()):
        return []
    with np.errstate(all="ignore"):
        return [said for said in (ask(case) for ask in MISTAKES) if said is not None][:1]


def explains(case: Mismatch, guess: Matrix) -> bool:
    """Whether the analytical Jacobian would be right if it had come out as `guess` says."""
    return case.subject.close(guess, case.numerical)


# --------------------------------------------------------------------- is the check itself sound?


def low_precision(case: Mismatch) -> str | None:
    if case.input.array.dtype == np.float64:
        return None
    return (
        f"the input is {case.input.dtype}, so finite differences with eps={case.subject.eps} are "
        "mostly rounding. Make the inputs with dtype=minigrad.float64."
    )


def random_or_modifying(case: Mismatch) -> str | None:
    """Call func twice more: the inputs must stay, and the outputs must be the same."""
    tensors = [x for x in case.subject.inputs if isinstance(x, Tensor)]
    before = [np.array(x.host_array()) for x in tensors]
    first = case.subject.values()
    after = [np.array(x.host_array()) for x in tensors]
    changed = [
        number
        for number, (a, b) in enumerate(zip(before, after, strict=True))
        if not np.array_equal(a, b, equal_nan=True)
    ]
    if changed:
        return (
            f"func modifies its tensor argument {changed[0]} in place, so every call of it starts "
            "from other values. Let it work on a clone()."
        )
    second = case.subject.values()
    if all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)):
        return None
    return (
        "func gives different outputs for the same inputs, so differences of its outputs are no "
        "derivatives. Seed its random numbers inside func, or pass them as an input."
    )


def shared_memory(case: Mismatch) -> str | None:
    others = [(i, x) for i, x in enumerate(case.subject.wanted) if x is not case.input]
    before = [x.host_array().copy() for _, x in others]
    with moved(case.input, np.ones(case.input.array.shape)):
        for (number, x), values in zip(others, before, strict=True):
            if not np.array_equal(values, x.host_array(), equal_nan=True):
                first, second = sorted((number, case.input_nr))
                return (
                    f"inputs {first} and {second} share memory, so one moves with the "
                    "other. Pass a clone()."
                )
    return None


def kink(case: Mismatch) -> str | None:
    """At a corner of func, as relu has at 0, the slopes on both sides differ."""
    if case.input.array.dtype != np.float64:
        return None  # what looks like a corner is rounding
    row, column = case.worst
    vector = np.zeros(case.input.array.size)
    vector[row] = 1
    left, right = slopes(case, vector.reshape(case.input.array.shape), column)
    if not abs(right - left) > max(1e-3, 0.01 * max(abs(left), abs(right))):
        return None
    return (
        f"func has a corner or a jump there: the slope is {left:.4g} on one side and {right:.4g} "
        "on the other. It has no derivative to check at this input: move the input away."
    )


def slopes(case: Mismatch, vector: Matrix, column: int) -> tuple[float, float]:
    """How one output element changes just before and just after this input."""
    output = next(i for i, x in enumerate(case.outputs) if x is case.output)
    eps, points = case.subject.eps, []
    for step in (-eps, 0, eps):
        with moved(case.input, step * vector):
            points.append(float(case.subject.values()[output].reshape(-1)[column]))
    below, here, above = points
    return (here - below) / eps, (above - here) / eps


# -------------------------------------------------------------------------------- usual mistakes


def no_gradient(case: Mismatch) -> str | None:
    if case.analytical.any():
        return None
    if case.reached:
        return f"{case.mode} gives zeros for this input, but the output changes with it."
    return (
        "no gradient comes to this input, but the output changes with it. Either "
        f"{case.rule} returns None for it, or func leaves the graph: detach(), .data, .item(), "
        "numpy() or no_grad()."
    )


def the_same_for_every_gradient(case: Mismatch) -> str | None:
    """The columns of the Jacobian, one for each unit vector as grad_output, are the same."""
    given = case.analytical
    if case.forward or given.shape[1] < MANY or np.ptp(given, axis=1).any():
        return None
    if case.subject.close(case.numerical.sum(axis=1), given[:, 0]):
        return (
            "backward gives the same for every gradient that comes in: multiply what it returns by "
            "grad_output (the chain rule)."
        )
    return None


def swapped(case: Mismatch) -> str | None:
    for number, other in enumerate(case.others):
        if number == case.input_nr or other.shape != case.analytical.shape:
            continue
        if case.subject.close(case.analytical, other):
            return (
                f"these are the derivatives with respect to input {number}: does {case.rule} keep "
                "to the order of forward's arguments?"
            )
    return None


def transposed(case: Mismatch) -> str | None:
    given, shape = case.analytical, case.input.array.shape
    if given.shape[0] == given.shape[1] and explains(case, given.T):
        return (
            "the Jacobian is transposed. In a matrix product the gradient of one factor is a "
            "product with the other one transposed: for y = a @ b, grad @ b.T and a.T @ grad."
        )
    if len(shape) == 2 and shape[0] == shape[1]:
        turned = given.reshape(*shape, -1).swapaxes(0, 1).reshape(given.shape)
        if explains(case, turned):
            return "the gradient of this input is transposed: return grad.T there."
    shape = case.output.array.shape
    if len(shape) == 2 and shape[0] == shape[1]:
        turned = given.reshape(-1, *shape).swapaxes(1, 2).reshape(given.shape)
        if explains(case, turned):
            return (
                "this would be right for the transposed output: is the sum over the wrong "
                "dimension, or is a .T missing?"
            )
    return None


def scaled(case: Mismatch) -> str | None:
    """One factor between all entries: a sign, a number, a mean where a sum belongs."""
    given, true = case.analytical, case.numerical
    if np.count_nonzero(np.abs(true) > case.subject.atol) < MANY:
        return None
    factor = scale_between(true, given)
    if factor == 0 or not explains(case, given / factor):
        return None
    if abs(factor + 1) < 1e-3:
        return "every entry has the wrong sign: look for a minus that is missing or too much."
    reach, sources = count_of_each(case, axis=1), count_of_each(case, axis=0)
    if reach > 1 and abs(factor * reach - 1) < 1e-3:
        return (
            f"every entry is 1/{reach} of what it should be, and each input element has a part in "
            f"{reach} output elements: add their gradients up, do not average them."
        )
    if sources > 1 and abs(factor / sources - 1) < 1e-3:
        return (
            f"every entry is {sources} times what it should be, and each output element is made of "
            f"{sources} input elements: the gradient of a mean is divided by their number."
        )
    return (
        f"every entry is {factor:.4g} times what it should be: look for a constant factor that is "
        f"missing or too much in {case.rule}."
    )


def count_of_each(case: Mismatch, axis: int) -> int:
    """How many output elements each input element moves (axis 1), or how many input elements move
    each output element (axis 0); 0 if it is not the same for all."""
    counts = set((np.abs(case.numerical) > case.subject.atol).sum(axis=axis).tolist())
    return int(counts.pop()) if len(counts) == 1 else 0


def missing_factor(case: Mismatch) -> str | None:
    """A tensor at hand that turns the one Jacobian into the other, perhaps times a number."""
    given, true = case.analytical, case.numerical
    if np.count_nonzero(np.abs(true) > case.subject.atol) <= MANY:
        return None
    for name, factor in factors(case):
        number = scale_between(given * factor, true)
        if number and explains(case, given * factor * number):
            return f"every entry is right once multiplied by {times(number)}{name}."
        number = scale_between(given, true * factor)
        if number and case.subject.close(given * number, true * factor):
            return f"every entry is right once divided by {times(1 / number)}{name}."
    return None


def scale_between(given: Matrix, true: Matrix) -> float:
    """The number that brings the one nearest to the other."""
    square = float((given * given).sum())
    return float((given * true).sum()) / square if square else 0.0


def times(number: float) -> str:
    return "" if abs(number - 1) < 1e-3 else f"{number:.4g} times "


def factors(case: Mismatch) -> Iterator[tuple[str, Matrix]]:
    """Inputs and outputs, laid along the rows or columns of the Jacobian."""
    for name, values in named_values(case):
        along_rows = stretched(values, case.input)
        if along_rows is not None:
            yield name, along_rows.reshape(-1, 1)
        along_columns = stretched(values, case.output)
        if along_columns is not None:
            yield name, along_columns.reshape(1, -1)


def named_values(case: Mismatch) -> Iterator[tuple[str, Matrix]]:
    """What derivatives are often made of."""
    for number, x in enumerate(case.subject.wanted):
        yield f"input {number}", np.asarray(x.host_array(), np.float64)
    for number, x in enumerate(case.subject.inputs):
        if is_numbers(x) and not x.requires_grad:
            yield f"argument {number} of func", np.asarray(x.host_array(), np.float64)
    output = np.asarray(case.output.host_array(), np.float64)
    yield "the output", output
    yield "(1 - the output)", 1 - output  # as in the derivative of a sigmoid
    yield "(1 - the output ** 2)", 1 - output**2  # of tanh


def is_numbers(x: object) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


def stretched(values: Matrix, like: Tensor) -> Matrix | None:
    """Values broadcast to the shape of a tensor, if that is possible."""
    try:
        return np.broadcast_to(values, like.array.shape)
    except ValueError:
        return None


def not_added_up(case: Mismatch) -> str | None:
    """A broadcast input got the gradients of some output elements, and none of the others."""
    given, true = case.analytical, case.numerical
    kept = given != 0
    if true.shape[0] >= true.shape[1] or not kept.any():
        return None
    if not explains(case, np.where(kept, given, true)):
        return None
    return (
        "some entries are right and the others are zero. The input is broadcast over several "
        "output elements: its gradient is the sum of all of theirs over the broadcast dimension."
    )


def only_the_diagonal(case: Mismatch) -> str | None:
    """softmax taken for a function of one number."""
    given, true = case.analytical, case.numerical
    if case.input.array.shape != case.output.array.shape or len(true) < MANY:
        return None
    diagonal = np.diag(np.diag(true))
    if not case.subject.close(given, diagonal) or np.count_nonzero(np.diag(true)) < MANY:
        return None
    return (
        f"{case.rule} is right where an output element depends on the input element at its own "
        "place, and zero elsewhere. But other input elements move it, too."
    )


def only_somewhere(case: Mismatch) -> str | None:
    """Right for the input elements on one side of a number, wrong on the other."""
    wrong = case.wrong.any(axis=1)
    right = ~wrong & (np.abs(case.numerical) > case.subject.atol).any(axis=1)
    values = np.asarray(case.input.host_array(), np.float64).reshape(-1)
    bad, good = values[wrong], values[right]
    if len(bad) < MANY or len(good) < MANY:
        return None
    by_sign = (bad.max() < 0 <= good.min()) or (good.max() <= 0 < bad.min())
    if len(bad) + len(good) < 3 * MANY and not by_sign:
        return None  # so few fall apart like that by chance
    if bad.max() < good.min():
        said = f"wrong up to {bad.max():.4g} and right from {good.min():.4g} on"
    elif good.max() < bad.min():
        said = f"right up to {good.max():.4g} and wrong from {bad.min():.4g} on"
    else:
        return None
    return (
        f"it depends on the value of the input: {said}. Is there a case that {case.rule} "
        "forgets, or a sign (abs, clamp, where)?"
    )


DOUBTS = (low_precision, random_or_modifying, shared_memory, kink)
MISTAKES = (
    *(
        no_gradient,
        the_same_for_every_gradient,
        scaled,
        swapped,
        transposed,
        missing_factor,
        not_added_up,
        only_the_diagonal,
    ),
    only_somewhere,
)
