"""Module: registering parts, walking them, modes, moving, saving and printing."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import nn
from minigrad.nn import Linear, Module, Parameter, ReLU, Sequential


class Block(Module):
    """One of everything: a parameter, buffers that are saved or not, children."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = Parameter(minigrad.ones(2))
        self.register_parameter("absent", None)
        self.register_buffer("seen", minigrad.zeros(2))
        self.register_buffer("cache", minigrad.zeros(1), persistent=False)
        self.linear = Linear(2, 2)
        self.act = ReLU()

    def forward(self, x: Any) -> Any:
        return self.act(self.linear(x)) * self.scale


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


def test_parts_are_found_by_name() -> None:
    block = Block()
    assert names(block.named_parameters()) == ["scale", "linear.weight", "linear.bias"]
    assert names(block.named_parameters(prefix="net", recurse=False)) == ["net.scale"]
    assert names(block.named_buffers()) == ["seen", "cache"]
    assert names(block.named_children()) == ["linear", "act"]
    assert names(block.named_modules()) == ["", "linear", "act"]
    assert block.get_parameter("linear.weight") is block.linear.weight
    assert block.get_submodule("") is block
    assert block.absent is None
    assert {"scale", "seen", "linear"} <= set(dir(block))


def test_shared_parts_come_once() -> None:
    linear = Linear(2, 2)
    net = Sequential(linear, ReLU(), linear)
    assert names(net.named_parameters()) == ["0.weight", "0.bias"]
    assert len(list(net.modules())) == 3
    everything = names(net.named_parameters(remove_duplicate=False))
    assert everything == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_tied_weights_are_one_parameter() -> None:
    net = Sequential(Linear(2, 2), Linear(2, 2))
    net[1].weight = net[0].weight
    assert names(net.named_parameters()) == ["0.weight", "0.bias", "1.bias"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    net(minigrad.ones(1, 2)).sum().backward()
    assert net[1].weight.grad is net[0].weight.grad


def test_forward_with_a_shared_module_calls_it_each_time() -> None:
    linear = Linear(2, 2)
    x = minigrad.ones(1, 2)
    assert Sequential(linear, linear)(x).tolist() == linear(linear(x)).tolist()


def test_attributes_change_their_kind() -> None:
    block = Block()
    block.scale = None
    assert names(block.named_parameters(recurse=False)) == []
    block.plain = 3
    block.plain = Parameter(minigrad.ones(1))
    assert names(block.named_parameters(recurse=False)) == ["plain"]
    del block.plain
    block.plain = ReLU()
    assert names(block.named_children())[-1] == "plain"
    del block.plain
    assert not hasattr(block, "plain")
    block.seen = minigrad.ones(2)
    assert block.get_submodule("act") is block.act
    assert block._buffers["seen"].tolist() == [1, 1]


def test_modes() -> None:
    block = Block()
    assert block.training
    assert block.eval() is block
    assert not block.linear.training
    assert block.train().linear.training


def test_requires_grad_and_zero_grad() -> None:
    block = Block()
    block(minigrad.ones(3, 2)).sum().backward()
    block.zero_grad(set_to_none=False)
    assert block.linear.weight.grad.tolist() == [[0, 0], [0, 0]]
    block.zero_grad()
    assert block.linear.weight.grad is None
    block.requires_grad_(False)
    assert not block(minigrad.ones(3, 2)).requires_grad


def test_apply_goes_from_the_leaves_up() -> None:
    seen: list[str] = []
    Block().apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "ReLU", "Block"]


def test_to_keeps_parameters_leaves_and_their_gradients() -> None:
    block = Block()
    weight = block.linear.weight
    block.register_buffer("count", minigrad.tensor([1]))
    block(minigrad.ones(3, 2)).sum().backward()
    assert block.to(minigrad.float64) is block
    assert block.linear.weight is weight
    assert weight.is_leaf
    assert weight.dtype == weight.grad.dtype == block.seen.dtype == minigrad.float64
    assert block.count.dtype == minigrad.int64
    block.to("cpu", minigrad.float32).to(minigrad.zeros(1))
    block(minigrad.ones(3, 2)).sum().backward()
    assert weight.grad.dtype == minigrad.float32


def test_state_dict_round_trip() -> None:
    first, second = Block(), Block()
    state = first.state_dict()
    assert list(state) == ["scale", "seen", "linear.weight", "linear.bias"]
    assert not state["scale"].requires_grad
    weight = second.linear.weight
    assert str(second.load_state_dict(state)) == "<All keys matched successfully>"
    assert second.linear.weight is weight
    assert weight.tolist() == first.linear.weight.tolist()
    assert next(iter(first.state_dict(prefix="net."))) == "net.scale"


