"""The addition task: right answers, and none of them known from training."""

import pytest

from minigrad import Tensor, tensor
from minigrad.data import addition, addition_vocabulary, exact_accuracy


def problems(part: object) -> list[tuple[int, int, int]]:
    """a, b and the answer of each sample, read as text."""
    vocabulary = addition_vocabulary()
    read = []
    for question, answer in zip(*part.tensors, strict=True):  # type: ignore[attr-defined]
        text = vocabulary.decode(question)
        assert text[-1] == "="
        a, b = text[:-1].split("+")
        read.append((int(a), int(b), int(vocabulary.decode(answer)[::-1])))
    return read


def test_every_answer_is_right_and_every_problem_is_there() -> None:
    train, test = map(problems, addition(digits=1))
    assert all(a + b == answer for a, b, answer in train + test)
    assert sorted((a, b) for a, b, _ in train + test) == [
        (i, j) for i in range(10) for j in range(10)
    ]


def test_no_test_problem_is_in_training_not_even_the_other_way_round() -> None:
    train, test = map(problems, addition(digits=2))
    known = {(a, b) for a, b, _ in train} | {(b, a) for a, b, _ in train}
    assert known.isdisjoint((a, b) for a, b, _ in test)
    assert len(train) + len(test) == 10_000
    assert len(test) == pytest.approx(1000, rel=0.05)


def test_questions_have_one_length_and_the_last_digit_comes_first() -> None:
    train, _ = addition(digits=2)
    questions, answers = train.tensors
    assert (questions.shape[1], answers.shape[1]) == (6, 3)
    row = [a + b == 22 for a, b, _ in problems(train)].index(True)
    assert addition_vocabulary().decode(answers[row]) == "220"


def test_the_seed_decides_what_is_held_out() -> None:
    first, again, other = (addition(1, seed=seed)[1].tensors[0].tolist() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("options", "message"),
    [({"digits": 4}, "digits should be from 1 to 3"), ({"held_out": 1.0}, "between 0 and 1")],
)
def test_bad_arguments(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        addition(**options)  # type: ignore[arg-type]


def test_exact_accuracy_counts_whole_rows() -> None:
    right: Tensor = tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    assert exact_accuracy(right, right) == 1
    assert exact_accuracy(tensor([[1, 2], [3, 0], [0, 6], [0, 0]]), right) == 0.25
    with pytest.raises(ValueError, match=r"shapes \(1, 2\) and \(4, 2\) differ"):
        exact_accuracy(right[:1], right)
