"""Functions that run around a step, and around saving and loading."""

import copy
import pickle
from typing import Any

import pytest

import minigrad
from minigrad.nn import Parameter
from minigrad.optim import SGD, Adagrad, Adam, AdamW, NAdam, Optimizer
from minigrad.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)


def with_grad(*values: float) -> Parameter:
    param = Parameter(minigrad.tensor(list(values)))
    param.grad = minigrad.ones_like(param)
    return param


class Halving(Optimizer):
    """An optimizer of a user's, written as for torch."""

    def __init__(self, params: Any, lr: float = 0.5):
        super().__init__(params, {"lr": lr})

    @minigrad.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    param.mul_(group["lr"])
        return None if closure is None else closure()


@pytest.mark.parametrize("rule", [SGD, Halving])
def test_hooks_around_a_step(rule: Any) -> None:
    log: list[str] = []
    optimizer = rule([with_grad(1.0)])
    handles = [
        optimizer.register_step_post_hook(lambda o, args, kwargs: log.append("after")),
        optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append("before")),
        register_optimizer_step_pre_hook(lambda o, args, kwargs: log.append("before all")),
        register_optimizer_step_post_hook(lambda o, args, kwargs: log.append("after all")),
    ]
    optimizer.step()
    assert log == ["before all", "before", "after", "after all"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(log) == 4


def test_an_inherited_step_runs_its_hooks_once() -> None:
    class Named(Halving):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    log: list[int] = []
    plain = type("Plain", (Halving,), {})([with_grad(1.0)])
    plain.register_step_pre_hook(lambda o, args, kwargs: log.append(1))
    plain.step()
    assert log == [1]
    optimizer = Named([with_grad(1.0)])
    optimizer.step()
    assert optimizer.param_groups[0]["params"][0].item() == 0.5


def test_a_hook_gives_other_arguments() -> None:
    optimizer = Halving([with_grad(1.0)])
    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: "new"}))
    assert optimizer.step(closure=lambda: "old") == "new"
    optimizer.register_step_pre_hook(lambda o, args, kwargs: "wrong")
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_hooks_around_saving_and_loading() -> None:
    log: list[str] = []
    optimizer = SGD([with_grad(1.0)], lr=0.5)
    optimizer.register_state_dict_pre_hook(lambda o: log.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: log.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    state = optimizer.state_dict()
    assert (log, state["note"]) == (["first", "second"], 1)

    def doubled(optimizer: Any, state: Any) -> Any:
        groups = [{**group, "lr": 2 * group["lr"]} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    optimizer.register_load_state_dict_pre_hook(doubled)
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"))
    optimizer.load_state_dict(state)
    assert (optimizer.param_groups[0]["lr"], log[-1]) == (1.0, "loaded")


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@pytest.mark.parametrize("rule", [Adam, NAdam, Adagrad])
def test_a_copy_has_parameters_of_its_own(copied: Any, rule: Any) -> None:
    param = with_grad(1.0, 2.0)
    optimizer = rule([param], lr=0.25)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: None)
    optimizer.step()
    again = copied(optimizer)
    (own,) = again.param_groups[0]["params"]
    own.grad = minigrad.ones(2)
    before = param.tolist()
    again.step()
    assert param.tolist() == before
    optimizer.step()
    assert own.tolist() == param.tolist()
    assert again.state[own]["step"].item() == 2


def test_names_stay_with_the_groups() -> None:
    params = [("weight", with_grad(1.0)), ("bias", with_grad(2.0))]
    optimizer, other = SGD(params), SGD(params)
    state = optimizer.state_dict()
    assert state["param_groups"][0]["param_names"] == ["weight", "bias"]
    del state["param_groups"][0]["param_names"]
    other.load_state_dict(state)
    assert other.param_groups[0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="cannot add param group without names"):
        other.add_param_group({"params": [with_grad(1.0)]})
    with pytest.raises(ValueError, match="Some param names are missing"):
        SGD([params[0], with_grad(1.0)])


def test_weight_decay_stays_decoupled_whatever_is_loaded() -> None:
    optimizer = AdamW([with_grad(1.0)])
    optimizer.load_state_dict(Adam([with_grad(1.0)]).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True


def test_a_step_count_that_is_a_number_is_understood() -> None:
    """States that torch saved before 1.12 have one."""
    optimizer = Adam([with_grad(1.0)])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0] = {**state["state"][0], "step": 1}
    optimizer.load_state_dict(state)
    optimizer.step()
    (values,) = optimizer.state.values()
    assert values["step"].item() == 2


def test_what_belongs_to_no_parameter_is_kept() -> None:
    optimizer = SGD([with_grad(1.0)])
    state = optimizer.state_dict()
    state["state"]["note"] = {"seen": 3}
    optimizer.load_state_dict(state)
    assert optimizer.state_dict()["state"]["note"] == {"seen": 3}
