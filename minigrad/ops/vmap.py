"""vmap: a function written for one sample, run on all of them at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minigrad import pytree
from minigrad.kernels.batched.array import has_level
from minigrad.kernels.batched.levels import Level
from minigrad.ops.batch import join_samples, split_samples, sum_where_shared
from minigrad.ops.joining import cat
from minigrad.ops.view import narrow
from minigrad.pytree import TreeSpec, tree_flatten, tree_unflatten
from minigrad.shapes import axis_of
from minigrad.tensor import TENSORS

Dims = Any  # an int, None, or a tree of them
RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Dims = 0,
    out_dims: Dims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """func for every place along dimension in_dims of its arguments (None: the same for all), with
    the results along dimension out_dims.  Keyword arguments are passed on as they are.

    randomness: whether random numbers are refused ("error"), one draw for all samples ("same") or
    one for each ("different").  chunk_size: how many samples to run at a time.
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. "
            f"Got {randomness}"
        )
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    mapped = Vmap(func, in_dims, out_dims, randomness, chunk_size)

    @functools.wraps(func)
    def run(*args: Any, **kwargs: Any) -> Any:
        return mapped(*args, **kwargs)

    return run


class Vmap:
    """A call of vmap: its options, and what is done with the arguments."""

    def __init__(
        self,
        func: Callable[..., Any],
        in_dims: Dims,
        out_dims: Dims,
        randomness: str,
        chunk_size: int | None,
    ):
        self.func, self.in_dims, self.out_dims = func, in_dims, out_dims
        self.randomness, self.chunk_size = randomness, chunk_size
        self.name = getattr(func, "__name__", repr(func))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree_flatten(args)
        dims = self.dims_of_arguments(leaves, structure)
        size = batch_size(leaves, dims)
        func = functools.partial(self.func, **kwargs)
        if self.chunk_size is None or size <= self.chunk_size:
            results, results_structure = self.run(func, leaves, dims, structure, size)
            return tree_unflatten(results, results_structure)
        parts = []
        for start in range(0, size, self.chunk_size):
            length = min(self.chunk_size, size - start)
            part = [
                x if dim is None else narrow(x, dim, start, length)
                for x, dim in zip(leaves, dims, strict=True)
            ]
            parts.append(self.run(func, part, dims, structure, length))
        joined = self.joined([results for results, _ in parts], parts[0][1])
        return tree_unflatten(joined, parts[0][1])

    def dims_of_arguments(self, leaves: list[Any], structure: TreeSpec) -> list[int | None]:
        """The dimension to map of every leaf of the arguments."""
        what = f"vmap({self.name}, in_dims={self.in_dims}, ...)(<inputs>)"
        if not isinstance(self.in_dims, int | tuple):
            raise ValueError(
                f"{what}: expected `in_dims` to be int or a (potentially nested) tuple matching "
                f"the structure of inputs, got: {type(self.in_dims)}."
            )
        if not leaves:
            raise ValueError(
                f"vmap({self.name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
                "you are trying to vmap over a function with no inputs. The latter is unsupported."
            )
        dims = spread_over(self.in_dims, structure)
        if dims is None:
            raise ValueError(
                f"{what}: in_dims is not compatible with the structure of `inputs`. in_dims has "
                f"structure {tree_flatten(self.in_dims)[1]} but inputs has structure {structure}."
            )
        return [checked_dim(what, x, dim) for x, dim in zip(leaves, dims, strict=True)]

    def run(
        self,
        func: Callable[..., Any],
        leaves: list[Any],
        dims: list[int | None],
        structure: TreeSpec,
        size: int,
    ) -> tuple[list[Any], TreeSpec]:
        """Call the function once, on arrays that hold all samples."""
        with Level(size, self.randomness) as level:
            inside = [
                x if dim is None else split_samples(x, dim, level)
                for x, dim in zip(leaves, dims, strict=True)
            ]
            args = tree_unflatten(inside, structure)
            outputs, outputs_structure = tree_flatten(func(*args))
            out_dims = self.dims_of_outputs(outputs, outputs_structure)
            results = [self.leave(x, dim, level) for x, dim in zip(outputs, out_dims, strict=True)]
        changed = [x for x in (*results, *leaves) if type(x) in TENSORS]
        sum_where_shared(changed, level)  # arguments, too, if they were written to
        return results, outputs_structure

    def dims_of_outputs(self, outputs: list[Any], structure: TreeSpec) -> list[int | None]:
        what = f"vmap({self.name}, ..., out_dims={self.out_dims})"
        if any(not isinstance(dim, int | None) for dim in tree_flatten(self.out_dims)[0]):
            raise ValueError(
                f"{what}: `out_dims` must be an int, None or a python collection of ints "
                "representing where in the outputs the vmapped dimension should appear."
            )
        out_dims = self.out_dims
        if structure.kind is None and isinstance(out_dims, tuple) and len(out_dims) == 1:
            out_dims = out_dims[0]
        dims = spread_over(out_dims, structure)
        if dims is None:
            raise ValueError(
                f"{what}(<inputs>): out_dims is not compatible with the structure of `outputs`. "
                f"out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure "
                f"{structure}."
            )
        return dims

    def leave(self, x: Any, dim: int | None, level: Level) -> Any:
        """A result with its samples along a dimension that all can see."""
        if dim is None:
            if type(x) in TENSORS and has_level(x.array, level.number):
                raise ValueError(
                    f"vmap({self.name}, ...): `{self.name}` can not return a BatchedTensor when "
                    "out_dim is None"
                )
            return x
        if type(x) not in TENSORS:
            raise ValueError(
                f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type "
                f"{type(x)}. Did you mean to set out_dims= to None for output?"
            )
        return join_samples(x, axis_of(dim, x.array.ndim + 1), level)

    def joined(self, parts: Sequence[list[Any]], structure: TreeSpec) -> list[Any]:
        """The results of all chunks, one after the other along their dimensions."""
        dims = self.dims_of_outputs(parts[0], structure)
        return [
            pieces[0] if dim is None else cat(pieces, dim)
            for pieces, dim in zip(zip(*parts, strict=True), dims, strict=True)
        ]


