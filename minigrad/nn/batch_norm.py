"""Layers that normalise channels, and may remember mean and variance for when they are used.

Ioffe and Szegedy 2015 (batch norm), Ulyanov et al. 2016 (instance norm).
"""

from __future__ import annotations

import warnings
from typing import Any

from minigrad import dtypes
from minigrad.nn import functional as F
from minigrad.nn.affine import Affine
from minigrad.ops.creation import tensor
from minigrad.ops.filled import ones, zeros
from minigrad.tensor import Tensor


class ChannelNorm(Affine):
    """What batch and instance norm share: parameters and running statistics, one number a channel.

    running = (1 - momentum) * running + momentum * that of the batch; momentum None: the average of
    all batches.
    """

    _version = 2  # num_batches_tracked came later than the rest
    dims: tuple[int, ...]  # of the input, that are allowed
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._add_affine(num_features, affine, affine and bias, device, dtype)
        mean = variance = count = None
        if track_running_stats:
            mean = zeros(num_features, device=device, dtype=dtype)
            variance = ones(num_features, device=device, dtype=dtype)
            count = tensor(0, device=device, dtype=dtypes.int64)
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", variance)
        self.register_buffer("num_batches_tracked", count)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was remembered of the batches."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Everything as at the start."""
        self.reset_running_stats()
        super().reset_parameters()

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in self.dims:
            allowed = " or ".join(f"{n}D" for n in self.dims)
            raise ValueError(f"expected {allowed} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *given: Any
    ) -> None:
        key, count = prefix + "num_batches_tracked", self.num_batches_tracked
        if local_metadata.get("version", 1) < 2 and count is not None:
            state_dict.setdefault(key, count)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *given)


class BatchNorm(ChannelNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias: in training by mean and variance of the batch,
    in use by those remembered, if they are."""

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        remembers = self.track_running_stats or not self.training
        mean = self.running_mean if remembers else None
        variance = self.running_var if remembers else None
        by_batch = self.training or (mean is None and variance is None)
        share = self._count_batch() if self.training and self.track_running_stats else 0.0
        return F.batch_norm(
            input, mean, variance, self.weight, self.bias, by_batch, share, self.eps
        )

    def _count_batch(self) -> float:
        """The part that this batch has in what is remembered."""
        count = self.num_batches_tracked
        if count is not None:
            count.add_(1)
            if self.momentum is None:
                return 1.0 / float(count)
        return self.momentum or 0.0


class BatchNorm1d(BatchNorm):
    """Batch norm of (N, C) or (N, C, L)."""

    dims = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch norm of (N, C, H, W)."""

    dims = (4,)


class BatchNorm3d(BatchNorm):
    """Batch norm of (N, C, D, H, W)."""

    dims = (5,)


class InstanceNorm(ChannelNorm):
    """(x - mean) / sqrt(var + eps) over each channel of each sample; without parameters and memory
    unless they are asked for."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        self._check_channels(input)
        alone = input.dim() == self.dims[0]
        result = F.instance_norm(
            input.unsqueeze(0) if alone else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum or 0.0,
            self.eps,
        )
        return result.squeeze(0) if alone else result

    def _check_channels(self, input: Tensor) -> None:
        dim = input.dim() - self.dims[0]
        if input.size(dim) == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), "
                f"but got: {input.size(dim)}."
            )
        warnings.warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning "
            "by not passing in num_features, which is not used because affine=False",
            stacklevel=3,
        )


class InstanceNorm1d(InstanceNorm):
    """Instance norm of (N, C, L) or (C, L)."""

    dims = (2, 3)


class InstanceNorm2d(InstanceNorm):
    """Instance norm of (N, C, H, W) or (C, H, W)."""

    dims = (3, 4)


class InstanceNorm3d(InstanceNorm):
    """Instance norm of (N, C, D, H, W) or (C, D, H, W)."""

    dims = (4, 5)
