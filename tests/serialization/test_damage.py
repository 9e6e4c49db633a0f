"""Files that are cut off, changed, forged or of another kind: an error, and nothing else."""

import contextlib
import io
import json
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.serialization import npz, safetensors


def bytes_of(value: Any) -> bytes:
    file = io.BytesIO()
    minigrad.save(value, file)
    return file.getvalue()


STATE = {
    "weight": minigrad.arange(12.0).reshape(3, 4),
    "steps": (1, 2.5, None, "x" * 10),
    "buffer": minigrad.tensor([True, False]),
}
WHOLE = bytes_of(STATE)
WHOLE_NPZ = io.BytesIO()
npz.save_file({"weight": STATE["weight"], "buffer": STATE["buffer"]}, WHOLE_NPZ)  # type: ignore


def forged(structure: Any, arrays: dict[str, bytes] | None = None, text: str = "") -> io.BytesIO:
    """A zip archive whose sums are right, with contents of somebody's own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        content = text or json.dumps({"minigrad": 1, "value": structure})
        archive.writestr("structure.json", content)
        for name, data in (arrays or {}).items():
            archive.writestr(name, data)
    return file


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode("latin1").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def test_a_file_cut_off_anywhere_is_an_error() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(RuntimeError, match=r"cannot load this BytesIO"):
            minigrad.load(io.BytesIO(WHOLE[:length]))


def test_a_changed_byte_of_the_contents_is_an_error() -> None:
    place = WHOLE.index(b"NUMPY") + 128
    changed = WHOLE[:place] + bytes([WHOLE[place] ^ 1]) + WHOLE[place + 1 :]
    with pytest.raises(RuntimeError, match="damaged"):
        minigrad.load(io.BytesIO(changed))


FORGERIES = {
    "unknown kind": forged({"$": "function", "name": "os.system"}),
    "kind of no string": forged({"$": ["tuple"]}),
    "no items": forged({"$": "tuple"}),
    "items of no list": forged({"$": "tuple", "items": 3}),
    "key that cannot be one": forged({"$": "dict", "items": [[[1], 2]]}),
    "pair of three": forged({"$": "dict", "items": [[1, 2, 3]]}),
    "array that is not there": forged({"$": "Tensor", "data": 0}),
    "number of no array": forged({"$": "Tensor", "data": "0"}),
    "gradients of integers": forged(
        {"$": "Parameter", "data": 0},
        {"arrays/0.npy": npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}", b"abcd")},
    ),
    "bytes of no base64": forged({"$": "bytes", "base64": "?"}),
    "other version": forged(0, text='{"minigrad": 2, "value": 0}'),
    "no JSON": forged(0, text="{"),
    "NaN": forged(0, text='{"minigrad": 1, "value": NaN}'),
    "nested deeply": forged(0, text="[" * 100_000 + "]" * 100_000),
    "no object": forged(0, text="[]"),
    "huge number": forged(0, text='{"minigrad": 1, "value": ' + "9" * 10_000 + "}"),
}
HEADERS = {
    "huge shape": "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
    "shape beyond all": "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,)}" % ("9" * 40),
    "negative shape": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
    "strings": "{'descr': '<U99999999', 'fortran_order': False, 'shape': ()}",
    "records": "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
    "code": "__import__('os').abort()",
    "nothing": "",
    "too little data": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
    "too much data": "{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}",
}
TENSOR = {"$": "Tensor", "data": 0}
FORGERIES |= {
    name: forged(TENSOR, {"arrays/0.npy": npy(header, b"abcd")}) for name, header in HEADERS.items()
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_file_is_an_error(name: str) -> None:
    tracemalloc.start()
    with pytest.raises(RuntimeError, match="cannot load this BytesIO: "):
        minigrad.load(FORGERIES[name])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20 * 2**20


def test_packed_members_and_members_over_each_other_are_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("structure.json", " " * 10**7 + "0")
    with pytest.raises(RuntimeError, match="compressed"):
        minigrad.load(packed)
    data = forged(0, {f"arrays/{i}.npy": b"0" * 100 for i in range(3)}).getvalue()
    claims_more = data.replace((100).to_bytes(4, "little"), (10**8).to_bytes(4, "little"))
    with pytest.raises(RuntimeError, match="members claim"):
        minigrad.load(io.BytesIO(claims_more))


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code ran')",)


def test_a_pickle_is_named_and_not_run() -> None:
    with pytest.raises(RuntimeError, match=r"is a pickle.*safetensors"):
        minigrad.load(io.BytesIO(pickle.dumps(Bomb())))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    with pytest.raises(RuntimeError, match="is a pickle"):
        minigrad.load(file)


def test_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    safetensors.save_file({"x": minigrad.ones(2)}, path)
    with pytest.raises(RuntimeError, match=r"a safetensors file: use .*load_file"):
        minigrad.load(path)
    npz.save_file({"x": minigrad.ones(2)}, path)
    with pytest.raises(RuntimeError, match=r"For \.npz: minigrad.serialization.npz"):
        minigrad.load(path)
    with pytest.raises(RuntimeError, match="as safetensors"):
        safetensors.load_file(path)
    path.write_bytes(b"")
    with pytest.raises(RuntimeError, match="it is empty"):
        minigrad.load(path)
    with pytest.raises(FileNotFoundError):
        minigrad.load(tmp_path / "missing")


@st.composite
def changed(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with some of its bytes changed, cut out or repeated."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(st.sampled_from(["set", "cut", "repeat", "end"]))
        length = draw(st.integers(1, 40))
        if how == "set":
            data[place : place + 1] = draw(st.binary(min_size=1, max_size=8))
        elif how == "cut":
            del data[place : place + length]
        elif how == "repeat":
            data[place:place] = data[place : place + length]
        else:
            del data[place:]
    return bytes(data)


def loads_or_says(load: Any, data: bytes) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(RuntimeError):
            load(io.BytesIO(data))
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert most < 2**20 + 30 * len(data)


@given(changed(WHOLE))
@settings(max_examples=300, deadline=None)
def test_no_change_of_a_file_does_more_than_raise(data: bytes) -> None:
    loads_or_says(minigrad.load, data)


@given(changed(WHOLE_NPZ.getvalue()))
@settings(max_examples=200, deadline=None)
def test_no_change_of_an_npz_file_does_more_than_raise(data: bytes) -> None:
    loads_or_says(npz.load_file, data)


@given(changed(safetensors.save({"x": minigrad.arange(5), "y": minigrad.ones(2, 2)})))
@settings(max_examples=200, deadline=None)
def test_no_change_of_a_safetensors_file_does_more_than_raise(data: bytes) -> None:
    with contextlib.suppress(RuntimeError):
        safetensors.load(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$", "items", "data", "value", "base64", "device", "a"]), inside
        )
        | st.builds(
            lambda kind, items: {"$": kind, "items": items, "data": items, "value": items},
            st.sampled_from(
                ["tuple", "set", "dict", "Counter", "Tensor", "dtype", "float", "bytes"]
            ),
            inside,
        )
    ),
    max_leaves=15,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_no_structure_does_more_than_raise(structure: Any) -> None:
    loads_or_says(minigrad.load, forged(structure).getvalue())


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.complex_numbers(allow_nan=False),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.lists(inside, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.just("$"), inside, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_every_value_comes_back(value: Any) -> None:
    back = minigrad.load(io.BytesIO(bytes_of(value)))
    assert repr(back) == repr(value)


def test_npz_of_numpy_loads_compressed_or_not(tmp_path: Path) -> None:
    arrays = {"w": np.arange(6.0).reshape(2, 3), "file": np.array([True])}
    np.savez(tmp_path / "a.npz", **{"w": arrays["w"]})
    np.savez_compressed(tmp_path / "b.npz", **{"w": arrays["w"]})
    for name in ("a.npz", "b.npz"):
        assert npz.load_file(tmp_path / name)["w"].tolist() == arrays["w"].tolist()
    tensors = {name: minigrad.from_numpy(array) for name, array in arrays.items()}
    npz.save_file(tensors, tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as back:
        assert {name: back[name].tolist() for name in back} == {
            name: array.tolist() for name, array in arrays.items()
        }


@pytest.mark.parametrize("module", [npz, safetensors])
def test_only_dicts_of_tensors_by_name_are_written(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "x"
    with pytest.raises(ValueError, match=r"expected a dict of \[str, Tensor\]"):
        module.save_file([minigrad.ones(2)], path)
    with pytest.raises(ValueError, match="Key `a` is invalid"):
        module.save_file({"a": 1}, path)
    with pytest.raises(TypeError, match="names must be str"):
        module.save_file({1: minigrad.ones(1)}, path)
    assert not path.exists()


def test_a_safetensors_file_keeps_names_shapes_dtypes_and_values(tmp_path: Path) -> None:
    tensors = {
        "w.t": minigrad.randn(3, 2).t(),
        "half": minigrad.ones(2).half(),
        "mask": minigrad.tensor([True, False]),
        "scalar": minigrad.tensor(7),
        "none": minigrad.empty(0, 2),
    }
    safetensors.save_file(tensors, tmp_path / "w.safetensors", metadata={"epoch": "3"})
    back = safetensors.load_file(tmp_path / "w.safetensors")
    assert back.keys() == tensors.keys()
    for name, x in tensors.items():
        assert back[name].dtype == x.dtype
        assert minigrad.equal(back[name], x)
