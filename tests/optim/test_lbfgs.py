"""L-BFGS on functions whose minimum is known."""

from typing import Any

import pytest

import minigrad
from minigrad.nn import Parameter
from minigrad.optim import LBFGS
from minigrad.optim.line_search import Point, cubic_minimum, strong_wolfe


def minimised(start: list[float], loss_of: Any, **options: Any) -> tuple[Parameter, Any, int]:
    x = Parameter(minigrad.tensor(start, dtype=minigrad.float64))
    optimizer = LBFGS([x], **options)
    calls = []

    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        calls.append(loss.item())
        return loss

    with minigrad.no_grad():
        first = optimizer.step(closure)
    assert first.item() == calls[0]
    return x, optimizer, len(calls)


def bowl(x: Any) -> Any:
    weights = minigrad.tensor([1.0, 10.0, 0.5], dtype=minigrad.float64)
    return (weights * (x - 1) ** 2).sum()


def valley(x: Any) -> Any:
    """Rosenbrock's, with its minimum at (1, 1)."""
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_bowl(search: str | None) -> None:
    x, optimizer, calls = minimised([3.0, -2.0, 0.0], bowl, line_search_fn=search)
    assert x.tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    assert optimizer.state[x]["func_evals"] == calls


def test_the_valley() -> None:
    x, _, calls = minimised([-1.2, 1.0], valley, max_iter=100, line_search_fn="strong_wolfe")
    assert x.tolist() == pytest.approx([1, 1], abs=1e-3)
    assert calls < 80


def test_history_is_limited() -> None:
    x, optimizer, _ = minimised([-1.2, 1.0], valley, line_search_fn="strong_wolfe", history_size=2)
    state = optimizer.state[x]
    assert [len(state[name]) for name in ("old_dirs", "old_stps", "ro", "al")] == [2, 2, 2, 2]


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_evaluations_are_limited(search: str | None) -> None:
    _, optimizer, calls = minimised(
        [-1.2, 1.0], valley, lr=1e-3, max_eval=6, max_iter=50, line_search_fn=search
    )
    assert calls <= 6 + (search is not None)
    assert optimizer.defaults["max_eval"] == 6


def test_at_a_minimum_nothing_moves() -> None:
    x, optimizer, calls = minimised([1.0, 1.0, 1.0], bowl)
    assert (x.tolist(), calls, optimizer.state[x]["n_iter"]) == ([1.0, 1.0, 1.0], 1, 0)


def test_a_course_goes_on_from_a_state_dict() -> None:
    options = {"max_iter": 3, "line_search_fn": "strong_wolfe"}
    x, optimizer, _ = minimised([-1.2, 1.0], valley, **options)
    y = Parameter(x.detach().clone())
    again = LBFGS([y], **options)
    again.load_state_dict(optimizer.state_dict())
    for param, rule in ((x, optimizer), (y, again)):

        def closure(param: Any = param, rule: Any = rule) -> Any:
            rule.zero_grad()
            loss = valley(param)
            loss.backward()
            return loss

        rule.step(closure)
    assert x.tolist() == y.tolist()


def test_the_minimum_of_a_cubic() -> None:
    """f(x) = x**3 - 3 * x has its minimum at 1."""
    points = [Point(x, x**3 - 3 * x, None, minigrad.tensor(3 * x**2 - 3.0)) for x in (0.0, 2.0)]
    for a, b in (points, points[::-1]):
        assert float(cubic_minimum(a, b, (0.0, 2.0))) == pytest.approx(1.0)
        assert float(cubic_minimum(a, b, (1.5, 2.0))) == 1.5


@pytest.mark.parametrize("length", [1e-3, 0.5, 1.0, 30.0])
def test_a_search_ends_where_the_wolfe_conditions_hold(length: float) -> None:
    """Along the line of f(x) = x**4 / 4 - x from 0, with the minimum at 1."""
    direction = minigrad.tensor([1.0], dtype=minigrad.float64)

    def at(t: Any) -> tuple[float, Any]:
        x = float(t)
        return x**4 / 4 - x, minigrad.tensor([x**3 - 1.0], dtype=minigrad.float64)

    loss, grad = at(0.0)
    found, slope, t = strong_wolfe(at, length, direction, loss, grad, grad @ direction, 25)
    assert found <= loss + 1e-4 * float(t) * -1.0
    assert abs(slope.item()) <= 0.9


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: LBFGS([{"params": [x]}, {"params": []}]), ValueError, "per-parameter options"),
        (lambda x: LBFGS([x], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda x: LBFGS([x]).step(), TypeError, "missing 1 required positional argument"),
    ],
)
def test_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(Parameter(minigrad.ones(1)))


def test_an_unknown_search() -> None:
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        minimised([0.0, 0.0], valley, line_search_fn="armijo")
