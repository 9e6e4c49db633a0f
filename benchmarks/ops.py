"""Single operations: pointwise, reductions, and those that work by rows."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.timing import Call, Case, Group

Make = Callable[[Any], Call]
Operation = Callable[..., Any]  # (lib, tensors...) -> the result

SIZES = (100, 10_000, 1_000_000)
MATRICES = ((64, 10), (1000, 1000))
ROWS = (128, 1000)

UNARY: dict[str, Operation] = {
    "exp": lambda lib, x: lib.exp(x),
    "log": lambda lib, x: lib.log(x),
    "sin": lambda lib, x: lib.sin(x),
    "tanh": lambda lib, x: lib.tanh(x),
    "sigmoid": lambda lib, x: lib.sigmoid(x),
    "relu": lambda lib, x: lib.relu(x),
    "gelu": lambda lib, x: lib.nn.functional.gelu(x),
    "sqrt": lambda lib, x: lib.sqrt(x),
    "pow(2)": lambda lib, x: lib.pow(x, 2),
    "mul(3)": lambda lib, x: x * 3.0,
}
BINARY: dict[str, Operation] = {
    "add": lambda lib, x, y: x + y,
    "mul": lambda lib, x, y: x * y,
    "div": lambda lib, x, y: x / y,
    "maximum": lambda lib, x, y: lib.maximum(x, y),
    "where": lambda lib, x, y: lib.where(x > y, x, y),
}
IN_PLACE: dict[str, Operation] = {
    "add_": lambda lib, x, y: x.add_(y),
    "mul_(1)": lambda lib, x, y: x.mul_(1.0),
    "relu_": lambda lib, x, y: x.relu_(),
}
WITH_BACKWARD = ("exp", "tanh", "sigmoid", "relu", "gelu", "mul", "div")
REDUCTIONS: dict[str, Operation] = {
    "sum": lambda lib, x, dim: x.sum(dim),
    "mean": lambda lib, x, dim: x.mean(dim),
    "amax": lambda lib, x, dim: x.amax(() if dim is None else dim),
    "var": lambda lib, x, dim: x.var(dim),
}
ROW_WISE: dict[str, Operation] = {
    "softmax": lambda lib, x, w, b, t: lib.softmax(x, 1),
    "log_softmax": lambda lib, x, w, b, t: lib.log_softmax(x, 1),
    "layer_norm": lambda lib, x, w, b, t: lib.nn.functional.layer_norm(x, x.shape[1:], w, b),
    "cross_entropy": lambda lib, x, w, b, t: lib.nn.functional.cross_entropy(x, t),
}
ROW_GOALS = {"softmax": 0.8, "log_softmax": 0.8, "layer_norm": 0.8}


def groups(
    sizes: tuple[int, ...] = SIZES,
    matrices: tuple[tuple[int, int], ...] = MATRICES,
    rows: tuple[int, int] = ROWS,
) -> Iterator[Group]:
    """Every table of the operations."""
    for size in sizes:
        goal = 1.1 if size == SIZES[-1] else None
        title = f"Pointwise, {size:,} elements"
        yield Group(title, list(pointwise_cases(size)), goal)
        yield Group(f"{title}, forward and backward", list(backward_cases(size)), goal)
        yield Group(f"{title}, in place", list(in_place_cases(size)), goal)
    for shape in matrices:
        yield Group(f"Reductions, {shape[0]} x {shape[1]}", list(reduction_cases(shape)))
    shape_name = f"{rows[0]} x {rows[1]}"
    yield Group(f"Rows, {shape_name}", list(row_cases(rows, forward)))
    both = "forward and backward"
    yield Group(f"Rows, {shape_name}, {both}", list(row_cases(rows, forward_and_backward)))


def pointwise_cases(size: int) -> Iterator[Case]:
    for name, op in (UNARY | BINARY).items():
        yield Case(name, forward(op, operands(name, size)))


def backward_cases(size: int) -> Iterator[Case]:
    for name in WITH_BACKWARD:
        yield Case(name, forward_and_backward((UNARY | BINARY)[name], operands(name, size)))


def in_place_cases(size: int) -> Iterator[Case]:
    for name, op in IN_PLACE.items():
        yield Case(name, forward(op, [random_array(size), np.zeros(size, np.float32)]))


def reduction_cases(shape: tuple[int, int]) -> Iterator[Case]:
    x = random_array(shape)
    for name, op in REDUCTIONS.items():
        for where, dim in (("all", None), ("last", 1), ("first", 0)):
            yield Case(f"{name}, {where}", forward(op, [x], dim))


def row_cases(
    shape: tuple[int, int], make: Callable[[Operation, list[Any]], Make]
) -> Iterator[Case]:
    columns = shape[1]
    arrays = [random_array(shape), random_array(columns), random_array(columns)]
    target = np.random.default_rng(1).integers(0, columns, shape[0])
    for name, op in ROW_WISE.items():
        yield Case(name, make(op, [*arrays, target]), ROW_GOALS.get(name))


def operands(name: str, size: int) -> list[Any]:
    return [random_array(size) for _ in range(1 if name in UNARY else 2)]


def random_array(shape: Any) -> Any:
    """Positive numbers, which every function above is defined for."""
    return np.random.default_rng(0).random(shape, np.float32) + np.float32(0.01)


def forward(op: Operation, arrays: list[Any], *options: Any) -> Make:
    """The operation on tensors that want no gradient."""

    def make(lib: Any) -> Call:
        tensors = [lib.tensor(array) for array in arrays]
        return lambda: op(lib, *tensors, *options)

    return make


def forward_and_backward(op: Operation, arrays: list[Any]) -> Make:
    """The operation on leaves, then the gradients of all that are floats."""

    def make(lib: Any) -> Call:
        tensors = [lib.tensor(array) for array in arrays]
        leaves = [tensor.requires_grad_() for tensor in tensors if tensor.is_floating_point()]
        seed = lib.ones_like(op(lib, *tensors)).detach()

        def run() -> None:
            op(lib, *tensors).backward(seed)
            for leaf in leaves:
                leaf.grad = None

        return run

    return make
