"""A step is one launch, whatever the parameters are; and it writes where they are now."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import kernels
from minigrad.nn import Parameter
from minigrad.optim import SGD, Adam, AdamW

RULES = [(SGD, {"momentum": 0.9}), (Adam, {"amsgrad": True, "weight_decay": 0.1})]


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The launches of a test; they run as ever."""
    seen: list[Any] = []

    def observe(launched: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        seen.append(launched)
        with monkeypatch.context() as unobserved:
            unobserved.setattr(kernels, "observer", None)
            return launched(*arguments)

    monkeypatch.setattr(kernels, "observer", observe)
    return seen


def parameters(*shapes: tuple[int, ...], dtype: Any = minigrad.float32) -> list[Parameter]:
    random = np.random.default_rng(0)
    params = [Parameter(minigrad.tensor(random.standard_normal(s), dtype=dtype)) for s in shapes]
    for param in params:
        param.grad = minigrad.tensor(random.standard_normal(param.shape), dtype=dtype)
    return params


SHAPES = [(3, 4), (), (0, 2), (7,), (2, 3, 5)]


@pytest.mark.parametrize(("rule", "options"), RULES)
def test_one_launch_a_step(rule: Any, options: dict[str, Any], launches: list[Any]) -> None:
    optimizer = rule(parameters(*SHAPES), **options)
    optimizer.step()
    launches.clear()
    optimizer.step()
    assert launches == [kernels.update]


def test_a_launch_for_each_dtype_and_group(launches: list[Any]) -> None:
    single, double = parameters((3,), (4,)), parameters((5,), dtype=minigrad.float64)
    optimizer = SGD([{"params": [*single, *double]}, {"params": parameters((2,)), "lr": 0.5}])
    optimizer.step()
    assert launches == [kernels.update] * 3


@pytest.mark.parametrize(("rule", "options"), RULES)
def test_all_at_once_is_as_one_by_one(rule: Any, options: dict[str, Any]) -> None:
    together, alone = parameters(*SHAPES), parameters(*SHAPES)
    optimizers = [rule([param], **options) for param in alone]
    for optimizer in (rule(together, **options), *optimizers):
        optimizer.step()
        optimizer.step()
    for mine, other in zip(together, alone, strict=True):
        assert mine.tolist() == other.tolist()


@pytest.mark.parametrize(("rule", "options"), RULES)
@pytest.mark.parametrize("threads", [1, 3])
def test_large_parameters_on_several_threads(
    rule: Any, options: dict[str, Any], threads: int
) -> None:
    """Pieces of the launch begin and end within parameters."""
    before = minigrad.get_num_threads()
    shapes = [(300_000,), (5,), (0,), (900, 500)]
    params, expected = parameters(*shapes), parameters(*shapes)
    try:
        minigrad.set_num_threads(1)
        rule(expected, **options).step()
        minigrad.set_num_threads(threads)
        rule(params, **options).step()
    finally:
        minigrad.set_num_threads(before)
    for mine, other in zip(params, expected, strict=True):
        assert np.array_equal(mine.detach().numpy(), other.detach().numpy())


def transposed(x: Any) -> Any:
    return minigrad.tensor(x.T.tolist(), dtype=x.dtype).T


def with_gaps(x: Any) -> Any:
    wide = minigrad.zeros(*x.shape[:-1], 2 * x.shape[-1], dtype=x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def stretched(x: Any) -> Any:
    return x[:1].expand(*x.shape)


@pytest.mark.parametrize(("rule", "options"), RULES)
@pytest.mark.parametrize("layout", [transposed, with_gaps])
@pytest.mark.parametrize("what", ["param", "grad", "state"])
def test_other_strides(rule: Any, options: dict[str, Any], layout: Any, what: str) -> None:
    (plain,), (param,) = parameters((3, 4)), parameters((3, 4))
    expected, optimizer = rule([plain], **options), rule([param], **options)
    if what == "param":
        param.data = layout(param.detach())
    if what == "grad":
        param.grad = layout(param.grad)
    for step in range(2):
        if what == "state" and step == 1:
            state = optimizer.state[param]
            for name in [name for name in state if name != "step"]:
                state[name] = layout(state[name])
        expected.step()
        optimizer.step()
    assert param.tolist() == plain.tolist()


def test_a_stretched_gradient() -> None:
    (param,), (plain,) = parameters((3, 4)), parameters((3, 4))
    param.grad = stretched(param.grad)
    plain.grad = stretched(plain.grad).clone()
    for x in (param, plain):
        Adam([x]).step()
    assert param.tolist() == plain.tolist()


@pytest.mark.parametrize(("rule", "options"), RULES)
def test_nothing_remembers_where_an_array_was(rule: Any, options: dict[str, Any]) -> None:
    """New data, a new gradient and a new state between two steps: what is there now counts."""
    (param,), (plain,) = parameters((4,)), parameters((4,))
    optimizer, expected = rule([param], **options), rule([plain], **options)
    for _ in range(3):
        before = param.detach()
        kept = before.tolist()
        param.data = before.clone()
        param.grad = param.grad.clone()
        for name, value in optimizer.state[param].items() if param in optimizer.state else ():
            optimizer.state[param][name] = value.clone()
        optimizer.step()
        expected.step()
        assert before.tolist() == kept
        assert param.tolist() == plain.tolist()


def test_a_view_of_a_buffer() -> None:
    """Parameters that are parts of one array change in it, and nothing beside them."""
    buffer = minigrad.ones(10)
    params = [Parameter(buffer[2:5]), Parameter(buffer[5:7])]
    for param in params:
        param.grad = minigrad.ones_like(param)
    SGD(params, lr=0.5).step()
    assert buffer.tolist() == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1]


def test_float16_is_computed_in_float32() -> None:
    (param,) = parameters((100,), dtype=minigrad.float16)
    start, grad = (x.detach().numpy().astype(np.float32) for x in (param, param.grad))
    optimizer = SGD([param], lr=1 / 3, weight_decay=0.1)
    optimizer.step()
    expected = start - np.float32(1 / 3) * (grad + np.float32(0.1) * start)
    assert param.dtype == minigrad.float16
    np.testing.assert_allclose(param.detach().numpy(), expected, 2**-10)


def test_a_small_number_keeps_its_digits_in_float32() -> None:
    """1 - 0.999 in float32 would be wrong in the fifth digit."""
    (param,) = parameters((1,))
    param.grad = minigrad.ones(1)
    optimizer = Adam([param])
    optimizer.step()
    assert optimizer.state[param]["exp_avg_sq"].item() == float(np.float32(1 - 0.999))


def test_nan_and_inf_stay_where_they_are() -> None:
    param = Parameter(minigrad.tensor([1.0, float("inf"), 2.0, 3.0]))
    param.grad = minigrad.tensor([float("nan"), 1.0, float("inf"), 1.0])
    AdamW([param], lr=0.5, amsgrad=True).step()
    values = param.tolist()
    assert [np.isnan(x) for x in values] == [True, False, True, False]
    assert values[1] == float("inf")


@pytest.mark.parametrize("dtype", [minigrad.float64, minigrad.float16])
def test_a_state_of_another_dtype_is_refused(dtype: Any) -> None:
    (param,) = parameters((2,))
    optimizer = SGD([param], momentum=0.5)
    optimizer.step()
    before = param.tolist()
    optimizer.state[param]["momentum_buffer"] = minigrad.zeros(2, dtype=dtype)
    with pytest.raises(RuntimeError, match=r"the state of an optimizer is .* of shape"):
        optimizer.step()
    assert param.tolist() == before


def test_data_of_another_shape_is_refused() -> None:
    (param,) = parameters((2,))
    optimizer = SGD([param])
    param.data = minigrad.zeros(3)
    with pytest.raises(RuntimeError, match=r"a gradient is Float of shape \[2\] on cpu, but"):
        optimizer.step()


def test_the_version_counts_one_write() -> None:
    (param,) = parameters((2,))
    optimizer = Adam([param])
    optimizer.step()
    version = param._version
    optimizer.step()
    assert param._version == version + 1
    assert optimizer.state[param]["exp_avg"]._version == 2


def test_saved_tensors_may_be_kept_from_a_step() -> None:
    (param,) = parameters((2,))
    with minigrad.autograd.graph.allow_mutation_on_saved_tensors():
        loss = (param * param).sum()
        before = param.tolist()
        SGD([param], lr=0.5).step()
        param.grad = None
        loss.backward()
    assert param.grad.tolist() == pytest.approx([2 * x for x in before])
    assert param.tolist() != before


def test_a_recorded_gradient_records_no_step() -> None:
    (param,) = parameters((2,))
    param.grad = None
    (param**3).sum().backward(create_graph=True)
    SGD([param], lr=0.5).step()
    assert param.is_leaf
    assert param.grad.requires_grad
