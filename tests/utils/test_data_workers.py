"""DataLoader with worker processes: order, errors, deaths, and that nobody is left behind."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
    crew,
    get_worker_info,
)

ROOT = Path(__file__).parent.parent.parent
pytestmark = [
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="no process can be forked"
    ),
    # Idle threads of kernels, from tests before these, are no danger to a fork.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def nobody_is_left_behind() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert multiprocessing.active_children() == []


def loader(dataset: Any, **options: Any) -> DataLoader:
    return DataLoader(dataset, **{"num_workers": 2, "multiprocessing_context": "fork", **options})


def numbers(size: int) -> TensorDataset:
    return TensorDataset(minigrad.arange(size), minigrad.arange(size) * 10)


class Failing(Dataset[int]):
    """Raises at one of its samples."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, index: int) -> int:
        if index == 3:
            raise self.error
        return index

    def __len__(self) -> int:
        return 6


class Slow(Dataset[int]):
    """Sample 0 comes last."""

    def __getitem__(self, index: int) -> int:
        time.sleep(0.5 if index == 0 else 0)
        return index

    def __len__(self) -> int:
        return 6


class Drawn(Dataset[Any]):
    """Random numbers, as an augmentation would draw them."""

    def __getitem__(self, index: int) -> Any:
        return minigrad.rand(()), np.random.rand()

    def __len__(self) -> int:
        return 4


