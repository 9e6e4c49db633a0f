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

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minigrad import context
from minigrad.context import FunctionCtx, Kind, by_position, checked, kind_of
from minigrad.forward_levels import RecordNothing
from minigrad.grad_mode import is_recording
from minigrad.kernels.batched.levels import running
from minigrad.node import NO_EDGE, Edge, Node
from minigrad.ops.vmap_rule import check_rule, run_rule
from minigrad.results import NO_CODE, finished
from minigrad.saved import with_histories
from minigrad.tensor import Tensor, constant, edge_of


class Function:
    """Subclass it with static methods forward(ctx, *args) and backward(ctx, *grads), and call
    `apply`.  Both see Tensors, and nothing inside forward is recorded.

    forward may instead leave out ctx; then setup_context(ctx, inputs, output) saves what is
    needed.  backward (or vjp: another name) returns one gradient an argument of forward, None for
    what has none.  jvp(ctx, *tangents) is its counterpart for forward mode.
    """

    generate_vmap_rule = False  # True: forward consists of operations that vmap knows
    clear_saved_tensors_on_access = False  # True: ctx.saved_tensors gives them once and lets go
    boxed_grads_call = False  # True: backward(ctx, grads) gets a list that it may empty
    _backward_cls: type[BackwardCFunction]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        members = {"_forward_cls": cls}
        cls._backward_cls = type(f"{cls.__name__}Backward", (BackwardCFunction,), members)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = type(self).__name__
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            f"new-style autograd function with static forward method: {name}.apply(x), not "
            f"{name}()(x)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod "
            "or set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward; the results remember this call if an argument requires a gradient."""
        has_setup_context = cls.setup_context is not Function.setup_context
        if has_setup_context or kwargs:
            args = by_position(cls.forward, has_setup_context, args, kwargs)
        if running() and running()[-1].asks_for_rules:
            has_rule = cls.vmap is not Function.vmap
            check_rule(cls, has_rule, has_setup_context)
            if has_rule:
                return run_rule(cls, args)
        ctx = cls._backward_cls(args)
        with RecordNothing():
            output = cls.forward(*args) if has_setup_context else cls.forward(ctx, *args)
            if has_setup_context:
                cls.setup_context(ctx, args, output)
        if isinstance(output, tuple):
            return finished(ctx, args, output, has_setup_context)
        return finished(ctx, args, (output,), has_setup_context)[0]


class BackwardCFunction(Node, FunctionCtx):
    """One call of a Function: ctx for its methods, and the node in the graph of its results.

    Users keep what they like on it, so its own attributes begin with an underscore; `shape` and
    `dtype`, which other nodes have, are the user's here.  The rest of a node's names are refused.
    """

    _forward_cls: type[Function] = Function
    _edges_of_saved: tuple[Edge | int, ...] = ()
    _output_kinds: tuple[Kind | None, ...] = ()
    _for_forward: tuple[tuple[Any, ...], tuple[Any, ...]] = ((), ())
    _differentiable: Sequence[bool] = ()
    shape: Any
    _modified: Mapping[int, int] = {}  # results that are modified arguments: number to place
    _shown: Mapping[int, int] = {}  # results that are views of arguments
    _cleared = False
    plain = False
    runs_without_gradient = True  # the user's backward gets zeros, or None
    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self, args: tuple[Any, ...] = ()):
        self.saved, self.hooks, self.shape, self.dtype, self.code = (), None, None, None, NO_CODE
        tensors = [x for x in args if isinstance(x, Tensor)]
        self.next_functions = tuple([edge_of(x) for x in reversed(tensors)][::-1])
        self.needs_input_grad = tuple(isinstance(x, Tensor) and x.requires_grad for x in args)
        self._input_kinds = tuple(kind_of(x) for x in args)
        edges = self.next_functions
        self._recorded = is_recording() and edges.count(NO_EDGE) < len(edges)

    # ------------------------------------------------------------------- what users ask of ctx

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What save_for_backward() got (in jvp: save_for_forward()), with its history."""
        if self.saved_for_forward or self.saved == ():
            return self.saved_for_forward
        if self._cleared:
            raise RuntimeError(context.ACCESSED_ONCE)
        super().check_saved()
        found = with_histories(self.saved_arrays(), self.saved_edges())
        if self._forward_cls.clear_saved_tensors_on_access:
            self.saved, self._cleared = (None,), True
        return found

    def check_saved(self) -> None:
        """Nothing: a backward that asks for no saved tensors may run though they are damaged."""

    def saved_edges(self) -> list[Edge]:
        return self.edges_at(self._edges_of_saved)

    def edges_at(self, places: Iterable[Edge | int]) -> list[Edge]:
        """Edges, of which a number stands for that of a result of this node."""
        return [(self, place) if isinstance(place, int) else place for place in places]

    # --------------------------------------------------------------------- what the engine calls

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return len(self._output_kinds)

    def output_kind(self, output_nr: int) -> tuple[tuple[int, ...], Any]:
        kind = self._output_kinds[output_nr]
        assert kind is not None
        return kind.shape, kind.dtype

    def vjp(self, grad: Any) -> Any:
        """Users write backward for Tensors: wrap the arrays and unwrap the results."""
        grads = grad if self.outputs > 1 else [grad]
        results = self.run_backward([None if g is None else constant(g) for g in grads])
        return [None if g is None else g.array for g in results]

    def vjp_of_tensors(self, grad: Any) -> Any:
        return self.run_backward(grad if self.outputs > 1 else [grad])

    def run_backward(self, grads: Sequence[Any]) -> Sequence[Tensor | None]:
        if self.materialize_grads:
            kinds = self._output_kinds
            grads = [
                kind.zeros() if g is None and kind is not None else g
                for g, kind in zip(grads, kinds, strict=True)
            ]
        results = self.apply(*grads)
        return checked(self, results if isinstance(results, tuple) else (results,))

    def apply(self, *grads: Any) -> Any:
        """What the user's backward (or vjp) makes of gradients."""
        function = self._forward_cls
        backward, vjp = function.backward, function.vjp
        if backward is not Function.backward and vjp is not Function.vjp:
            raise RuntimeError(context.BOTH_NAMES)
        rule = backward if vjp is Function.vjp else vjp
        return rule(self, list(grads)) if function.boxed_grads_call else rule(self, *grads)

    def apply_jvp(self, *tangents: Any) -> Any:
        """What the user's jvp makes of tangents."""
        return self._forward_cls.jvp(self, *tangents)


Function._backward_cls = BackwardCFunction
