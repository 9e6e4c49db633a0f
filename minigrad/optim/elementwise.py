"""Optimizers whose rule is a formula of one element, and the one launch that runs it."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.device import of_array
from minigrad.dtypes import float64, get_default_dtype, type_name
from minigrad.inference import inference_memory
from minigrad.kernels import Array
from minigrad.kernels.rules import Rule, Variant
from minigrad.memory import note_writes
from minigrad.ops.filled import zeros_like
from minigrad.ops.inplace import before_write, check_history
from minigrad.optim.optimizer import Closure, Group, Optimizer, State, evaluated
from minigrad.tensor import TENSORS, Tensor, constant


class Elementwise(Optimizer):
    """Base of the optimizers with a `rule`: its arrays are states, its numbers options.

    Numbers that a parameter has of its own, such as how many steps it took, are named in `own`
    and come from `advance`; `counters` are those that its state keeps, and where they begin.
    """

    rule: ClassVar[Rule]
    own: ClassVar[tuple[str, ...]] = ("step",)
    counters: ClassVar[dict[str, float]] = {"step": 0}

    def step(self, closure: Closure | None = None) -> Any:
        """Change every parameter that has a gradient; returns what `closure` does, if given."""
        loss = evaluated(closure)
        for group in self.param_groups:
            self.update(group)
        return loss

    def update(self, group: Group) -> None:
        """Apply the rule to a group's parameters: in one launch, if they are of one kind."""
        options = options_of(group)
        variant = self.rule.variant(options)
        launches: dict[Any, Launch] = {}
        for param in group["params"]:
            if (grad := param.grad) is None:
                continue
            state = self.state.get(param, {})
            is_new = not state
            arrays = [param.array, grad.array]
            for name in variant.states:
                if name not in state:
                    self.complete(state, variant.states, param, group)
                arrays.append(state[name].array)
            check_alike(*arrays)
            kind = arrays[0].dtype, type(arrays[0])
            if kind not in launches:
                launches[kind] = Launch(variant, {}, [], [])
            launches[kind].add(arrays, self.advance(state, group, is_new))
        for launch in launches.values():
            launch.run(options, self.own)

    def complete(self, state: State, names: list[str], param: Tensor, group: Group) -> None:
        """Put into the state of a parameter what it lacks."""
        for name, value in self.counters.items():
            if name not in state:
                state[name] = counter(value)
        for name in names:
            if name not in state:
                state[name] = self.first_state(name, param, group)
        self.state[param] = state

    def advance(self, state: State, group: Group, is_new: bool) -> tuple[float, ...]:
        """Count the step of a parameter; the numbers that it has of its own."""
        return (counted(state["step"]),)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)
        for values in self.state.values():
            if "step" in values and not isinstance(values["step"], Tensor):
                values["step"] = counter(float(values["step"]))

    def first_state(self, name: str, param: Tensor, group: Group) -> Tensor:
        """A state before the first step."""
        return zeros_like(param)


class Launch(NamedTuple):
    """One launch of a rule's kernel: for parameters of one dtype, on one device."""

    variant: Variant
    lines: dict[tuple[float, ...], int]  # for what parameters have of their own its line of numbers
    operands: list[list[Array]]
    which: list[int]  # for each parameter its line

    def add(self, arrays: list[Array], own: tuple[float, ...]) -> None:
        self.operands.append(arrays)
        self.which.append(self.lines.setdefault(own, len(self.lines)))

    def run(self, options: Group, names: tuple[str, ...]) -> None:
        written = [arrays[i] for i in self.variant.written for arrays in self.operands]
        if before_write or inference_memory:
            for array in written:
                check_history(constant(array))
        numbers = []
        for own in self.lines:
            options.update(zip(names, own, strict=True))
            values = [options[name] for name in self.variant.rule.numbers]
            numbers.append(self.variant.numbers(*values))
        kernels.update(written[0], self.variant, self.operands, self.which, numbers)
        note_writes(written)


def check_alike(param: Array, *others: Array) -> None:
    """RuntimeError unless a gradient and the states after it are like their parameter."""
    shape, dtype, kind = param.shape, param.dtype, type(param)
    for x in others:
        if x.shape != shape or x.dtype != dtype or type(x) is not kind:
            what = "a gradient" if x is others[0] else "the state of an optimizer"
            raise RuntimeError(
                f"{what} is {described(x)}, but its parameter is {described(param)}: make the "
                "optimizer after parameters are converted or moved, or load into it the "
                "state_dict of the one before"
            )


def described(x: Array) -> str:
    return f"{type_name(x.dtype)} of shape {list(x.shape)} on {of_array(x)}"


def options_of(group: Group) -> Group:
    """A group's options under the names that a rule has for them, as numbers."""
    options = {name: x.item() if type(x) in TENSORS else x for name, x in group.items()}
    if "betas" in options:
        options["beta1"], options["beta2"] = map(float, options["betas"])
    return options


def counter(value: float) -> Tensor:
    """A number that a parameter's state keeps, as a tensor: torch does so, too."""
    dtype = np.float64 if get_default_dtype() is float64 else np.float32
    return constant(np.array(value, dtype))


def counted(step: Tensor) -> float:
    """The next number of a counter."""
    value: float = step.item() + 1
    set_number(step, value)
    return value


def set_number(x: Tensor, value: float) -> None:
    if type(x.array) is np.ndarray:
        x.array[()] = value
    else:
        x.fill_(value)
