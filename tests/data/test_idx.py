"""IDX files: what they hold, and what is said of those that are damaged, foreign or hostile."""

import gzip
import hashlib
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minigrad.data import read_idx

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}
# Each example writes its own file over that of the one before.
fuzzed = settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def header(code: int, *sizes: int) -> bytes:
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)


def idx(array: np.ndarray) -> bytes:
    data = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return header(CODES[array.dtype.name], *array.shape) + data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("dtype", CODES)
def test_every_type(tmp_path: Path, dtype: str, pack: Callable[[bytes], bytes]) -> None:
    array = np.array([[1, 2, 3], [100, -1, 0]]).astype(dtype)
    path = tmp_path / "file"
    path.write_bytes(pack(idx(array)))
    read = read_idx(path)
    assert read.numpy().dtype == dtype
    np.testing.assert_array_equal(read.numpy(), array)


def test_the_tensor_is_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(idx(np.zeros(3, np.uint8)))
    read = read_idx(path)
    read[0] = 7
    assert read.tolist() == [7, 0, 0]


GOOD = idx(np.arange(12, dtype=np.uint8).reshape(3, 4))
PACKED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "no IDX file"),
        (b"\x89PNG\r\n", "wrong magic number"),
        (b"\0\0\x0a\x01\0\0\0\x01a", "wrong magic number"),
        (b"\0\0\x08\0", "0 dimensions"),
        (b"\0\0\x08\xff" + bytes(2000), "255 dimensions"),
        (header(8, 3)[:-1], "ends in its header"),
        (header(8, 0, 2**32 - 1), "it has no data"),
        (header(8, *[2**32 - 1] * 32) + b"a", r"promises \d+ bytes"),
        (GOOD[:-1], "promises 12 bytes"),
        (GOOD + b"a", "more in it than the 12 bytes"),
        (gzip.compress(GOOD[:-1], mtime=0), "truncated: 11 of 12 bytes"),
        (gzip.compress(GOOD + b"a", mtime=0), "more in it"),
        (PACKED[:-1], "damaged or truncated"),
        (PACKED[:15], "damaged or truncated"),
        (PACKED[:-5] + b"abcde", "damaged or truncated"),
        (PACKED[:12] + b"\xff" + PACKED[13:], "damaged or truncated"),
        (gzip.compress(header(14, 2**31), mtime=0), "promises 17179869184 bytes"),
    ],
)
def test_what_is_said_of_bad_files(tmp_path: Path, contents: bytes, message: str) -> None:
    path = tmp_path / "bad-idx3-ubyte"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=f"bad-idx3-ubyte: .*{message}"):
        read_idx(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")
    with pytest.raises(OSError, match=r"(?i)directory|denied"):
        read_idx(tmp_path)


def test_checksums(tmp_path: Path) -> None:
    for name, contents in (("plain", GOOD), ("packed", PACKED)):
        path = tmp_path / name
        path.write_bytes(contents)
        for method in (hashlib.md5, hashlib.sha256):
            assert read_idx(path, method(GOOD).hexdigest().upper()).shape == (3, 4)
        with pytest.raises(ValueError, match=f"{name}: its checksum is .*, not {'0' * 32}"):
            read_idx(path, "0" * 32)
        with pytest.raises(ValueError, match="checksum should be 32"):
            read_idx(path, "abc")


def peak_of_reading(path: Path) -> tuple[int, str]:
    """The most memory that reading takes, and what went wrong."""
    tracemalloc.start()
    error = ""
    try:
        read_idx(path)
    except ValueError as raised:
        error = str(raised)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, error


def test_a_bomb_does_not_go_off(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(header(8, 2**26) + bytes(2**26), compresslevel=1))
    peak, error = peak_of_reading(path)
    assert "cannot hold them" in error
    assert peak < 2**20
    path.write_bytes(gzip.compress(header(8, 100) + bytes(2**26), compresslevel=1))
    peak, error = peak_of_reading(path)
    assert "more in it" in error
    assert peak < 2**20


def test_memory_is_a_small_multiple_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(idx(np.zeros(2**22, np.uint8)))
    peak, error = peak_of_reading(path)
    assert error == ""
    assert peak < 3 * 2**22


@fuzzed
@given(array=arrays(st.sampled_from(sorted(CODES)), array_shapes(max_dims=5)), packed=st.booleans())
def test_any_array_comes_back(array: np.ndarray, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    np.testing.assert_array_equal(read_idx(path).numpy(), array)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with bytes changed, cut off, put in or compressed; or anything at all."""
    contents = draw(st.sampled_from([GOOD, PACKED, header(13, 2, 2) + bytes(16)]))
    place = draw(st.integers(0, len(contents)))
    put_in = draw(st.binary(max_size=8))
    contents = contents[:place] + put_in + contents[place + draw(st.integers(0, 8)) :]
    contents = draw(st.one_of(st.just(contents), st.binary(max_size=100)))
    return gzip.compress(contents) if draw(st.booleans()) else contents


@fuzzed
@given(contents=damaged())
def test_whatever_is_in_a_file_it_is_read_or_refused(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(contents)
    peak, error = peak_of_reading(path)
    assert peak < 2**21
    assert error == "" or "file: " in error