def test_not_strict_says_what_was_left_out() -> None:
    state = Linear(2, 2).state_dict()
    state["more"] = state.pop("bias")
    left_out = Linear(2, 2).load_state_dict(state, strict=False)
    assert left_out.missing_keys == ["bias"]
    assert left_out.unexpected_keys == ["more"]


def test_copies_are_independent() -> None:
    block = Block()
    for copied in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        assert type(copied.scale) is Parameter
        assert copied.linear.weight.tolist() == block.linear.weight.tolist()
        with minigrad.no_grad():
            copied.linear.weight.zero_()
        copied(minigrad.ones(3, 2)).sum().backward()
        assert block.linear.weight.grad is None
        assert block.linear.weight.tolist() != copied.linear.weight.tolist()


def test_repr() -> None:
    assert repr(Sequential(Linear(2, 3), Sequential(ReLU(inplace=True)))) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU(inplace=True)\n"
        "  )\n"
        ")"
    )
    assert repr(Sequential()) == "Sequential()"
    assert repr(nn.CrossEntropyLoss()) == "CrossEntropyLoss()"
    assert repr(Parameter(minigrad.ones(1))) == (
        "Parameter containing:\ntensor([1.], requires_grad=True)"
    )


def set_weight(value: Any) -> None:
    Linear(1, 1).weight = value


class Forgetful(Module):
    """Sets an attribute before Module.__init__ has run."""

    def __init__(self, value: Any) -> None:
        self.part = value


def load(state: Any) -> None:
    Linear(1, 1).load_state_dict(state)


ONE = minigrad.ones(1)


@pytest.mark.parametrize("assign", [False, True])
def test_one_element_is_loaded_into_a_tensor_without_dimensions(assign: bool) -> None:
    norm = nn.BatchNorm1d(2)
    state = norm.state_dict()
    state["num_batches_tracked"] = minigrad.tensor([7])
    norm.load_state_dict(state, assign=assign)
    assert norm.num_batches_tracked.shape == ()
    assert norm.num_batches_tracked.item() == 7


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Module()(1), NotImplementedError, 'missing the required "forward" function'),
        (lambda: set_weight(3), TypeError, "cannot assign 'int' as parameter 'weight'"),
        (lambda: set_weight(ONE), TypeError, "nn.Parameter or None expected"),
        (lambda: Linear(1, 1).foo, AttributeError, "'Linear' object has no attribute 'foo'"),
        (lambda: Forgetful(ReLU()), AttributeError, r"before Module.__init__\(\) call"),
        (lambda: Forgetful(Parameter(ONE)), AttributeError, "cannot assign parameters before"),
        (lambda: Sequential(1), TypeError, "int is not a Module subclass"),
        (lambda: Sequential()[0], IndexError, "index 0 is out of range"),
        (lambda: Module().train(3), ValueError, "training mode is expected to be boolean"),
        (lambda: Module().to(minigrad.int64), TypeError, "only accepts floating point"),
        (lambda: Linear(1, 1).get_parameter("z"), AttributeError, "Linear has no attribute `z`"),
        (lambda: Linear(1, 1).get_submodule("weight"), AttributeError, "is not an nn.Module"),
        (lambda: Module().register_parameter("a.b", None), KeyError, "name can.*contain"),
        (lambda: Module().register_parameter("", None), KeyError, "be empty string"),
        (lambda: Module().register_parameter("forward", None), KeyError, "already exists"),
        (lambda: Module().register_parameter("q", ONE), TypeError, "nn.Parameter or None required"),
        (
            lambda: Module().register_buffer("q", 3),
            TypeError,
            "cannot assign 'int' object to buffer",
        ),
        (lambda: Linear(1, 1).register_buffer("weight", ONE), KeyError, "already exists"),
        (lambda: load(3), TypeError, "Expected state_dict to be dict-like"),
        (lambda: load({}), RuntimeError, 'Missing key.*"weight", "bias"'),
        (lambda: load({"x": ONE}), RuntimeError, 'Unexpected key.*"x"'),
        (lambda: load({"weight": ONE, "bias": ONE}), RuntimeError, "size mismatch for weight"),
        (
            lambda: load({"weight": 3, "bias": ONE}),
            RuntimeError,
            "While copying the parameter named",
        ),
        (lambda: Parameter(minigrad.tensor([1])), RuntimeError, "floating point"),
    ],
)
def test_refused(act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
