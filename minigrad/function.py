"""Function: operations that users write, forward and backward side by side.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * 3 * x * x

    y = Cube.apply(x)

ctx is the node of the graph itself: `y.grad_fn is ctx`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from minigrad import kernels
from minigrad.grad_mode import GradMode, is_grad_enabled
from minigrad.leaf import Leaf
from minigrad.memory import owner_of
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.recording import notify, observers
from minigrad.shapes import is_stretched
from minigrad.tensor import Tensor, attach, constant, edge_of, saved_tensor


class Function(Node):
    """Subclass it with static methods forward(ctx, *args) and backward(ctx, *grads), and call
    `apply`.  Both see Tensors, and nothing inside forward is recorded.

    forward may instead leave out ctx; then setup_context(ctx, inputs, output) saves what is
    needed.  backward returns one gradient an argument of forward, None for what has none.
    """

    to_save: tuple[Tensor | None, ...] = ()
    dirty: tuple[Tensor, ...] = ()
    non_differentiable: tuple[Tensor, ...] = ()
    materialize_grads = True
    saved_edges: tuple[Edge | int, ...] = ()
    output_kinds: tuple[Any, ...] = ()
    node_type: type[Function]

    def __init_subclass__(cls) -> None:
        if not cls.__dict__.get("is_node_type", False):
            members = {"is_node_type": True}
            cls.node_type = type(f"{cls.__name__}Backward", (cls,), members)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward; the results remember this call if an argument requires a gradient."""
        ctx = cls.node_type()
        args = cls.in_order(ctx, args, kwargs)
        ctx.next_functions = tuple(edge_of(x) if isinstance(x, Tensor) else NO_EDGE for x in args)
        ctx.saved, ctx.hooks = (), None
        with GradMode(False):
            results = cls.run_forward(ctx, args)
        if not is_grad_enabled() or all(edge is NO_EDGE for edge in ctx.next_functions):
            return results
        outputs = results if isinstance(results, tuple) else (results,)
        ctx.outputs = len(outputs)
        ctx.output_kinds = tuple(kind_of(x) for x in outputs)
        ctx.check_dirty(outputs)
        memory = [owner_of(x.array) for x in args if isinstance(x, Tensor)]
        ctx.aliases = frozenset(i for i, x in enumerate(outputs) if shows(x, memory))
        made = tuple(ctx.output(x, i) for i, x in enumerate(outputs))
        ctx.keep(args, outputs, made)
        return made if isinstance(results, tuple) else made[0]

    @classmethod
    def in_order(
        cls, ctx: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, ...]:
        """All arguments by position: each of them gets a gradient (or None) from backward."""
        combined = cls.setup_context is Function.setup_context
        if combined and not kwargs:
            return args
        signature = inspect.signature(cls.forward)
        if combined:
            return signature.bind(ctx, *args, **kwargs).args[1:]
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.args

    @classmethod
    def run_forward(cls, ctx: Function, args: tuple[Any, ...]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        output = cls.forward(*args)
        cls.setup_context(ctx, args, output)
        return output

    def check_dirty(self, outputs: tuple[Any, ...]) -> None:
        """RuntimeError for arguments that forward may not modify, or forgot to return."""
        for x in self.dirty:
            if not is_in(x, outputs):
                raise RuntimeError(
                    "Some elements marked as dirty during the forward method were not returned "
                    "as output. The inputs that are modified inplace must all be outputs of the "
                    "Function."
                )
            if type(x.edge) is Leaf:
                raise RuntimeError(
                    "a leaf Variable that requires grad has been used in an in-place operation."
                )
            if type(x.edge) is not tuple:
                raise NotImplementedError(
                    f"{self.name()} modifies a view in place: pass a clone() of it to apply()"
                )

    def output(self, x: Any, output_nr: int) -> Any:
        """The tensor that the caller gets for what forward returned."""
        if not isinstance(x, Tensor) or is_in(x, self.non_differentiable):
            return x
        if x.array.dtype.kind != "f":
            return x
        made = attach(self, x.array, output_nr)
        if is_in(x, self.dirty):  # modified in place: the argument itself takes the new history
            x.edge = made.edge
            self.aliases -= {output_nr}
            return x
        return made

    def keep(self, args: tuple[Any, ...], outputs: tuple[Any, ...], made: tuple[Any, ...]) -> None:
        """Save arrays, with the edge of each: that of an argument, the number alone of a result
        (its edge would hold this node, a cycle)."""
        places: list[Any] = [*zip(args, self.next_functions, strict=True)]
        places += [(x, nr) for nr, x in enumerate(outputs) if edge_leads_to(self, made[nr])]
        edges, arrays = [], []
        for x in self.to_save:
            edge = NO_EDGE if x is None else edge_of(x)
            for given, place in places:
                if given is x:
                    edge = place
            edges.append(edge)
            arrays.append(None if x is None else x.array)
        self.saved, self.saved_edges = tuple(arrays), tuple(edges)
        self.to_save = self.dirty = self.non_differentiable = ()
        if observers:  # what they saw in attach() had saved nothing yet
            notify(self)

    # ------------------------------------------------------------------ what users call on ctx

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, where `saved_tensors` gives them back, checked for damage."""
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    "save_for_backward can only save variables, but argument is of type "
                    f"{type(x).__name__}: keep other values as attributes, ctx.n = n"
                )
        self.to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        edges = [(self, e) if isinstance(e, int) else e for e in self.saved_edges]
        return tuple(
            None if array is None else saved_tensor(array, edge)
            for array, edge in zip(self.saved_arrays(), edges, strict=True)
        )

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which arguments forward modified in place."""
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which results have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """With False, backward gets None for a result that no gradient came to, not zeros."""
        self.materialize_grads = value

    # --------------------------------------------------------------------- what the engine calls

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        shape, dtype = self.output_kinds[output_nr]
        return shape, dtype

    def vjp(self, grad: Any) -> Any:
        """Users write backward for Tensors: wrap the arrays and unwrap the results."""
        grads = grad if self.outputs > 1 else [grad]
        results = self.run_backward([None if g is None else constant(g) for g in grads])
        return [None if g is None else g.array for g in results]

    def vjp_of_tensors(self, grad: Any) -> Any:
        return self.run_backward(grad if self.outputs > 1 else [grad])

    def without_gradient(self, like: Any) -> Any:
        of_arrays = not isinstance(like, Tensor)
        results = self.run_backward([None] * self.outputs, constant(like) if of_arrays else like)
        return [None if g is None else g.array for g in results] if of_arrays else results

    def run_backward(self, grads: list[Any], like: Any = None) -> tuple[Any, ...]:
        if self.materialize_grads:
            like = next((g for g in grads if g is not None), like)
            grads = [
                zeros(k, like) if g is None else g
                for g, k in zip(grads, self.output_kinds, strict=True)
            ]
        results = type(self).backward(self, *grads)
        results = results if isinstance(results, tuple) else (results,)
        return self.checked(results)

    def checked(self, results: tuple[Any, ...]) -> tuple[Any, ...]:
        """backward's results: as many as forward had arguments, Tensors or None."""
        expected = len(self.next_functions)
        if len(results) > expected and all(g is None for g in results[expected:]):
            results = results[:expected]
        if len(results) != expected:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {expected}, got {len(results)})"
            )
        for number, (result, (target, output_nr)) in enumerate(
            zip(results, self.next_functions, strict=True)
        ):
            if result is not None and not isinstance(result, Tensor):
                raise RuntimeError(
                    f"function {self.name()} returned at position {number}: "
                    f"expected Variable or None (got {type(result).__name__})"
                )
            if result is None or target is None:
                continue
            shape, _ = target.output_kind(output_nr)
            if not is_stretched(shape, result.array.shape):
                raise RuntimeError(
                    f"Function {self.name()} returned an invalid gradient at index {number} - got "
                    f"{list(result.shape)} but expected shape compatible with {list(shape)}"
                )
        return results


def kind_of(x: Any) -> Any:
    return (x.array.shape, x.array.dtype) if isinstance(x, Tensor) else None


def zeros(kind: Any, like: Tensor) -> Tensor | None:
    if kind is None:  # forward returned something other than a Tensor
        return None
    shape, dtype = kind
    return constant(kernels.full(shape, 0, dtype, like.array))


def shows(x: Any, memory: list[Any]) -> bool:
    return isinstance(x, Tensor) and is_in(owner_of(x.array), memory)


def is_in(x: Any, tensors: Sequence[Any]) -> bool:
    return any(x is y for y in tensors)


def edge_leads_to(node: Node, x: Any) -> bool:
    return isinstance(x, Tensor) and edge_of(x)[0] is node