def spread_over(dims: Dims, structure: TreeSpec) -> list[int | None] | None:
    """A dimension for every leaf; one given for a container counts for all in it.  None where
    `dims` has another structure."""
    if dims is None or isinstance(dims, int | float | str):
        return [dims] * count_leaves(structure)  # type: ignore[list-item]
    parts = pytree.parts_of(dims)
    if parts is None or type(dims) is not structure.kind:
        return None
    keys, children = parts
    inner = list(children)
    if keys != structure.keys or len(inner) != len(structure.children):
        return None
    result: list[int | None] = []
    for child, child_structure in zip(inner, structure.children, strict=True):
        found = spread_over(child, child_structure)
        if found is None:
            return None
        result += found
    return result


def count_leaves(structure: TreeSpec) -> int:
    if structure.kind is None:
        return 1
    return sum(count_leaves(child) for child in structure.children)


def checked_dim(what: str, x: Any, dim: Any) -> int | None:
    """The dimension to map, from 0; ValueError where the argument has none such."""
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError(
            f"{what}: Got in_dim={dim} for an input but in_dim must be either an integer dimension "
            "or None."
        )
    if type(x) not in TENSORS:
        raise ValueError(
            f"{what}: Got in_dim={dim} for an input but the input is of type {type(x)}. We cannot "
            "vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    ndim = x.array.ndim
    if not -ndim <= dim < ndim:
        raise ValueError(
            f"{what}: Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {ndim} so expected in_dim to satisfy -{ndim} <= in_dim < {ndim}."
        )
    return dim % ndim


def batch_size(leaves: list[Any], dims: list[int | None]) -> int:
    """The number of samples, the same in all arguments that are mapped."""
    sizes = [x.array.shape[dim] for x, dim in zip(leaves, dims, strict=True) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return int(sizes[0])
