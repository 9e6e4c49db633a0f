"""The heart of checkpointing: places in the graph, and the second run that fills them.

While a checkpointed function runs, what its operations save goes through Region.pack(), which
keeps nothing of a tensor but its description, and gives the graph an empty Place.  When the
backward pass asks for the first tensor, Region.unpack() runs the function again: the n-th tensor
that this run saves belongs to the n-th place.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from minigrad import device as devices
from minigrad import dtypes
from minigrad.autograd.saved_hooks import saved_tensors_hooks
from minigrad.grad_mode import enable_grad
from minigrad.kernels.batched.levels import Numbers
from minigrad.memory import clock, get_frame, tick, user_frame, write_after
from minigrad.node import MODIFIED, NO_EDGE, Node, line_of, type_and_shape
from minigrad.saved import with_histories
from minigrad.tensor import Tensor, attach, edge_of
from minigrad.values import Size


class CheckpointError(RuntimeError):
    """A checkpointed function did something else when it ran again."""


class Enough(BaseException):
    """Ends a second run early.  No Exception: `except Exception` in the function lets it pass."""


class Saved(NamedTuple):
    """What stays of a tensor that an operation saved: enough to compare two runs."""

    shape: Size
    dtype: dtypes.dtype
    device: devices.device
    code: CodeType
    instruction: int
    time: int

    @property
    def metadata(self) -> dict[str, Any]:
        return {"shape": self.shape, "dtype": self.dtype, "device": self.device}

    @property
    def line(self) -> str:
        return str(line_of(self.code, self.instruction))


def describe(x: Tensor) -> Saved:
    frame = user_frame(get_frame(1))
    return Saved(x.shape, x.dtype, x.device, frame.f_code, frame.f_lasti, tick())


class Place:
    """Stands in the graph for a tensor; holds it from a second run until it is used."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self) -> None:
        self.tensor: Tensor | None = None


class Inputs(Node):
    """The tensors among the arguments.  It is part of no graph, but a node knows how to keep
    tensors: within another checkpoint in places of that one, and not without noticing writes."""

    __slots__ = ()
    is_variable = True  # kept as if gradients came here, so that both runs of an outer one keep it

    def __init__(self, args: tuple[Any, ...]):
        tensors = [x if isinstance(x, Tensor) else None for x in args]
        self.next_functions = tuple(NO_EDGE if x is None else edge_of(x) for x in tensors)
        self.saved = tuple(None if x is None else x.array for x in tensors)
        attach(self, np.empty(0))

    def name(self) -> str:
        return "checkpoint()"  # in the error about writes

    def tensors(self) -> tuple[Tensor | None, ...]:
        self.check_saved()
        return with_histories(self.saved_arrays(), self.next_functions)


class Options(NamedTuple):
    early_stop: bool  # a second run ends as soon as all is there that the first one saved
    compare: bool  # shapes, dtypes and devices; the number of tensors is always compared
    debug: bool  # errors list all that was saved


class Region:
    """One checkpointed call: its arguments, how to run it again, a place for all that it saved."""

    def __init__(self, run_again: Callable[..., Any], args: tuple[Any, ...], options: Options):
        self.run_again, self.options = run_again, options
        self.inputs = Inputs(args)
        self.others = [None if isinstance(x, Tensor) else x for x in args]
        self.saved: list[Saved] = []
        self.places: list[weakref.ref[Place]] = []  # a place lives as long as a node needs it
        self.completed: int | None = None  # the time when the first run ended
        self.levels = Numbers()  # of vmap
        self.lock = threading.RLock()

    def pack(self, x: Tensor) -> Place:
        place = Place()
        self.places.append(weakref.ref(place))
        self.saved.append(describe(x))
        return place

    def unpack(self, place: Place) -> Tensor:
        """The tensor of a place, which is empty afterwards, whether or not the graph stays."""
        with self.lock:
            if place.tensor is None:
                self.fill_places()
            tensor, place.tensor = place.tensor, None
        assert tensor is not None
        return tensor

    def fill_places(self) -> None:
        rerun = Rerun(self)
        pairs = zip(self.inputs.tensors(), self.others, strict=True)
        args = [other if x is None else x for x, other in pairs]
        with (
            enable_grad(),
            self.levels.again(),
            saved_tensors_hooks(rerun.pack, unchanged),
            suppress(Enough),
        ):
            self.run_again(*args)
        rerun.check()  # first, so that a run that differed leaves nothing behind
        for reference, tensor in zip(self.places, rerun.tensors, strict=True):
            place = reference()
            if place is not None:
                place.tensor = tensor


