"""use_deterministic_algorithms: its switch, and what empty() then holds."""

from collections.abc import Iterator

import pytest

import minigrad


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    yield
    minigrad.use_deterministic_algorithms(False)


def test_the_switch() -> None:
    assert not minigrad.are_deterministic_algorithms_enabled()
    minigrad.use_deterministic_algorithms(True, warn_only=True)
    assert minigrad.are_deterministic_algorithms_enabled()
    assert minigrad.is_deterministic_algorithms_warn_only_enabled()
    minigrad.use_deterministic_algorithms(False)
    assert not minigrad.are_deterministic_algorithms_enabled()
    assert not minigrad.is_deterministic_algorithms_warn_only_enabled()


@pytest.mark.parametrize("wrong", [1, "True", None])
def test_only_bools_switch(wrong: object) -> None:
    with pytest.raises(TypeError, match="argument 'mode' must be bool"):
        minigrad.use_deterministic_algorithms(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="argument 'warn_only' must be bool"):
        minigrad.use_deterministic_algorithms(True, warn_only=wrong)  # type: ignore[arg-type]


def test_empty_is_filled() -> None:
    minigrad.use_deterministic_algorithms(True)
    assert minigrad.empty(3).isnan().all()
    assert minigrad.empty(2, dtype=minigrad.int32).tolist() == [2**31 - 1] * 2
    assert minigrad.empty(2, dtype=minigrad.bool).tolist() == [True, True]
