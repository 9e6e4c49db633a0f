"""Modules as in torch: the same programs give the same events, names, values and errors."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from tests.parity.compare import LIBRARIES

torch = pytest.importorskip("torch")


def numbers(value: Any) -> Any:
    """Tensors as lists, so that results of both libraries can be compared."""
    if isinstance(value, torch.Tensor | minigrad.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: numbers(x) for key, x in value.items()}
    if isinstance(value, tuple | list):
        return [numbers(x) for x in value]
    return value


def linear(library: Any, inputs: int = 2, outputs: int = 2) -> Any:
    """A Linear with chosen weights, small integers."""
    layer = library.nn.Linear(inputs, outputs)
    with library.no_grad():
        layer.weight.copy_(library.arange(inputs * outputs).reshape(outputs, inputs) - 1.0)
        layer.bias.fill_(0.5)
    return layer


def block(library: Any) -> Any:
    """A tree with one of everything: buffers that are saved or not, a shared layer, no layer."""
    nn = library.nn
    net = nn.Module()
    net.first = linear(library)
    net.scale = nn.Parameter(library.ones(2))
    net.register_parameter("absent", None)
    net.register_buffer("seen", library.zeros(2))
    net.register_buffer("cache", library.zeros(1), persistent=False)
    net.extra = nn.Buffer(library.ones(1))
    net.hidden = nn.Buffer(library.ones(1), persistent=False)
    net.add_module("0", nn.Sequential(net.first, nn.ReLU()))
    net.register_module("none", None)
    return net


# --------------------------------------------------------------------------- programs that return


def walked(library: Any) -> Any:
    net, found = block(library), {}
    for kind in ("parameters", "buffers", "modules"):
        for shared in (True, False):
            members = getattr(net, f"named_{kind}")(prefix="p", remove_duplicate=shared)
            found[kind, shared] = [name for name, _ in members]
    found["children"] = [name for name, _ in net.named_children()]
    found["plain"] = [name for name, _ in net.named_parameters(recurse=False)]
    found["dir"] = [name for name in dir(net) if name in ("first", "0", "seen", "scale", "none")]
    return found


def reassigned(library: Any) -> Any:
    net = block(library)
    net.seen = library.nn.Parameter(library.ones(1))
    net.first = None
    net.cache = None
    net.register_buffer("cache", library.ones(2))
    del net.extra
    net.extra = 3
    net.none = library.nn.ReLU()
    return list(net.state_dict()), [n for n, _ in net.named_modules()], net.extra


def saved_and_loaded(library: Any) -> Any:
    net, other = block(library), block(library)
    with library.no_grad():
        other.scale.fill_(3.0)
    state = other.state_dict()
    result = net.load_state_dict(state)
    copied = copy.deepcopy(state), pickle.loads(pickle.dumps(state))
    same = state["scale"].data_ptr() == other.scale.data_ptr()
    kept = other.state_dict(keep_vars=True)["scale"] is other.scale
    versions = list(state._metadata)
    values = numbers(net.state_dict(prefix="net."))
    return str(result), values, versions, same, kept, [list(s) for s in copied]


def loaded_in_part(library: Any) -> Any:
    net = block(library)
    state = net.state_dict()
    state["0.1.more"] = state.pop("first.bias")
    state["foo.bar"] = state["more"] = state.pop("extra")
    return str(net.load_state_dict(state, strict=False))


def assigned(library: Any) -> Any:
    net = library.nn.Sequential(linear(library)).requires_grad_(False)
    weight = library.zeros(2, 2)
    net.load_state_dict(
        {"0.weight": weight, "0.bias": library.nn.Parameter(weight[0])}, assign=True
    )
    kept = net[0].weight.data_ptr() == weight.data_ptr()
    return kept, type(net[0].weight).__name__, net[0].bias.requires_grad


def extra_state(library: Any) -> Any:
    class Counter(library.nn.Module):
        count = 3

        def get_extra_state(self) -> Any:
            return {"count": self.count}

        def set_extra_state(self, state: Any) -> None:
            self.count = state["count"] + 1

    net, other = library.nn.Sequential(Counter()), library.nn.Sequential(Counter())
    other.load_state_dict(net.state_dict())
    left = library.nn.Sequential(library.nn.ReLU()).load_state_dict(net.state_dict(), strict=False)
    missing = net.load_state_dict({}, strict=False)
    return other[0].count, list(net.state_dict()), str(left), str(missing)


def state_hooks(library: Any) -> Any:
    net, events = library.nn.Sequential(linear(library)), []
    layer = net[0]
    layer.register_state_dict_pre_hook(lambda m, p, k: events.append(("before saving", p, k)))

    def rename(module: Any, state: Any, prefix: str, metadata: Any) -> None:
        events.append(("after saving", prefix, metadata))
        state[prefix + "w"] = state.pop(prefix + "weight")

    def rename_back(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        events.append(("before loading", prefix, *rest))
        state[prefix + "weight"] = state.pop(prefix + "w")

    layer.register_state_dict_post_hook(rename)
    handle = layer.register_load_state_dict_pre_hook(rename_back)
    layer.register_load_state_dict_post_hook(lambda m, keys: events.append(tuple(keys)))
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = net.state_dict()
    state.pop("0.bias")
    events.append(str(net.load_state_dict(state)))
    handle.remove()
    events.append(str(net.load_state_dict(state, strict=False)))
    return events, list(state)


def forward_hooks(library: Any) -> Any:
    net, events = linear(library), []
    x = library.ones(1, 2)

    def before(module: Any, args: Any) -> Any:
        events.append(("before", numbers(args)))
        return args[0] * 2

    def before_with_kwargs(module: Any, args: Any, kwargs: Any) -> Any:
        events.append(("with kwargs", numbers(args), numbers(kwargs)))
        return (), {"input": kwargs.get("input", args[0] if args else None) + 1}

    def after(module: Any, args: Any, output: Any) -> Any:
        events.append(("after", numbers(args), numbers(output)))
        return output + 100

    def after_with_kwargs(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        events.append(("after with kwargs", numbers(args), numbers(kwargs), numbers(output)))

    net.register_forward_pre_hook(before)
    handles = [
        net.register_forward_pre_hook(before_with_kwargs, with_kwargs=True),
        net.register_forward_hook(after),
        net.register_forward_hook(after_with_kwargs, with_kwargs=True, prepend=True),
    ]
    events.append(numbers(net(x)))
    handles[0].remove()
    net.register_forward_pre_hook(lambda m, a: events.append("first"), prepend=True)
    events.append(numbers(net(x)))
    return events


def always_called(library: Any) -> Any:
    events: list[Any] = []

    class Failing(library.nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("no")

    def breaks(module: Any, args: Any, output: Any) -> None:
        events.append("breaks")
        raise KeyError("hidden")

    net = Failing()
    net.register_forward_hook(breaks, always_call=True)
    net.register_forward_hook(lambda m, a, o: events.append(("late", o)), always_call=True)
    net.register_forward_hook(lambda m, a, o: events.append("never"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            net(library.ones(1))
        except ValueError as error:
            events.append(str(error))
    return events, [str(w.message) for w in caught]


def backward_hooks(library: Any) -> Any:
    net, events = linear(library), []

    def after(module: Any, grad_input: Any, grad_output: Any) -> Any:
        events.append(("after", numbers(grad_input), numbers(grad_output)))
        return (grad_input[0] * 10,)

    def before(module: Any, grad_output: Any) -> Any:
        events.append(("before", numbers(grad_output)))
        return (grad_output[0] + 1,)

    net.register_full_backward_hook(after)
    net.register_full_backward_pre_hook(before)
    x = library.ones(1, 2, requires_grad=True)
    y = net(x * 3)
    (y * y).sum().backward()
    return events, numbers(x.grad), numbers(net.weight.grad), numbers(net.bias.grad)


def backward_hooks_of_several(library: Any) -> Any:
    class Pair(library.nn.Module):
        def forward(self, a: Any, word: str, b: Any) -> Any:
            return a * b, word, b + 1

    events: list[Any] = []
    net = Pair()
    net.register_full_backward_hook(
        lambda m, i, o: events.append((numbers(i), numbers(o)))  # type: ignore[func-returns-value]
    )
    a, b = library.ones(2, requires_grad=True), library.full((2,), 3.0)
    product, word, more = net(a, "word", b)
    product.sum().backward()
    return events, numbers(a.grad), word, more.requires_grad, product.grad_fn.name()


def backward_hook_without_input(library: Any) -> Any:
    net, events = linear(library), []
    net.register_full_backward_hook(lambda m, i, o: events.append((numbers(i), numbers(o))))
    net(library.ones(1, 2)).sum().backward()
    with library.no_grad():
        net(library.ones(1, 2))
    return events


def backward_hooks_of_second_derivatives(library: Any) -> Any:
    """A gradient that comes to the inputs, but not through the outputs, calls no hook."""

    class Square(library.nn.Module):
        def forward(self, x: Any) -> Any:
            return x * x

    net, events = Square(), []
    net.register_full_backward_hook(lambda m, i, o: events.append((numbers(i), numbers(o))))
    x = library.full((2,), 3.0, requires_grad=True)
    (grad,) = library.autograd.grad(net(x).sum(), x, create_graph=True)
    before = len(events)
    grad.sum().backward()
    return events, before, numbers(x.grad)


def all_that_is_wrong_with_a_state(library: Any) -> Any:
    net = library.nn.Sequential(linear(library), linear(library))
    state = {"0.weight": library.ones(3), "1.bias": library.ones(2), "1.more": 3, "foo.bar": 4}
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    return str(caught.value).replace("torch", "minigrad"), numbers(net[1].bias)


def backward_hooks_in_a_tree(library: Any) -> Any:
    net, events = library.nn.Sequential(linear(library), linear(library)), []
    for name, module in net.named_modules():
        module.register_full_backward_hook(
            lambda m, i, o, name=name: events.append((name, numbers(i), numbers(o)))
        )
    x = library.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    copy.deepcopy(net)(x).sum().backward()
    return events


def converted(library: Any) -> Any:
    net = block(library)
    net.register_buffer("count", library.tensor([1]))
    net.first(library.ones(1, 2)).sum().backward()
    kinds = []
    for change in ("double", "half", "float"):
        getattr(net, change)()
        kinds.append([str(x.dtype).split(".")[1] for x in (*net.parameters(), *net.buffers())])
    kinds.append(str(net.first.weight.grad.dtype).split(".")[1])
    net.type(library.float64)
    kinds.append([str(x.dtype).split(".")[1] for x in (*net.parameters(), *net.buffers())])
    net.to_empty(device="cpu")
    return kinds, [tuple(x.shape) for x in net.parameters()]


def printed(library: Any) -> Any:
    class Odd(library.nn.Module):
        def extra_repr(self) -> str:
            return "two\nlines"

    return repr(block(library)), repr(library.nn.Sequential(Odd(), library.nn.Module()))


def found_by_name(library: Any) -> Any:
    net = block(library)
    net.set_submodule("0.1", linear(library))
    net.set_submodule("new", library.nn.ReLU())
    return numbers([net.get_buffer("seen"), net.get_parameter("0.1.bias")]), repr(net)


PROGRAMS = [
    walked,
    reassigned,
    saved_and_loaded,
    loaded_in_part,
    assigned,
    extra_state,
    state_hooks,
    forward_hooks,
    always_called,
    backward_hooks,
    backward_hooks_of_several,
    backward_hook_without_input,
    backward_hooks_of_second_derivatives,
    all_that_is_wrong_with_a_state,
    backward_hooks_in_a_tree,
    converted,
    printed,
    found_by_name,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_program(program: Callable[[Any], Any]) -> None:
    theirs, ours = [program(library) for library in LIBRARIES]
    assert ours == theirs


# ------------------------------------------------------------------------------------------ errors


def forgetful(library: Any, value: Any) -> Any:
    class Forgetful(library.nn.Module):
        def __init__(self) -> None:
            self.part = value

    return Forgetful()


def broken_hook(library: Any, kind: str, hook: Any, **options: Any) -> Any:
    layer = linear(library)
    getattr(layer, f"register_{kind}_hook")(hook, **options)
    x = library.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.Module()(1),
    lambda lib: lib.nn.Module().foo,
    lambda lib: delattr(lib.nn.Module(), "foo"),
    lambda lib: setattr(linear(lib), "weight", 3),
    lambda lib: setattr(lib.nn.Sequential(linear(lib)), "0", 3),
    lambda lib: setattr(block(lib), "seen", 3),
    lambda lib: forgetful(lib, lib.nn.ReLU()),
    lambda lib: forgetful(lib, lib.nn.Parameter(lib.ones(1))),
    lambda lib: lib.nn.Module().train(3),
    lambda lib: lib.nn.Module().to(lib.int64),
    lambda lib: lib.nn.Module().add_module("a", 3),
    lambda lib: lib.nn.Module().add_module(3, lib.nn.ReLU()),
    lambda lib: lib.nn.Module().add_module("a.b", lib.nn.ReLU()),
    lambda lib: lib.nn.Module().add_module("", lib.nn.ReLU()),
    lambda lib: lib.nn.Module().add_module("forward", lib.nn.ReLU()),
    lambda lib: lib.nn.Module().register_parameter("a", 3),
    lambda lib: lib.nn.Module().register_parameter("a", lib.nn.Parameter(lib.ones(1)) * 2),
    lambda lib: lib.nn.Module().register_parameter(3, None),
    lambda lib: lib.nn.Module().register_parameter("a.b", None),
    lambda lib: lib.nn.Module().register_parameter("", None),
    lambda lib: lib.nn.Module().register_parameter("train", None),
    lambda lib: lib.nn.Module().register_buffer("a", 3),
    lambda lib: lib.nn.Module().register_buffer(3, None),
    lambda lib: linear(lib).register_buffer("weight", None),
    lambda lib: block(lib).get_submodule("first.foo"),
    lambda lib: block(lib).get_submodule("first.weight"),
    lambda lib: block(lib).get_parameter("first.foo"),
    lambda lib: block(lib).get_parameter("seen"),
    lambda lib: block(lib).get_buffer("scale"),
    lambda lib: block(lib).get_buffer("foo"),
    lambda lib: block(lib).set_submodule("", lib.nn.ReLU()),
    lambda lib: block(lib).set_submodule("first", 3),
    lambda lib: block(lib).set_submodule("first.foo", lib.nn.ReLU(), strict=True),
    lambda lib: block(lib).set_submodule("scale", lib.nn.ReLU()),
    lambda lib: linear(lib).load_state_dict(3),
    lambda lib: linear(lib).load_state_dict({"a": lib.ones(1), "weight": lib.ones(3)}),
    lambda lib: linear(lib).load_state_dict({"bias": 3, "weight": lib.ones(2, 2)}),
    lambda lib: broken_hook(lib, "forward_pre", lambda m, a, k: 3, with_kwargs=True),
    lambda lib: broken_hook(lib, "full_backward", lambda m, i, o: (i[0], i[0])),
    lambda lib: broken_hook(lib, "full_backward_pre", lambda m, o: (o[0], o[0])),
    lambda lib: setattr(block(lib), "scale", lib.nn.ReLU()),
]


def message_of(act: Callable[[Any], Any], library: Any) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        act(library)
    words = str(caught.value).replace("nn.modules.", "nn.").replace("FloatTensor", "tensor.Tensor")
    return caught.type, words.replace("torch", "minigrad").split(". ")[0]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_error(number: int) -> None:
    (kind, theirs), (our_kind, ours) = [message_of(ERRORS[number], lib) for lib in LIBRARIES]
    assert our_kind is kind, (theirs, ours)
    assert ours.startswith(theirs[:30]), (theirs, ours)
