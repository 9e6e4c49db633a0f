"""What a module is made of: parameters, buffers and modules, set as attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.nn.parameter import Buffer, Parameter
from minigrad.tensor import Tensor

if TYPE_CHECKING:
    from minigrad.nn.module import Module

# The dictionary that holds each kind, what a message calls one, and what may be put in its place.
KINDS = {
    "_parameters": ("parameter", "minigrad.nn.Parameter or None"),
    "_buffers": ("buffer", "minigrad.nn.Buffer, minigrad.Tensor or None"),
    "_modules": ("child module", "minigrad.nn.Module or None"),
}


class Parts:
    """An object that keeps Parameters, Buffers and Modules apart from its other attributes."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]

    def __init__(self) -> None:
        mine = self.__dict__  # our __setattr__ looks into the dictionaries made here
        mine.update(_parameters={}, _buffers={}, _modules={})
        mine["_non_persistent_buffers_set"] = set()

    # ------------------------------------------------------------------ attributes that are parts

    def __getattr__(self, name: str) -> Any:  # called for what is no plain attribute
        mine = self.__dict__
        for kind in KINDS:
            parts = mine.get(kind)
            if parts and name in parts:
                return parts[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._require_init("parameters")
            self._forget(name, self._parameters)
            self.register_parameter(name, value)
        elif isinstance(value, Parts):
            self._require_init("module")
            self._check_is_not(name, value, "_parameters")
            self._forget(name, self._modules)
            self._modules[name] = value  # type: ignore[assignment]
        elif isinstance(value, Buffer):
            self._require_init("buffer")
            self._check_is_not(name, value, "_parameters", "_modules")
            self._forget(name, self._buffers)
            self.register_buffer(name, value, value.persistent)
        elif not self._replace_part(name, value):
            super().__setattr__(name, value)

    def _replace_part(self, name: str, value: Any) -> bool:
        """Set a name that stands for a parameter, buffer or module; False if it does not."""
        mine = self.__dict__
        for kind in KINDS:
            parts = mine.get(kind)
            if parts and name in parts:
                if value is not None and not (kind == "_buffers" and isinstance(value, Tensor)):
                    self._check_is_not(name, value, kind)
                parts[name] = value
                return True
        return False

    def _check_is_not(self, name: str, value: Any, *kinds: str) -> None:
        """TypeError if the name stands for a part of one of these kinds."""
        for kind in kinds:
            if name in self.__dict__[kind]:
                what, expected = KINDS[kind]
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as {what} '{name}' ({expected} expected)"
                )

    def __delattr__(self, name: str) -> None:
        for kind in KINDS:
            parts = self.__dict__.get(kind, {})
            if name in parts:
                del parts[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = set(super().__dir__())
        for kind in KINDS:
            names.update(self.__dict__.get(kind, {}))
        return sorted(name for name in names if not name[0].isdigit())

    def _require_init(self, what: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")

    def _forget(self, name: str, kept: dict[str, Any]) -> None:
        """Make room under this name among the parts in `kept`, where it keeps its place."""
        mine = self.__dict__
        mine.pop(name, None)
        for kind in KINDS:
            if mine[kind] is not kept:
                mine[kind].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    # ---------------------------------------------------------------------------- adding by name

    def _check_name(self, kind: str, name: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    def _check_is_free(self, name: str, kept: dict[str, Any]) -> None:
        if hasattr(self, name) and name not in kept:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or with None the place for one."""
        self._require_init("parameter")
        self._check_name("parameter", name)
        self._check_is_free(name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type_name(param)}' object to parameter '{name}' "
                "(minigrad.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                "created explicitly. To express one as a function of another Tensor, compute the "
                "value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is not trained; if `persistent`, state_dict() has it."""
        self._require_init("buffer")
        self._check_name("buffer", name)
        self._check_is_free(name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                "(minigrad.Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under a name that need not be an identifier."""
        self._require_init("module")
        if module is not None and not isinstance(module, Parts):
            forgot = isinstance(module, type) and issubclass(module, Parts)
            made = f": did you mean {module.__name__}()?" if forgot else ""
            raise TypeError(f"{type_name(module)} is not a Module subclass{made}")
        self._check_name("module", name)
        self._check_is_free(name, self._modules)
        self._modules[name] = module

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as add_module."""
        self.add_module(name, module)


def type_name(value: object) -> str:
    """The name of a value's type, or of a type, as messages have it: 'int', 'minigrad.Tensor'."""
    kind = value if isinstance(value, type) else type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
