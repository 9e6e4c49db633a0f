"""Errors inside a backward pass, told where they come from: the step, the user's line, the hook."""

from __future__ import annotations

from types import TracebackType

from minigrad import hooks
from minigrad.memory import in_library
from minigrad.node import Node


def explain(error: Exception, node: Node | None) -> None:
    """Note on an error which of the user's lines the failing step of the pass belongs to."""
    if node is None:
        return
    hook = failing_hook(error.__traceback__)
    if hook is None and node.line is not None and str(node.line) in str(error):
        return  # the message says it itself
    where = f", made at {node.line}" if node.line else f", at a leaf of shape {list(node.shape)}"
    inside = f"the hook '{hook}' during " if hook else ""
    note(error, f"This happened in {inside}the backward pass of {node.name()}{where}.")


def failing_hook(traceback: TracebackType | None) -> str | None:
    """The name of the user's function that the error comes from, if hooks called it."""
    in_hooks = False
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if in_hooks and not in_library(code.co_filename):
            return code.co_name
        in_hooks = in_hooks or code.co_filename == hooks.__file__
        traceback = traceback.tb_next
    return None


def note(error: Exception, text: str) -> None:
    if hasattr(error, "add_note"):
        error.add_note(text)
    elif len(error.args) == 1 and isinstance(error.args[0], str):  # Python 3.10
        error.args = (f"{error.args[0]}\n{text}",)
