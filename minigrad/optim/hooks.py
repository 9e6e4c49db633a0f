"""Functions of the user that run before and after an optimizer's step, saving and loading."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from minigrad.hooks import RemovableHandle

Hook = Callable[..., Any]
Hooks = OrderedDict[int, Hook]


class OptimizerHooks:
    """The hooks of one optimizer, or of all of them, by the moment at which they run."""

    def __init__(self) -> None:
        self.step_pre: Hooks = OrderedDict()
        self.step_post: Hooks = OrderedDict()
        self.state_dict_pre: Hooks = OrderedDict()
        self.state_dict_post: Hooks = OrderedDict()
        self.load_state_dict_pre: Hooks = OrderedDict()
        self.load_state_dict_post: Hooks = OrderedDict()


def add(hooks: Hooks, hook: Hook, prepend: bool = False) -> RemovableHandle:
    """Put a hook behind the others, or before them."""
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


EVERYWHERE = OptimizerHooks()
