"""A user's Function under vmap: its own rule, the static method vmap(info, in_dims, *args)."""

from __future__ import annotations

from typing import Any, NamedTuple

from minigrad.kernels.batched.array import has_level
from minigrad.kernels.batched.levels import Level, running
from minigrad.ops.batch import SumSamplesBackward, join_samples, split_samples
from minigrad.ops.vmap import spread_over
from minigrad.pytree import tree_flatten, tree_map, tree_unflatten
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS, Tensor, edge_of, record

MORE = "(See torch's notes on extending torch.func.)"


class VmapInfo(NamedTuple):
    """What the static method vmap is told of the call."""

    batch_size: int
    randomness: str


def check_rule(function: Any, has_vmap: bool, has_context: bool) -> None:
    """RuntimeError unless a Function says in exactly one way what vmap makes of it."""
    name = function.__name__
    if not has_context:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
            "jacrev, ...), it must override the setup_context staticmethod: write forward without "
            f"ctx, and save in setup_context(ctx, inputs, output) of {name}. {MORE}"
        )
    if function.generate_vmap_rule and has_vmap:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it has both generate_vmap_rule=True and an "
            "overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
            f"overridden vmap staticmethod to avoid ambiguity. {MORE}"
        )
    if not function.generate_vmap_rule and not has_vmap:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it does not have vmap support. Please override "
            f"and implement the vmap staticmethod or set generate_vmap_rule=True. {MORE}"
        )


def run_rule(function: Any, args: tuple[Any, ...]) -> Any:
    """Call vmap(info, in_dims, *args) outside of the innermost level: there the samples are a
    dimension that it sees."""
    level = running()[-1]
    tensors = [x for x in tree_flatten(args)[0] if type(x) in TENSORS]
    if not any(has_level(x.array, level.number) for x in tensors):
        with level.paused(samples_are_seen=False):
            return function.apply(*args)

    def dim_of(x: Any) -> int | None:
        return 0 if type(x) in TENSORS and is_of_samples(x, level) else None

    def visible(x: Any) -> Any:
        return x if dim_of(x) is None else join_samples(x, 0, level)

    in_dims = tree_map(dim_of, args)
    info = VmapInfo(level.size, level.randomness)
    seen = tree_map(visible, args)
    with level.paused(samples_are_seen=True):
        returned = function.vmap(info, in_dims, *seen)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with "
            f"pytree structure compatible with the output. Got a {type(returned)} instead"
        )
    return hidden(*returned, level)


def is_of_samples(x: Tensor, level: Level) -> bool:
    """Whether the samples' values differ, or their gradients: of what was made inside, each sample
    may be asked for its own.  (A leaf may have been made there, too.)"""
    if has_level(x.array, level.number):
        return True
    node, _ = edge_of(x)
    return node is not None and node.sequence_nr > level.began


def hidden(output: Any, out_dims: Any, level: Level) -> Any:
    """What the rule returned, with the dimensions that it names as the samples."""
    leaves, structure = tree_flatten(output)
    dims = spread_over(out_dims, structure)
    if dims is None:
        raise RuntimeError(
            "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) "
            f"tuple. Expected out_dims={out_dims} to be compatible with the structure of "
            f"`output`. out_dims has structure {tree_flatten(out_dims)[1]} but output has "
            f"structure {structure}. {MORE}"
        )
    made = [hidden_result(x, dim, level) for x, dim in zip(leaves, dims, strict=True)]
    return tree_unflatten(made, structure)


def hidden_result(x: Any, dim: int | None, level: Level) -> Any:
    if dim is not None:
        return split_samples(x, axis_of(dim, x.array.ndim), level)
    if type(x) not in TENSORS:
        return x
    return record(SumSamplesBackward, x.array, (x,), level=level)  # as of what was there before
