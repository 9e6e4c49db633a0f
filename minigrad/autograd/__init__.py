"""The namespace of torch.autograd: backward, grad, Function, gradcheck, graph, and more."""

from minigrad.anomaly import detect_anomaly, set_detect_anomaly
from minigrad.autograd import anomaly_mode, forward_ad, function, functional, grad_mode, graph
from minigrad.autograd.backward import backward, grad
from minigrad.autograd.explain import explaining
from minigrad.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from minigrad.function import Function
from minigrad.grad_mode import enable_grad, no_grad, set_grad_enabled
from minigrad.inference import inference_mode

__all__ = [
    "Function",
    "GradcheckError",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "explaining",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
