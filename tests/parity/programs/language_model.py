"""A language model of characters as people write it for PyTorch: attention by hand, tied weights,
a schedule computed in the loop, accumulated gradients, generation."""

import argparse
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.nn import functional as F

TEXT = "how much wood would a woodchuck chuck if a woodchuck could chuck wood? " * 6


@dataclass
class Config:
    vocab_size: int
    block_size: int = 16
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 24


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        assert config.n_embd % config.n_head == 0
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.n_head = config.n_head
        mask = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", mask.view(1, 1, config.block_size, config.block_size))

    def forward(self, x, by_hand):
        B, T, C = x.size()
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in (q, k, v))
        if by_hand:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = nn.ModuleDict(
            {
                "fc": nn.Linear(config.n_embd, 4 * config.n_embd),
                "act": nn.GELU(approximate="tanh"),
                "proj": nn.Linear(4 * config.n_embd, config.n_embd),
            }
        )

    def forward(self, x, by_hand):
        x = x + self.attn(self.ln_1(x), by_hand)
        m = self.mlp
        return x + m["proj"](m["act"](m["fc"](self.ln_2(x))))


class LanguageModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.wte.weight = self.lm_head.weight
        self.rng = np.random.default_rng(0)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            values = self.rng.normal(0.0, 0.08, tuple(module.weight.shape))
            module.weight.data = torch.tensor(values, dtype=torch.float32)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, idx, targets=None, by_hand=True):
        pos = torch.arange(0, idx.size(1), dtype=torch.long, device=idx.device)
        x = self.wte(idx) + self.wpe(pos)
        for block in self.h:
            x = block(x, by_hand)
        logits = self.lm_head(self.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    @torch.no_grad()
    def generate(self, idx, count):
        for _ in range(count):
            logits, _ = self(idx[:, -self.config.block_size :], by_hand=False)
            idx_next = torch.topk(logits[:, -1, :], k=2).indices[:, :1]
            idx = torch.cat((idx, idx_next), dim=1)
        return idx


def configure(model, weight_decay, lr):
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    decay = [p for p in named.values() if p.dim() >= 2]
    rest = [p for p in named.values() if p.dim() < 2]
    print(f"{len(decay)} with decay, {len(rest)} without, of {len(list(model.state_dict()))}")
    groups = [
        {"params": decay, "weight_decay": weight_decay},
        {"params": rest, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), eps=1e-8)


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args(argv)
    chars = sorted(set(TEXT))
    stoi = {c: i for i, c in enumerate(chars)}
    data = torch.tensor([stoi[c] for c in TEXT], dtype=torch.long)
    config = Config(vocab_size=len(chars))
    model = LanguageModel(config)
    optimizer = configure(model, 0.1, 1e-2)
    rng = np.random.default_rng(1)

    model.train()
    for step in range(args.steps):
        lr = 1e-2 * min(1.0, (step + 1) / 5) * 0.5 * (1 + math.cos(math.pi * step / args.steps))
        for group in optimizer.param_groups:
            group["lr"] = lr
        for micro in range(2):
            starts = rng.integers(0, len(data) - config.block_size - 1, 8)
            x = torch.stack([data[i : i + config.block_size] for i in starts])
            y = torch.stack([data[i + 1 : i + 1 + config.block_size] for i in starts])
            _, loss = model(x, y, by_hand=bool(micro))
            (loss / 2).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 6 == 0:
            print(f"step {step} loss {loss.item():.4f} norm {norm.item():.4f} lr {lr:.5f}")

    model.eval()
    torch.save(model.state_dict(), args.checkpoint)
    again = LanguageModel(config)
    again.load_state_dict(torch.load(args.checkpoint))
    start = torch.tensor([[stoi["h"], stoi["o"]]])
    both = [m.generate(start, 20)[0].tolist() for m in (model, again)]
    assert both[0] == both[1]
    print("tied" if again.wte.weight is again.lm_head.weight else "not tied")
    print(model)


if __name__ == "__main__":
    main(None)
