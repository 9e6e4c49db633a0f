"""minigrad.save and load: what goes through a file, and what is refused."""

import io
import math
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim


def through_file(value: Any) -> Any:
    file = io.BytesIO()
    minigrad.save(value, file)
    return minigrad.load(file)


PLAIN = [
    None,
    True,
    -3,
    2**80,
    0.1,
    -0.0,
    math.inf,
    -math.inf,
    1 + 2j,
    "text",
    "\ud800 alone, and ñ",
    b"\x00\xff",
    bytearray(b"ab"),
    [1, [2.5, None]],
    (1, (2,)),
    {1, 2},
    frozenset({"a"}),
    {"a": 1, "$": 2},
    {1: "one", (2, 3): "pair", None: 0},
    {"$": "tuple", "items": [1]},
    OrderedDict(b=1, a=2),
    Counter("hello"),
    minigrad.float16,
    minigrad.device("cuda:1"),
    minigrad.ones(2, 3).shape,
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_come_back_equal_and_of_their_type(value: Any) -> None:
    back = through_file(value)
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_nan_and_nested_values_come_back() -> None:
    back = through_file({"losses": [math.nan, 1.0], "best": (0, {"x": minigrad.tensor(3)})})
    assert math.isnan(back["losses"][0])
    assert back["best"][1]["x"].item() == 3


DTYPES = [
    minigrad.float16,
    minigrad.float32,
    minigrad.float64,
    minigrad.uint8,
    minigrad.int8,
    minigrad.int16,
    minigrad.int32,
    minigrad.int64,
    minigrad.bool,
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (5,), (2, 3, 4)])
def test_a_tensor_comes_back_bit_for_bit(dtype: Any, shape: tuple[int, ...]) -> None:
    x = (minigrad.randn(*shape) * 3).to(dtype)
    back = through_file(x)
    assert type(back) is minigrad.Tensor
    assert back.dtype == dtype
    assert back.shape == x.shape
    assert back.numpy().tobytes() == x.numpy().tobytes()


def test_strange_floats_keep_their_bits() -> None:
    bits = np.array([0x7FC00001, 0xFFC12345, 0x7F800000, 0x80000000, 1], np.uint32)
    back = through_file(minigrad.from_numpy(bits.view(np.float32)))
    assert back.numpy().view(np.uint32).tolist() == bits.tolist()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.t(),
        lambda x: x[::2, 1:],
        lambda x: x[0],
        lambda x: x.expand(3, 4, 6),
        lambda x: x.permute(1, 0)[1:],
    ],
)
def test_a_view_is_saved_as_what_it_shows(view: Any) -> None:
    x = view(minigrad.randn(4, 6))
    back = through_file(x)
    assert minigrad.equal(back, x)
    back.zero_()  # memory of its own, that may be written


def test_a_slice_does_not_save_what_it_was_cut_from() -> None:
    file = io.BytesIO()
    minigrad.save(minigrad.zeros(100_000)[:2], file)
    assert len(file.getvalue()) < 1500


def test_tensors_on_the_same_memory_stay_so() -> None:
    x = minigrad.randn(3)
    back = through_file({"encoder": x, "decoder": x, "detached": x.detach(), "other": x.clone()})
    back["encoder"].zero_()
    assert back["decoder"].tolist() == back["detached"].tolist() == [0, 0, 0]
    assert minigrad.equal(back["other"], x)


def test_a_parameter_stays_one_and_requires_grad_is_kept() -> None:
    parameter = nn.Parameter(minigrad.ones(2))
    leaf = minigrad.ones(2, requires_grad=True)
    back = through_file([parameter, nn.Parameter(leaf, requires_grad=False), leaf, leaf * 2])
    assert [type(x) for x in back[:2]] == [nn.Parameter, nn.Parameter]
    assert [x.requires_grad for x in back] == [True, False, True, True]
    assert all(x.is_leaf for x in back)


def test_numpy_arrays_and_numbers_come_back() -> None:
    values = [np.float64(0.1), np.int8(3), np.array([1, 2], ">i4"), np.array(2.0), np.uint32(7)]
    back = through_file(values)
    assert [type(x) for x in back] == [np.float64, np.int8, np.ndarray, np.ndarray, np.uint32]
    assert [np.asarray(x).tolist() for x in back] == [0.1, 3, [1, 2], 2.0, 7]


