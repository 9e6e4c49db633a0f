"""torch.utils.data beside ours: batches, containers, lengths, errors and who does what."""

import collections
import itertools
import types
from collections import OrderedDict, UserDict, UserList, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.utils.data as ours

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("torch.utils.data")
pytestmark = pytest.mark.parity

Point = namedtuple("Point", ["x", "y"])
LIBRARIES = ((minigrad, ours), (torch, theirs))


def plain(value: Any) -> Any:
    """Tensors as (dtype, numbers), and containers with the names of their types."""
    if isinstance(value, minigrad.Tensor | torch.Tensor):
        return str(value.dtype).split(".")[1], value.tolist()
    if isinstance(value, collections.abc.Mapping):
        return type(value).__name__, {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | UserList | deque):
        return type(value).__name__, [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return type(value).__name__, value.tolist()
    return value


def outcome(run: Callable[[], Any]) -> Any:
    """What comes of it, or the type of the exception."""
    try:
        return plain(run())
    except Exception as error:
        return type(error)


def compare(program: Callable[[Any, Any], Any]) -> Any:
    """The program gives the same with either library: program(torch, torch.utils.data)."""
    mine, other = (outcome(lambda lib=lib: program(*lib)) for lib in LIBRARIES)
    assert mine == other
    return mine


SAMPLES: dict[str, Callable[[Any], list[Any]]] = {
    "ints": lambda t: [1, 2],
    "bools": lambda t: [True, False],
    "floats": lambda t: [1.5, 2.0],
    "int first": lambda t: [1, 2.5],
    "float first": lambda t: [1.5, 2],
    "text": lambda t: ["a", "b"],
    "bytes": lambda t: [b"a", b"b"],
    "tuple of text": lambda t: ("a", "b"),
    "tensors": lambda t: [t.ones(2), t.zeros(2)],
    "scalars": lambda t: [t.tensor(1), t.tensor(2)],
    "unequal tensors": lambda t: [t.ones(2), t.ones(3)],
    "tensor and number": lambda t: [t.ones(2), 1],
    "arrays": lambda t: [np.ones(2), np.zeros(2)],
    "small arrays": lambda t: [np.ones(2, np.float16), np.zeros(2, np.float16)],
    "arrays without dimensions": lambda t: [np.array(1), np.array(2)],
    "arrays of text": lambda t: [np.array(["a"]), np.array(["b"])],
    "arrays of objects": lambda t: [np.array([None]), np.array([None])],
    "numpy numbers": lambda t: [np.float32(1), np.float32(2)],
    "numpy ints": lambda t: [np.int16(1), np.int16(2)],
    "numpy bools": lambda t: [np.bool_(True), np.bool_(False)],
    "numpy doubles": lambda t: [np.float64(1), np.float64(2)],
    "numpy text": lambda t: [np.str_("a"), np.str_("b")],
    "pairs": lambda t: [(1, 2.0), (3, 4.0)],
    "lists": lambda t: [[1, 2.0], [3, 4.0]],
    "unequal lists": lambda t: [[1, 2], [3]],
    "nothing inside": lambda t: [[], []],
    "dicts": lambda t: [{"a": 1, "b": [2.0]}, {"a": 3, "b": [4.0]}],
    "ordered dicts": lambda t: [OrderedDict(a=1), OrderedDict(a=2)],
    "default dicts": lambda t: [defaultdict(int, a=1), defaultdict(int, a=2)],
    "user dicts": lambda t: [UserDict(a=1), UserDict(a=2)],
    "read-only dicts": lambda t: [types.MappingProxyType({"a": 1})] * 2,
    "missing key": lambda t: [{"a": 1}, {"b": 1}],
    "named tuples": lambda t: [Point(1, [2, 3]), Point(4, [5, 6])],
    "user lists": lambda t: [UserList([1, 2]), UserList([3, 4])],
    "deques": lambda t: [deque([1, 2]), deque([3, 4])],
    "ranges": lambda t: [range(2), range(2, 4)],
    "deep": lambda t: [{"a": [(1, {"b": np.ones(1)})]}] * 3,
    "types": lambda t: [int, str],
    "None": lambda t: [None, None],
    "sets": lambda t: [{1}, {2}],
    "empty batch": lambda t: [],
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("function", ["default_collate", "default_convert"])
def test_collate_and_convert(function: str, name: str) -> None:
    compare(lambda t, data: getattr(data, function)(SAMPLES[name](t)))


def test_convert_of_single_things() -> None:
    for value in (3, "a", np.float32(2), np.array([1, 2]), Point(np.ones(1), 1), None):
        compare(lambda t, data, value=value: data.default_convert(value))


def stream(data: Any, size: int, shared: bool = True) -> Any:
    """0 to size - 1, shared among the workers or not."""

    class Stream(data.IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[int]:
            info = data.get_worker_info() if shared else None
            step = info.num_workers if info else 1
            return iter(range(info.id if info else 0, size, step))

        def __len__(self) -> int:
            return size

    return Stream()


OPTIONS: list[dict[str, Any]] = [
    dict(zip(["batch_size", "drop_last", "num_workers"], values, strict=True))
    for values in itertools.product([1, 2, 3, None], [False, True], [0, 1, 2])
    if values[:2] != (None, True)
]


def by_fork(options: dict[str, Any]) -> dict[str, Any]:
    workers = options.get("num_workers")
    return {**options, "multiprocessing_context": "fork"} if workers else options


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    "make", [lambda t, data: data.TensorDataset(t.arange(5)), lambda t, data: stream(data, 5)]
)
def test_batches(make: Callable[[Any, Any], Any], options: dict[str, Any]) -> None:
    def program(t: Any, data: Any) -> Any:
        loader = data.DataLoader(make(t, data), **by_fork(options))
        return len(loader), list(loader)

    assert isinstance(compare(program), tuple)


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("persistent", [False, True])
def test_uneven_streams_are_read_to_their_ends(workers: int, persistent: bool) -> None:
    """Worker 0 has much more than the others."""

    def program(t: Any, data: Any) -> Any:
        class Uneven(data.IterableDataset):  # type: ignore[misc]
            def __iter__(self) -> Iterator[int]:
                number = data.get_worker_info().id
                return iter(range(100 * number, 100 * number + (7 if number == 0 else number)))

        loader = data.DataLoader(
            Uneven(),
            2,
            num_workers=workers,
            persistent_workers=persistent,
            prefetch_factor=1,
            multiprocessing_context="fork",
        )
        return [sorted(x.tolist() for x in loader) for _ in range(2)]  # torch's order is a race

    assert isinstance(compare(program), tuple)


class Bad(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} {two}")


ERRORS = [ValueError("no"), KeyError("no"), Bad(1, 2), OSError(2, "no"), IndexError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_of_workers(error: Exception) -> None:
    def program(t: Any, data: Any) -> Any:
        class Failing(data.Dataset):  # type: ignore[misc]
            def __getitem__(self, index: int) -> int:
                raise error

            def __len__(self) -> int:
                return 2

        loader = data.DataLoader(Failing(), num_workers=1, multiprocessing_context="fork")
        try:
            list(loader)
        except Exception as raised:
            lines = str(raised).splitlines()
            return type(raised), lines[0], lines[1], lines[-1]
        return None

    compare(program)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_dataset_that_says_stop(workers: int) -> None:
    def program(t: Any, data: Any) -> Any:
        class Stopping(data.Dataset):  # type: ignore[misc]
            def __getitem__(self, index: int) -> int:
                if index == 2:
                    raise StopIteration
                return index

            def __len__(self) -> int:
                return 5

        return list(data.DataLoader(Stopping(), **by_fork({"num_workers": workers})))

    assert isinstance(compare(program), tuple)


BAD_OPTIONS: list[dict[str, Any]] = [
    {"batch_size": 0},
    {"batch_size": 1.5},
    {"batch_size": None, "drop_last": True},
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"prefetch_factor": -2, "num_workers": 1},
    {"persistent_workers": True},
    {"shuffle": True, "sampler": [0]},
    {"batch_sampler": [[0]], "batch_size": 2},
    {"batch_sampler": [[0]], "shuffle": True},
    {"batch_sampler": [[0]], "drop_last": True},
    {"multiprocessing_context": "fork"},
    {"multiprocessing_context": "knife", "num_workers": 1},
    {"multiprocessing_context": 3, "num_workers": 1},
    {"nonsense": 1},
]
BAD_FOR_STREAMS: list[dict[str, Any]] = [
    {"shuffle": True},
    {"shuffle": False},
    {"sampler": [0]},
    {"batch_sampler": [[0]]},
]


def key_words(run: Callable[[], Any]) -> Any:
    """The type of the exception, and the beginning of its text, up to the first names in it."""
    with pytest.raises(Exception) as raised:  # noqa: PT011
        run()
    return raised.type, " ".join(str(raised.value).split()[:4])


@pytest.mark.parametrize("options", BAD_OPTIONS, ids=str)
def test_bad_options(options: dict[str, Any]) -> None:
    mine, other = (key_words(lambda d=d: d.DataLoader(range(4), **options)) for _, d in LIBRARIES)
    if "nonsense" not in options:
        assert mine == other
    assert mine[0] == other[0]


@pytest.mark.parametrize("options", BAD_FOR_STREAMS, ids=str)
def test_bad_options_for_streams(options: dict[str, Any]) -> None:
    def program(t: Any, data: Any) -> Any:
        try:
            return [x.tolist() for x in data.DataLoader(stream(data, 2), **options)]
        except ValueError as error:
            return str(error).split(",")[0]

    compare(program)


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_what_may_not_be_set_later(name: str) -> None:
    compare(lambda t, data: setattr(data.DataLoader(range(3)), name, 1))


PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "concat": lambda t, d: (
        [(x := d.ConcatDataset([range(3), "ab"]))[i] for i in (0, 2, 3, -1, -5)]
        + [len(x), x.cumulative_sizes]
    ),
    "concat too far": lambda t, d: d.ConcatDataset(["ab"])[2],
    "concat too far back": lambda t, d: d.ConcatDataset(["ab"])[-3],
    "concat nothing": lambda t, d: d.ConcatDataset([]),
    "concat stream": lambda t, d: d.ConcatDataset([stream(d, 2)]),
    "plus": lambda t, d: [
        int(x) for (x,) in d.TensorDataset(t.arange(2)) + d.TensorDataset(t.arange(3))
    ],
    "chain": lambda t, d: [list(x := stream(d, 2) + stream(d, 3)), len(x)],
    "chain list": lambda t, d: list(d.ChainDataset([[1]])),
    "chain length": lambda t, d: len(d.ChainDataset([[1]])),
    "stack": lambda t, d: [
        (x := d.StackDataset(range(3), "abc"))[1],
        len(x),
        x.__getitems__([2, 0]),
    ],
    "stack by name": lambda t, d: [
        (x := d.StackDataset(n=range(3), c="abc"))[1],
        x.__getitems__([2]),
    ],
    "stack unequal": lambda t, d: d.StackDataset(range(3), "ab"),
    "stack nothing": lambda t, d: d.StackDataset(),
    "stack both": lambda t, d: d.StackDataset(range(2), c="ab"),
    "subset": lambda t, d: [(x := d.Subset("abcd", [3, 1]))[0], len(x), x.__getitems__([1, 0])],
    "tensors": lambda t, d: d.TensorDataset(t.arange(4), t.eye(4))[2],
    "tensor rows": lambda t, d: d.TensorDataset(t.arange(4))[1:3],
    "unequal tensors": lambda t, d: d.TensorDataset(t.arange(4), t.eye(3)),
    "split": lambda t, d: [len(x) for x in d.random_split(range(10), [0.35, 0.35, 0.3])],
    "split rest": lambda t, d: [len(x) for x in d.random_split(range(10), [0.33] * 3 + [0.01])],
    "split too many": lambda t, d: d.random_split(range(10), [5, 6]),
    "split fraction": lambda t, d: d.random_split(range(10), [1.5, -0.5]),
    "dataset": lambda t, d: d.Dataset()[0],
    "sampler": lambda t, d: list(d.Sampler()),
    "loader of tensor sampler": lambda t, d: list(d.DataLoader(range(5), sampler=t.tensor([3, 1]))),
    "loader of tensor batches": lambda t, d: list(
        d.DataLoader(d.TensorDataset(t.arange(5)), batch_sampler=t.tensor([[3, 1], [0, 2]]))
    ),
    "loader of keys": lambda t, d: list(d.DataLoader({"a": 1, "b": 2}, sampler=["b", "a"])),
    "subset by default": lambda t, d: list(
        d.DataLoader(d.Subset(d.TensorDataset(t.arange(5), t.eye(5)), [4, 0, 2]), 2)
    ),
    "loader length": lambda t, d: len(d.DataLoader(range(7), 3)),
    "timeout": lambda t, d: list(d.DataLoader(range(7), timeout=1)),
    "random": lambda t, d: sorted(d.RandomSampler(range(4), num_samples=8)),
    "random none": lambda t, d: d.RandomSampler([]),
    "random bool": lambda t, d: d.RandomSampler(range(2), replacement=1),
    "random few": lambda t, d: [len(x := d.RandomSampler(range(4), num_samples=3)), len(set(x))],
    "subset random": lambda t, d: [sorted(x := d.SubsetRandomSampler([4, 7, 9])), len(x)],
    "weighted": lambda t, d: list(d.WeightedRandomSampler([0, 0, 1.0, 0], 3)),
    "weighted all": lambda t, d: sorted(d.WeightedRandomSampler([1, 2, 3], 3, replacement=False)),
    "weighted too many": lambda t, d: list(d.WeightedRandomSampler([1, 2], 3, replacement=False)),
    "weighted 2-d": lambda t, d: d.WeightedRandomSampler([[1, 2]], 3),
    "weighted count": lambda t, d: d.WeightedRandomSampler([1, 2], 0),
    "weighted bool": lambda t, d: d.WeightedRandomSampler([1, 2], 1, replacement=1),
    "weights": lambda t, d: d.WeightedRandomSampler([1, 2], 1).weights,
    "batches": lambda t, d: [list(x := d.BatchSampler(range(5), 2, True)), len(x)],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_datasets_and_samplers(name: str) -> None:
    compare(PROGRAMS[name])


def test_warnings() -> None:
    for _, data in LIBRARIES:
        with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
            data.random_split(range(1), [0.9, 0.1])
        loader = data.DataLoader(
            stream(data, 2, shared=False), num_workers=2, multiprocessing_context="fork"
        )
        assert len(loader) == 2
        with pytest.warns(UserWarning, match=r"(?s)Length of IterableDataset.*to be 2.*3 samples"):
            assert [x.item() for x in loader] == [0, 0, 1, 1]


def test_weights_decide_how_often() -> None:
    weights = [1.0, 2.0, 0.0, 5.0]
    for t, data in LIBRARIES:
        t.manual_seed(0)
        counts = np.bincount(list(data.WeightedRandomSampler(weights, 8000)), minlength=4)
        np.testing.assert_allclose(counts / 8000, np.array(weights) / 8, atol=0.02)
