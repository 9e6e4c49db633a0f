"""Parametrizations: a parameter becomes a function of others, which are trained in its place.

    register_parametrization(layer, "weight", Symmetric())

From then on layer.weight is Symmetric()(layer.parametrizations.weight.original), computed anew each
time it is read.  The layer's class has a property of that name; so it is replaced by a subclass.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.grad_mode import no_grad
from minigrad.nn.container import ModuleDict, ModuleList
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]

# -------------------------------------------------------------------------- values that are kept

kept: dict[tuple[int, str], Tensor] = {}  # inside cached(), by module and name
depth = 0  # how many cached() are open


@contextmanager
def cached() -> Iterator[None]:
    """Inside, a parametrized tensor is computed once, however often it is read."""
    global depth
    depth += 1
    try:
        yield
    finally:
        depth -= 1
        if depth == 0:
            kept.clear()


def current_value(module: Module, name: str) -> Tensor:
    parametrizations: Any = module.parametrizations[name]
    if depth == 0:
        return parametrizations()
    key = id(module), name
    if key not in kept:
        kept[key] = parametrizations()
    return kept[key]


# --------------------------------------------------------------------- the class of such a module


class Parametrized:
    """Mixed into the class of a module of which some tensors are computed."""

    plain_class: type[Module]
    computed: tuple[str, ...]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return new_module, (self.plain_class, self.computed), self.__dict__


@functools.cache
def parametrized_class(plain: Any, names: tuple[str, ...]) -> type[Module]:
    """A subclass with a property for each of the names; the class itself for none."""
    if not names:
        return plain
    members: dict[str, Any] = {name: computed_attribute(name) for name in names}
    members |= {"plain_class": plain, "computed": names, "__module__": plain.__module__}
    return type(f"Parametrized{plain.__name__}", (Parametrized, plain), members)


def computed_attribute(name: str) -> Any:
    def get(module: Any) -> Tensor:
        return current_value(module, name)

    def assign(module: Any, value: Any) -> None:
        module.parametrizations[name].right_inverse(value)

    return property(get, assign)


def new_module(plain: Any, names: tuple[str, ...]) -> Module:
    """What pickle and copy fill with a state."""
    made = parametrized_class(plain, names)
    return made.__new__(made)


def set_computed(module: Module, names: Sequence[str]) -> None:
    """Let exactly these attributes of a module be computed."""
    plain: Any = type_before_parametrizations(module)
    object.__setattr__(module, "__class__", parametrized_class(plain, tuple(names)))


# ------------------------------------------------------------------------- the functions in a row


class ParametrizationList(ModuleList):
    """The functions of one tensor, each applied to what the one before gave, and what is trained:
    `original`, or original0, original1, ... if the first function's right_inverse gives several."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        start = self._inverse(original, required=False)
        self.is_tensor = isinstance(start, Tensor)
        if isinstance(start, Tensor):
            self.ntensors = 1
            check_like(start, original, "right_inverse(original)", "original", shape=False)
            original.data = start.detach()
            add(self, "original", original)
        else:
            self.ntensors = len(start)
            for number, x in enumerate(start):
                is_trained = isinstance(original, Parameter)
                x = Parameter(x, original.requires_grad) if is_trained else x
                add(self, f"original{number}", x)
        if not unsafe:
            check_like(self(), original, "parametrized", "unparametrized")

    @no_grad()
    def _inverse(self, value: Any, required: bool) -> Any:
        """What the originals have to be for `value` to come out."""
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                try:
                    value = module.right_inverse(value)
                except NotImplementedError:
                    if required:
                        raise
            elif required:
                raise RuntimeError(
                    f"parametrization {type(module).__name__} does not implement right_inverse."
                )
        if not isinstance(value, Tensor | Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(value).__name__}"
            )
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals values from which `value` comes out."""
        start = self._inverse(value, required=True)
        given = [start] if isinstance(start, Tensor) else list(start)
        if len(given) != self.ntensors:
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. "
                f"Got a sequence of length {len(given)}."
            )
        for original, x in zip(self.originals(), given, strict=True):
            check_like(x, original, "right_inverse", "original", shape=False)
            original.data = x.detach()

    def originals(self) -> list[Tensor]:
        """What is trained."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{number}") for number in range(self.ntensors)]

    def forward(self) -> Any:
        first, *others = self
        x = first(*self.originals())
        for module in others:
            x = module(x)
        return x


def add(module: Module, name: str, x: Tensor) -> None:
    """Add a tensor to a module: a buffer, unless it is a parameter."""
    if isinstance(x, Parameter):
        module.register_parameter(name, x)
    else:
        module.register_buffer(name, x)


def check_like(x: Any, other: Tensor, name: str, other_name: str, shape: bool = True) -> None:
    """ValueError unless x is a tensor of the other one's dtype and shape."""
    if not isinstance(x, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(x).__name__}.")
    for what in ("dtype", "shape") if shape else ("dtype",):
        ours, theirs = getattr(x, what), getattr(other, what)
        if ours != theirs:
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless "
                f"`unsafe` flag is enabled.\n{other_name} {what}: {theirs}\n{name} {what}: {ours}"
            )


# ----------------------------------------------------------------------------- what users call


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let module.tensor_name be parametrization(what it was), or of what right_inverse makes of it.

    unsafe: dtype and shape may change.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        before = getattr(module, tensor_name)
        if not unsafe:
            check_like(parametrization(before), before, "parametrized", "unparametrized")
        functions: Any = module.parametrizations[tensor_name]
        functions.append(parametrization)
        functions.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    functions = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = functions
    set_computed(module, list(module.parametrizations))
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has computed tensors, or this one is."""
    names = getattr(module, "parametrizations", None)
    if not isinstance(names, ModuleDict):
        return False
    return len(names) > 0 if tensor_name is None else tensor_name in names


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a computed tensor a plain one: with its value now or, if not, with its original's."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    functions: Any = module.parametrizations[tensor_name]
    value = getattr(module, tensor_name)
    if functions.is_tensor:
        original = functions.original
        if leave_parametrized:
            original.data = value.detach()
    elif leave_parametrized:
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    del module.parametrizations[tensor_name]
    set_computed(module, list(module.parametrizations))
    if not is_parametrized(module):
        del module.parametrizations
    add(module, tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class that the module had before any of its tensors was computed."""
    return module.plain_class if isinstance(module, Parametrized) else type(module)
