"""FunctionCtx: what the methods of a user's Function ask of ctx, and what they tell it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad import kernels
from minigrad.shapes import is_stretched
from minigrad.tensor import Tensor, constant


class FunctionCtx:
    """The half of ctx that users call.  (The other half is the node of the graph.)"""

    to_save: tuple[Tensor | None, ...] = ()
    saved_for_forward: tuple[Tensor | None, ...] = ()
    dirty_tensors: tuple[Tensor, ...] = ()
    non_differentiable: tuple[Tensor, ...] = ()
    materialize_grads = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, where `saved_tensors` gives them back, checked for damage."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for jvp, where `saved_tensors` gives them back."""
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save "
                    "non-tensors as attributes on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which arguments forward modified in place; they must be returned, too."""
        for number, x in enumerate(args):
            if not isinstance(x, Tensor):
                raise RuntimeError(
                    f"mark_dirty can only accept variables, but argument {number} is of type "
                    f"{type_name(x)}: give it the modified tensors, one by one"
                )
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which results have no gradient."""
        for x in args:
            if not isinstance(x, Tensor):
                raise RuntimeError(
                    f"mark_non_differentiable only accepts variable arguments, but got "
                    f"{type_name(x)}: give it the tensors that forward returns, one by one"
                )
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """With False, backward gets None for a result that no gradient came to, not zeros."""
        if not isinstance(value, bool):
            raise TypeError(
                "set_materialize_grads received an invalid combination of arguments - got "
                f"({type_name(value)}), but expected (bool)"
            )
        self.materialize_grads = value


def check_saved_types(tensors: tuple[Any, ...]) -> None:
    """TypeError unless save_for_backward() got nothing but tensors and None."""
    for number, x in enumerate(tensors):
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {number} is of type "
                f"{type_name(x)}: keep other values as attributes, ctx.n = n"
            )


def type_name(x: Any) -> str:
    """The name of a value's type, with its module for those that are not Python's own."""
    kind = type(x)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


class Kind(NamedTuple):
    """What a gradient or tangent of a tensor looks like."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    device: Any  # the array's: "cpu" or the index of a GPU

    @property
    def differentiable(self) -> bool:
        return self.dtype.kind == "f"

    def zeros(self) -> Tensor:
        array = np.zeros(self.shape, self.dtype)
        return constant(array if self.device == "cpu" else kernels.to_device_of(array, self))


def kind_of(x: Any) -> Kind | None:
    """None for what is not a tensor."""
    if not isinstance(x, Tensor):
        return None
    array = x.array
    return tuple.__new__(
        Kind, (array.shape, array.dtype, array.device)
    )  # Kind() takes twice as long


# ------------------------------------------------------------ checks


def by_position(
    forward: Callable[..., Any],
    has_setup_context: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[Any, ...]:
    """The arguments of forward without names: each has its place among backward's results.
    `has_setup_context`: forward has no ctx, and setup_context is to see the defaults, too."""
    if has_setup_context:
        bound = inspect.signature(forward).bind(*args, **kwargs)
        bound.apply_defaults()
        args, kwargs = bound.args, bound.kwargs
    code = forward.__code__
    names = code.co_varnames[0 if has_setup_context else 1 : code.co_argcount]
    for name in kwargs:
        if name not in names[len(args) :]:
            problem = "multiple values for" if name in names else "an unexpected keyword"
            raise TypeError(f"forward() got {problem} argument '{name}'")
    given, left = list(args), dict(kwargs)
    for place, name in enumerate(names[len(args) :], len(args)):
        if left and name not in left:
            raise TypeError(f"forward() missing required argument: '{name}' (position {place})")
        if left:
            given.append(left.pop(name))
    return tuple(given)


def checked(node: Any, results: tuple[Any, ...]) -> list[Tensor | None]:
    """The gradients of the arguments that are tensors, if backward returned as many as forward
    had arguments, and each of them fits."""
    expected = len(node._input_kinds)
    if len(results) < expected or any(g is not None for g in results[expected:]):
        raise RuntimeError(
            f"function {node.name()} returned an incorrect number of gradients (expected "
            f"{expected}, got {len(results)}). It was made at {node.line}: backward returns one "
            "gradient for each argument of forward, None for those that have none."
        )
    grads: list[Tensor | None] = []
    for number, (grad, kind) in enumerate(zip(results, node._input_kinds, strict=False), 1):
        if kind is not None:
            grads.append(fitting(node, grad, kind, len(grads)))
        elif grad is not None:
            raise RuntimeError(
                f"function {node.name()} returned a gradient different than None at position "
                f"{number}, but the corresponding forward input was not a Variable. It was made "
                f"at {node.line}: return None there."
            )
    return grads


def fitting(node: Any, grad: Any, kind: Kind, index: int) -> Tensor | None:
    """What backward returned for the tensor number `index` among the arguments."""
    if grad is None:
        return None
    if not isinstance(grad, Tensor):
        raise RuntimeError(
            f"expected Variable or None (got {type_name(grad)}) as the gradient that backward of "
            f"{node.name()}, made at {node.line}, returned for tensor {index} of its arguments"
        )
    if node.next_functions[index][0] is None:  # nobody asks for this one
        return grad
    problem, shape = None, grad.array.shape
    if not is_stretched(kind.shape, shape):
        problem = f"got {list(shape)} but expected shape compatible with {list(kind.shape)}"
    elif grad.array.device != kind.device:
        problem = f"expected device {kind.device} but got {grad.device}"
    if problem:
        raise RuntimeError(
            f"Function {node.name()} returned an invalid gradient at index {index} - {problem}. "
            f"It was made at {node.line}: a gradient has the shape and device of its argument."
        )
    return grad


NOT_RETURNED = (
    "Some elements marked as dirty during the forward method were not returned as output. The "
    "inputs that are modified inplace must all be outputs of the Function: return each of them "
    "from forward."
)
LEAF_MODIFIED = (
    "a leaf Variable that requires grad has been used in an in-place operation. Give apply() a "
    "clone() of it."
)
NO_INPUT = (
    "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been "
    "mutated should be passed to ctx.mark_dirty()."
)
VIEW_OF_SEVERAL = (
    "If your Function modifies inplace an input that is a view of another Tensor, your Function "
    "cannot return more than one Tensor. Give it a clone() of the view, or split it into two "
    "Functions: one that modifies and returns its one result, one for the rest."
)
SAVED_AS_IS = (
    "An input that has been returned as-is as output is being saved for backward. This is not "
    "supported if you override setup_context. You should return and save a view of the input "
    "instead, e.g. with x.view_as(x) or setup ctx inside the forward function itself."
)
BOTH_NAMES = (
    "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
    "implement one of them."
)
ACCESSED_ONCE = (
    "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on the "
    "autograd.Function. Either access saved_tensors only once, or set "
    "clear_saved_tensors_on_access=False."
)
