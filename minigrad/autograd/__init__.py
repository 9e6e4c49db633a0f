"""The namespace of torch.autograd: backward, grad, Function, gradcheck."""

from minigrad.autograd import forward_ad, functional
from minigrad.autograd.backward import backward, grad
from minigrad.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from minigrad.function import Function
from minigrad.grad_mode import enable_grad, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "GradcheckError",
    "backward",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "no_grad",
    "set_grad_enabled",
]
