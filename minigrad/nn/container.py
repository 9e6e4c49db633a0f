"""Containers: modules made of modules, in a row, in a list, or by name."""

from __future__ import annotations

import operator
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import groupby
from typing import Any, TypeVar, overload

from minigrad.nn.module import Module, indent

ListType = TypeVar("ListType", bound="ListOfModules")
SequentialType = TypeVar("SequentialType", bound="Sequential")


class ListOfModules(Module):
    """What Sequential and ModuleList share: modules named "0", "1", ..., as a list has them."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def _name_at(self, idx: int) -> str:
        index, size = operator.index(idx), len(self)
        if not -size <= index < size:
            raise IndexError(f"index {index} is out of range")
        return list(self._modules)[index]

    def _part(self: ListType, names: list[str]) -> ListType:
        raise NotImplementedError

    @overload
    def __getitem__(self, idx: int) -> Module: ...

    @overload
    def __getitem__(self: ListType, idx: slice) -> ListType: ...

    def __getitem__(self: ListType, idx: int | slice) -> Module | ListType:
        if isinstance(idx, slice):
            return self._part(list(self._modules)[idx])
        return self._modules[self._name_at(idx)]

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._name_at(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        names = list(self._modules)[idx] if isinstance(idx, slice) else [self._name_at(idx)]
        for name in names:
            delattr(self, name)
        self._number(list(self))

    def _number(self, modules: list[Module]) -> None:
        """Name the modules by their places."""
        self._modules = {str(place): module for place, module in enumerate(modules)}

    def append(self: ListType, module: Module) -> ListType:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: ListType, modules: Iterable[Module]) -> ListType:
        """Add several modules at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"{type(self).__name__}.extend should be called with an iterable, "
                f"but got {type(modules).__name__}"
            )
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Add a module before the one at `index`."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        modules = list(self)
        modules.insert(index, module)
        self._number(modules)

    def pop(self, key: int | slice) -> Any:
        """Take out the module at `key`, or those of a slice."""
        taken = self[key]
        del self[key]
        return taken


class Sequential(ListOfModules):
    """Calls its modules one after the other, each with what the one before returned.

    Sequential(a, b) names them "0" and "1"; Sequential(dict(first=a, second=b)) as it says.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0] if len(args) == 1 and isinstance(args[0], dict) else None
        for name, module in named.items() if named is not None else enumerate(args):
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def _part(self: SequentialType, names: list[str]) -> SequentialType:
        return type(self)({name: self._modules[name] for name in names})

    def insert(self: SequentialType, index: int, module: Module) -> SequentialType:
        """Add a module before the one at `index`."""
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        super().insert(index, module)
        return self

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential().extend(self).extend(checked_sequential(other))

    def __iadd__(self: SequentialType, other: Sequential) -> SequentialType:
        return self.extend(checked_sequential(other))

    def __mul__(self, other: int) -> Sequential:
        return Sequential().extend(list(self) * checked_factor(self, other))

    __rmul__ = __mul__

    def __imul__(self: SequentialType, other: int) -> SequentialType:
        return self.extend(list(self) * (checked_factor(self, other) - 1))


def checked_sequential(other: Any) -> Sequential:
    if isinstance(other, Sequential):
        return other
    raise ValueError(
        f"add operator supports only objects of Sequential class, but {type(other)} is given."
    )


def checked_factor(net: Sequential, factor: Any) -> int:
    if not isinstance(factor, int):
        raise TypeError(f"unsupported operand type(s) for *: {type(net)} and {type(factor)}")
    if factor <= 0:
        raise ValueError(f"Non-positive multiplication factor {factor} for {type(net)}")
    return factor


class ModuleList(ListOfModules):
    """A list of modules, whose parameters the module that has it finds."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend([] if modules is None else modules)

    def _part(self: ListType, names: list[str]) -> ListType:
        part: ListType = type(self)([self._modules[name] for name in names])  # type: ignore[call-arg]
        return part

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(self).extend(other)

    def __iadd__(self: ListType, modules: Iterable[Module]) -> ListType:
        return self.extend(modules)

    def __repr__(self) -> str:
        lines = []
        for text, group in groupby(enumerate(map(repr, self)), key=lambda pair: pair[1]):
            places = [place for place, _ in group]
            first, last, count = places[0], places[-1], len(places)
            name = f"({first}): " if count == 1 else f"({first}-{last}): {count} x "
            lines.append(f"\n  {indent(name + text)}")
        return f"{self._get_name()}({''.join(lines)}" + ("\n)" if lines else ")")


class ModuleDict(Module):
    """Modules by name, in the order in which they were added."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Module]:
        """The pairs of a name and its module."""
        return self._modules.items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the modules of a mapping, or of pairs of a name and a module."""
        for name, module in pairs_of("ModuleDict", modules):
            self[name] = module

    def pop(self, key: str) -> Module:
        """Take out the module of this name."""
        return self._modules.pop(key)

    def clear(self) -> None:
        """Take out all modules."""
        self._modules.clear()


def pairs_of(owner: str, given: Any) -> list[tuple[str, Any]]:
    """The items of a mapping or, checked, of an iterable of pairs."""
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{owner}.update should be called with an iterable of key/value pairs, "
            f"but got {type(given).__name__}"
        )
    if hasattr(given, "items"):
        return list(given.items())
    pairs: list[Any] = list(given)
    for number, pair in enumerate(pairs):
        element = f"{owner} update sequence element #{number}"
        if not isinstance(pair, Iterable):
            raise TypeError(f"{element} should be Iterable; is {type(pair).__name__}")
        if len(pair) != 2:  # type: ignore[arg-type]
            raise ValueError(f"{element} has length {len(pair)}; 2 is required")  # type: ignore[arg-type]
    return pairs
