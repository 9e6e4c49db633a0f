"""Parametrized weights as in torch: names, numbers, gradients, removal and errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, same_tensor, tensors_in

torch = pytest.importorskip("torch")


def layer(library: Any, kind: str = "Linear", *sizes: Any) -> Any:
    """A layer with chosen weights."""
    made = getattr(library.nn, kind)(*(sizes or (3, 2)))
    with library.no_grad():
        for x in made.parameters():
            numbers = np.random.default_rng(0).normal(size=tuple(x.shape))
            x.copy_(library.tensor(numbers.astype(np.float32)))
    return made


def symmetric(library: Any) -> Any:
    class Symmetric(library.nn.Module):
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).t()

        def right_inverse(self, x: Any) -> Any:
            return x.triu()

    return Symmetric()


def doubled(library: Any) -> Any:
    class Doubled(library.nn.Module):
        def forward(self, x: Any) -> Any:
            return 2 * x

    return Doubled()


def utils(library: Any) -> Any:
    return library.nn.utils.parametrize


def trained(library: Any, net: Any, x: Any) -> list[Any]:
    """The result and the gradients of a step, in the order of the parameters."""
    result = net(x)
    (result * result).sum().backward()
    return [result, *[p.grad for p in net.parameters()]]


def described(net: Any) -> Any:
    return repr(net), list(net.state_dict()), [n for n, _ in net.named_modules()]


def one_function(library: Any) -> Any:
    net = layer(library, "Linear", 3, 3)
    returned = utils(library).register_parametrization(net, "weight", symmetric(library))
    numbers = trained(library, net, library.ones(2, 3))
    return numbers, described(net), returned is net, utils(library).is_parametrized(net, "bias")


def two_functions(library: Any) -> Any:
    net = layer(library, "Linear", 3, 3)
    utils(library).register_parametrization(net, "weight", symmetric(library))
    utils(library).register_parametrization(net, "weight", doubled(library))
    utils(library).register_parametrization(net, "bias", doubled(library))
    return [*trained(library, net, library.ones(2, 3)), net.bias], described(net)


def assigned(library: Any) -> Any:
    net = layer(library, "Linear", 3, 3)
    utils(library).register_parametrization(net, "weight", symmetric(library))
    net.weight = library.ones(3, 3)
    original = net.parametrizations.weight.original
    return [net.weight, original], original is next(iter(net.parametrizations.parameters()))


def removed(library: Any) -> Any:
    net = layer(library, "Linear", 3, 3)
    before = net.weight
    utils(library).register_parametrization(net, "weight", doubled(library))
    utils(library).register_parametrization(net, "bias", doubled(library))
    kinds = type(net).__name__, utils(library).type_before_parametrizations(net).__name__
    utils(library).remove_parametrizations(net, "weight")
    half = described(net)
    utils(library).remove_parametrizations(net, "bias", leave_parametrized=False)
    return [net.weight, net.bias], half, described(net), kinds, net.weight is before


def kept(library: Any) -> Any:
    net = layer(library, "Linear", 3, 3)
    utils(library).register_parametrization(net, "weight", doubled(library))
    with utils(library).cached():
        same = net.weight is net.weight
    return same, net.weight is net.weight


def weight_norm(library: Any) -> Any:
    found = []
    for dim in (0, 1, None):
        net = library.nn.utils.parametrizations.weight_norm(layer(library), dim=dim)
        net.parametrizations.weight.original0.data *= 2
        found.append((trained(library, net, library.ones(2, 3)), described(net)))
    return found


def weight_norm_of_old(library: Any) -> Any:
    net = library.nn.utils.parametrizations.weight_norm(layer(library))
    result = net.load_state_dict(
        {
            "bias": library.ones(2),
            "weight_g": library.ones(2, 1),
            "weight_v": library.ones(2, 3),
        }
    )
    return str(result), [net.weight]


def spectral_norm(library: Any) -> Any:
    found = []
    for kind, sizes, shape in (
        ("Linear", (3, 2), (2, 3)),
        ("Conv1d", (3, 2, 2), (1, 3, 4)),
        ("ConvTranspose1d", (3, 2, 2), (1, 3, 4)),
    ):
        net = library.nn.utils.parametrizations.spectral_norm(layer(library, kind, *sizes))
        function = net.parametrizations.weight[0]
        with library.no_grad():
            for n in (function._u, function._v):
                n.copy_(library.ones(n.shape) / n.numel() ** 0.5)
        numbers = trained(library, net, library.ones(shape))
        net.eval()
        same = bool((net.weight == net.weight).all())
        found.append((numbers, [function._u, function._v, net.weight], same, described(net)))
    return found


PROGRAMS = [
    one_function,
    two_functions,
    assigned,
    removed,
    kept,
    weight_norm,
    weight_norm_of_old,
    spectral_norm,
]


def same(theirs: Any, ours: Any) -> None:
    if isinstance(theirs, torch.Tensor):
        return same_tensor(theirs, ours)
    if not isinstance(theirs, tuple | list):
        assert ours == theirs
        return None
    assert len(theirs) == len(ours)
    for a, b in zip(tensors_in(theirs), tensors_in(ours), strict=True):
        same(a, b)
    return None


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_program(program: Callable[[Any], Any]) -> None:
    same(*[program(library) for library in LIBRARIES])


def register(library: Any, name: str, forward: Callable[[Any], Any], **options: Any) -> Any:
    class Function(library.nn.Module):
        pass

    Function.forward = lambda self, x: forward(x)
    return utils(library).register_parametrization(layer(library), name, Function(), **options)


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: register(lib, "foo", lambda x: x),
    lambda lib: register(lib, "weight", lambda x: x[0]),
    lambda lib: register(lib, "weight", lambda x: x.double()),
    lambda lib: register(lib, "weight", lambda x: 3),
    lambda lib: setattr(register(lib, "weight", lambda x: x), "weight", lib.ones(2, 3)),
    lambda lib: utils(lib).remove_parametrizations(layer(lib), "weight"),
    lambda lib: utils(lib).ParametrizationList([], lib.ones(1)),
    lambda lib: utils(lib).remove_parametrizations(
        lib.nn.utils.parametrizations.weight_norm(layer(lib)), "weight", leave_parametrized=False
    ),
    lambda lib: lib.nn.utils.parametrizations.spectral_norm(layer(lib), "foo"),
    lambda lib: lib.nn.utils.parametrizations.spectral_norm(layer(lib), n_power_iterations=0),
    lambda lib: lib.nn.utils.parametrizations.spectral_norm(layer(lib), dim=2),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_error(number: int) -> None:
    heard = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            ERRORS[number](library)
        heard.append((caught.type, str(caught.value)))
    (kind, theirs), (our_kind, ours) = heard
    assert our_kind is kind, (theirs, ours)
    assert ours[:40] == theirs[:40], (theirs, ours)
