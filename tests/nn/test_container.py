"""Containers: lists and dictionaries whose modules and parameters are found."""

import pytest

import minigrad
from minigrad import nn
from minigrad.nn import ModuleDict, ModuleList, ParameterDict, ParameterList, ReLU, Sequential, Tanh


def kinds(modules: object) -> list[str]:
    assert isinstance(modules, nn.Module)
    return [type(module).__name__ for module in modules.children()]


@pytest.mark.parametrize("kind", [Sequential, ModuleList])
def test_a_list_of_modules_changes_like_a_list(kind: type[Sequential]) -> None:
    a, b, c = ReLU(), Tanh(), nn.Sigmoid()
    modules = kind()
    modules.append(a)
    modules.extend([c])
    modules.insert(1, b)
    assert list(modules) == [a, b, c]
    assert modules[-1] is c
    assert list(modules[::2]) == [a, c]
    modules[0] = c
    assert modules.pop(1) is b
    assert list(modules) == [c, c]
    del modules[0]
    assert list(modules._modules) == ["0"]


def test_sums_and_products_of_sequential() -> None:
    net = Sequential(ReLU(), Tanh())
    assert kinds(net + Sequential(nn.Sigmoid())) == ["ReLU", "Tanh", "Sigmoid"]
    assert len(net * 3) == len(2 * net) + 2 == 6
    assert (net * 2)[2] is net[0]
    net *= 2
    net += Sequential(ReLU())
    assert len(net) == 5


def test_modules_and_parameters_in_containers_are_found() -> None:
    net = nn.Module()
    net.layers = ModuleList([nn.Linear(1, 1)])
    net.by_name = ModuleDict({"up": nn.Linear(1, 1, bias=False)})
    net.list = ParameterList([minigrad.zeros(1)])
    net.dict = ParameterDict({"b": minigrad.zeros(1), "a": minigrad.zeros(1)})
    assert [name for name, _ in net.named_parameters()] == [
        "layers.0.weight",
        "layers.0.bias",
        "by_name.up.weight",
        "list.0",
        "dict.a",
        "dict.b",
    ]


def test_module_dict() -> None:
    modules = ModuleDict([("a", ReLU()), ("b", Tanh())])
    assert list(modules) == list(modules.keys()) == ["a", "b"]
    assert "a" in modules
    assert kinds(modules) == ["ReLU", "Tanh"]
    modules.pop("a")
    modules["c"] = ReLU()
    assert [name for name, _ in modules.items()] == ["b", "c"]
    modules.clear()
    assert len(modules) == 0


def test_tensors_become_parameters_and_other_things_stay() -> None:
    values = ParameterList([minigrad.ones(2), "text"])
    assert type(values[0]) is nn.Parameter
    assert values[1] == "text"
    assert len(values[1:]) == 1
    named = ParameterDict({"x": minigrad.ones(2)})
    assert type(named["x"]) is nn.Parameter
    assert named.get("y") is None
    assert list(named | ParameterDict({"y": minigrad.ones(1)})) == ["x", "y"]


def test_equal_layers_are_printed_once() -> None:
    assert repr(ModuleList([ReLU(), ReLU(), Tanh()])) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    )


def test_lists_are_not_called() -> None:
    with pytest.raises(NotImplementedError, match="ModuleList"):
        ModuleList([ReLU()])(1)
    with pytest.raises(RuntimeError, match="should not be called"):
        ParameterList()(1)
