"""Functions of functions, with the names of torch.func: grad, vjp, jvp, jacrev, jacfwd, hessian."""

from minigrad.func.forward import hessian, jacfwd, jvp, linearize
from minigrad.func.reverse import grad, grad_and_value, jacrev, vjp
from minigrad.func.stateless import functional_call, stack_module_state
from minigrad.ops.vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
