"""Optimizer: what all update rules share, which is parameter groups and their state."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from minigrad.grad_mode import enable_grad, no_grad
from minigrad.kernels import Array
from minigrad.nn.module import clear_grad
from minigrad.nn.parts import type_name
from minigrad.optim.formulas import decayed, negated
from minigrad.tensor import Tensor

Group = dict[str, Any]
Closure = Callable[[], Any]


class Optimizer:
    """Base of the update rules: a subclass defines update(group), run under no_grad.

    `params` is an iterable of tensors, of (name, tensor) pairs, or of dicts with "params" and
    options that differ from `defaults`; `state` remembers what a rule needs a parameter.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {type_name(params)}"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[Group] = []
        if not isinstance(params, Iterable):
            raise TypeError(
                f"'{type(params).__name__}' object is not iterable: give the optimizer what to "
                "optimize, as in optim.SGD(model.parameters())"
            )
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, say those of a layer that was frozen."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = {**param_group, **split_names(param_group["params"])}
        for param in group["params"]:
            check_parameter(param)
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        ids = {id(param) for param in group["params"]}
        if len(ids) < len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters", stacklevel=3
            )
        if not ids.isdisjoint(self._numbers()):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or fill them with zeros."""
        for group in self.param_groups:
            for param in group["params"]:
                clear_grad(param, set_to_none)

    def step(self, closure: Closure | None = None) -> Any:
        """Change every parameter that has a gradient; returns what `closure` does, if given."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                self.update(group)
        return loss

    def update(self, group: Group) -> None:
        """Apply the rule to the parameters of one group."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------ saving, loading

    def state_dict(self) -> dict[str, Any]:
        """The options and the state, with numbers in place of the parameters."""
        numbers = self._numbers()
        state = {numbers[id(param)]: dict(values) for param, values in self.state.items()}
        groups = [
            {
                **{name: value for name, value in group.items() if name != "params"},
                "params": [numbers[id(param)] for param in group["params"]],
            }
            for group in self.param_groups
        ]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state, copied, from a state_dict for as many parameters."""
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for mine, loaded in zip(self.param_groups, groups, strict=True):
            if len(mine["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
        self.state.clear()
        for mine, loaded in zip(self.param_groups, groups, strict=True):
            options = {name: value for name, value in loaded.items() if name != "params"}
            mine.update(deepcopy(options))
            for param, number in zip(mine["params"], loaded["params"], strict=True):
                if number in state_dict["state"]:
                    self.state[param] = copy_state(state_dict["state"][number], param)

    def _numbers(self) -> dict[int, int]:
        params = (param for group in self.param_groups for param in group["params"])
        return {id(param): number for number, param in enumerate(params)}

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            for name in sorted(group):
                if name not in ("params", "param_names"):
                    text += f"    {name}: {group[name]}\n"
        return text + ")"


def split_names(params: Any) -> Group:
    """The tensors among a group's params, and their names where (name, tensor) pairs are given."""
    if isinstance(params, Tensor):
        return {"params": [params]}
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering "
            "of tensors in sets will change between runs. Please use a list instead."
        )
    params = list(params)
    if params and isinstance(params[0], tuple):
        return {"params": [tensor for _, tensor in params], "param_names": [n for n, _ in params]}
    return {"params": params}


def check_parameter(param: Any) -> None:
    if not isinstance(param, Tensor):
        raise TypeError(
            f"optimizer can only optimize Tensors, but one of the params is {type_name(param)}"
        )
    if not param.is_leaf:
        raise ValueError("can't optimize a non-leaf Tensor")


def copy_state(values: dict[str, Any], param: Tensor) -> dict[str, Any]:
    """A loaded state, with its tensors in the dtype and on the device of their parameter."""
    return {
        name: x.to(device=param.device, dtype=param.dtype, copy=True)
        if isinstance(x, Tensor) and name != "step"
        else deepcopy(x)
        for name, x in values.items()
    }


def regularised(param: Tensor, group: Group) -> Array:
    """The gradient to go down, with the sign and the weight decay that the group asks for."""
    assert param.grad is not None
    grad = param.grad.array
    if group["maximize"]:
        grad = negated(grad)
    if group["weight_decay"]:
        grad = decayed(grad, param.array, group["weight_decay"])
    return grad
