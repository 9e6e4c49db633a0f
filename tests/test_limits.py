"""finfo and iinfo, and the numbers that torch names."""

import math

import pytest

import minigrad


def test_floats() -> None:
    single = minigrad.finfo(minigrad.float32)
    assert (single.bits, single.eps, single.dtype) == (32, 2**-23, "float32")
    assert single.max == (2 - 2**-23) * 2.0**127 == -single.min
    assert single.tiny == single.smallest_normal == 2.0**-126
    assert repr(minigrad.finfo()) == repr(single)
    assert minigrad.finfo(minigrad.float16).max == 65504


def test_integers() -> None:
    byte = minigrad.iinfo(minigrad.uint8)
    assert (byte.bits, byte.min, byte.max, repr(byte)) == (
        8,
        0,
        255,
        "iinfo(min=0, max=255, dtype=uint8)",
    )
    assert minigrad.iinfo(minigrad.int64).max == 2**63 - 1


def test_the_wrong_kind_is_named() -> None:
    with pytest.raises(TypeError, match=r"requires a floating point input type.*minigrad\.iinfo"):
        minigrad.finfo(minigrad.int8)
    for wrong in (minigrad.float32, minigrad.bool):
        with pytest.raises(TypeError, match="requires an integer input type"):
            minigrad.iinfo(wrong)
    with pytest.raises(TypeError, match=r"must be minigrad\.dtype, not int"):
        minigrad.finfo(3)  # type: ignore[arg-type]


def test_numbers_with_names() -> None:
    assert (minigrad.pi, minigrad.e, minigrad.inf) == (math.pi, math.e, math.inf)
    assert math.isnan(minigrad.nan)
    assert minigrad.ones(3)[:, minigrad.newaxis].shape == (3, 1)


def test_the_type_of_a_tensor_by_its_old_name() -> None:
    x = minigrad.tensor([1.5])
    assert x.type() == "minigrad.FloatTensor"
    assert x.type(minigrad.int64).tolist() == [1]
    assert x.type("minigrad.DoubleTensor").dtype == minigrad.float64
    assert x.type(minigrad.float32) is x
    with pytest.raises(ValueError, match="invalid type: 'LongTensor'"):
        x.type("LongTensor")
    with pytest.raises(TypeError, match="dtype must be a type"):
        x.type(5)


def test_what_programs_ask_of_devices() -> None:
    assert not minigrad.backends.mps.is_available()
    assert not minigrad.backends.cudnn.is_available()
    assert minigrad.accelerator.is_available() == minigrad.cuda.is_available()
    if not minigrad.cuda.is_available():
        assert minigrad.accelerator.current_accelerator() is None
        assert minigrad.accelerator.device_count() == 0
        minigrad.manual_seed(3)
        minigrad.cuda.manual_seed_all(1)  # nothing to seed
        assert minigrad.initial_seed() == 3
