"""Transformers (Vaswani et al. 2017): layers of attention and two Linears, and stacks of them.

Sequences are (L, N, E), (N, L, E) with batch_first, or (L, E) without a batch.  Masks are those of
MultiheadAttention: True means that a position is not seen, floats are added to the scores.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from minigrad import kernels
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.attention import MultiheadAttention, warn_of_mismatch
from minigrad.nn.container import ModuleList
from minigrad.nn.dropout import Dropout
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.normalization import LayerNorm
from minigrad.ops.closeness import equal
from minigrad.ops.diagonals import triu
from minigrad.ops.filled import full
from minigrad.ops.multi_head import checked_mask
from minigrad.tensor import Tensor

Activation = Callable[[Tensor], Tensor]
Mask = Tensor | None
ACTIVATIONS: dict[str, Activation] = {"relu": F.relu, "gelu": F.gelu}

# ------------------------------------------------------------------------------------- the layers


class TransformerLayer(Module):
    """What encoder's and decoder's layers share.  Each block's result goes through a dropout and is
    added to its input; a LayerNorm comes after that or, with norm_first, before the block."""

    attentions: tuple[str, ...] = ("self_attn",)

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        for name in self.attentions:
            options: dict[str, Any] = {"bias": bias, "batch_first": batch_first, **where}
            self.add_module(name, MultiheadAttention(d_model, nhead, dropout, **options))
        self.linear1 = Linear(d_model, dim_feedforward, bias, **where)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **where)
        self.norm_first = norm_first
        blocks = range(1, len(self.attentions) + 2)
        for number in blocks:
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **where)
            self.add_module(f"norm{number}", norm)
        for number in blocks:
            self.add_module(f"dropout{number}", Dropout(dropout))
        self.activation = activation_of(activation)

    def _residual(self, x: Tensor, norm: Module, block: Callable[[Tensor], Tensor]) -> Tensor:
        if self.norm_first:
            return x + block(norm(x))
        result: Tensor = norm(x + block(x))
        return result

    def _sa_block(self, x: Tensor, mask: Mask, padding: Mask, is_causal: bool) -> Tensor:
        """Every position looks at those of its own sequence."""
        return attended(self.self_attn, x, x, mask, padding, is_causal, self.dropout1)

    def _feed_forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return result


def activation_of(given: str | Activation) -> Activation:
    if not isinstance(given, str):
        return given
    if given not in ACTIVATIONS:
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return ACTIVATIONS[given]


def attended(
    attention: Module,
    x: Tensor,
    memory: Tensor,
    mask: Mask,
    padding: Mask,
    is_causal: bool,
    dropout: Module,
) -> Tensor:
    """What x sees of memory."""
    options = {"need_weights": False, "attn_mask": mask, "is_causal": is_causal}
    seen, _ = attention(x, memory, memory, key_padding_mask=padding, **options)
    result: Tensor = dropout(seen)
    return result


class TransformerEncoderLayer(TransformerLayer):
    """Self attention, then two Linears with an activation between them.

    activation: "relu", "gelu" or a function; layer_norm_eps: of the LayerNorms; norm_first: they
    come before the blocks, not after; bias=False: no part has one.
    """

    def forward(
        self,
        src: Tensor,
        src_mask: Mask = None,
        src_key_padding_mask: Mask = None,
        is_causal: bool = False,
    ) -> Tensor:
        """src again, of the same shape; is_causal says that src_mask hides all later positions."""
        warn_of_mismatch("src_key_padding_mask", src_key_padding_mask, "src_mask", src_mask)
        padding = checked_mask(src_key_padding_mask, "src_key_padding_mask", src)
        mask = checked_mask(src_mask, "src_mask", src)
        x = self._residual(src, self.norm1, lambda x: self._sa_block(x, mask, padding, is_causal))
        return self._residual(x, self.norm2, self._ff_block)

    def _ff_block(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout2(self._feed_forward(x))
        return result


class TransformerDecoderLayer(TransformerLayer):
    """Self attention, attention to what an encoder gave, then two Linears with an activation
    between them.  Options as of TransformerEncoderLayer."""

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Mask = None,
        memory_mask: Mask = None,
        tgt_key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """tgt again, of the same shape; memory is what an encoder gave."""

        def own(x: Tensor) -> Tensor:
            return self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)

        def other(x: Tensor) -> Tensor:
            masks = memory_mask, memory_key_padding_mask
            return self._mha_block(x, memory, *masks, memory_is_causal)

        x = self._residual(tgt, self.norm1, own)
        x = self._residual(x, self.norm2, other)
        return self._residual(x, self.norm3, self._ff_block)

    def _mha_block(
        self, x: Tensor, memory: Tensor, mask: Mask, padding: Mask, is_causal: bool
    ) -> Tensor:
        return attended(self.multihead_attn, x, memory, mask, padding, is_causal, self.dropout2)

    def _ff_block(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout3(self._feed_forward(x))
        return result


# -------------------------------------------------------------------------------------- the stacks


def clones(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class TransformerEncoder(Module):
    """`num_layers` copies of a layer, one after the other, and at the end `norm`.

    enable_nested_tensor and mask_check are kept, and change nothing: there are no nested tensors.
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self,
        src: Tensor,
        mask: Mask = None,
        src_key_padding_mask: Mask = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """src through all layers; is_causal=None: whether mask is causal is found out."""
        warn_of_mismatch("src_key_padding_mask", src_key_padding_mask, "mask", mask)
        padding = checked_mask(src_key_padding_mask, "src_key_padding_mask", src)
        mask = checked_mask(mask, "mask", src)
        causal = says_causal(mask, is_causal, length_of(src, self.layers[0]))
        for layer in self.layers:
            src = layer(src, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """`num_layers` copies of a layer, one after the other, and at the end `norm`."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Mask = None,
        memory_mask: Mask = None,
        tgt_key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """tgt through all layers; tgt_is_causal=None: whether tgt_mask is causal is found out."""
        causal = says_causal(tgt_mask, tgt_is_causal, length_of(tgt, self.layers[0]))
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


def length_of(x: Tensor, layer: Module) -> int:
    shape = x.array.shape
    return shape[1] if len(shape) == 3 and layer.self_attn.batch_first else shape[0]


def says_causal(mask: Mask, is_causal: bool | None, length: int) -> bool:
    """is_causal; if it is None, whether the mask hides exactly the later positions."""
    if is_causal is not None or mask is None:
        return is_causal is True
    if mask.array.shape != (length, length) or kernels.is_batched(mask.array):
        return False
    return equal(mask, square_subsequent_mask(length, mask.device, mask.dtype))


def square_subsequent_mask(size: int, device: Any = None, dtype: Any = None) -> Tensor:
    hidden: Tensor = triu(full((size, size), -math.inf, device=device, dtype=dtype), 1)
    return hidden


class Transformer(Module):
    """An encoder and a decoder that looks at what the encoder gave, with a LayerNorm after each."""

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Activation = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        sizes: Any = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        options: Any = (batch_first, norm_first, bias, device, dtype)
        if custom_encoder is None:
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
            layer: Module = TransformerEncoderLayer(*sizes, *options)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        self.encoder = custom_encoder
        if custom_decoder is None:
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)
            layer = TransformerDecoderLayer(*sizes, *options)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm)
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Mask = None,
        tgt_mask: Mask = None,
        memory_mask: Mask = None,
        src_key_padding_mask: Mask = None,
        tgt_key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """What the decoder makes of tgt, seeing what the encoder made of src."""
        self._check(src, tgt)
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        result: Tensor = self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return result

    def _check(self, src: Tensor, tgt: Tensor) -> None:
        axis = 0 if self.batch_first else 1
        if src.dim() == 3 and src.array.shape[axis] != tgt.array.shape[axis]:
            raise RuntimeError("the batch number of src and tgt must be equal")
        if not src.array.shape[-1] == tgt.array.shape[-1] == self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): -inf for every later position, 0 for the others."""
        return square_subsequent_mask(sz, device, dtype)
