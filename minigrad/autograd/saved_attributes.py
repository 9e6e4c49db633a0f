"""What a node saved, as its attributes _saved_self and so on show it; and node(grad) by hand."""

from __future__ import annotations

from typing import Any

from minigrad.node import Edge, Node, saved_attribute
from minigrad.saved import saved_tensor
from minigrad.tensor import Tensor, constant


def saved_at(node: Node, place: int) -> Any:
    """What node._saved_self and its like show: a saved tensor, or a number of a formula."""
    saved: Any = node.saved
    if saved == ():
        raise no_attribute(node, place)
    node.check_saved()
    packed = saved is not None and type(saved) is not tuple  # then, nothing else is unpacked
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
