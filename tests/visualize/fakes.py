"""Stand-ins for tensors and nodes: only what the drawing reads, so the tests need no library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class FakeTensor:
    """A tensor that has a shape and a dtype but no numbers."""

    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    grad_fn: Any = None
    requires_grad: bool = True
    output_nr: int = 0
    nbytes: int = 4


@dataclass(eq=False)
class FakeNode:
    """A node of a backward graph."""

    title: str
    next_functions: tuple[tuple[Any, int], ...] = ()
    shape: tuple[int, ...] | None = ()
    dtype: str = "float32"
    line: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    def name(self) -> str:
        return self.title


class AccumulateGrad:
    """A leaf's node, which has no name() of its own here."""

    next_functions = ()

    def __init__(self, variable: FakeTensor) -> None:
        self.variable = variable


def leaf(*shape: int) -> FakeTensor:
    """A leaf tensor; `node_of(leaf)` gives its AccumulateGrad, always the same one."""
    return FakeTensor(shape)


class Tape:
    """Records operations on fake tensors as autograd would."""

    def __init__(self) -> None:
        self.leaves: dict[int, AccumulateGrad] = {}

    def edge(self, tensor: FakeTensor | None) -> tuple[Any, int]:
        if tensor is None or not tensor.requires_grad:
            return None, 0
        if tensor.grad_fn is None:
            return self.leaves.setdefault(id(tensor), AccumulateGrad(tensor)), 0
        return tensor.grad_fn, tensor.output_nr

    def apply(
        self, name: str, *inputs: FakeTensor | None, shape: tuple[int, ...] = (), line: Any = None
    ) -> FakeTensor:
        node = FakeNode(name, tuple(self.edge(x) for x in inputs), shape, line=line)
        return FakeTensor(shape, grad_fn=node)


def small() -> tuple[FakeTensor, dict[str, FakeTensor]]:
    """y = x * w + b, each a scalar."""
    tape, x, w, b = Tape(), leaf(), leaf(), leaf()
    product = tape.apply("MulBackward0", x, w, line=("/home/someone/train.py", 3, "<module>", 4))
    y = tape.apply("AddBackward0", product, b, line=(r"C:\work\train.py", 3, "step", 4))
    return y, {"x": x, "w": w, "b": b}


def network() -> tuple[FakeTensor, dict[str, FakeTensor]]:
    """Two layers, a residual connection, a weight used twice, a node with two outputs."""
    tape, weight, bias, x = Tape(), leaf(8, 8), leaf(8), FakeTensor((4, 8), requires_grad=False)
    hidden = tape.apply("AddmmBackward0", bias, x, weight, shape=(4, 8))
    active = tape.apply("ReluBackward0", hidden, shape=(4, 8))
    again = tape.apply("AddmmBackward0", bias, active, weight, shape=(4, 8))
    total = tape.apply("AddBackward0", again, active, shape=(4, 8))
    split = tape.apply("SplitBackward0", total, shape=(2, 8))
    second = FakeTensor((2, 8), grad_fn=split.grad_fn, output_nr=1)
    loss = tape.apply("MulBackward0", split, second, shape=(2, 8))
    return tape.apply("SumBackward0", loss), {"weight": weight, "bias": bias}


def chain(length: int) -> FakeTensor:
    """x doubled `length` times."""
    tape, y = Tape(), leaf(2)
    for _ in range(length):
        y = tape.apply("MulBackward0", y, shape=(2,))
    return y
