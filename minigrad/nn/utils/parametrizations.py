"""Parametrizations that help training: a weight of a length apart, or that stretches nothing."""

from __future__ import annotations

from typing import Any

from minigrad.grad_mode import no_grad
from minigrad.nn import functional as F
from minigrad.nn.convolution import TransposedConvolution
from minigrad.nn.module import Module
from minigrad.nn.utils.parametrize import register_parametrization
from minigrad.ops.filled import empty
from minigrad.ops.matmul import mv, vdot
from minigrad.ops.norm import vector_norm
from minigrad.tensor import Tensor

__all__ = [
    "spectral_norm",
    "weight_norm",
]


class _WeightNorm(Module):
    """direction / |direction| * length, with a length for each index of dimension `dim`."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / self._length(weight_v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction: (weight_g, weight_v)."""
        return self._length(weight), weight

    def _length(self, weight: Tensor) -> Tensor:
        if self.dim == -1:  # one for all
            return vector_norm(weight)
        others = [axis for axis in range(weight.dim()) if axis != self.dim]
        return vector_norm(weight, 2, others, keepdim=True)


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """Train a weight's length (original0) and its direction (original1) apart (Salimans and Kingma
    2016); dim None: one length for the whole weight."""
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(_: Module, state: dict[str, Any], prefix: str, *given: Any) -> None:
        """States from before have name_g and name_v."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state for key in old):
            for number, key in enumerate(old):
                state[f"{prefix}parametrizations.{name}.original{number}"] = state.pop(key)

    module.register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    """weight / its largest singular value, found by the power method: one more step a call."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        n = weight.dim()
        if not -n <= dim < n:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{n}, {n - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % n
        self.eps = eps
        if n > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._as_matrix(weight)
            for buffer, size in zip(("_u", "_v"), matrix.shape, strict=True):
                start = empty(size, dtype=weight.dtype, device=weight.device).normal_()
                self.register_buffer(buffer, F.normalize(start, dim=0, eps=eps))
            self._power_method(matrix, 15)

    def _as_matrix(self, weight: Tensor) -> Tensor:
        """A row for each index of dimension `dim`."""
        return weight.movedim(self.dim, 0).flatten(1)

    @no_grad()
    def _power_method(self, matrix: Tensor, iterations: int) -> None:
        for _ in range(iterations):
            self._u.copy_(F.normalize(mv(matrix, self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._as_matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next call writes into them
        return weight / vdot(u, mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself, which need not have norm 1."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, as a matrix with a row for each index of
    dimension `dim`, that of the outputs (Miyato et al. 2018)."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if isinstance(module, TransposedConvolution) else 0
    function = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return register_parametrization(module, name, function)