def unchanged(x: Tensor) -> Tensor:
    return x


class Rerun:
    """Another run of a region's function: what it saves, beside what the first one saved."""

    def __init__(self, region: Region):
        self.region, self.started = region, tick()
        self.saved: list[Saved] = []
        self.tensors: list[Tensor] = []

    def pack(self, x: Tensor) -> Tensor:
        """Collect a tensor.  The operation keeps it too: the function may itself differentiate."""
        expected = len(self.region.saved)
        if len(self.tensors) < expected:
            self.saved.append(describe(x))
            self.tensors.append(x)
            if self.region.options.early_stop and len(self.tensors) == expected:
                raise Enough
        elif self.region.completed is not None:  # else the first run is itself not that far yet
            self.saved.append(describe(x))
            raise self.error(
                "trying to save more tensors during recomputation than during the original "
                "forward pass."
            )
        return x

    def check(self) -> None:
        """CheckpointError or RuntimeError if what was saved cannot be what the first run saved."""
        first, again = self.region.saved, self.saved
        if len(again) < len(first):
            raise self.error(
                "A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(first)}\n"
                f"Number of tensors saved during recomputation: {len(again)}."
            )
        if self.region.options.compare:
            self.check_metadata()
        if clock.last_write > (self.region.completed or self.started):
            self.check_memory()

    def check_metadata(self) -> None:
        triples = zip(self.region.saved, self.saved, self.region.places, strict=True)
        different = [
            f"tensor at position {number}:\n"
            f"saved metadata: {a.metadata}\nrecomputed metadata: {b.metadata}\n"
            for number, (a, b, place) in enumerate(triples)
            if a.metadata != b.metadata and place() is not None
        ]
        if different:
            raise self.error(
                "Recomputed values for the following tensors have different metadata than during "
                f"the forward pass.\n{''.join(different)}"
            )

    def check_memory(self) -> None:
        """A tensor may be written to between the start of this run and being saved.  Before, it
        is not what the first run saw (a weight, after a step); after, not what the node saw."""
        since = self.region.completed or self.started
        for x, saved in zip(self.tensors, self.saved, strict=True):
            write = write_after(x.array, since)
            if write is not None and not self.started < write.last < saved.time:
                raise RuntimeError(
                    f"{MODIFIED}: [{type_and_shape(x.array)}], which a checkpointed function "
                    f"saved at {saved.line}, was modified at "
                    f"{line_of(write.code, write.instruction)}. Use an operation that makes a new "
                    "tensor there (x = x + 1 for x += 1), or do it after the backward pass."
                )

    def error(self, text: str) -> CheckpointError:
        parts = [f"minigrad.utils.checkpoint: {text}", self.first_difference(), ADVICE]
        if self.region.options.debug:
            parts += [
                BECAUSE_OF_DEBUG,
                listed("Tensors saved during the original forward:", self.region.saved),
                listed("Tensors saved during recomputation:", self.saved),
            ]
        else:
            parts.append(TIP)
        return CheckpointError("\n".join(part for part in parts if part))

    def first_difference(self) -> str:
        """Which lines of the function parted company, if they did."""
        first, again = self.region.saved, self.saved
        for number, (a, b) in enumerate(zip(first, again, strict=False)):
            if (a.code, a.instruction) != (b.code, b.instruction):
                return f"Tensor {number} was saved at {a.line}, and by the second run at {b.line}."
        if len(again) > len(first):
            return f"Saved by the second run only: at {again[len(first)].line}."
        if len(again) < len(first):
            return f"Saved by the first run only: at {first[len(again)].line}."
        return ""


ADVICE = (
    "The function must do the same each time it runs: look for what it reads besides its arguments "
    "(a counter, a flag, the training mode, numbers not drawn from minigrad's default generator)."
)
TIP = (
    "debug=True in checkpoint(...), or set_checkpoint_debug_enabled(True), lists all that is saved."
)
BECAUSE_OF_DEBUG = (
    "An error happened while unpacking tensors; here is what both runs saved, because you passed "
    "debug=True."
)


def listed(title: str, saved: list[Saved]) -> str:
    lines = [f"  {n}: {s.dtype} {list(s.shape)}, at {s.line}" for n, s in enumerate(saved)]
    return "\n".join(["", title, *lines])