def test_the_state_of_numpys_and_pythons_random_numbers_can_be_saved() -> None:
    import random

    generator = np.random.RandomState(0)
    back = through_file([random.getstate(), generator.get_state()])
    assert back[0] == random.getstate()
    assert back[1][1].tolist() == generator.get_state()[1].tolist()


def test_a_training_state_goes_through_a_file(tmp_path: Path) -> None:
    def made() -> tuple[nn.Module, optim.Adam]:
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
        return net, optim.Adam(net.parameters(), lr=0.1)

    net, adam = made()
    net(minigrad.randn(5, 3)).sum().backward()
    adam.step()
    path = tmp_path / "checkpoint.pt"
    minigrad.save({"net": net.state_dict(), "adam": adam.state_dict(), "epoch": 3}, path)
    fresh, fresh_adam = made()
    state = minigrad.load(path)
    fresh.load_state_dict(state["net"])
    fresh_adam.load_state_dict(state["adam"])
    assert state["epoch"] == 3
    for mine, theirs in zip(net.parameters(), fresh.parameters(), strict=True):
        assert minigrad.equal(mine, theirs)
        assert minigrad.equal(adam.state[mine]["exp_avg"], fresh_adam.state[theirs]["exp_avg"])


def test_the_same_values_make_the_same_bytes() -> None:
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        minigrad.save({"x": minigrad.arange(10), "y": [1.5, "a"]}, file)
    assert files[0].getvalue() == files[1].getvalue()


def test_numpy_opens_the_arrays_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    minigrad.save(minigrad.tensor([1.0, 2.0]), path)
    with np.load(path) as archive:
        assert archive["arrays/0"].tolist() == [1.0, 2.0]


class Named(tuple[int, ...]):
    """A tuple with a type of its own, which would be lost."""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"f": [print]}, r"the object\['f'\]\[0\] is of type builtin_function_or_method"),
        (nn.Linear(2, 2), "is a Linear.*Save its state_dict"),
        ({"opt": optim.SGD(nn.Linear(2, 2).parameters())}, r"\['opt'\] is a SGD.*state_dict"),
        (Named([1]), "of type Named"),
        (object(), "of type object"),
        (np.array(["a"]), "array of <U1"),
        (np.array([None]), "array of object"),
        ({object(): 1}, "a key of the object is of type object"),
        (range(3), "of type range"),
    ],
)
def test_what_has_no_file_form_is_named_with_its_place(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        minigrad.save(value, io.BytesIO())


def test_a_list_that_contains_itself_is_refused() -> None:
    values: list[Any] = []
    values.append(values)
    with pytest.raises(ValueError, match="contains itself"):
        minigrad.save(values, io.BytesIO())


def test_a_tensor_under_vmap_is_refused() -> None:
    with pytest.raises(TypeError, match="vmap"):
        minigrad.func.vmap(lambda x: minigrad.save(x, io.BytesIO()))(minigrad.ones(2, 3))


@pytest.mark.parametrize("f", [5, None, ["x"]])
def test_what_is_no_file_is_refused(f: Any) -> None:
    with pytest.raises(AttributeError, match="file-like object with a 'write'"):
        minigrad.save(1, f)
    with pytest.raises(AttributeError, match="file-like object with a 'read'"):
        minigrad.load(f)


def test_map_location_takes_a_device_or_a_dict_and_refuses_the_rest() -> None:
    file = io.BytesIO()
    minigrad.save(minigrad.ones(2), file)
    assert minigrad.load(file, "cpu").tolist() == [1, 1]
    assert minigrad.load(file, minigrad.device("cpu")).tolist() == [1, 1]
    assert minigrad.load(file, {"cuda:0": "cpu"}).tolist() == [1, 1]
    assert minigrad.load(file, weights_only=False).tolist() == [1, 1]
    with pytest.raises(TypeError, match="map_location must be a device"):
        minigrad.load(file, lambda storage, place: storage)
    with pytest.raises(RuntimeError, match="Expected one of cpu, cuda"):
        minigrad.load(file, "gpu")


@pytest.mark.skipif(minigrad.cuda.is_available(), reason="there is a GPU")
def test_a_tensor_for_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    minigrad.save(minigrad.ones(2), file)
    with pytest.raises(RuntimeError, match=r"map_location=minigrad\.device"):
        minigrad.load(file, "cuda")
