"""Lists and dictionaries of modules and parameters behave as torch's do, errors included."""

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from tests.parity.compare import LIBRARIES

torch = pytest.importorskip("torch")


def layers(library: Any, count: int = 3) -> list[Any]:
    return [library.nn.Linear(n + 1, n + 2) for n in range(count)]


def sequential(library: Any) -> Any:
    return library.nn.Sequential(*layers(library))


def module_list(library: Any) -> Any:
    return library.nn.ModuleList(layers(library))


def module_dict(library: Any) -> Any:
    return library.nn.ModuleDict({"b": library.nn.ReLU(), "a": library.nn.Linear(2, 2)})


def parameter_list(library: Any) -> Any:
    return library.nn.ParameterList([library.ones(2), library.nn.Parameter(library.zeros(3)), "x"])


def parameter_dict(library: Any) -> Any:
    return library.nn.ParameterDict({"b": library.ones(2, 3), "a": library.zeros(3)})


def seen(value: Any) -> Any:
    """What is left of a result when the library is not."""
    if hasattr(value, "state_dict"):
        text = repr(value).replace("torch.FloatTensor", "minigrad.float32")
        return type(value).__name__, text.replace("torch.", "minigrad."), list(value.state_dict())
    if hasattr(value, "tolist"):
        return type(value).__name__, value.tolist()
    if isinstance(value, dict):
        return {key: seen(x) for key, x in value.items()}
    if not isinstance(value, str | int | bool | None) and hasattr(value, "__iter__"):
        return [seen(x) for x in value]
    return value


# Statements: `c` is the container, `lib` the library; what they leave in `c` and `r` is compared.
STATEMENTS: dict[Callable[[Any], Any], str] = {
    sequential: """
        r = c[1], c[-1], len(c), list(c)
        r = c[1:], c[::-1], c[:0]
        c[0] = lib.nn.ReLU()
        c[-1] = lib.nn.ReLU()
        del c[1]
        del c[-1]
        del c[0:2]
        r = c.append(lib.nn.Tanh()) is c
        r = c.insert(1, lib.nn.Tanh()) is c
        c.insert(-1, lib.nn.Tanh())
        c.insert(3, lib.nn.Tanh())
        r = c.extend(layers(lib, 2)) is c
        r = c.pop(1)
        r = c.pop(-1)
        r = c + lib.nn.Sequential(lib.nn.ReLU())
        c += lib.nn.Sequential(lib.nn.ReLU())
        r = c * 2
        r = 2 * c
        c *= 3
        r = list(c * 2)[0] is list(c * 2)[3]
        c = lib.nn.Sequential(OrderedDict(first=lib.nn.ReLU(), second=lib.nn.Tanh()))
        c = lib.nn.Sequential(OrderedDict(first=lib.nn.ReLU(), second=lib.nn.Tanh()))[1:]
        c = lib.nn.Sequential()
        c.add_module("name", lib.nn.ReLU())
        r = copy.deepcopy(c), pickle.loads(pickle.dumps(c))
        r = [n for n in dir(c) if n.isdigit()]
    """,
    module_list: """
        r = c[1], c[-1], len(c), list(c)
        r = c[1:], c[::-1], c[:0]
        c[0] = lib.nn.ReLU()
        c[-1] = lib.nn.ReLU()
        del c[1]
        del c[0:2]
        r = c.append(lib.nn.Tanh()) is c
        c.insert(1, lib.nn.Tanh())
        c.insert(3, lib.nn.Tanh())
        r = c.extend(lib.nn.ReLU() for _ in range(3)) is c
        r = c.pop(1)
        r = c + [lib.nn.ReLU()]
        c += [lib.nn.ReLU(), lib.nn.ReLU()]
        c = lib.nn.ModuleList()
        c = lib.nn.ModuleList([lib.nn.ReLU(), lib.nn.Sequential(lib.nn.ReLU())])
        c = lib.nn.ModuleList([lib.nn.Sequential(lib.nn.ReLU()) for _ in range(4)])
        r = copy.deepcopy(c), pickle.loads(pickle.dumps(c))
    """,
    module_dict: """
        r = c["a"], len(c), list(c), "a" in c, "z" in c
        r = list(c.keys()), list(c.values()), dict(c.items())
        c["z"] = lib.nn.Tanh()
        c["a"] = lib.nn.Tanh()
        del c["b"]
        r = c.pop("a")
        c.clear()
        c.update({"x": lib.nn.ReLU()})
        c.update([("y", lib.nn.ReLU()), ["x", lib.nn.Tanh()]])
        c.update(lib.nn.ModuleDict({"q": lib.nn.ReLU()}))
        c = lib.nn.ModuleDict()
        r = copy.deepcopy(c), pickle.loads(pickle.dumps(c))
    """,
    parameter_list: """
        r = c[1], c[-1], len(c), list(c)
        r = c[1:], c[::-1]
        c[0] = lib.ones(4)
        c[-1] = lib.ones(4)
        r = c.append(lib.ones(1)) is c
        r = c.extend([lib.ones(1), 3]) is c
        c += [lib.ones(1)]
        c = lib.nn.ParameterList()
        c = lib.nn.ParameterList(lib.ones(n) for n in range(3))
        c.more = lib.nn.Parameter(lib.ones(1))
        r = copy.deepcopy(c), pickle.loads(pickle.dumps(c))
        r = [p.requires_grad for p in c.parameters()]
    """,
    parameter_dict: """
        r = c["a"], len(c), list(c), "a" in c, "z" in c, list(reversed(c))
        r = list(c.keys()), list(c.values()), dict(c.items())
        c["z"] = lib.ones(1)
        c["a"] = lib.ones(1)
        c["text"] = "text"
        del c["b"]
        r = c.pop("a")
        r = c.popitem()
        c.clear()
        r = c.get("a"), c.get("q"), c.get("q", 3)
        r = c.setdefault("a"), c.setdefault("q", lib.ones(1))
        c.update({"y": lib.ones(1), "x": lib.ones(2)})
        c.update(OrderedDict(y=lib.ones(1), x=lib.ones(2)))
        c.update([("y", lib.ones(1))])
        c.update(lib.nn.ParameterDict({"y": lib.ones(1)}))
        r = c.copy()
        r = c.copy()["a"] is c["a"]
        r = c.fromkeys(["u", "v"], 3)
        r = c | lib.nn.ParameterDict({"b": lib.ones(1), "c": lib.ones(1)})
        c |= lib.nn.ParameterDict({"b": lib.ones(1), "c": lib.ones(1)})
        r = copy.deepcopy(c), pickle.loads(pickle.dumps(c))
    """,
}

