"""Module: a function with parameters, and with other modules inside it."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from minigrad import dtypes
from minigrad.grad_mode import no_grad
from minigrad.nn.parameter import Parameter
from minigrad.ops.move import parse
from minigrad.tensor import Tensor

ModuleType = TypeVar("ModuleType", bound="Module")


class KeyMismatch(NamedTuple):
    """What load_state_dict(strict=False) left out."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"KeyMismatch(missing_keys={missing}, unexpected_keys={unexpected})"


class Module:
    """Base of all layers: set Parameters and Modules as attributes, and define forward."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, "Module | None"]
    _non_persistent: set[str]

    def __init__(self) -> None:
        set_plainly = super().__setattr__  # ours looks into the dictionaries made here
        set_plainly("training", True)
        set_plainly("_parameters", {})
        set_plainly("_buffers", {})
        set_plainly("_modules", {})
        set_plainly("_non_persistent", set())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    # ------------------------------------------------------------------ attributes that are parts

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._require_init("parameters")
            self._forget(name, self._parameters)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._require_init("module")
            self._forget(name, self._modules)
            self._modules[name] = value
        elif not self._replace_part(name, value):
            super().__setattr__(name, value)

    def _replace_part(self, name: str, value: Any) -> bool:
        """Set a name that stands for a parameter, buffer or module; False if it does not."""
        for kind, expected, parts in self._parts():
            if name not in parts:
                continue
            allowed = isinstance(value, Tensor) and kind == "buffer"
            if value is not None and not allowed:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as {kind} '{name}' ({expected} expected)"
                )
            parts[name] = value
            return True
        return False

    def _parts(self) -> list[tuple[str, str, dict[str, Any]]]:
        mine = self.__dict__
        return [
            ("parameter", "minigrad.nn.Parameter or None", mine.get("_parameters", {})),
            ("child module", "minigrad.nn.Module or None", mine.get("_modules", {})),
            ("buffer", "minigrad.Tensor or None", mine.get("_buffers", {})),
        ]

    def __getattr__(self, name: str) -> Any:
        for _, _, parts in self._parts():
            if name in parts:
                return parts[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for _, _, parts in self._parts():
            if name in parts:
                del parts[name]
                self._non_persistent.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = set(super().__dir__())
        for _, _, parts in self._parts():
            names.update(parts)
        return sorted(names)

    def _require_init(self, what: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")

    def _forget(self, name: str, kept: dict[str, Any]) -> None:
        """Make room under this name among the parts in `kept`, where it keeps its place."""
        self.__dict__.pop(name, None)
        for _, _, parts in self._parts():
            if parts is not kept:
                parts.pop(name, None)

    def _check_name(self, kind: str, name: str) -> None:
        self._require_init("parameters" if kind == "parameter" else kind)
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".": {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or with None the place for one."""
        self._check_name("parameter", name)
        if hasattr(self, name) and name not in self._parameters:
            raise KeyError(f"attribute '{name}' already exists")
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
        """Add a tensor that belongs to the state but is not trained."""
        self._check_name("buffer", name)
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' "
                "(minigrad.Tensor or None required)"
            )
        self._buffers[name] = tensor
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name: str, module: "Module | None") -> None:
        """Add a child under a name that need not be an identifier."""
        self._check_name("module", name)
        if module is not None and not isinstance(module, Module):
            forgot = isinstance(module, type) and issubclass(module, Module)
            made = f": did you mean {module.__name__}()?" if forgot else ""
            raise TypeError(f"{type_name(module)} is not a Module subclass{made}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        self._modules[name] = module

    register_module = add_module

    # ------------------------------------------------------------------------------ walking parts

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules directly inside, each once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator["Module"]:
        return (module for _, module in self.named_children())

    def named_modules(
        self,
        memo: "set[Module] | None" = None,
        prefix: str = "",
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, "Module"]]:
        """This module and all below it, with their dotted names; a shared one once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, join(prefix, name), remove_duplicate)

    def modules(self) -> Iterator["Module"]:
        return (module for _, module in self.named_modules())

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for owner_name, owner in owners:
            for name, member in getattr(owner, kind).items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield join(owner_name, name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its dotted name; a shared one once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> "Module":
        """The module below this one with the dotted name `target`."""
        module: Any = self
        for name in target.split(".") if target else []:
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        assert isinstance(module, Module)
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with the dotted name `target`."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        parameter = getattr(owner, name, None)
        if not hasattr(owner, name):
            raise AttributeError(f"{type(owner).__name__} has no attribute `{name}`")
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return parameter

    # ------------------------------------------------------------------------------ changing state

    def apply(self: ModuleType, fn: Callable[["Module"], Any]) -> ModuleType:
        """Call `fn` with every module below this one, then with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: ModuleType, mode: bool = True) -> ModuleType:
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: ModuleType) -> ModuleType:
        return self.train(False)

    def requires_grad_(self: ModuleType, requires_grad: bool = True) -> ModuleType:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    def to(self: ModuleType, *args: Any, **kwargs: Any) -> ModuleType:
        """Move parameters and buffers: to(device), to(dtype), to(device, dtype) or to(tensor).

        The parameters stay the same objects, and leaves; integers keep their dtype.
        """
        device, dtype, _ = parse(args, kwargs)
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )

        def change(x: Tensor) -> Tensor:
            kind = dtype if x.is_floating_point() else x.dtype
            result: Tensor = x.to(device=device, dtype=kind)
            return result

        return self._convert(change)

    def cpu(self: ModuleType) -> ModuleType:
        """Move parameters and buffers to the CPU."""
        return self.to("cpu")

    def cuda(self: ModuleType, device: Any = None) -> ModuleType:
        """Move parameters and buffers to a GPU."""
        return self.to("cuda" if device is None else device)

    def float(self: ModuleType) -> ModuleType:
        """Floating-point parameters and buffers in float32."""
        return self.to(dtypes.float32)

    def double(self: ModuleType) -> ModuleType:
        """Floating-point parameters and buffers in float64."""
        return self.to(dtypes.float64)

    def half(self: ModuleType) -> ModuleType:
        """Floating-point parameters and buffers in float16."""
        return self.to(dtypes.float16)

    def _convert(self: ModuleType, change: Callable[[Tensor], Tensor]) -> ModuleType:
        for module in self.modules():
            for parameter in module._parameters.values():
                if parameter is not None:
                    parameter.data = change(parameter.data)
                    if parameter.grad is not None:
                        parameter.grad.data = change(parameter.grad.data)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = change(buffer)
        return self

    # ------------------------------------------------------------------------------ saving, loading

    def state_dict(
        self, *, prefix: str = "", keep_vars: bool = False
    ) -> "OrderedDict[str, Tensor]":
        """Parameters and persistent buffers by dotted name, sharing memory with this module."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        for path, module in self.named_modules(
            prefix=prefix.removesuffix("."), remove_duplicate=False
        ):
            for name, tensor in module._own_state().items():
                state[join(path, name)] = tensor if keep_vars else tensor.detach()
        return state

    def _own_state(self) -> dict[str, Tensor]:
        own = {**self._parameters, **self._buffers}
        return {
            name: tensor
            for name, tensor in own.items()
            if tensor is not None and name not in self._non_persistent
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> KeyMismatch:
        """Copy values by name into this module; with `strict`, the names must match exactly."""
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = []
        if strict and unexpected:
            problems.append(f"Unexpected key(s) in state_dict: {quoted(unexpected)}. ")
        if strict and missing:
            problems.append(f"Missing key(s) in state_dict: {quoted(missing)}. ")
        for name in own:
            if name in state_dict:
                problems += copy_into(own[name], state_dict[name], name)
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(problems)
            )
        return KeyMismatch(missing, unexpected)

    # ------------------------------------------------------------------------------ printing

    def extra_repr(self) -> str:
        """What stands in the brackets of this layer's printed form."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): " + indent(repr(child)) for name, child in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        inside = "".join(f"\n  {line}" for line in lines + children)
        return f"{self._get_name()}({inside}\n)"


# ----------------------------------------------------------------- names, messages, and copying in


def join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def indent(text: str) -> str:
    return text.replace("\n", "\n  ")


def quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def type_name(value: object) -> str:
    """The name of a value's type as in torch's messages: 'int', 'minigrad.Tensor'."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def clear_grad(parameter: Tensor, set_to_none: bool) -> None:
    """Forget a gradient, or fill it with zeros and cut it from any graph."""
    if parameter.grad is None:
        return
    if set_to_none:
        parameter.grad = None
    else:
        with no_grad():
            parameter.grad = parameter.grad.detach()
            parameter.grad.zero_()


def copy_into(parameter: Tensor, value: Any, name: str) -> list[str]:
    """Copy a loaded value into a parameter; returns what is wrong with it, if anything."""
    if not isinstance(value, Tensor):
        return [
            f'While copying the parameter named "{name}", expected minigrad.Tensor or Tensor-like '
            f"object from checkpoint but received {type(value)}"
        ]
    if value.shape != parameter.shape:
        return [
            f"size mismatch for {name}: copying a param with shape {value.shape} from checkpoint, "
            f"the shape in current model is {parameter.shape}."
        ]
    with no_grad():
        parameter.copy_(value)
    return []
