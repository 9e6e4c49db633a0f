"""gradcheck: compare the derivatives that backward computes with finite differences.

    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * 2 * x  # wrong

    x = minigrad.tensor([1.0, -2.0, 0.5], dtype=minigrad.float64, requires_grad=True)
    gradcheck(Cube.apply, x)

raises a GradcheckError that shows both Jacobians, names the entry that differs most and the line
that calls Cube, and says where to look.  gradgradcheck does the same for second derivatives.
"""

from minigrad.autograd.gradcheck.check import gradcheck, gradgradcheck
from minigrad.autograd.gradcheck.error import GradcheckError

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
