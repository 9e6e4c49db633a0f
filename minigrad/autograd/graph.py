"""The graph as a user sees it, and what may be hung on it: hooks for saved tensors, hooks that
wait for several gradients, and what a node saved.  torch.autograd.graph's names.

Different from torch: a pack hook gets a node's own result without its history.  With it, a hook
that keeps the tensor would make a cycle, and the graph would wait for the garbage collector.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from minigrad import engine
from minigrad.autograd.backward import GradientEdge, get_gradient_edge
from minigrad.forward_levels import forward_only, gets_gradient
from minigrad.grad_mode import GradMode, is_grad_enabled
from minigrad.hooks import Hooks, RemovableHandle
from minigrad.memory import note_write, owner_of, version
from minigrad.node import Edge, Node, saved_attribute
from minigrad.ops.define import is_number
from minigrad.ops.inplace import before_write
from minigrad.recording import observers
from minigrad.saved import saved_tensor
from minigrad.tensor import Tensor, constant, edge_of

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

# ---------------------------------------------------------------------- hooks for saved tensors

_stack: ContextVar[tuple[saved_tensors_hooks, ...]] = ContextVar("saved_tensors_hooks", default=())
_refusal: ContextVar[str | None] = ContextVar("saved_tensors_hooks_refusal", default=None)


class saved_tensors_hooks:  # torch's name
    """Inside the block, what nodes save is pack_hook(tensor) of it; when it is wanted, it is
    unpack_hook(packed).  The innermost block counts; a block is seen by its own thread alone."""

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        refusal = _refusal.get()
        if refusal is not None:
            raise RuntimeError(refusal)
        _stack.set((*_stack.get(), self))
        with _counting:
            _blocks.append(self)
            observers[saved_tensors_hooks] = pack

    def __exit__(self, *exception: object) -> None:
        _stack.set(_stack.get()[:-1])
        with _counting:
            _blocks.remove(self)
            if not _blocks:
                observers.pop(saved_tensors_hooks, None)


_blocks: list[saved_tensors_hooks] = []  # of all threads
_counting = threading.Lock()


def pack(node: Node) -> None:
    """Give what a new node saved to the innermost pack hook, if a gradient may come for it."""
    hooks = _stack.get()
    if not hooks or type(node.saved) is not tuple or not node.saved:
        return
    if is_grad_enabled() and not (forward_only and not gets_gradient(node)):
        node.saved = PackedTensors(node, node.saved, hooks[-1])


@contextmanager
def without_saved_tensors_hooks() -> Iterator[None]:
    """Inside, nodes keep what they save."""
    outer = _stack.set(())
    try:
        yield
    finally:
        _stack.reset(outer)


class PackedTensors:
    """What a pack hook made of the arrays that a node saved; numbers are left alone."""

    __slots__ = ("items", "plain", "unpack_hook")

    def __init__(self, node: Node, arrays: tuple[Any, ...], hooks: saved_tensors_hooks) -> None:
        self.plain = [array is None or is_number(array) for array in arrays]
        self.unpack_hook = hooks.unpack_hook
        with GradMode(False):
            self.items = [
                array if plain else packed(value_to_pack(node, place, array), hooks)
                for place, (array, plain) in enumerate(zip(arrays, self.plain, strict=True))
            ]

    def arrays(self) -> tuple[Any, ...]:
        return tuple(map(self.array, range(len(self.items))))

    def array(self, place: int) -> Any:
        item = self.items[place]
        if self.plain[place]:
            return item
        result = self.unpack_hook(item)
        if not isinstance(result, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(result).__name__}"
            )
        return result.array


def packed(tensor: Tensor, hooks: saved_tensors_hooks) -> Any:
    before = version(tensor.array)
    result = hooks.pack_hook(tensor)
    if version(tensor.array) != before:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input "
            "to pack hook can not be modified by in-place operations as this can lead to "
            "unexpected side-effects. Work on a clone() of it."
        )
    return result


class save_on_cpu(saved_tensors_hooks):  # torch's name
    """Inside the block, what nodes save waits on the CPU for the backward pass."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(
            lambda tensor: (tensor.device, tensor.cpu()),
            lambda item: item[1].to(item[0]),
        )


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside the block, saved_tensors_hooks raise RuntimeError(error_message)."""
    if _stack.get():
        raise RuntimeError(error_message)
    outer = _refusal.set(error_message)
    try:
        yield
    finally:
        _refusal.reset(outer)


# -------------------------------------------------------------------- mutation of saved tensors


class Kept:
    """A saved array, or, once its memory was written to, a copy of what it was."""

    def __init__(self, context: MutationContext, tensor: Tensor) -> None:
        self.context, self.tensor = context, tensor


class MutationContext:
    """What allow_mutation_on_saved_tensors knows: the saved arrays by the memory they show."""

    def __init__(self) -> None:
        self.by_memory: dict[int, list[Kept]] = {}
        self.active = True

    def keep(self, tensor: Tensor) -> Kept:
        kept = Kept(self, tensor)
        self.by_memory.setdefault(id(owner_of(tensor.array)), []).append(kept)
        return kept

    def restore(self, kept: Kept) -> Tensor:
        if not self.active:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in "
                "which the graph was originally recorded."
            )
        return kept.tensor

    def before_write(self, array: Any) -> None:
        for kept in self.by_memory.pop(id(owner_of(array)), ()):
            kept.tensor = constant(kept.tensor.array.copy())


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[MutationContext]:
    """Inside the block, saved tensors may be modified in place: what is about to change is copied
    first.  backward() must be called inside the block."""
    if any(isinstance(key, MutationContext) for key in before_write):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = MutationContext()
    before_write[context] = context.before_write
    try:
        with saved_tensors_hooks(context.keep, context.restore):
            yield context
    finally:
        context.active = False
        del before_write[context]


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that memory was written to in a way that minigrad did not see."""
    tensors: Iterable[Tensor] = (tensor,) if isinstance(tensor, Tensor) else tensor
    if not isinstance(tensors, Iterable):
        raise RuntimeError(
            "increment_version expect a Iterable[Tensor] as input, or one Tensor, but got "
            f"{type(tensor).__name__}"
        )
    for x in tensors:
        note_write(x.array)


