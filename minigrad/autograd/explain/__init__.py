"""explain_grad(x): why x.grad is None, zero or NaN, in words that name the user's lines."""

from __future__ import annotations

import sys
from typing import Any

from minigrad.autograd.explain.missing import Question, why_missing
from minigrad.autograd.explain.record import Latest, explaining
from minigrad.autograd.explain.words import Explanation, Names
from minigrad.autograd.explain.wrong import why_wrong
from minigrad.tensor import Tensor

__all__ = ["Explanation", "explain_grad", "explaining"]


def explain_grad(x: Tensor, loss: Tensor | None = None) -> Explanation:
    """Why x.grad is None, zero or NaN, and what to do about it.

    `loss` is where the gradient should come from; without it, the youngest result of `x` that is
    alive.  Nothing is changed.  To find lines that nothing remembers, run the program inside
    `with minigrad.autograd.explaining():` first.
    """
    check(x, "x")
    if loss is not None:
        check(loss, "loss")
    names = Names(sys._getframe(1))
    question = Question(x, loss, names.of(x, "x"), names, Latest.record)
    grad = x._grad
    words = why_missing(question) if grad is None else why_wrong(question, grad)
    return Explanation("\n".join(line.rstrip() for line in words.strip().splitlines()))


def check(x: Any, what: str) -> None:
    if not isinstance(x, Tensor):
        advice = NUMBER if isinstance(x, int | float) else ""
        raise TypeError(f"explain_grad(): {what} must be a Tensor, not {type(x).__name__}{advice}")


NUMBER = (
    ". A number has no history, so no gradient comes from it: keep the tensor for backward(), and "
    "take its value (float(loss), loss.item()) for printing only."
)
