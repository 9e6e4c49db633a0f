"""Do the same under torch and under minigrad, and compare everything that comes out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")

# Relative and absolute tolerances.  A float32 function may differ by some ulp from torch's own,
# which differs from the true value by as much.
TOLERANCES = {"float16": (4e-3, 3e-3), "float32": (1e-5, 2e-6), "float64": (1e-9, 1e-12)}

# torch has no kernel where it says so; computing there is no difference anybody relies on.
NO_KERNEL = "not implemented for"


def outcome(function: Callable[..., Any], *arguments: Any) -> tuple[Any, Exception | None]:
    """What a call returns, or what it raises."""
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error


def dtype_name(x: Any) -> str:
    return str(x.dtype).partition(".")[2]


def values_of(x: Any) -> np.ndarray:
    return x.numpy(force=True)  # some zeros of torch need the force


def same_tensor(theirs: Any, ours: Any, what: str = "result") -> None:
    assert dtype_name(ours) == dtype_name(theirs), f"dtype of {what}"
    assert tuple(ours.shape) == tuple(theirs.shape), f"shape of {what}"
    same_values(values_of(theirs), values_of(ours), what)


def same_values(theirs: np.ndarray, ours: np.ndarray, what: str) -> None:
    if theirs.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs, what)
        return
    rtol, atol = TOLERANCES[str(theirs.dtype)]
    np.testing.assert_allclose(ours, theirs, rtol, atol, equal_nan=True, err_msg=what)


def same_error(theirs: Exception, ours: Exception | None) -> None:
    assert ours is not None, f"torch raises {type(theirs).__name__}: {theirs}"
    name = type(theirs).__name__.lstrip("_")  # torch.linalg.LinAlgError calls itself _LinAlgError
    assert type(ours).__name__ == name, (
        f"torch raises {type(theirs).__name__}: {theirs}\n"
        f"minigrad raises {type(ours).__name__}: {ours}"
    )


def tensors_in(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def same_results(theirs: Any, ours: Any, graphs: bool = True) -> None:
    """`graphs`: whether the nodes behind the results have to be torch's as well."""
    theirs, ours = tensors_in(theirs), tensors_in(ours)
    assert len(ours) == len(theirs)
    for number, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        same_tensor(a, b, f"result {number}")
        assert b.requires_grad == a.requires_grad, f"requires_grad of result {number}"
        assert b.is_leaf == a.is_leaf, f"is_leaf of result {number}"
        assert not graphs or graph(b) == graph(a), f"graph of result {number}"


def same_tree(theirs: Any, ours: Any, what: str = "result") -> None:
    """The same tuples, lists and dicts in one another, of tensors with the same values, all of
    which require a gradient or not as torch's do."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, minigrad.Tensor), what
        same_tensor(theirs, ours, what)
        assert ours.requires_grad == theirs.requires_grad, f"requires_grad of {what}"
        return
    assert type(ours).__name__ == type(theirs).__name__, what
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), f"keys of {what}"
        theirs, ours = list(theirs.values()), list(ours.values())
    if not isinstance(theirs, tuple | list):
        assert ours == theirs, what
        return
    assert len(ours) == len(theirs), f"length of {what}"
    for number, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        same_tree(a, b, f"{what}[{number}]")


# ----------------------------------------------------------------------------------------- graphs


def graph(tensor: Any) -> list[Any]:
    """The graph behind a tensor as a list of nodes in the order they are met, each with its name
    and (number of the node it leads to, input number); number -1 stands for no node."""
    root = tensor.grad_fn
    if root is None:
        return []
    numbers, nodes = {root: 0}, [root]  # torch makes a node's Python object anew at each look
    lines = []
    for node in nodes:
        edges = []
        for target, input_nr in node.next_functions:
            if target is not None and target not in numbers:
                numbers[target] = len(nodes)
                nodes.append(target)
            edges.append((-1 if target is None else numbers[target], input_nr))
        lines.append((node.name().rpartition("::")[2], edges))
    return lines


# ---------------------------------------------------------------------------------------- gradients


def weights(result: Any) -> np.ndarray:
    """A gradient for a result: some numbers, the same under both libraries."""
    shape = tuple(result.shape)
    numbers = np.random.default_rng(1).uniform(0.5, 1.5, shape)
    return numbers.astype(dtype_name(result))


def run_backward(library: Any, value: Any, **options: Any) -> None:
    """The backward pass of all results that have a gradient."""
    results = [x for x in tensors_in(value) if x.requires_grad]
    seeds = [library.tensor(weights(x)) for x in results]
    if results:
        library.autograd.backward(results, seeds, **options)


def second_order(library: Any, value: Any, leaves: list[Any]) -> None:
    """Put the derivative of the gradients into .grad."""
    results = [x for x in tensors_in(value) if x.requires_grad]
    seeds = [library.tensor(weights(x)) for x in results]
    grads = library.autograd.grad(results, leaves, seeds, create_graph=True, allow_unused=True)
    run_backward(library, [g for g in grads if g is not None])


def same_gradients(theirs: dict[str, Any], ours: dict[str, Any], zeros: bool = False) -> None:
    """`zeros`: a gradient of zeros is as good as none, as for second derivatives: which of the two
    a piecewise linear function has depends on how its derivative is written."""
    for name in theirs:
        a, b = theirs[name].grad, ours[name].grad
        if zeros and (a is None or b is None):
            given = a if b is None else b
            assert given is None or not values_of(given).any(), f"gradient of {name}: {a}, {b}"
            continue
        assert (a is None) == (b is None), f"gradient of {name}: torch {a}, minigrad {b}"
        if a is not None:
            same_tensor(a, b, f"gradient of {name}")


LIBRARIES = (torch, minigrad)
