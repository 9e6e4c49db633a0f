"""What the caller of a user's Function gets for what its forward returned.

A result is the tensor that forward returned, now with the call's node as its grad_fn.  What forward
did to its arguments makes the difference: one that was modified takes the new history itself, one
that is returned as it is comes back as a view, and a view stays one, which may not be written to.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from minigrad import context
from minigrad.context import check_saved_types, kind_of
from minigrad.forward_levels import RecordNothing
from minigrad.hooks import Hooks
from minigrad.leaf import Leaf
from minigrad.memory import note_write
from minigrad.node import NO_EDGE
from minigrad.ops.inplace import rebase_history
from minigrad.ops.shared_memory import is_view
from minigrad.ops.view import view_as
from minigrad.recording import notify, observers
from minigrad.tensor import Tensor, attach, edge_of

NO_CODE: Any = None  # until a line of the user's is known


def finished(
    ctx: Any, args: tuple[Any, ...], results: tuple[Any, ...], has_setup_context: bool
) -> tuple[Any, ...]:
    """The results of a call, which lead to its node `ctx`, if anything is recorded.
    `has_setup_context`: setup_context was called, not forward alone."""
    check_names(ctx)
    ctx._output_kinds = tuple([kind_of(x) for x in results])
    ctx._differentiable = [ctx._recorded and wants_gradient(ctx, x) for x in results]
    for x in ctx.dirty_tensors:
        note_write(x.array)
        if not is_in(x, results):
            raise RuntimeError(context.NOT_RETURNED)
    if True in ctx._differentiable:
        kept = ctx.shape, ctx.dtype, ctx.hooks
        attach(ctx, results[ctx._differentiable.index(True)].array)
        ctx.shape, ctx.dtype, ctx.hooks = kept
    inputs = [x for x in args if isinstance(x, Tensor)]
    if has_setup_context:
        check_returned_as_is(ctx, inputs, results)
    made = tuple([result(ctx, x, nr, inputs) for nr, x in enumerate(results)])
    if ctx._recorded:
        keep(ctx, inputs, made)
    ctx.to_save = ctx.dirty_tensors = ctx.non_differentiable = ctx.saved_for_forward = ()
    return made


def check_names(ctx: Any) -> None:
    """AttributeError if forward kept something on ctx where the node has its own."""
    name = (
        ("saved" if ctx.saved != () else "")
        or ("hooks" if not isinstance(ctx.hooks, Hooks | None) else "")
        or ("code" if ctx.code is not NO_CODE else "")
        or ("vjp" if getattr(ctx.vjp, "__self__", None) is not ctx else "")
    )
    if name:
        raise AttributeError(
            f"ctx.{name} belongs to the graph: keep your own value under another name, such as "
            f"ctx.my_{name}"
        )


def wants_gradient(ctx: Any, x: Any) -> bool:
    if not isinstance(x, Tensor) or x.array.dtype.kind != "f":
        return False
    return not is_in(x, ctx.non_differentiable)


def check_returned_as_is(ctx: Any, inputs: list[Tensor], results: tuple[Any, ...]) -> None:
    for x in (*ctx.to_save, *ctx.saved_for_forward):
        if is_in(x, inputs) and is_in(x, results) and not is_in(x, ctx.dirty_tensors):
            raise RuntimeError(context.SAVED_AS_IS)


def result(ctx: Any, x: Any, nr: int, inputs: list[Tensor]) -> Any:
    """Result `nr` of a call."""
    if not isinstance(x, Tensor):
        return x
    differentiable = ctx._differentiable[nr]
    place = next((place for place, y in enumerate(inputs) if y is x), None)
    if is_in(x, ctx.dirty_tensors) and (differentiable or not x.requires_grad):
        if differentiable:
            rebase(ctx, x, nr, place)
        if place is not None:
            return x
    elif place is not None:
        if x.requires_grad and not differentiable:
            return x.detach()
        with RecordNothing():
            x = view_as(x, x)
    elif x.requires_grad and not differentiable and not is_view(x):
        x.edge = NO_EDGE
    give_history(ctx, x, nr, inputs)
    return x


def rebase(ctx: Any, x: Tensor, nr: int, place: int | None) -> None:
    """A modified argument takes the new history; a view gives it to its base."""
    if type(x.edge) is Leaf:
        raise RuntimeError(context.LEAF_MODIFIED)
    if place is None:
        warnings.warn(context.NO_INPUT, stacklevel=6)
        return
    if is_view(x) and ctx.outputs > 1:
        raise RuntimeError(context.VIEW_OF_SEVERAL)
    rebase_history(x, (ctx, nr), place)
    ctx._modified = {**ctx._modified, nr: place}


def give_history(ctx: Any, x: Tensor, nr: int, inputs: list[Tensor]) -> None:
    """Let a result lead to the node.  A view stays one, but may not be written to."""
    edge = (ctx, nr) if ctx._differentiable[nr] else NO_EDGE
    if not is_view(x):
        x.edge = edge if edge is not NO_EDGE else x.edge
        return
    base = x.edge.base
    for place, y in enumerate(inputs):
        if base is y or (is_view(y) and base is y.edge.base):
            ctx._shown = {**ctx._shown, nr: place}
    x.edge = x.edge.of_function(edge, sum(ctx._differentiable) > 1)


def keep(ctx: Any, inputs: list[Tensor], made: tuple[Any, ...]) -> None:
    """Save arrays, with the edge of each: that of an argument, the number alone of a result (its
    edge would hold the node, a cycle)."""
    check_saved_types(ctx.to_save)
    places: list[Any] = [*zip(inputs, ctx.next_functions, strict=True)]
    places += [(x, nr) for nr, x in enumerate(made) if ctx._differentiable[nr]]
    arrays, ctx._edges_of_saved = packed(ctx.to_save, places)
    ctx.saved = arrays or (None,)  # not empty: a backward pass frees it, then nothing is told
    if ctx.saved_for_forward:
        ctx._for_forward = packed(ctx.saved_for_forward, places)
    if observers:  # what they saw in attach() had saved nothing yet
        notify(ctx)


def packed(tensors: Iterable[Tensor | None], places: list[Any]) -> tuple[Any, Any]:
    """The arrays of tensors, and for each the last place where it is found, or its own edge."""
    arrays, edges = [], []
    for x in tensors:
        found = [place for given, place in places if given is x]
        edges.append(NO_EDGE if x is None else found[-1] if found else edge_of(x))
        arrays.append(None if x is None else x.array)
    return tuple(arrays), tuple(edges)


def is_in(x: Any, tensors: Sequence[Any]) -> bool:
    return any(x is y for y in tensors)
