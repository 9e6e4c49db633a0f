"""torch.autograd.grad_mode's names; the modes are defined in minigrad/grad_mode.py."""

from minigrad.grad_mode import enable_grad, no_grad, set_grad_enabled
from minigrad.inference import inference_mode

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