class Suicidal(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return index

    def __len__(self) -> int:
        return 8


class Quitting(Suicidal):
    def __getitem__(self, index: int) -> int:
        if index == 2:
            os._exit(7)
        return index


class Shared(IterableDataset[int]):
    """0 to size - 1, shared among the workers."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(range(first, self.size, step))

    def __len__(self) -> int:
        return self.size


class Who(Dataset[Any]):
    def __getitem__(self, index: int) -> Any:
        info = get_worker_info()
        assert info is not None
        return info.id, info.num_workers, info.seed, info.dataset is self, os.getpid()

    def __len__(self) -> int:
        return 4


class NoArguments(Exception):
    def __init__(self) -> None:
        super().__init__("made of nothing")


def lists(batches: Any) -> list[Any]:
    return [batch.tolist() for batch in batches]


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_those_of_one_process(workers: int) -> None:
    batches = loader(numbers(11), batch_size=2, num_workers=workers)
    own = DataLoader(numbers(11), batch_size=2)
    assert [lists(batch) for batch in batches] == [lists(batch) for batch in own]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_seed_decides_the_order_whatever_the_number_of_workers(workers: int) -> None:
    orders = []
    for batches in (
        DataLoader(numbers(9), 2, shuffle=True),
        loader(numbers(9), batch_size=2, shuffle=True, num_workers=workers),
    ):
        minigrad.manual_seed(5)
        orders.append([[batch[0].tolist() for batch in batches] for _ in range(3)])
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1]


def test_order_does_not_depend_on_speed() -> None:
    assert lists(loader(Slow())) == [[i] for i in range(6)]


def test_out_of_order_on_demand() -> None:
    batches = lists(loader(Slow(), in_order=False))
    assert sorted(batches) == [[i] for i in range(6)]
    assert batches[0] == [1]


def test_spawned_workers() -> None:
    batches = iter(
        loader(Failing(ValueError("here")), num_workers=1, multiprocessing_context="spawn")
    )
    assert [next(batches).tolist() for _ in range(3)] == [[0], [1], [2]]
    with pytest.raises(ValueError, match="Caught ValueError in DataLoader worker process 0"):
        next(batches)
    assert lists(batches) == [[4], [5]]


def test_what_cannot_be_sent_to_a_spawned_worker() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError), match=r"(?i)pickle"):
        list(loader(range(3), collate_fn=lambda batch: 0, multiprocessing_context="spawn"))


def test_what_a_worker_knows_of_itself() -> None:
    assert get_worker_info() is None
    ids, counts, seeds, same, pids = (list(x) for x in zip(*map(lists, loader(Who())), strict=True))
    assert ids == [[0], [1], [0], [1]]
    assert counts == [[2]] * 4
    assert same == [[True]] * 4
    assert seeds[1][0] == seeds[0][0] + 1
    assert len({*map(tuple, pids)} | {os.getpid()}) == 3


def test_random_numbers_differ_by_worker_and_epoch_but_not_by_run() -> None:
    runs = []
    for _ in range(2):
        minigrad.manual_seed(1)
        batches = loader(Drawn())
        runs.append([[lists(batch) for batch in batches] for _ in range(2)])
    assert runs[0] == runs[1]
    drawn = np.array(runs[0]).ravel()
    assert len(set(drawn)) == drawn.size == 16


def note(worker: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.error = ValueError(f"initialised {worker}")


def fail(worker: int) -> None:
    raise RuntimeError(f"no licence for {worker}")


def test_worker_init_fn() -> None:
    with pytest.raises(ValueError, match="initialised 1"):
        list(loader(Failing(KeyError()), worker_init_fn=note))
    with pytest.raises(RuntimeError, match=r"(?s)in DataLoader worker process 0.*no licence for 0"):
        list(loader(numbers(3), worker_init_fn=fail))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("bad sample"), ValueError),
        (KeyError("bad sample"), KeyError),
        (NoArguments(), RuntimeError),
    ],
)
def test_an_error_names_the_worker_and_shows_its_traceback(
    error: Exception, kind: type[Exception]
) -> None:
    batches = iter(loader(Failing(error)))
    assert [next(batches).tolist() for _ in range(3)] == [[0], [1], [2]]
    with pytest.raises(kind) as raised:
        next(batches)
    text = str(raised.value)
    assert text.startswith(f"Caught {type(error).__name__} in DataLoader worker process 1.\n")
    assert "\nOriginal Traceback" in text.replace(".\nOriginal", "\nOriginal")
    assert "in __getitem__" in text
    assert [next(batches).tolist() for _ in range(2)] == [[4], [5]]  # as in torch, it goes on
    with pytest.raises(StopIteration):
        next(batches)


def test_an_exception_that_cannot_be_pickled() -> None:
    class Local(Exception):
        pass

    with pytest.raises(RuntimeError, match="Caught Local in DataLoader worker process 1"):
        list(loader(Failing(Local("here"))))


def test_a_batch_that_cannot_be_pickled() -> None:
    with pytest.raises(Exception, match=r"(?i)in DataLoader worker process 0(.|\n)*pickle"):
        list(loader(numbers(2), collate_fn=lambda batch: lambda: batch))


@pytest.mark.parametrize(
    ("dataset", "message"),
    [(Suicidal(), r"pid \d+\) is killed by signal: Killed"), (Quitting(), "exit code 7")],
)
def test_a_worker_that_dies_is_named(dataset: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(.*{message}"):
        list(loader(dataset))


def test_a_worker_killed_from_outside() -> None:
    batches = loader(numbers(1000), persistent_workers=True)
    iterator = iter(batches)
    next(iterator)
    victim = multiprocessing.active_children()[0]
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=f"pid {victim.pid}"):
        list(iterator)
    assert len(list(batches)) == 1000  # a new crew


class Endless(Suicidal):
    def __getitem__(self, index: int) -> int:
        if index == 3:
            time.sleep(60 if get_worker_info() else 0)
        return index


@pytest.mark.parametrize("persistent", [False, True])
def test_after_ctrl_c_the_loader_can_be_used_again(
    persistent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a notebook the process goes on."""
    monkeypatch.setattr(crew, "PATIENCE", 0.2)
    batches = loader(Endless(), persistent_workers=persistent)
    iterator = iter(batches)
    assert [next(iterator).item() for _ in range(3)] == [0, 1, 2]
    main = threading.get_ident()
    interrupt = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    interrupt.join()
    assert multiprocessing.active_children() == []
    assert next(iter(batches)).tolist() == [0]
    del batches


def test_timeout() -> None:
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0.05 seconds"):
        list(loader(Slow(), timeout=0.05))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_a_loop_that_breaks_leaves_nobody() -> None:
    big = TensorDataset(minigrad.zeros(50, 100_000))  # workers are in the middle of sending
    for batch in loader(big):
        workers = [worker.pid for worker in multiprocessing.active_children()]
        assert len(batch) == 1
        start = time.monotonic()
        break
    assert len(workers) == 2
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]  # nor zombies
    assert time.monotonic() - start < crew.PATIENCE


