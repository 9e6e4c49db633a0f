"""Grad modes under both libraries: what is recorded, and what inference tensors refuse."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.parity.events import Log, Program, check_program, leaf


def modes(lib: Any) -> tuple[bool, bool]:
    return lib.is_grad_enabled(), lib.is_inference_mode_enabled()


def blocks(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0, 2.0)
    with lib.no_grad():
        log.note("no_grad", modes(lib), x * 2)
        with lib.enable_grad():
            log.note("enable_grad", modes(lib), x * 2)
        with lib.inference_mode():
            log.note("inference", modes(lib), x * 2)
            with lib.enable_grad():
                log.note("enable inside", modes(lib), x * 2)
            with lib.inference_mode(False):
                log.note("off", modes(lib), x * 2)
            log.note("on", modes(lib))
        log.note("no_grad again", modes(lib))
    log.note("outside", modes(lib))


def set_modes(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0)
    lib.set_grad_enabled(False)
    log.note("set", modes(lib), x * 2)
    with lib.set_grad_enabled(True):
        log.note("block", modes(lib), x * 2)
    log.note("after", modes(lib))
    lib.set_grad_enabled(True)
    log.note("back", modes(lib))

    @lib.set_grad_enabled(False)
    def decorated() -> Any:
        return modes(lib), x * 2

    log.note("decorating", modes(lib))
    log.note("decorated", decorated())


def exceptions(lib: Any, log: Log) -> None:
    for block in (lib.no_grad(), lib.inference_mode(), lib.set_grad_enabled(False)):
        try:
            with block:
                raise KeyError
        except KeyError:
            log.note("restored", modes(lib))


def decorators(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0)

    def double() -> Any:
        """Twice x."""
        return modes(lib), x * 2

    def recurse(n: int) -> Any:
        return recurse_without(n - 1) if n else (modes(lib), x * 2)

    recurse_without = lib.no_grad()(recurse)
    for mode in (lib.no_grad(), lib.enable_grad(), lib.inference_mode(), lib.inference_mode(False)):
        log.note("decorated", mode(double)(), mode(double).__name__, mode(double).__doc__)
    log.note("bare", lib.no_grad(double)(), lib.inference_mode(double)())
    log.note("recursive", recurse_without(3), modes(lib))
    log.tries("wrong", lambda: lib.set_grad_enabled("yes") and modes(lib))


def generators(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0)

    def numbers() -> Iterator[Any]:
        try:
            sent = yield modes(lib)
            log.note("sent", sent, modes(lib))
            yield x * 2
        except KeyError:
            log.note("thrown", modes(lib))
            yield x * 3
        finally:
            log.note("closed", modes(lib))

    for mode in (lib.no_grad, lib.inference_mode):
        generator = mode()(numbers)()
        log.note("first", next(generator), modes(lib))
        log.note("second", generator.send("word"), modes(lib))
        log.note("third", generator.throw(KeyError()), modes(lib))
        generator.close()
        log.note("rest", list(mode()(numbers)()), modes(lib))


def threads(lib: Any, log: Log) -> None:
    x = leaf(lib, 1.0)
    seen = []

    def work() -> None:
        seen.append((modes(lib), (x * 2).requires_grad))
        lib.set_grad_enabled(False)

    with lib.no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        log.note("here", modes(lib))
    log.note("there", seen, modes(lib))


def inference_tensors(lib: Any, log: Log) -> None:
    x, w = lib.ones(2, dtype=lib.float64), leaf(lib, 3.0, 4.0)
    with lib.inference_mode():
        made = lib.ones(2, dtype=lib.float64)
        computed = x * 2
        shown = x[:1]
        through = w * made
        copied = made.clone()
        detached = w.detach()
        made.add_(1)
        x.add_(1)
        row = made[0]
        own = lib.ones(2, dtype=lib.float64, requires_grad=True)
        log.note("of own", own * 2, own.is_inference(), own.requires_grad)
    for name, t in {
        "made": made,
        "computed": computed,
        "shown": shown,
        "through": through,
        "copied": copied,
        "row": row,
        "x": x,
        "detached": detached,
    }.items():
        log.note(name, t.is_inference(), lib.is_inference(t), t.requires_grad)
    log.note("x", x, x._version)
    log.tries("version", lambda: made._version)
    log.tries("saved", lambda: w * made)
    log.tries("not saved", lambda: (w + made).sum())
    log.tries("constants", lambda: made * x)
    log.tries("write", lambda: made.add_(1))
    log.tries("write to a view", lambda: row.add_(1))
    log.tries("write under no_grad", lib.no_grad()(lambda: made.add_(1)))
    log.tries("assign", lambda: made.__setitem__(0, 3.0))
    log.tries("requires_grad_", lambda: made.requires_grad_())
    with lib.inference_mode():
        made = lib.ones(2, dtype=lib.float64)  # torch refuses a write after it was done
    log.tries("write from", lambda: (w * 2).add_(made))
    log.tries("a view's write", lambda: shown.add_(1))
    log.tries("clone", lambda: (made.clone() * w).is_inference())
    log.tries("clone requires", lambda: made.clone().requires_grad_())
    with lib.inference_mode():
        log.tries("requires inside", lambda: made.requires_grad_())
        log.tries("write inside", lambda: made.mul_(2))


def inference_and_backward(lib: Any, log: Log) -> None:
    w = leaf(lib, 3.0, 4.0)
    y = (w * w).sum()
    with lib.inference_mode():
        log.tries("made outside", lambda: y.backward())
        log.note("w.grad", w.grad)
        log.tries("made inside", lambda: (w * w).sum().backward())


def values_for_numpy(lib: Any, log: Log) -> None:
    w = leaf(lib, 3.0, 4.0)
    log.tries("recorded", lambda: w.numpy())
    with lib.no_grad():
        log.tries("no_grad", lambda: w.numpy().tolist())
    with lib.inference_mode():
        log.tries("inference", lambda: w.numpy().tolist())


PROGRAMS = [
    *(
        values_for_numpy,
        blocks,
        set_modes,
        exceptions,
        decorators,
        generators,
        threads,
        inference_tensors,
    ),
    inference_and_backward,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_events(program: Program) -> None:
    check_program(program)
