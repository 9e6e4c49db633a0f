"""Modules as functions of their parameters: functional_call and stack_module_state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.nn.module import Module
from minigrad.ops.joining import stack
from minigrad.tensor import Tensor

State = dict[str, Tensor]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: State | Sequence[State],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs), with other tensors in the place of its parameters and buffers.

    A shared parameter is replaced under all its names, unless tie_weights is False.  With strict,
    all names must be given and no others.
    """
    given = joined(parameter_and_buffer_dicts)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with replaced_state(module, given, tie_weights, strict):
        return module(*arguments, **(kwargs or {}))


def joined(given: Any) -> State:
    """One dict; several may not have a name in common."""
    if isinstance(given, dict):
        return given
    if not isinstance(given, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, "
            f"but got {type(given)}"
        )
    if not all(isinstance(part, dict) for part in given):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    counts = Counter(name for part in given for name in part)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous"
        )
    return {name: x for part in given for name, x in part.items()}


@contextmanager
def replaced_state(module: Module, given: State, tie_weights: bool, strict: bool) -> Iterator[None]:
    """The module has the given tensors; afterwards its own, whatever happened.

    What the module put in the place of a given tensor meanwhile, as a running mean, is found in
    `given` then.
    """
    state = with_tied_names(module, given) if tie_weights else given
    if strict:
        check_names(module, state)
    own: dict[str, Any] = {}
    try:
        for name, x in state.items():
            own[name] = swap(module, name, x)
        yield
    finally:
        for name, x in own.items():
            last = swap(module, name, x)
            if name in given:
                given[name] = last


MISSING: Any = object()


def swap(module: Module, path: str, x: Any) -> Any:
    """Put a tensor under a dotted name; returns what was there, or MISSING."""
    owner, name = owner_of(module, path)
    if x is not None and x is not MISSING and not isinstance(x, Tensor):
        raise TypeError(f"{x} is not an instance of minigrad.Tensor")
    for parts in (owner._parameters, owner._buffers):
        if name in parts:
            before = parts[name]
            parts[name] = x
            return before
    before = getattr(owner, name, MISSING)
    if before is not None and before is not MISSING and not isinstance(before, Tensor):
        raise TypeError(f"attribute `{name}`: {before} is not an instance of minigrad.Tensor")
    if x is MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, x)
    return before


def owner_of(module: Module, path: str) -> tuple[Module, str]:
    """The module that has the last part of a dotted name, and that part."""
    *owners, name = path.split(".")
    if not name:
        raise KeyError('tensor name can\'t be empty string ""')
    owner: Any = module
    for part in owners:
        if not hasattr(owner, part):
            raise AttributeError(f"{type(owner).__name__} has no attribute `{part}`")
        owner = getattr(owner, part)
        if not isinstance(owner, Module):
            raise TypeError(f"submodule `{part}`: {owner} is not an instance of minigrad.nn.Module")
    return owner, name


def state_of(module: Module) -> State:
    """All parameters and buffers, under all their names."""
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def with_tied_names(module: Module, given: Mapping[str, Tensor]) -> State:
    """The given tensors under all the names of those that they replace."""
    names: dict[int, list[str]] = {}
    for name, x in state_of(module).items():
        names.setdefault(id(x), []).append(name)
    state = dict(given)
    for tied in names.values():
        values = {id(given[name]): given[name] for name in tied if name in given}
        if len(values) > 1 and len(tied) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(tied)}, which are tied. "
                "Consider using tie_weights=False"
            )
        for x in values.values():
            state.update(dict.fromkeys(tied, x))
    return state


def check_names(module: Module, state: Mapping[str, Tensor]) -> None:
    """RuntimeError unless `state` has all names of the module's tensors, and no others."""
    own = state_of(module)
    lines = []
    unexpected = [name for name in state if name not in own]
    missing = sorted(name for name in own if name not in state)
    for what, names in (("Unexpected", unexpected), ("Missing", missing)):
        if names:
            lines.append(f"{what} key(s): {', '.join(map(repr, names))}.")
    if lines:
        details = "\n\t".join(lines)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t{details}")


# ------------------------------------------------------------------------------ ensembles


def stack_module_state(models: Sequence[Module]) -> tuple[State, State]:
    """(parameters, buffers) of several models of one class, along a new first dimension.

    vmap of functional_call over them runs all models at once.
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return stacked(parameters), stacked(buffers)


def stacked(states: Sequence[Mapping[str, Tensor]]) -> State:
    return {name: stacked_leaf(name, [state[name] for state in states]) for name in states[0]}


def stacked_leaf(name: str, tensors: Sequence[Tensor]) -> Tensor:
    """A leaf of its own, which requires a gradient if all of the tensors do."""
    requires_grad = {x.requires_grad for x in tensors}
    if len(requires_grad) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    return stack(tensors).detach().requires_grad_(requires_grad.pop())
