"""Optimizer: what all update rules share, which is parameter groups, their state, and hooks."""

import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from minigrad.grad_mode import enable_grad
from minigrad.hooks import RemovableHandle
from minigrad.nn.module import clear_grad
from minigrad.nn.parts import type_name
from minigrad.optim.hooks import EVERYWHERE, Hook, OptimizerHooks, add
from minigrad.tensor import Tensor

Group = dict[str, Any]
State = dict[str, Any]
StateDict = dict[str, Any]
Closure = Callable[[], Any]


class Optimizer:
    """Base of the update rules: a subclass defines step().

    `params` is an iterable of tensors, of (name, tensor) pairs, or of dicts with "params" and
    options that differ from `defaults`; `state` has what the rule remembers of each parameter.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {type_name(params)}"
            )
        self.defaults = defaults
        self.hooks = OptimizerHooks()
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
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

    def __init_subclass__(cls) -> None:
        if "step" in cls.__dict__:
            cls.step = with_hooks(cls.step)  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__.setdefault("hooks", OptimizerHooks())  # a pickle has none

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, say those of a layer that was frozen."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = param_group  # the caller's, who may go on to change an option in it
        group.update(split_names(group["params"]))
        for param in group["params"]:
            check_parameter(param)
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        ids = {id(param) for param in group["params"]}
        if len(ids) < len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters", stacklevel=3
            )
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                which = "with names" if "param_names" in group else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {which} to the optimizer"
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
        raise NotImplementedError(f"{type(self).__name__} must define step()")

    # ------------------------------------------------------------------------------ saving, loading

    def state_dict(self) -> StateDict:
        """The options and the state, with numbers in place of the parameters."""
        for hook in tuple(self.hooks.state_dict_pre.values()):
            hook(self)
        numbers = self._numbers()
        state = {numbers.get(id(key), key): copied(values) for key, values in self.state.items()}
        groups = [
            {
                **{name: value for name, value in group.items() if name != "params"},
                "params": [numbers[id(param)] for param in group["params"]],
            }
            for group in self.param_groups
        ]
        saved: StateDict = {"state": state, "param_groups": groups}
        for hook in tuple(self.hooks.state_dict_post.values()):
            saved = replaced(saved, hook(self, saved))
        return saved

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Take over options and state, copied, from a state_dict for as many parameters."""
        loaded = dict(state_dict)
        for hook in tuple(self.hooks.load_state_dict_pre.values()):
            loaded = replaced(loaded, hook(self, loaded))
        groups = deepcopy(loaded["param_groups"])
        self._check_groups(groups)
        params = {
            number: param
            for mine, other in zip(self.param_groups, groups, strict=True)
            for number, param in zip(other["params"], mine["params"], strict=True)
        }
        state: defaultdict[Any, State] = defaultdict(dict)
        for number, values in loaded["state"].items():
            param = params.get(number)
            state[number if param is None else param] = loaded_like(param, values)
        for mine, other in zip(self.param_groups, groups, strict=True):
            other["params"] = mine["params"]
            if "param_names" in mine:
                other.setdefault("param_names", mine["param_names"])
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in tuple(self.hooks.load_state_dict_post.values()):
            hook(self)

    def _check_groups(self, groups: list[Group]) -> None:
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for mine, loaded in zip(self.param_groups, groups, strict=True):
            if len(mine["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )

    def _numbers(self) -> dict[int, int]:
        params = (param for group in self.param_groups for param in group["params"])
        first: dict[int, int] = {}
        for param in params:
            first.setdefault(id(param), len(first))
        return first

    # --------------------------------------------------------------------------------------- hooks

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step; it may return other arguments."""
        return add(self.hooks.step_pre, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step."""
        return add(self.hooks.step_post, hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer) before state_dict()."""
        return add(self.hooks.state_dict_pre, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer, state_dict) after state_dict(); it may return another one."""
        return add(self.hooks.state_dict_post, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer, state_dict) before loading; it may return another one."""
        return add(self.hooks.load_state_dict_pre, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer) after loading."""
        return add(self.hooks.load_state_dict_post, hook, prepend)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for number, group in enumerate(self.param_groups):
            text += f"\nParameter Group {number}\n"
            for name in sorted(group):
                if name != "params":
                    text += f"    {name}: {group[name]}\n"
        return text + ")"


# --------------------------------------------------------------------------------- around a step


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call hook(optimizer, args, kwargs) before each step of every optimizer."""
    return add(EVERYWHERE.step_pre, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call hook(optimizer, args, kwargs) after each step of every optimizer."""
    return add(EVERYWHERE.step_post, hook)


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step() that calls the hooks, and that a scheduler can tell was called."""

    @functools.wraps(step)
    def run(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        for hook in (*EVERYWHERE.step_pre.values(), *self.hooks.step_pre.values()):
            result = hook(self, (self, *args), kwargs)
            if result is not None:
                (self, *args), kwargs = new_arguments(step, result)
        out = step(self, *args, **kwargs)
        if "_opt_called" in self.__dict__:  # a scheduler wants to know
            self.__dict__["_opt_called"] = True
        for hook in (*self.hooks.step_post.values(), *EVERYWHERE.step_post.values()):
            hook(self, (self, *args), kwargs)
        return out

    return run


def new_arguments(step: Callable[..., Any], result: Any) -> Any:
    """What a hook before the step returned in place of its arguments."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(
            f"{step} must return None or a tuple of (new_args, new_kwargs), but got {result}."
        )
    return result


def evaluated(closure: Closure | None) -> Any:
    """What the closure of a step returns; it may run a backward pass."""
    if closure is None:
        return None
    with enable_grad():
        return closure()


# --------------------------------------------------------------------------------- parameters


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
    names = [param[0] for param in params if isinstance(param, tuple)]
    if not names:
        return {"params": params}
    if len(names) < len(params):
        raise ValueError(
            "all optimizer params should be with/without names. Some param names are missing"
        )
    return {"params": [tensor for _, tensor in params], "param_names": names}


def check_parameter(param: Any) -> None:
    if not isinstance(param, Tensor):
        raise TypeError(
            f"optimizer can only optimize Tensors, but one of the params is {type_name(param)}"
        )
    if not (param.is_leaf or param.retains_grad):
        raise ValueError("can't optimize a non-leaf Tensor")


# --------------------------------------------------------------------------------- states


def copied(values: Any) -> Any:
    """The state of a parameter, for a dict of its own; the tensors are the optimizer's."""
    return dict(values) if isinstance(values, dict) else values


def replaced(state_dict: StateDict, result: StateDict | None) -> StateDict:
    return state_dict if result is None else result


def loaded_like(param: Tensor | None, value: Any, name: str = "") -> Any:
    """A copy of a loaded state, with tensors in the dtype and on the device of their parameter;
    what counts the steps stays as it is."""
    if isinstance(value, dict):
        return {key: loaded_like(param, inner, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(loaded_like(param, inner) for inner in value)
    if not isinstance(value, Tensor) or param is None or name == "step":
        return deepcopy(value)
    dtype = param.dtype if param.is_floating_point() else value.dtype
    return value.to(device=param.device, dtype=dtype, copy=True)
