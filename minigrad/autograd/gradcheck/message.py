"""What a failed check says: both Jacobians, the entry that differs most, and where to look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.autograd.gradcheck.hints import hints
from minigrad.autograd.gradcheck.mismatch import Mismatch
from minigrad.autograd.gradcheck.subject import Matrix
from minigrad.function import BackwardCFunction
from minigrad.node import Node
from minigrad.tensor import Tensor, constant

SHOWN = 8  # rows and columns of a Jacobian that a message shows
NAMED = 3  # Functions on the way that a message names


def describe(case: Mismatch) -> str:
    """The whole message of a check entry by entry."""
    title = headline(case)
    return f"{title}{matrices(case, 'numerical:', 'analytical:')}{explanation(case)}"


def headline(case: Mismatch) -> str:
    mode = "computed with forward mode " if case.forward else ""
    return (
        f"Jacobian {mode}mismatch for output {case.output_nr} "
        f"with respect to input {case.input_nr},\n"
    )


def describe_fast(case: Mismatch, given: Matrix, true: Matrix) -> str:
    """The same for a check by random projections, which come first."""
    if not case.wrong.any():
        largest = np.abs(case.analytical - case.numerical).max(initial=0)
        verdict = (
            f"\nThe max per-element difference (slow mode) is: {largest:.6g}.\n"
            "Fast gradcheck failed but element-wise differences are small. This means that the "
            "test might've passed in slow_mode! Call it with `fast_mode=False`."
        )
    else:
        verdict = explanation(case)
    return (
        f"{headline(case)}numerical:{shown(true)}\nanalytical:{shown(given)}\n\n"
        "The above quantities relating the numerical and analytical jacobians are computed in "
        "fast mode: random projections of them.\nBelow, we recompute numerical and analytical "
        f"jacobians in slow mode:\n\n{matrices(case, 'Numerical:', 'Analytical:')}{verdict}"
    )


def shown(values: Matrix) -> str:
    return str(values) if values.ndim == 0 else repr(constant(values + 0.0))  # no -0.0


def matrices(case: Mismatch, first: str, second: str) -> str:
    """Both Jacobians; of large ones, the part around the entry that differs most."""
    row, column = case.worst if case.wrong.any() else (0, 0)
    shape = case.numerical.shape
    rows, columns = window(row, shape[0]), window(column, shape[1])
    note = "row: an element of the input; column: an element of the output"
    if shape[0] > SHOWN or shape[1] > SHOWN:
        note += (
            f"; shown are rows {rows.start} to {rows.stop - 1} of {shape[0]} and columns "
            f"{columns.start} to {columns.stop - 1} of {shape[1]}"
        )
    return (
        f"{first}{shown(case.numerical[rows, columns])}\n"
        f"{second}{shown(case.analytical[rows, columns])}\n({note})\n"
    )


def window(middle: int, length: int) -> slice:
    start = max(0, min(middle - SHOWN // 2, length - SHOWN))
    return slice(start, min(start + SHOWN, length))


# ------------------------------------------------------------------------------------- in words


def explanation(case: Mismatch) -> str:
    lines = ["", how_many(case), f"  {worst_entry(case)}", *origin(case), *numbering(case)]
    lines += [f"Hint: {hint}" for hint in hints(case)]
    return "\n".join(lines)


def how_many(case: Mismatch) -> str:
    count, size = int(case.wrong.sum()), case.wrong.size
    if size == 1:
        return "The only entry differs:"
    return f"{count} of {size} entries {'differs' if count == 1 else 'differ'}, most of all:"


def worst_entry(case: Mismatch) -> str:
    """d output[2] / d input 0[1, 3]: backward gives -2.0, finite differences give 2.0; the sign
    differs (difference: 4.0)"""
    row, column = case.worst
    given, true = float(case.analytical[row, column]), float(case.numerical[row, column])
    several = len(case.outputs) > 1
    output = f"output {case.output_nr}" if several else "output"
    over = f"{output}{index(case.output, column)}"
    under = f"input {case.input_nr}{index(case.input, row)}"
    return (
        f"d {over} / d {under}: {case.mode} gives {number(given, true)}, finite differences give "
        f"{number(true, given)}; {relation(case, given, true)}"
    )


def index(x: Tensor, place: int) -> str:
    """[1, 3] for the fifth element of a tensor with four columns."""
    if not x.array.ndim:
        return ""
    indices = np.unravel_index(place, x.array.shape)
    return str([int(i) for i in indices])


def number(value: float, other: float) -> str:
    """Six digits, or as many as tell it from the other number."""
    digits = next((n for n in range(6, 17) if f"{value:.{n}g}" != f"{other:.{n}g}"), 17)
    text = f"{value:.{digits}g}"
    return f"{text}.0" if text.lstrip("-").isdigit() else text


def relation(case: Mismatch, given: float, true: float) -> str:
    difference = f"(difference: {number(abs(given - true), 0.0)})"
    subject = case.subject
    if np.isnan(given) or np.isnan(true):
        return "nan is equal to nothing"
    if np.isclose(given, -true, subject.rtol, subject.atol):
        return f"the sign differs {difference}"
    if abs(true) > subject.atol < abs(given) and (times := whole(given / true)):
        return f"that is {times} times as much {difference}"
    if abs(true) > subject.atol < abs(given) and (times := whole(true / given)):
        return f"that is 1/{times} of it {difference}"
    return difference.strip("()")


def whole(ratio: float) -> int:
    """The whole number that a ratio is, or 0."""
    nearest = round(ratio)
    return nearest if nearest > 1 and abs(ratio - nearest) < 1e-3 else 0


def origin(case: Mismatch) -> Iterator[str]:
    """Who made the output, and which Functions of the user's own had a part in it."""
    node = case.output.grad_fn
    if node is None:
        yield "This output is an input that func returned as it is."
        return
    yield f"This output was made by {node.name()} at {node.line}."
    others = [x for x in functions_behind(node) if x is not node]
    for function in others[:NAMED]:
        yield f"On the way to it lies {function.name()}, called at {function.line}."


def functions_behind(root: Node) -> list[BackwardCFunction]:
    """The Functions of the user's own in the graph of an output."""
    found: dict[Node, None] = {}
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found[node] = None
            waiting += [target for target, _ in node.next_functions]
    return [node for node in found if isinstance(node, BackwardCFunction)]


def numbering(case: Mismatch) -> Iterator[str]:
    """What the numbers of inputs and outputs count, where that is not plain to see."""
    if case.subject.of_gradients:
        yield (
            "(In gradgradcheck the outputs are the gradients that backward gives, and the inputs "
            "are those of func, followed by the gradients that backward starts from.)"
        )
    position = next(i for i, x in enumerate(case.subject.inputs) if x is case.input)
    if position != case.input_nr:
        yield (
            f"(Input {case.input_nr} is argument {position} of func: only inputs that require a "
            "gradient are counted.)"
        )
    position = next(i for i, x in enumerate(case.outputs) if x is case.output)
    if position != case.output_nr:
        yield (
            f"(Output {case.output_nr} is number {position} of what func returns: only outputs "
            "that require a gradient are counted.)"
        )
