"""Steps of optimizers, with gradients that are there already: torch's defaults beside ours."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.timing import Call, Case, Group

ELEMENTS = 1_000_000
PARTS = (1, 50)  # tensors that have them
RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("AdamW", {}),
    ("Adam", {"amsgrad": True}),
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("RMSprop", {"momentum": 0.9}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("NAdam", {}),
    ("RAdam", {}),
)
GOAL = 0.6  # of AdamW's step


def groups(elements: int = ELEMENTS) -> Iterator[Group]:
    """A table for one large tensor, and one for many smaller ones."""
    for parts in PARTS:
        tensors = "one tensor" if parts == 1 else f"{parts} tensors"
        cases = [case(rule, options, elements, parts) for rule, options in RULES]
        yield Group(f"Steps of optimizers, {elements} parameters in {tensors}", cases)


def case(rule: str, options: dict[str, Any], elements: int, parts: int) -> Case:
    names = ", ".join(options)
    label = f"{rule} ({names})" if names else rule
    goal = GOAL if rule == "AdamW" else None
    return Case(label, lambda lib: step(lib, rule, options, elements, parts), goal)


def step(lib: Any, rule: str, options: dict[str, Any], elements: int, parts: int) -> Call:
    random = np.random.default_rng(0)
    params = []
    for _ in range(parts):
        values, grad = random.standard_normal((2, elements // parts), np.float32)
        params.append(lib.nn.Parameter(lib.tensor(values)))
        params[-1].grad = lib.tensor(grad)
    run: Call = getattr(lib.optim, rule)(params, lr=1e-3, **options).step
    return run
