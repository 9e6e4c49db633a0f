"""Every family of operations, one line an operation in torch's language, at 1e5 elements."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.timing import Call, Case, Group

Arrays = dict[str, Any]

SIDE = 400  # of the matrices: 160,000 elements
WORST = 1.5  # the goal for one operation; that for a family's geometric mean is 1

FAMILIES: dict[str, tuple[str, ...]] = {
    "Pointwise": (
        "x + y",
        "x / y",
        "x % y",
        "x // y",
        "x ** 2.5",
        "x.exp()",
        "x.log()",
        "x.sin()",
        "x.tanh()",
        "x.sigmoid()",
        "x.erf()",
        "x.clamp(0.2, 0.8)",
        "x.lerp(y, 0.3)",
        "torch.where(x > y, x, y)",
        "torch.atan2(x, y)",
        "F.gelu(x)",
        "F.silu(x)",
        "F.softplus(x)",
    ),
    "Reductions": (
        "x.sum()",
        "x.mean(1)",
        "x.amax(0)",
        "x.var(1)",
        "x.prod(1)",
        "x.norm()",
        "x.argmax(1)",
        "x.logsumexp(1)",
        "(x > 0.5).any(1)",
        "torch.cdist(x, y)",
    ),
    "Scans and sorting": (
        "x.cumsum(1)",
        "x.cumprod(1)",
        "x.cummax(1)",
        "x.logcumsumexp(1)",
        "x.sort(1)",
        "x.argsort(1)",
        "x.topk(2, 1)",
        "x.median(1)",
        "torch.unique(places)",
    ),
    "Products": (
        "x @ y",
        "x @ v",
        "torch.outer(v, v)",
        "torch.addmm(x, x, y)",
        "torch.bmm(stack, stack)",
        "torch.einsum('ij,kj->ik', x, y)",
    ),
    "Shapes": (
        "x.T.contiguous()",
        "torch.cat([x, y])",
        "torch.stack([x, y])",
        "x.flip(0)",
        "x.roll(1, 0)",
        "x.tril()",
        "x.repeat(2, 2)",
        "x.diff()",
        "F.pad(x, (1, 1))",
        "F.pad(images, (1, 1, 1, 1), mode='reflect')",
    ),
    "Indexing": (
        "x.index_select(0, rows)",
        "x[rows]",
        "x.gather(1, places)",
        "x.scatter_add(1, places, y)",
        "x.index_add(0, rows, y)",
        "x.masked_fill(mask, 0)",
        "x[mask]",
        "F.embedding(places, x)",
    ),
    "Convolution and pooling": (
        "F.conv2d(images, filters, padding=1)",
        "F.conv_transpose2d(images, filters)",
        "F.max_pool2d(images, 2)",
        "F.avg_pool2d(images, 2)",
        "F.interpolate(images, scale_factor=2)",
    ),
    "Normalization and attention": (
        "x.softmax(1)",
        "x.log_softmax(1)",
        "F.layer_norm(x, x.shape[1:], v, v)",
        "F.group_norm(images, 2)",
        "F.batch_norm(images, None, None, training=True)",
        "F.scaled_dot_product_attention(tokens, tokens, tokens)",
    ),
    "Random": (
        "torch.rand(x.shape)",
        "torch.randn(x.shape)",
        "torch.randint(0, 10, x.shape)",
        "torch.bernoulli(x)",
        "F.dropout(x, 0.5)",
    ),
}
LOSSES = (
    "F.cross_entropy(x, rows)",
    "F.cross_entropy(x, rows, label_smoothing=0.1)",
    "F.cross_entropy(x, y)",
    "F.mse_loss(x, y)",
    "F.l1_loss(x, y)",
    "F.smooth_l1_loss(x, y)",
    "F.huber_loss(x, y)",
    "F.binary_cross_entropy_with_logits(x, y)",
    "F.kl_div(x, y, reduction='batchmean')",
)


def groups(side: int = SIDE) -> Iterator[Group]:
    """A table for each family."""
    arrays = operands(side)
    for family, expressions in FAMILIES.items():
        cases = [Case(text, Forward(text, arrays), WORST) for text in expressions]
        yield Group(f"{family}, {side} x {side}", cases, 1.0)
    cases = [Case(text, ForwardAndBackward(text, arrays), WORST) for text in LOSSES]
    yield Group(f"Losses, {side} x {side}, forward and backward", cases, 1.0)


def operands(side: int) -> Arrays:
    """Arrays for the names in the expressions; floats are between 0 and 1."""
    random, images = np.random.default_rng(0), max(4, side // 8)
    shapes = {
        "x": (side, side),
        "y": (side, side),
        "v": (side,),
        "stack": (4, max(2, side // 2), max(2, side // 2)),
        "images": (8, 8, images, images),
        "filters": (8, 8, 3, 3),
        "tokens": (8, max(2, side // 4), 32),
    }
    arrays: Arrays = {name: random.random(shape, np.float32) for name, shape in shapes.items()}
    arrays["rows"] = random.integers(0, side, side)
    arrays["places"] = random.integers(0, side, (side, side))
    arrays["mask"] = arrays["x"] > 0.5
    return arrays


class Forward:
    """Makes the call of an expression, with torch or with minigrad."""

    def __init__(self, text: str, arrays: Arrays):
        self.code, self.arrays = compile(text, text, "eval"), arrays

    def names(self, lib: Any) -> dict[str, Any]:
        used = {
            name: lib.tensor(a) for name, a in self.arrays.items() if name in self.code.co_names
        }
        return {"torch": lib, "F": lib.nn.functional, **used}

    def __call__(self, lib: Any) -> Call:
        names = self.names(lib)
        return lambda: eval(self.code, names)


class ForwardAndBackward(Forward):
    """The same, then the gradient of x."""

    def __call__(self, lib: Any) -> Call:
        names = self.names(lib)
        x = names["x"].requires_grad_()

        def run() -> None:
            eval(self.code, names).backward()
            x.grad = None

        return run