ERRORS: dict[Callable[[Any], Any], str] = {
    sequential: """
        c[3]
        c[-4]
        c[1.5]
        c["0"]
        c[3] = lib.nn.ReLU()
        c[0] = 3
        del c[3]
        c.append(3)
        c.append(lib.nn.ReLU)
        c.insert(1, 3)
        c.insert(4, lib.nn.ReLU())
        c.extend(3)
        c.pop(9)
        c + [lib.nn.ReLU()]
        c += 3
        c * 0
        c * 1.5
        c *= -1
        lib.nn.Sequential(3)
    """,
    module_list: """
        c[3]
        c[3] = lib.nn.ReLU()
        c[0] = 3
        del c[-4]
        c.append(3)
        c.extend(3)
        c.extend([3])
        c(3)
        lib.nn.ModuleList(3)
    """,
    module_dict: """
        c["z"]
        c["z"] = 3
        c[3] = lib.nn.ReLU()
        c["a.b"] = lib.nn.ReLU()
        c["pop"] = lib.nn.ReLU()
        del c["z"]
        c.pop("z")
        c.update(3)
        c.update([3])
        c.update([(1, 2, 3)])
        c(3)
    """,
    parameter_list: """
        c[3]
        c[3] = 3
        c.extend(3)
        c.extend(lib.ones(3))
        c(3)
    """,
    parameter_dict: """
        c["z"]
        c[3]
        c[3] = lib.ones(1)
        del c["z"]
        c.pop("z")
        c.update(3)
        c.update([3])
        c.update([(1, 2, 3)])
        c(3)
    """,
}


IN_OTHER_WORDS = {"c.extend(3)", "c.update(3)"}


def lines(table: dict[Callable[[Any], Any], str]) -> list[Any]:
    return [
        pytest.param(make, line.strip(), id=f"{make.__name__}: {line.strip()}")
        for make, text in table.items()
        for line in text.strip().splitlines()
    ]


def run(make: Callable[[Any], Any], line: str, library: Any) -> Any:
    names = {"c": make(library), "lib": library, "layers": layers, "copy": copy, "pickle": pickle}
    names |= {"OrderedDict": OrderedDict, "r": None}
    exec(line, names)
    return seen(names["c"]), seen(names["r"])


@pytest.mark.parametrize(("make", "line"), lines(STATEMENTS))
def test_statement(make: Callable[[Any], Any], line: str) -> None:
    theirs, ours = [run(make, line, library) for library in LIBRARIES]
    assert ours == theirs


@pytest.mark.parametrize(("make", "line"), lines(ERRORS))
def test_error(make: Callable[[Any], Any], line: str) -> None:
    heard = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            run(make, line, library)
        text = str(caught.value).replace("torch.", "minigrad.").replace("nn.modules.", "nn.")
        heard.append((caught.type, text))
    (kind, theirs), (our_kind, ours) = heard
    assert our_kind is kind, (theirs, ours)
    assert ours[:25] == theirs[:25] or line in IN_OTHER_WORDS, (theirs, ours)


def test_the_lists_have_torchs_methods() -> None:
    for name in ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
        theirs = {n for n in vars(getattr(torch.nn, name)) if not n.startswith("_")}
        assert theirs <= set(dir(getattr(minigrad.nn, name))), name
