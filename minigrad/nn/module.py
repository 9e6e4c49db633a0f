"""Module: a function with parameters, and with other modules inside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from minigrad import dtypes
from minigrad.grad_mode import no_grad
from minigrad.nn.hooks import Hooked, HookedCall
from minigrad.nn.state import State
from minigrad.ops.filled import empty_like
from minigrad.ops.move import parse
from minigrad.tensor import Tensor

ModuleType = TypeVar("ModuleType", bound="Module")


class Module(Hooked, State):
    """Base of all layers: set Parameters and Modules as attributes, and define forward."""

    training: bool

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["training"] = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; call the module itself, so that its hooks run, too."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._module_hooks is None:
            return self.forward(*args, **kwargs)
        return HookedCall(self, self._module_hooks, args, kwargs).run()

    # ----------------------------------------------------------------------------- changing state

    def apply(self: ModuleType, fn: Callable[[Module], Any]) -> ModuleType:
        """Call `fn` with every module below this one, then with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: ModuleType, mode: bool = True) -> ModuleType:
        """Let layers behave as in training (or, with False, as in use) here and below."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: ModuleType) -> ModuleType:
        """train(False)."""
        return self.train(False)

    def requires_grad_(self: ModuleType, requires_grad: bool = True) -> ModuleType:
        """Whether the gradients of all parameters are wanted."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    # ------------------------------------------------------------------------ devices and dtypes

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
        return self._apply(lambda x: moved(x, device, dtype))

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

    def type(self: ModuleType, dst_type: dtypes.dtype) -> ModuleType:
        """All parameters and buffers in this dtype, integers too."""
        return self._apply(lambda x: x.to(dst_type))

    def to_empty(self: ModuleType, *, device: Any, recurse: bool = True) -> ModuleType:
        """New memory on a device for parameters and buffers, with no values in it yet."""
        return self._apply(lambda x: empty_like(x, device=device), recurse)

    def _apply(
        self: ModuleType, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> ModuleType:
        """Put fn(x) in the place of every parameter's, gradient's and buffer's memory."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                grad, parameter.data = parameter.grad, fn(parameter.data)
                if grad is not None:
                    grad.data = fn(grad.data)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    # ---------------------------------------------------------------------------------- printing

    def extra_repr(self) -> str:
        """What stands in the brackets of this layer's printed form."""
        return ""

    def _get_name(self) -> str:
        return self.__class__.__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): " + indent(repr(child)) for name, child in self._modules.items()]
        if not children and len(lines) <= 1:
            return f"{self._get_name()}({extra})"
        inside = "".join(f"\n  {line}" for line in lines + children)
        return f"{self._get_name()}({inside}\n)"


def indent(text: str) -> str:
    return text.replace("\n", "\n  ")


def moved(x: Tensor, device: Any, dtype: Any) -> Tensor:
    """A tensor on a device and, if it holds floats, in a dtype."""
    result: Tensor = x.to(device=device, dtype=dtype if x.is_floating_point() else None)
    return result


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
