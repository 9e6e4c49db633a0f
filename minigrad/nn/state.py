"""state_dict() and load_state_dict(): a module's tensors by dotted name, out and in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from minigrad.grad_mode import no_grad
from minigrad.hooks import RemovableHandle
from minigrad.nn.parameter import Parameter
from minigrad.nn.tree import Tree
from minigrad.tensor import Tensor

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What load_state_dict(strict=False) left out."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"_IncompatibleKeys(missing_keys={missing}, unexpected_keys={unexpected})"


def entries(given: Any, metadata: dict[str, Any]) -> Any:
    """What state_dict() makes: tensors by name, and in `_metadata` the version of each module."""
    state: Any = OrderedDict(given)
    state._metadata = metadata
    return state


class StateHooks:
    """What is called while a state is saved and loaded."""

    def __init__(self) -> None:
        self.before_saving: dict[int, Any] = {}
        self.after_saving: dict[int, Any] = {}
        self.before_loading: dict[int, Any] = {}
        self.after_loading: dict[int, Any] = {}


NO_HOOKS = StateHooks()


class State(Tree):
    """A tree of modules whose parameters and buffers can be saved and loaded."""

    _version = 1  # of what is saved: a layer that adds a tensor counts up
    _state_hooks = NO_HOOKS

    # ------------------------------------------------------------------------------------ saving

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Parameters and persistent buffers by dotted name, sharing memory with this module.

        keep_vars: as they are, not detached.
        """
        state = entries((), {}) if destination is None else destination
        metadata = {"version": self._version}
        if hasattr(state, "_metadata"):
            state._metadata[prefix[:-1]] = metadata
        for hook in self._state_hooks.before_saving.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(state, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_hooks.after_saving.values():
            if hook(self, state, prefix, metadata) is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return state

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add what is this module's own, without its children's."""
        for name, tensor in self._own_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        own = {**self._parameters, **self._buffers}
        left_out = self._non_persistent_buffers_set
        return {name: x for name, x in own.items() if x is not None and name not in left_out}

    def get_extra_state(self) -> Any:
        """Define it together with set_extra_state, to save something else beside the tensors."""
        raise NotImplementedError(
            "Reached a code path in Module.get_extra_state() that should never be called: define "
            "it in your own class."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take what get_extra_state gave."""
        raise NotImplementedError(
            "Reached a code path in Module.set_extra_state() that should never be called: define "
            "it in your own class."
        )

    # ----------------------------------------------------------------------------------- loading

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values by name into this module; with `strict`, the names must match exactly.

        assign: take the given tensors themselves instead of copying their values.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        state = entries(state_dict, getattr(state_dict, "_metadata", {}))  # hooks may change it
        keys, problems = IncompatibleKeys([], []), list[str]()
        self._load(state, "", assign, keys, problems)
        if strict:
            named = (("Missing", keys.missing_keys), ("Unexpected", keys.unexpected_keys))
            problems[:0] = [
                f"{what} key(s) in state_dict: {quoted(names)}. " for what, names in named if names
            ]
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(problems)
            )
        return keys

    def _load(
        self, state: Any, prefix: str, assign: bool, keys: IncompatibleKeys, problems: list[str]
    ) -> None:
        """Load this module and then those below it."""
        metadata = dict(state._metadata.get(prefix[:-1], {}))
        if assign:
            metadata["assign_to_params_buffers"] = True
        self._load_from_state_dict(state, prefix, metadata, True, *keys, problems)
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}{name}."
                own = {key: x for key, x in state.items() if key.startswith(below)}
                part = entries(own, state._metadata)
                module._load(part, below, assign, keys, problems)
        for hook in self._state_hooks.after_loading.values():
            if hook(self, keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load what is this module's own; layers whose state has changed since override it."""
        given = (local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        for hook in self._state_hooks.before_loading.values():
            hook(state_dict, prefix, *given)
        own = self._own_state()
        for name, tensor in own.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys.append(key)
                continue
            value = state_dict[key]
            problem = misfit(tensor, value, key)
            if problem:
                error_msgs.append(problem)
                continue
            if value.dim() > tensor.dim():  # one element, for a tensor of no dimensions
                value = value[0]
            if local_metadata.get("assign_to_params_buffers"):
                setattr(self, name, like_parameter(value, tensor))
            else:
                with no_grad():
                    tensor.copy_(value)
        self._load_extra_state(state_dict, prefix + EXTRA, missing_keys, unexpected_keys)
        unexpected_keys += self._unexpected(state_dict, prefix, own)

    def _load_extra_state(
        self, state: Any, key: str, missing: list[str], unexpected: list[str]
    ) -> None:
        if type(self).set_extra_state is State.set_extra_state:
            unexpected += [key] if key in state else []
        elif key in state:
            self.set_extra_state(state[key])
        else:
            missing.append(key)

    def _unexpected(self, state: Any, prefix: str, own: dict[str, Tensor]) -> list[str]:
        """The names that belong neither to this module nor to one of its children."""
        names = []
        for key in state:
            if key.startswith(prefix) and key != prefix + EXTRA:
                first, dot, _ = key[len(prefix) :].partition(".")
                if first not in (self._modules if dot else own):
                    names.append(key)
        return names

    # ------------------------------------------------------------------------------------- hooks

    def _own_state_hooks(self) -> StateHooks:
        if self._state_hooks is NO_HOOKS:
            self._state_hooks = StateHooks()
        return self._state_hooks

    def register_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before this module's state is taken."""
        return RemovableHandle(self._own_state_hooks().before_saving, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata) after this module's state is in
        state_dict, which it may change."""
        return RemovableHandle(self._own_state_hooks().after_saving, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs) before this module's state is loaded; it may change them."""
        return RemovableHandle(self._own_state_hooks().before_loading, partial(hook, self))

    def register_load_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(module, incompatible_keys) after this module's state is loaded."""
        return RemovableHandle(self._own_state_hooks().after_loading, hook)


def quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def misfit(own: Tensor, value: Any, key: str) -> str:
    """Why a loaded value cannot be copied into a tensor; "" if it can."""
    if not isinstance(value, Tensor):
        return (
            f'While copying the parameter named "{key}", expected minigrad.Tensor or Tensor-like '
            f"object from checkpoint but received {type(value)}"
        )
    if value.shape != own.shape and not (own.dim() == 0 and value.shape == (1,)):
        return (
            f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
            f"the shape in current model is {own.shape}."
        )
    return ""


def like_parameter(value: Tensor, own: Tensor) -> Tensor:
    """A given tensor that is to stand for `own`: a Parameter if `own` is one."""
    if not isinstance(own, Parameter):
        return value
    if isinstance(value, Parameter):
        return value.requires_grad_(own.requires_grad)
    return Parameter(value, own.requires_grad)
