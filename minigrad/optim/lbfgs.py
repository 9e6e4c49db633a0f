"""L-BFGS: Newton's method with a Hessian known from the last steps (Nocedal and Wright, ch. 7)."""

import functools
from collections.abc import Iterable
from typing import Any

from minigrad.grad_mode import enable_grad, no_grad
from minigrad.ops.filled import zeros_like
from minigrad.ops.joining import cat
from minigrad.optim.checks import check_lr
from minigrad.optim.line_search import largest, strong_wolfe
from minigrad.optim.optimizer import Closure, Optimizer, State
from minigrad.tensor import Tensor

CURVED = 1e-10  # y @ s of a step that tells something about the curvature


class LBFGS(Optimizer):
    """Up to max_iter steps along -H @ grad, with H an estimate of the inverse Hessian.

    H is made of the last history_size pairs of step and change of the gradient.  The closure
    computes the loss and its gradients again and again, at most max_eval times.  A step is `lr`
    long, or as long as line_search_fn="strong_wolfe" finds good.  All parameters are one group.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        options = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, options)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Closure) -> Any:  # type: ignore[override]
        """Minimise the loss that `closure` computes; returns the one before the first step."""
        with no_grad():
            return Minimisation(self, enable_grad()(closure)).run()


class Minimisation:
    """One call of step(): the loss, its gradient (n,) and what is known so far, in `state`."""

    loss: float
    grad: Tensor

    def __init__(self, optimizer: LBFGS, closure: Closure):
        (group,) = optimizer.param_groups
        self.closure, self.options, self.params = closure, group, group["params"]
        self.lr = group["lr"].item() if isinstance(group["lr"], Tensor) else group["lr"]
        self.state: State = optimizer.state[self.params[0]]  # where torch keeps it, too

    def run(self) -> Any:
        state, options = self.state, self.options
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        self.evaluations = 0
        first = self.evaluate()
        if largest(self.grad) <= options["tolerance_grad"]:
            return first
        for iteration in range(1, options["max_iter"] + 1):
            state["n_iter"] += 1
            self.direct()
            loss_before = state["prev_loss"] = self.loss
            state["prev_flat_grad"] = self.grad.clone()
            slope = self.grad @ state["d"]
            state["t"] = self.first_length()
            if slope > -options["tolerance_change"]:
                break
            is_last = iteration == options["max_iter"]
            self.move(slope, is_last)
            if is_last or self.is_done(loss_before):
                break
        return first

    # ----------------------------------------------------------------------------- the direction

    def direct(self) -> None:
        """Set state["d"], the direction -H @ grad."""
        state = self.state
        if state["n_iter"] == 1:
            state["d"] = -self.grad
            state["old_dirs"], state["old_stps"], state["ro"] = [], [], []
            state["H_diag"] = 1
            return
        self.remember()
        state["d"] = self.two_loops()

    def remember(self) -> None:
        """Put the last step, and how the gradient changed, into the history."""
        state = self.state
        change, step = self.grad - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = change @ step
        if curvature <= CURVED:
            return
        is_full = len(state["ro"]) == self.options["history_size"]
        new = {"old_dirs": change, "old_stps": step, "ro": 1.0 / curvature}
        for name, value in new.items():
            if is_full:
                state[name].pop(0)
            state[name].append(value)
        state["H_diag"] = curvature / (change @ change)

    def two_loops(self) -> Tensor:
        """-H @ grad without H: Nocedal and Wright's algorithm 7.4."""
        state = self.state
        pairs = [*zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True)]
        shares = state.setdefault("al", [None] * self.options["history_size"])
        q = -self.grad
        for i in reversed(range(len(pairs))):
            change, step, inverse = pairs[i]
            shares[i] = step @ q * inverse
            q = q - shares[i] * change
        q = q * state["H_diag"]
        for i, (change, step, inverse) in enumerate(pairs):
            q = q + step * (shares[i] - change @ q * inverse)
        return q

    # ---------------------------------------------------------------------------------- the step

    def first_length(self) -> Any:
        """How long a step to try: not far, as long as nothing is known."""
        if self.state["n_iter"] > 1:
            return self.lr
        return min(1.0, 1.0 / self.grad.abs().sum()) * self.lr

    def move(self, slope: Tensor, is_last: bool) -> None:
        """Go along the direction, and evaluate the loss there."""
        state, search = self.state, self.options["line_search_fn"]
        if search is None:
            self.go(state["d"], state["t"])
            if not is_last:
                self.evaluate()
        elif search == "strong_wolfe":
            start = [param.clone() for param in self.params]
            at = functools.partial(self.at, start, state["d"])
            most = self.options["max_eval"] - self.evaluations
            self.loss, self.grad, state["t"] = strong_wolfe(
                at, state["t"], state["d"], self.loss, self.grad, slope, most
            )
            self.go(state["d"], state["t"])
        else:
            raise RuntimeError("only 'strong_wolfe' is supported")

    def at(self, start: list[Tensor], direction: Tensor, length: Any) -> tuple[float, Tensor]:
        """Loss and gradient at start + length * direction."""
        self.go(direction, length)
        self.evaluate()
        for param, value in zip(self.params, start, strict=True):
            param.copy_(value)
        return self.loss, self.grad

    def go(self, direction: Tensor, length: Any) -> None:
        place = 0
        for param in self.params:
            part = direction[place : place + param.numel()].view_as(param)
            param.add_(part * length)
            place += param.numel()

    def evaluate(self) -> Any:
        """Loss and gradient where the parameters are now."""
        result = self.closure()
        self.loss, self.grad = float(result), flat_gradient(self.params)
        self.evaluations += 1
        self.state["func_evals"] += 1
        return result

    def is_done(self, loss_before: float) -> bool:
        options, state = self.options, self.state
        tolerance = options["tolerance_change"]
        return bool(
            self.evaluations >= options["max_eval"]
            or largest(self.grad) <= options["tolerance_grad"]
            or largest(state["d"] * state["t"]) <= tolerance
            or abs(self.loss - loss_before) < tolerance
        )


def flat_gradient(params: list[Tensor]) -> Tensor:
    """The gradients of all parameters in a row (n,); zeros where there is none."""
    grads = [zeros_like(param) if param.grad is None else param.grad for param in params]
    return cat([grad.reshape(-1) for grad in grads], 0)
