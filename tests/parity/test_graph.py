"""torch.autograd.graph under both libraries: hooks for saved tensors, mutation, versions."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tests.parity.events import Log, Program, check_program, leaf


def pack_and_unpack(lib: Any, log: Log) -> None:
    def pack(x: Any) -> Any:
        log.note("pack", lib.is_grad_enabled())
        return x.tolist()

    def unpack(packed: Any) -> Any:
        log.note("unpack", lib.is_grad_enabled())
        return lib.tensor(packed, dtype=lib.float64)

    x, w = leaf(lib, 1.0, 2.0), leaf(lib, 3.0, 4.0)
    with lib.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = x * w
        z = y.exp() + x.sum()
        constant = lib.ones(2, dtype=lib.float64) * lib.ones(2, dtype=lib.float64)
    log.note("after", z, constant)
    log.note("saved", y.grad_fn._saved_self)
    z.sum().backward()
    log.note("grads", x.grad, w.grad)
    log.tries("again", lambda: z.sum().backward())


def pack_changes_values(lib: Any, log: Log) -> None:
    hooks = lib.autograd.graph.saved_tensors_hooks
    x = leaf(lib, 1.0, 2.0)
    with hooks(lambda x: x * 10, lambda x: x + 1):
        y = x * x
    y.sum().backward()
    log.note("x.grad", x.grad)


def nested_blocks(lib: Any, log: Log) -> None:
    hooks = lib.autograd.graph.saved_tensors_hooks
    x = leaf(lib, 1.0, 2.0)

    def noting(name: str) -> Any:
        return hooks(lambda t: log.note(name, t.tolist()) or t, lambda t: t)

    with noting("outer"):
        a = x * x
        with noting("inner"):
            b = a.exp()
        c = b.sin()
    d = c.cos()
    d.sum().backward()
    log.note("x.grad", x.grad)


def higher_derivatives_of_packed(lib: Any, log: Log) -> None:
    hooks = lib.autograd.graph.saved_tensors_hooks
    x = leaf(lib, 1.0, 2.0)
    with hooks(lambda t: t.clone(), lambda t: t):
        y = (x * x * x).sum()
        (first,) = lib.autograd.grad(y, x, create_graph=True)
    (second,) = lib.autograd.grad(first.sum(), x)
    log.note("derivatives", first, second)


def custom_functions_are_packed(lib: Any, log: Log) -> None:
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            log.note("saved", x, y)
            return grad * 3 * x * x

    x = leaf(lib, 1.0, 2.0)
    with lib.autograd.graph.saved_tensors_hooks(
        lambda t: log.note("pack", t.tolist()) or t, lambda t: t
    ):
        y = Cube.apply(x)
    y.sum().backward()
    log.note("x.grad", x.grad)


def writes_after_packing(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x * 1
    with lib.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        z = y * y
    with lib.no_grad():
        y.add_(1)
    z.sum().backward()
    log.note("x.grad", x.grad)


def wrong_saved_tensor_hooks(lib: Any, log: Log) -> None:
    hooks = lib.autograd.graph.saved_tensors_hooks
    x = leaf(lib, 1.0, 2.0)

    def raising(*_: Any) -> Any:
        raise KeyError("from the hook")

    def run(pack: Callable[[Any], Any], unpack: Callable[[Any], Any]) -> None:
        with hooks(pack, unpack):
            y = x * x
        y.sum().backward()

    log.tries("no tensor", lambda: run(lambda t: t, lambda t: 3))
    log.tries("pack writes", lambda: run(lambda t: t.add_(1), lambda t: t))
    log.tries("pack raises", lambda: run(raising, lambda t: t))
    log.tries("unpack raises", lambda: run(lambda t: t, raising))
    log.note("usable", lib.autograd.grad((x * x).sum(), x))


def disabled_hooks(lib: Any, log: Log) -> None:
    graph = lib.autograd.graph
    x = leaf(lib, 1.0, 2.0)

    def use() -> None:
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            x * x

    def disable_inside() -> None:
        with (
            graph.saved_tensors_hooks(lambda t: t, lambda t: t),
            graph.disable_saved_tensors_hooks("inside"),
        ):
            log.note("entered")

    with graph.disable_saved_tensors_hooks("not here"):
        log.tries("use", use)
        with graph.disable_saved_tensors_hooks("nor here"):
            log.tries("use", use)
        log.tries("use", use)
    log.tries("use", use)
    log.tries("inside", disable_inside)


def saved_on_cpu(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    with lib.autograd.graph.save_on_cpu():
        y = (x * x).exp()
    y.sum().backward()
    log.note("x.grad", x.grad)


def mutation_of_saved_tensors(lib: Any, log: Log) -> None:
    allow = lib.autograd.graph.allow_mutation_on_saved_tensors
    x = leaf(lib, 1.0, 2.0)

    def nested() -> None:
        with allow(), allow():
            pass

    with allow():
        y = x.clone()
        z = (y * y).sum()
        y.sin_()
        y.mul_(y)
        z = z + y.exp().sum()
        y.zero_()
        z.backward(retain_graph=True)
        log.note("x.grad", x.grad)
        w = y[0]
        v = w * w
        y.add_(5)
        v.backward()
        log.note("views", x.grad)
    log.tries("outside", lambda: z.backward())
    log.tries("nested", nested)
    y = x.clone()
    z = y * y
    y.sin_()
    log.tries("no longer", lambda: z.sum().backward())


def versions_by_hand(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    y = x.clone()
    z = y * y
    lib.autograd.graph.increment_version(y)
    log.note("version", y._version)
    log.tries("damage", lambda: z.sum().backward())
    lib.autograd.graph.increment_version([y, x.detach()])
    log.note("versions", y._version, x._version)


def memory_is_freed(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    packs = []

    class Holder:
        def __init__(self, tensor: Any) -> None:
            self.tensor = tensor
            packs.append(weakref.ref(self))

    with lib.autograd.graph.saved_tensors_hooks(Holder, lambda h: h.tensor):
        y = (x * x).sum()
    log.note("alive", [ref() is not None for ref in packs])
    y.backward()
    gc.collect()
    log.note("freed", [ref() is not None for ref in packs])


PROGRAMS = [
    *(pack_and_unpack, pack_changes_values, nested_blocks, higher_derivatives_of_packed),
    *(custom_functions_are_packed, writes_after_packing, wrong_saved_tensor_hooks),
    *(disabled_hooks, saved_on_cpu, mutation_of_saved_tensors, versions_by_hand, memory_is_freed),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_events(program: Program) -> None:
    check_program(program)