# -------------------------------------------------------------- hooks that wait for several tensors


class MultiHandle(RemovableHandle):
    """What register_multi_grad_hook returns: remove() takes out the hooks of all tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
) -> MultiHandle:
    """Call fn(gradients) once all tensors' gradients are known (None for those that get none in
    this pass), or, with mode="any", fn(gradient) at the first of them."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        first = FirstGradient(fn)
        return MultiHandle([x.register_hook(first) for x in tensors if x.requires_grad])
    for place, x in enumerate(tensors):
        if not x.requires_grad:
            raise AssertionError(
                f"Expected gradient function to be set, but tensor {place} does not require grad"
            )
    waiting = AllGradients(tensors, fn)
    handles = [x.register_hook(waiting.hook_of(place)) for place, x in enumerate(tensors)]
    return MultiHandle(handles)


class FirstGradient:
    def __init__(self, fn: Callable[[Tensor], None]) -> None:
        self.fn = fn
        self.seen_in: Any = no_pass  # the backward pass that called fn, without its graph

    def __call__(self, grad: Tensor) -> None:
        running = engine.current.get()
        if self.seen_in() is not running:
            self.seen_in = no_pass if running is None else weakref.ref(running)
            self.fn(grad)


def no_pass() -> None:
    return None


class AllGradients:
    """Gathers the gradients of several tensors, for each backward pass that is under way.

    It hangs on the nodes, so it knows them by weak references to their hooks.  (A leaf has
    another node in the next graph, with the same hooks.)
    """

    def __init__(self, tensors: Sequence[Tensor], fn: Callable[..., None]) -> None:
        self.places = [weakref.ref(hooks_of(x)) for x in tensors]
        self.fn = fn
        self.gathered: WeakKeyDictionary[Any, list[Tensor | None]] = WeakKeyDictionary()
        self.missing: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def hook_of(self, place: int) -> Callable[[Tensor], None]:
        def hook(grad: Tensor) -> None:
            running = engine.current.get()
            assert running is not None, "expected this hook to be called inside a backward call"
            if running not in self.gathered:
                visited = {id(n.hooks) for n in running.visited() if n.hooks is not None}
                self.gathered[running] = [None] * len(self.places)
                self.missing[running] = sum(id(place()) in visited for place in self.places)
            self.gathered[running][place] = grad
            self.missing[running] -= 1
            if not self.missing[running]:
                del self.missing[running]
                self.fn(self.gathered.pop(running))

        return hook


def hooks_of(x: Tensor) -> Hooks:
    node, _ = edge_of(x)
    assert node is not None
    return node.own_hooks()


# ------------------------------------------------------------------------------- what a node saved


def saved_at(node: Node, place: int) -> Any:
    """What node._saved_self and its like show: a saved tensor, or a number of a formula."""
    saved: Any = node.saved
    if saved == ():
        raise no_attribute(node, place)
    node.check_saved()
    packed = isinstance(saved, PackedTensors)  # then, nothing else is unpacked
    array = saved.array(place) if packed else node.saved_arrays()[place]
    if array is not None:
        numbers = getattr(getattr(node, "definition", None), "numbers", ())
        return array.item() if place in numbers else with_history(array, edge_at(node, place))
    if is_saved_at_times(node, place):
        return None
    raise no_attribute(node, place)


def no_attribute(node: Node, place: int) -> AttributeError:
    name = saved_attribute(node.saved_names[place])
    return AttributeError(f"'{node.name()}' object has no attribute '{name}': it is not saved")


def is_saved_at_times(node: Node, place: int) -> bool:
    """Whether some gradient of such a node needs what stands there, if not those wanted here."""
    definition = getattr(node, "definition", None)
    if definition is None:
        return True
    return any(place in d.positions for d in definition.derivatives if d is not None)


def value_to_pack(node: Node, place: int, array: Any) -> Tensor:
    """A saved array as a Tensor: an input with its history, a result of the node without."""
    edge = edge_at(node, place)
    return constant(array) if edge[0] is node else with_history(array, edge)


def with_history(array: Any, edge: Edge) -> Tensor:
    """A saved array as the Tensor it was; what is no input (index arrays, say) has no history."""
    target, output_nr = edge
    if target is None or target.output_kind(output_nr) != (array.shape, array.dtype):
        return constant(array)
    return saved_tensor(array, edge)


def edge_at(node: Node, place: int) -> Edge:
    """The edge of what a node saved at a place; after its result comes what else it computed."""
    edges = node.saved_edges()
    return edges[place] if place < len(edges) else (node, 0)


def call_node(node: Node, *grads: Tensor) -> Any:
    """node(grad): the gradients of its inputs, worked out by hand, outside of any pass."""
    if len(grads) != node.outputs:
        raise TypeError(f"expected {node.outputs} arguments, got {len(grads)} instead")
    for number, grad in enumerate(grads):
        if grad is not None and not isinstance(grad, Tensor):
            raise TypeError(f"argument {number} is not a Variable, but {type(grad).__name__}")
    results = tuple(node.vjp_of_tensors(list(grads) if node.outputs > 1 else grads[0]))
    return results[0] if len(results) == 1 else results
