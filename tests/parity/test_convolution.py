"""Convolution and pooling of every geometry that hypothesis finds: values, graphs, gradients,
second derivatives, errors."""

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.parity.compare import (
    LIBRARIES,
    outcome,
    run_backward,
    same_error,
    same_gradients,
    same_results,
    second_order,
    tensors_in,
)

EXAMPLES = settings(max_examples=120)
SMALL, SPARSE = st.integers(1, 3), st.sampled_from([0, 0, 1, 2])


def leaves(library: Any, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: library.tensor(array).requires_grad_() for name, array in arrays.items()}


def same_everything(function: str, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> None:
    def called(library: Any) -> tuple[dict[str, Any], Any]:
        operands = leaves(library, arrays)
        return operands, getattr(library.nn.functional, function)(*operands.values(), **options)

    (theirs, error), (ours, our_error) = (outcome(called, library) for library in LIBRARIES)
    if error is not None:
        same_error(error, our_error)
        return
    if our_error is not None:
        raise our_error
    same_results(theirs[1], ours[1])
    for library, (_, value) in zip(LIBRARIES, (theirs, ours), strict=True):
        run_backward(library, value, retain_graph=True)
    same_gradients(theirs[0], ours[0])
    for library, (operands, value) in zip(LIBRARIES, (theirs, ours), strict=True):
        if any(x.requires_grad for x in tensors_in(value)):
            second_order(library, value, list(operands.values()))
    same_gradients(theirs[0], ours[0], zeros=True)


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape)


@given(st.data())
@EXAMPLES
def test_convolution(data: Any) -> None:
    dims, groups = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    inputs, outputs = groups * data.draw(SMALL), groups * data.draw(SMALL)
    size = tuple(data.draw(st.integers(2, 5)) for _ in range(dims))
    kernel = tuple(data.draw(SMALL) for _ in range(dims))
    options = {
        "stride": tuple(data.draw(SMALL) for _ in range(dims)),
        "dilation": tuple(data.draw(st.integers(1, 2)) for _ in range(dims)),
        "padding": tuple(data.draw(SPARSE) for _ in range(dims)),
        "groups": groups,
    }
    batch = (data.draw(st.integers(1, 3)),) if data.draw(st.booleans()) else ()
    arrays = {"x": numbers((*batch, inputs, *size), 0)}
    transposed = data.draw(st.booleans())
    if transposed:
        arrays["w"] = numbers((inputs, outputs // groups, *kernel), 1)
        options["output_padding"] = tuple(
            data.draw(st.sampled_from([0, 0, 1])) for _ in range(dims)
        )
    else:
        arrays["w"] = numbers((outputs, inputs // groups, *kernel), 1)
    if data.draw(st.booleans()):
        arrays["b"] = numbers((outputs,), 2)
    same_everything(f"conv{'_transpose' if transposed else ''}{dims}d", arrays, options)


@given(st.data())
@EXAMPLES
def test_pooling(data: Any) -> None:
    name = data.draw(st.sampled_from(["max_pool", "avg_pool"]))
    dims = data.draw(st.integers(1, 2))
    size = tuple(data.draw(st.integers(1, 6)) for _ in range(dims))
    options: dict[str, Any] = {
        "kernel_size": tuple(data.draw(SMALL) for _ in range(dims)),
        "stride": tuple(data.draw(SMALL) for _ in range(dims)),
        "padding": tuple(data.draw(st.sampled_from([0, 0, 1])) for _ in range(dims)),
        "ceil_mode": data.draw(st.booleans()),
    }
    if name == "max_pool":
        options["dilation"] = tuple(data.draw(st.integers(1, 2)) for _ in range(dims))
        options["return_indices"] = data.draw(st.booleans())
        assume(all(n > 1 for n in size))  # a window beside a single number: torch writes elsewhere
    else:
        options["count_include_pad"] = data.draw(st.booleans())
    same_everything(f"{name}{dims}d", {"x": numbers((2, 3, *size), 0)}, options)


@given(st.data())
@EXAMPLES
def test_adaptive_pooling(data: Any) -> None:
    name = data.draw(st.sampled_from(["adaptive_max_pool", "adaptive_avg_pool"]))
    dims = data.draw(st.integers(1, 2))
    size = tuple(data.draw(st.integers(1, 6)) for _ in range(dims))
    wanted = tuple(data.draw(st.integers(1, 7)) for _ in range(dims))
    same_everything(f"{name}{dims}d", {"x": numbers((2, 3, *size), 0)}, {"output_size": wanted})


@given(st.data())
@EXAMPLES
def test_interpolation(data: Any) -> None:
    dims = data.draw(st.integers(1, 2))
    size = tuple(data.draw(st.integers(1, 5)) for _ in range(dims))
    mode = data.draw(st.sampled_from(["nearest", ("linear", "bilinear")[dims - 1]]))
    options: dict[str, Any] = {"mode": mode}
    if data.draw(st.booleans()):
        options["size"] = tuple(data.draw(st.integers(1, 8)) for _ in range(dims))
    else:
        factor = st.sampled_from([0.4, 0.5, 1.0, 1.3, 1.5, 2.0, 3.0])
        options["scale_factor"] = tuple(data.draw(factor) for _ in range(dims))
        options["recompute_scale_factor"] = data.draw(st.sampled_from([None, True, False]))
        # Of a size that stays, torch's nearest neighbours are others in the backward pass.
        each = zip(size, options["scale_factor"], strict=True)
        assume(mode != "nearest" or all(f == 1 or int(n * f) != n for n, f in each))
    if mode != "nearest":
        options["align_corners"] = data.draw(st.sampled_from([None, True, False]))
    same_everything("interpolate", {"x": numbers((2, 3, *size), 0)}, options)


@given(st.data())
@EXAMPLES
def test_padding(data: Any) -> None:
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate"]))
    dims = data.draw(st.integers(1, 2))
    size = tuple(data.draw(st.integers(2, 4)) for _ in range(dims))
    sides = tuple(data.draw(st.integers(-1, 2)) for _ in range(2 * dims))
    same_everything("pad", {"x": numbers((2, 3, *size), 0)}, {"pad": sides, "mode": mode})
