"""The small language in which checks are written."""

import pytest
from checks import feedback
from checks.feedback import NotYet, exercise, expect, expect_error, same


def double(x):
    return 2 * x


@exercise(reference=double, hints={"unsupported": "numbers only"})
def check_double(double):
    expect("double(3)", double(3), 6, "twice the input", {9: "that is the square"})


def test_a_right_answer_is_handed_on(capsys):
    def mine(x):
        return x + x

    assert check_double(mine) is mine
    assert capsys.readouterr().out == "double: right.\n"


def test_a_wrong_answer_is_described_and_replaced(capsys):
    assert check_double(lambda x: x + 2) is double
    assert capsys.readouterr().out.splitlines() == [
        "double: not yet.",
        "    given     double(3)",
        "    expected  6",
        "    got       5",
        "    hint      twice the input",
        "  The lesson goes on with a reference; change yours and run both cells again.",
    ]


def test_a_known_mistake_gets_its_own_words(capsys):
    check_double(lambda x: x * x)
    assert "hint      that is the square" in capsys.readouterr().out


def test_an_error_gets_the_hint_that_fits_its_message(capsys):
    check_double(lambda x: x + None)
    said = capsys.readouterr().out
    assert "raised    TypeError: unsupported operand" in said
    assert "hint      numbers only" in said


def test_the_summary_counts_and_a_second_try_replaces_the_first(capsys, monkeypatch):
    monkeypatch.setattr(feedback, "results", {})
    check_double(abs)
    feedback.summary()
    assert "0 of 1 exercises solved" in capsys.readouterr().out
    check_double(double)
    feedback.summary()
    assert "1 of 1 exercises solved\n  right    double" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("got", "expected"),
    [(1, 1.0), ((1, 2), [1, 2]), ([1.0, float("nan")][:1], [1]), ({"a": 1}, {"a": 1})],
)
def test_same(got, expected):
    assert same(got, expected)


@pytest.mark.parametrize(
    ("got", "expected"),
    [(1, True), (None, 0), ([1], [1, 2]), ("1", 1), (1.01, 1.0), ([1], [[1]]), (float("nan"), 0.0)],
)
def test_not_same(got, expected):
    assert not same(got, expected)


def test_expect_error_wants_that_kind():
    expect_error("int('x')", lambda: int("x"), ValueError, "")
    with pytest.raises(NotYet, match="expected  ValueError\ngot       3"):
        expect_error("int('3')", lambda: int("3"), ValueError, "")
