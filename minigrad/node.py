"""Node: one operation of the graph, and one step of the backward pass.

A node is what `grad_fn` shows.  It knows where the gradients of its inputs go (next_functions),
what it saved of the forward pass, and the line of the user's code that made it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, NamedTuple, Protocol

from minigrad.hooks import Hooks, RemovableHandle
from minigrad.memory import write_after

Edge = tuple["Node | None", int]
NO_EDGE: Edge = (None, 0)  # where the gradient of a constant goes
# A view that was made under no_grad() of a base that requires a gradient requires one as well,
# but nothing leads back to the base.
UNTRACKED: Edge = (None, -1)

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you "
    "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
    "through the graph a second time or if you need to access saved tensors after calling backward."
)
MODIFIED = (
    "one of the variables needed for gradient computation has been modified by an inplace operation"
)


class Line(NamedTuple):
    """A place in the user's code."""

    file: str
    number: int
    function: str
    column: int

    def __str__(self) -> str:
        cell = notebook_cell(self.file)
        where = f"{cell}, line {self.number}" if cell else f"{self.file}:{self.number}"
        return f"{where}, in {self.function}"


def notebook_cell(file: str) -> str:
    """What a notebook calls a cell, such as "Cell In[3]", of the name of the file it pretends to
    be; nothing for other files.  IPython is asked only where it runs already."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    cell = shell and shell.compile.format_code_name(file)
    return " ".join(cell) if cell else ""


def line_of(code: CodeType, instruction: int) -> Line:
    """The line and column of an instruction of `code` (the column is 0 before Python 3.11)."""
    column = 0
    if hasattr(code, "co_positions"):
        _, _, start, _ = next(itertools.islice(code.co_positions(), instruction // 2, None))
        column = start or 0
    for start, stop, number in code.co_lines():
        if start <= instruction < stop and number is not None:
            return Line(code.co_filename, number, code.co_name, column)
    return Line(code.co_filename, code.co_firstlineno, code.co_name, column)


TORCH_NAMES = {"x": "self", "input": "self", "y": "other"}  # in _saved_... attributes


def saved_attribute(name: str) -> str:
    return f"_saved_{TORCH_NAMES.get(name, name)}"


class SavedAttribute:
    """node._saved_self and its like: what a node saved at a place, as a user sees it."""

    def __init__(self, place: int):
        self.place = place

    def __get__(self, node: Any, kind: type) -> Any:
        return self if node is None else node.saved_value(self.place)


class Node:
    """Takes the gradient of its output, gives those of its inputs.

    `saved` holds arrays in the order of the inputs, then the result, with None for what is not
    needed; () saves nothing; None means freed by a backward pass; a Packed stands for what
    hooks for saved tensors made of them.
    `shape` and `dtype` are those of the output: the engine sums a gradient back to them.  (A node
    with several outputs has an `output_kind` of its own.)
    """

    __slots__ = (
        "__weakref__",
        "code",
        "dtype",
        "hooks",
        "instruction",
        "next_functions",
        "saved",
        "sequence_nr",
        "shape",
    )
    outputs = 1
    aliases: frozenset[int] = frozenset()  # outputs that show an input's memory: not written to
    is_variable = False  # what a transform of minigrad.func differentiates with respect to
    requires_grad = True  # as all of torch's nodes say
    plain = True  # with one output, of `shape` and `dtype`; otherwise ask output_kind()
    runs_without_gradient = False  # whether vjp is called where None came for every output
    saved_names: tuple[str, ...] = ()  # of what `saved` holds, for pictures

    next_functions: tuple[Edge, ...]
    saved: tuple[Any, ...] | Packed | None
    sequence_nr: int
    hooks: Hooks | None
    shape: tuple[int, ...]
    dtype: Any
    code: CodeType
    instruction: int

    def __init_subclass__(cls) -> None:
        for place, name in enumerate(cls.__dict__.get("saved_names", ())):
            setattr(cls, saved_attribute(name), SavedAttribute(place))

    def vjp(self, grad: Any) -> Any:
        """The gradients of the inputs (a sequence, None where there is none).

        Written with operations that take arrays as well as Tensors, one body serves the plain
        backward pass, which runs on arrays, and create_graph=True, which runs on Tensors.
        """
        raise NotImplementedError

    def vjp_of_tensors(self, grad: Any) -> Any:
        """The same for Tensors, where a node has a faster way for arrays."""
        return self.vjp(grad)

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        """The shape and dtype of an output, which its gradient is summed to."""
        return self.shape, self.dtype

    def name(self) -> str:
        return type(self).__name__

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        return tuple(node is not None for node, _ in self.next_functions)

    @property
    def line(self) -> Line | None:
        """The user's line that made this node; None for the end at a leaf."""
        return line_of(self.code, self.instruction)

    # ------------------------------------------------------------------------------------ hooks

    def own_hooks(self) -> Hooks:
        """Where hooks of this node go: an object that nodes without hooks do without."""
        if self.hooks is None:
            self.hooks = Hooks()
        return self.hooks

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call fn(grad_inputs, grad_outputs) after this node ran.  A tuple that it returns
        replaces grad_inputs."""
        return RemovableHandle(self.own_hooks().after, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call fn(grad_outputs) before this node runs.  A tuple that it returns replaces them."""
        return RemovableHandle(self.own_hooks().before, fn)

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for whatever you want to note on this node."""
        return self.own_hooks().metadata

    def _sequence_nr(self) -> int:
        return self.sequence_nr

    # ------------------------------------------------------------------------------ what is saved

    def saved_arrays(self) -> tuple[Any, ...]:
        """What was saved; RuntimeError once a backward pass has freed it."""
        saved = self.saved
        if isinstance(saved, tuple):
            return saved
        if saved is None:
            raise RuntimeError(f"{FREED} ({self.name()} was made at {self.line}.)")
        return saved.arrays()

    def saved_edges(self) -> Sequence[Edge]:
        """The edge of each place in `saved`: those of the inputs, then that of the result."""
        return *self.next_functions, (self, 0)

    def check_saved(self) -> None:
        """RuntimeError if an array that this node saved was written to afterwards."""
        if type(self.saved) is not tuple:
            return
        for array in self.saved:
            write = None if array is None else write_after(array, self.sequence_nr)
            if write is not None:
                modified = line_of(write.code, write.instruction)
                raise RuntimeError(
                    f"{MODIFIED}: [{type_and_shape(array)}], which {self.name()} saved at "
                    f"{self.line}, was modified at {modified}. Use an operation "
                    "that makes a new tensor there (x = x + 1 for x += 1), or modify a clone()."
                )

    def __lt__(self, other: Node) -> bool:
        """A heap asks this of nodes of one age (a CopySlices and its writer): any order will do."""
        return False

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class LinearNode(Node):
    """A node with one input, in which the output is linear, such as a view.  In forward mode the
    operation is done to the tangent as it was to the value."""

    __slots__ = ()

    def jvp(self, tangent: Any) -> Any:
        """The tangent of the output (an array or a Tensor, as the input's tangent is)."""
        raise NotImplementedError


class Packed(Protocol):
    """What a pack hook made of the saved arrays, to be unpacked when they are wanted."""

    def arrays(self) -> tuple[Any, ...]: ...

    def array(self, place: int) -> Any: ...


def type_and_shape(array: Any) -> str:
    return f"minigrad.{array.dtype} {list(array.shape)}"