def test_persistent_workers_stay_and_begin_again() -> None:
    batches = loader(Who(), persistent_workers=True)
    first, second = ([lists(batch)[-1] for batch in batches] for _ in range(2))
    assert first == second
    del batches


@pytest.mark.parametrize("in_order", [True, False])
def test_what_is_left_of_an_epoch_does_not_come_later(in_order: bool) -> None:
    batches = loader(Slow(), batch_size=2, shuffle=True, persistent_workers=True, in_order=in_order)
    for taken in (0, 1, 0, 0, 2, 0):
        iterator = iter(batches)
        for _ in range(taken):
            next(iterator)
    numbers = [number for batch in batches for number in batch.tolist()]
    assert sorted(numbers) == list(range(6))
    del batches, iterator


class Counted(Dataset[Any]):
    """Large samples, and how many were made in all processes."""

    def __init__(self) -> None:
        self.made = multiprocessing.get_context("fork").Value("i", 0)

    def __getitem__(self, index: int) -> Any:
        with self.made:
            self.made.value += 1
        return np.zeros(100_000)

    def __len__(self) -> int:
        return 100


def test_batches_are_made_ahead() -> None:
    dataset = Counted()
    batches = iter(loader(dataset, prefetch_factor=3))
    for taken in range(3):
        deadline = time.monotonic() + 10
        while dataset.made.value < 6 + taken and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert dataset.made.value == 6 + taken
        next(batches)


def test_a_large_list_of_numbers_and_large_batches_do_not_lock_each_other() -> None:
    rows = list(range(30_000))
    batches = loader(
        TensorDataset(minigrad.zeros(30_000, 8)), batch_sampler=[rows] * 8, num_workers=1
    )
    assert sum(len(batch[0]) for batch in batches) == 8 * 30_000


def test_streams_are_shared_by_the_workers() -> None:
    assert lists(loader(Shared(5), batch_size=2)) == [[0, 2], [1, 3], [4]]
    assert lists(loader(Shared(5), batch_size=2, drop_last=True)) == [[0, 2], [1, 3]]
    assert list(loader(Shared(5), batch_size=None)) == [0, 1, 2, 3, 4]
    kept = loader(Shared(5), batch_size=2, persistent_workers=True)
    assert [lists(kept) for _ in range(2)] == [[[0, 2], [1, 3], [4]]] * 2


class Copied(Shared):
    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size))


def test_a_stream_that_every_worker_reads_whole_is_noticed() -> None:
    batches = loader(Copied(2))
    assert len(batches) == 2
    with pytest.warns(UserWarning, match="Length of IterableDataset .* reported to be 2"):
        assert lists(batches) == [[0], [0], [1], [1]]


SCRIPT = """
import os, sys, time
import minigrad
from minigrad.utils.data import DataLoader, Dataset

class Slow(Dataset):
    def __getitem__(self, index):
        time.sleep(0.05)
        return os.getpid()
    def __len__(self):
        return 1000

if __name__ == "__main__":
    loader = DataLoader(Slow(), num_workers=2, multiprocessing_context="fork")
    for batch in loader:
        print(batch.item(), flush=True)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_a_script_that_is_interrupted_or_killed(end: signal.Signals) -> None:
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert script.stdout is not None
    workers = {int(script.stdout.readline()) for _ in range(4)}
    assert len(workers) == 2
    if end == signal.SIGINT:
        os.killpg(script.pid, end)  # as Ctrl-C does: the workers get it as well
    else:
        script.send_signal(end)
    errors = script.communicate(timeout=30)[1].decode()
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == (end == signal.SIGINT)
    deadline = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


def test_no_threads_are_left() -> None:
    before = threading.active_count()
    list(loader(numbers(3)))
    assert threading.active_count() == before
