"""Threads: large arrays are split, and the pieces make the same result."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import kernels
from minigrad.kernels import threads

N = kernels.LARGE + 12_345  # large, and of no round size


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = minigrad.get_num_threads()
    minigrad.set_num_threads(3)
    yield
    minigrad.set_num_threads(before)


def numbers(dtype: str = "float32") -> Any:
    return minigrad.from_numpy(np.linspace(-3, 3, N).astype(dtype))


# ------------------------------------------------------------------------------- settings


def test_the_number_of_threads() -> None:
    assert minigrad.get_num_threads() == 3
    minigrad.set_num_threads(1)
    assert minigrad.get_num_threads() == 1


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", None])
def test_a_wrong_number_of_threads(wrong: Any) -> None:
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer"):
        minigrad.set_num_threads(wrong)
    assert minigrad.get_num_threads() == 3


# ------------------------------------------------------------------------------- splitting


@pytest.mark.parametrize(("n", "grain", "pieces"), [(10, 3, 3), (9, 4, 2), (5, 4, 1), (0, 1, 1)])
def test_a_range_is_covered_once(n: int, grain: int, pieces: int) -> None:
    seen: list[tuple[int, int]] = []
    threads.split(n, grain, lambda start, stop: seen.append((start, stop)))
    assert len(seen) == pieces
    assert sorted(i for start, stop in seen for i in range(start, stop)) == list(range(n))


def test_pieces_run_on_several_threads() -> None:
    meeting = threading.Barrier(3, timeout=30)  # passed only if three threads are there at once
    threads.split(30, 1, lambda start, stop: meeting.wait())
    assert not meeting.broken


def test_one_thread_means_the_calling_one() -> None:
    minigrad.set_num_threads(1)
    names = []
    threads.split(30, 1, lambda start, stop: names.append(threading.current_thread()))
    assert names == [threading.current_thread()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own() -> None:
    meeting = threading.Barrier(3, timeout=30)
    threads.split(30, 1, lambda start, stop: meeting.wait())
    time.sleep(0.2)  # until the pool counts both threads, which a fork loses, as idle
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # rather than wait for ever
        threads.split(30, 1, lambda start, stop: None)
        os._exit(7)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.parametrize("failing", [0, 29])
def test_an_exception_in_a_piece_is_raised(failing: int) -> None:
    def run(start: int, stop: int) -> None:
        if start <= failing < stop:
            raise ValueError("in a piece")

    with pytest.raises(ValueError, match="in a piece"):
        threads.split(30, 1, run)
    threads.split(30, 1, lambda start, stop: None)  # and the threads are still there


# -------------------------------------------------------- large arrays, and the same in one piece

LARGE_RUNS = {
    "unary": lambda: numbers().exp(),
    "binary": lambda: numbers() * numbers(),
    "with a number": lambda: numbers() + 1.5,
    "a number first": lambda: 2.0 - numbers(),
    "bool result": lambda: numbers() > 0.5,
    "condition": lambda: minigrad.where(numbers() > 0, numbers(), -numbers()),
    "condition and number": lambda: minigrad.where(numbers() > 0, numbers(), 0.0),
    "promotion": lambda: numbers() + numbers("float64"),
    "integers": lambda: numbers().long() * 3,
    "integers to floats": lambda: numbers().long().exp(),
    "float16": lambda: numbers().half().sigmoid(),
    "three operands": lambda: minigrad.addcmul(numbers(), numbers(), numbers()),
    "clamp": lambda: numbers().clamp(-1, 1),
    "matrix": lambda: numbers()[: N // 5 * 5].reshape(5, -1).tanh(),
    "transposed": lambda: numbers()[: N // 5 * 5].reshape(5, -1).T.tanh(),
    "strided": lambda: minigrad.cat([numbers(), numbers()])[::2].tanh(),
    "broadcast": lambda: numbers()[: N // 5 * 5].reshape(5, -1) * minigrad.ones(5, 1),
    "sum": lambda: numbers("float64").sum(),
    "sum of rows": lambda: numbers("float64")[: N // 5 * 5].reshape(5, -1).sum(0),
    "amax": lambda: numbers().amax(),
    "softmax": lambda: numbers()[: N // 5 * 5].reshape(-1, 5).softmax(1),
}


@pytest.mark.parametrize("name", LARGE_RUNS)
def test_threads_do_not_change_the_result(name: str) -> None:
    with_threads = LARGE_RUNS[name]()
    minigrad.set_num_threads(1)
    alone = LARGE_RUNS[name]()
    assert with_threads.dtype is alone.dtype
    assert with_threads.shape == alone.shape
    if name.startswith("sum"):  # in another order
        np.testing.assert_allclose(with_threads.numpy(), alone.numpy(), rtol=1e-12, atol=1e-9)
    else:
        np.testing.assert_array_equal(with_threads.numpy(), alone.numpy())


def test_large_arrays_equal_small_pieces() -> None:
    x = numbers()
    pieces = [part.sigmoid() for part in x.split(10_000)]
    np.testing.assert_array_equal(x.sigmoid().numpy(), minigrad.cat(pieces).numpy())


def test_gradients_of_large_arrays() -> None:
    x = numbers("float64").requires_grad_()
    (x.tanh() * x).sum().backward()
    t = np.tanh(x.detach().numpy())
    np.testing.assert_allclose(
        x.grad.numpy(), t + x.detach().numpy() * (1 - t * t), rtol=1e-9, atol=1e-12
    )


def test_in_place_on_a_large_array() -> None:
    x = numbers()
    expected = x.numpy() * np.float32(2) + np.float32(1)
    x.mul_(2).add_(1)
    np.testing.assert_array_equal(x.numpy(), expected)


def test_large_arrays_of_different_shapes_do_not_mix() -> None:
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        _ = numbers() + minigrad.ones(N + 1)


def test_large_launches_from_several_threads_at_once() -> None:
    expected = numbers().exp().numpy()
    results: list[Any] = []
    workers = [
        threading.Thread(target=lambda: results.append(numbers().exp().numpy())) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 3
    for result in results:
        np.testing.assert_array_equal(result, expected)
