"""What all optimizers share: groups, state, closures, saving, and what they refuse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.nn import Parameter
from minigrad.optim import SGD, Adam


def parameter(*values: float) -> Parameter:
    return Parameter(minigrad.tensor(list(values)))


def with_grad(*values: float) -> Parameter:
    """A parameter whose gradient is all ones."""
    param = parameter(*values)
    param.sum().backward()
    return param


def test_groups_have_options_of_their_own() -> None:
    first, second = with_grad(1.0), with_grad(1.0)
    optimizer = SGD([{"params": [first], "lr": 0.5}, {"params": second}], lr=0.25)
    optimizer.step()
    assert (first.item(), second.item()) == (0.5, 0.75)
    optimizer.param_groups[1]["lr"] = 0.5
    optimizer.step()
    assert second.item() == 0.25


def test_named_parameters() -> None:
    optimizer = SGD([("w", parameter(1.0)), ("b", parameter(2.0))])
    assert optimizer.param_groups[0]["param_names"] == ["w", "b"]


def test_parameters_without_a_gradient_stay() -> None:
    param = parameter(1.0)
    SGD([param], lr=1.0, weight_decay=0.5).step()
    assert param.item() == 1.0


def test_zero_grad() -> None:
    param = with_grad(1.0)
    optimizer = SGD([param])
    optimizer.zero_grad(set_to_none=False)
    assert param.grad.tolist() == [0.0]
    optimizer.zero_grad()
    assert param.grad is None


def test_step_changes_the_memory_in_place_and_records_nothing() -> None:
    param = with_grad(1.0, 2.0)
    values = param.detach()
    SGD([param], lr=0.5).step()
    assert values.tolist() == [0.5, 1.5]
    assert param.is_leaf
    assert param.requires_grad


def test_the_gradient_is_not_the_momentum() -> None:
    param = with_grad(1.0)
    optimizer = SGD([param], momentum=0.5)
    optimizer.step()
    param.grad.zero_()
    assert optimizer.state[param]["momentum_buffer"].tolist() == [1.0]


def test_a_step_between_forward_and_backward_is_damage() -> None:
    param = with_grad(3.0)
    loss = (param * param).sum()
    SGD([param], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_closure_runs_with_gradients_and_its_loss_comes_back() -> None:
    param = parameter(2.0)
    optimizer = SGD([param], lr=0.25)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (param * param).sum()
        loss.backward()
        return loss

    with minigrad.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 4.0
    assert param.item() == 1.0


@pytest.mark.parametrize(("rule", "options"), [(SGD, {"lr": 0.1, "momentum": 0.9}), (Adam, {})])
def test_training_goes_on_from_a_state_dict(rule: Any, options: dict[str, Any]) -> None:
    first, second = parameter(1.0, 2.0), parameter(1.0, 2.0)
    optimizers = [rule([first], **options), rule([second])]

    def step(param: Parameter, optimizer: Any) -> None:
        optimizer.zero_grad()
        (param * param).sum().backward()
        optimizer.step()

    step(first, optimizers[0])
    with minigrad.no_grad():
        second.copy_(first)
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    for _ in range(3):
        step(first, optimizers[0])
        step(second, optimizers[1])
    assert first.tolist() == second.tolist()


def test_state_dict_numbers_the_parameters() -> None:
    first, second = parameter(1.0), with_grad(1.0)
    optimizer = Adam([{"params": [first]}, {"params": [second], "lr": 0.5}])
    optimizer.step()
    saved = optimizer.state_dict()
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in saved["param_groups"]] == [1e-3, 0.5]
    assert list(saved["state"]) == [1]
    assert saved["state"][1]["step"].item() == 1


def test_a_loaded_state_is_a_copy() -> None:
    param = with_grad(1.0)
    optimizer, other = SGD([param], momentum=0.9), SGD([parameter(1.0)])
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    (values,) = other.state.values()
    values["momentum_buffer"].zero_()
    assert optimizer.state[param]["momentum_buffer"].item() == 1


def test_a_loaded_state_has_the_dtype_of_its_parameter() -> None:
    param = with_grad(1.0)
    optimizer, double = Adam([param]), Parameter(minigrad.tensor([1.0], dtype=minigrad.float64))
    optimizer.step()
    other = Adam([double])
    other.load_state_dict(optimizer.state_dict())
    state = other.state[double]
    assert (state["exp_avg"].dtype, state["step"].dtype) == (minigrad.float64, minigrad.float32)


def test_repr() -> None:
    assert repr(SGD([parameter(1.0)], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n"
        "    foreach: None\n    fused: None\n    lr: 0.1\n    maximize: False\n    momentum: 0\n"
        "    nesterov: False\n    weight_decay: 0\n)"
    )


X = parameter(1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SGD([]), ValueError, "optimizer got an empty parameter list"),
        (lambda: SGD(X), TypeError, "params argument given to the optimizer should be an iterable"),
        (lambda: SGD([1]), TypeError, "can only optimize Tensors, but one of the params is int"),
        (lambda: SGD([X * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda: SGD([{"params": {X}}]), TypeError, "organized in ordered collections"),
        (lambda: SGD([{"params": X}, {"params": X}]), ValueError, "more than one parameter group"),
        (lambda: SGD([X], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: SGD([X], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda: SGD([X], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
        (lambda: SGD([X], nesterov=True), ValueError, "Nesterov momentum requires a momentum"),
        (lambda: Adam([X], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: Adam([X], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (lambda: Adam([X], betas=(1, 0)), ValueError, "Invalid beta parameter at index 0: 1"),
        (lambda: Adam([X], betas=(0, 1)), ValueError, "Invalid beta parameter at index 1: 1"),
        (lambda: Adam([X], weight_decay=-1), ValueError, "Invalid weight_decay value: -1"),
    ],
)
def test_refused(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("groups", "message"),
    [([], "different number of parameter groups"), ([{"params": []}], "doesn't match the size")],
)
def test_state_of_another_optimizer(groups: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SGD([X]).load_state_dict({"param_groups": groups, "state": {}})


def test_duplicates_in_a_group() -> None:
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([X, X])


def test_a_state_whose_dtype_is_equal_but_another_object_is_taken() -> None:
    """Arrays from pickles and files have dtype objects of their own."""
    weight = parameter(1.0, 1.0)
    adam = Adam([weight])
    weight.grad = minigrad.ones(2)
    adam.step()
    state = adam.state_dict()
    other = np.dtype(np.float32).newbyteorder("=")
    for name in ("exp_avg", "exp_avg_sq"):
        array = state["state"][0][name].numpy().view(other)
        assert array.dtype is not np.dtype(np.float32)
        state["state"][0][name] = minigrad.from_numpy(array)
    adam.load_state_dict(state)
    adam.step()
