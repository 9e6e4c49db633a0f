"""gradcheck and gradgradcheck: the public functions, and the order of what they check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import kernels
from minigrad.autograd.backward import grad
from minigrad.autograd.gradcheck.batched import (
    check_batched_gradients,
    check_batched_tangents,
)
from minigrad.autograd.gradcheck.compare import Comparison
from minigrad.autograd.gradcheck.demands import (
    check_multiplied_by_grad_output,
    check_undefined_grads,
)
from minigrad.autograd.gradcheck.error import GradcheckError
from minigrad.autograd.gradcheck.forward import check_undefined_tangents
from minigrad.autograd.gradcheck.options import Options
from minigrad.autograd.gradcheck.subject import Subject, as_tuple, check_inputs, is_variable
from minigrad.tensor import Tensor, constant


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether func's derivatives with respect to its float64 inputs that require gradients are
    right: |backward - finite difference| <= atol + rtol * |finite difference| for every entry of
    the Jacobian.  GradcheckError if not, or False with raise_exception=False.

        class Cube(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x * x

            @staticmethod
            def backward(ctx, grad):
                (x,) = ctx.saved_tensors
                return grad * 3 * x

        x = minigrad.tensor([1.0, -2.0, 0.5], dtype=minigrad.float64, requires_grad=True)
        minigrad.autograd.gradcheck(Cube.apply, x)

    says, after both Jacobians:

        d output[1] / d input 0[1]: backward gives -6.0, finite differences give 12.0; ...
        This output was made by CubeBackward at cube.py:13, in <module>.
        Hint: every entry is right once multiplied by input 0.
    """
    options = Options(
        nondet_tol,
        check_undefined_grad,
        check_grad_dtypes,
        check_batched_grad,
        check_batched_forward_grad,
        check_forward_ad,
        check_backward_ad,
        fast_mode,
    )
    refuse_masked(masked)
    arguments = as_tuple(inputs)
    check_inputs(arguments)
    return passes(Subject(func, arguments, eps, rtol, atol), options, raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """gradcheck of the gradient itself, as a function of func's inputs and of grad_outputs (random
    numbers where None is given): whether second derivatives are right."""
    options = options_of_gradgradcheck(
        nondet_tol,
        check_undefined_grad,
        check_grad_dtypes,
        check_batched_grad,
        check_fwd_over_rev,
        check_rev_over_rev,
        fast_mode,
    )
    refuse_masked(masked)
    arguments = as_tuple(inputs)
    if grad_outputs is None:
        results = Subject(func, arguments, eps, rtol, atol).outputs()
        seeds = random_gradients(results, gen_non_contig_grad_outputs)
    else:
        seeds = as_tuple(grad_outputs)
    check_inputs(arguments + seeds)
    gradients = gradient_function(func, arguments, seeds)
    subject = Subject(gradients, arguments + seeds, eps, rtol, atol, of_gradients=True)
    return passes(subject, options, raise_exception)


def refuse_masked(masked: bool | None) -> None:
    if masked:
        raise NotImplementedError(
            "masked=True leaves out the unspecified elements of sparse tensors, and minigrad has "
            "no sparse tensors: leave the argument out."
        )


def options_of_gradgradcheck(
    nondet_tol: float,
    check_undefined_grad: bool,
    check_grad_dtypes: bool,
    check_batched_grad: bool,
    check_fwd_over_rev: bool,
    check_rev_over_rev: bool,
    fast_mode: bool,
) -> Options:
    """The outer derivative, forward or reverse, is the one that is compared."""
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    for name, wanted in (
        ("check_undefined_grad", check_undefined_grad),
        ("check_batched_grad", check_batched_grad),
    ):
        if wanted and not check_rev_over_rev:
            raise AssertionError(f"Setting {name}=True requires check_rev_over_rev to be True")
    return Options(
        nondet_tol,
        check_undefined_grad,
        check_grad_dtypes,
        check_batched_grad,
        check_batched_forward_grad=False,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )


def passes(subject: Subject, options: Options, raise_exception: bool) -> bool:
    try:
        run_checks(subject, options)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def run_checks(subject: Subject, options: Options) -> None:
    """GradcheckError at the first check that fails; in torch's order."""
    outputs = subject.outputs()
    if options.check_backward_ad:
        Comparison(subject, outputs, False, options).run()
    if options.check_forward_ad:
        Comparison(subject, outputs, True, options).run()
        if options.check_undefined_grad:
            check_undefined_tangents(subject)
    if options.check_batched_forward_grad:
        check_batched_tangents(subject)
    differentiable = [x for x in outputs if x.requires_grad]
    if not (options.check_backward_ad and differentiable):
        return
    if options.check_batched_grad:
        check_batched_gradients(differentiable, subject.wanted)
    check_multiplied_by_grad_output(differentiable, subject.wanted)
    if options.check_undefined_grad:
        check_undefined_grads(subject, len(differentiable))


# ------------------------------------------------------------------------------ second derivatives


def random_gradients(outputs: Sequence[Tensor], noncontiguous: bool) -> tuple[Tensor, ...]:
    """A gradient between -1 and 1 for each output that takes one."""
    random = np.random.default_rng(0)  # leaves the user's own random numbers alone
    return tuple(
        random_gradient(x, random, noncontiguous).requires_grad_()
        for x in outputs
        if x.requires_grad
    )


def random_gradient(x: Tensor, random: np.random.Generator, noncontiguous: bool) -> Tensor:
    values = random.uniform(-1, 1, x.array.shape).astype(x.array.dtype)
    if not noncontiguous or not values.ndim:
        return constant(kernels.to_device_of(values, x.array))
    twice = kernels.to_device_of(np.repeat(values, 2, axis=-1), x.array)
    return constant(twice[..., ::2])


def gradient_function(
    func: Callable[..., Any], inputs: tuple[Any, ...], seeds: tuple[Tensor, ...]
) -> Callable[..., tuple[Tensor, ...]]:
    """The gradients of func as a function of its inputs and of what the backward pass starts
    from."""
    count, given = len(inputs), inputs + seeds
    variables = [is_variable(x) for x in given]

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        # forward mode detaches the arguments: let them be variables again
        values = [
            x.requires_grad_() if wanted else x
            for x, wanted in zip(arguments, variables, strict=True)
        ]
        outputs = [x for x in as_tuple(func(*values[:count])) if x.requires_grad]
        wanted = [
            x for x, is_variable in zip(values[:count], variables, strict=False) if is_variable
        ]
        if not outputs:
            return ()
        found = grad(outputs, wanted, values[count:], create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradients
