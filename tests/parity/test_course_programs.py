"""Small projects of a course, written once: parameters and results are torch's after some steps."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.parity.compare import LIBRARIES, same_tensor

Results = dict[str, Any]


class Data:
    """Numbers to start from, the same for both libraries, in the order they are asked for."""

    def __init__(self, lib: Any) -> None:
        self.lib, self.draw = lib, np.random.default_rng(0)

    def normal(self, *shape: int) -> Any:
        return self.lib.tensor(self.draw.standard_normal(shape))

    def weight(self, *shape: int) -> Any:
        return (self.normal(*shape) / math.sqrt(shape[0])).requires_grad_()

    def integers(self, below: int, *shape: int) -> Any:
        return self.lib.tensor(self.draw.integers(0, below, shape))


def trained(lib: Any, loss_of: Callable[[], Any], parameters: dict[str, Any]) -> Results:
    """Three steps of gradient descent: the losses, and where the parameters end."""
    optimizer = lib.optim.SGD(parameters.values(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(3):
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {"losses": lib.stack(losses), **parameters}


def digits(lib: Any) -> Results:
    """A convolutional network, and how it reads when batch_norm takes the running statistics."""
    F, data = lib.nn.functional, Data(lib)
    x, labels = data.normal(6, 1, 8, 8), data.integers(10, 6)
    first, second, last = data.weight(4, 1, 3, 3), data.weight(8, 4, 3, 3), data.weight(32, 10)
    scale, shift = lib.ones(4).double().requires_grad_(), lib.zeros(4).double().requires_grad_()
    mean, var = lib.zeros(4).double(), lib.ones(4).double()

    def network(training: bool) -> Any:
        h = F.conv2d(x, first, padding=1)
        h = F.batch_norm(h, mean, var, scale, shift, training=training)
        h = F.max_pool2d(F.relu(h), 2)
        h = F.avg_pool2d(F.relu(F.conv2d(h, second, padding="same")), 2)
        return F.dropout(h.flatten(1), 0.5, training=False) @ last

    parameters = {"first": first, "second": second, "scale": scale, "shift": shift}
    found = trained(lib, lambda: F.cross_entropy(network(True), labels), parameters)
    return {**found, "mean": mean, "var": var, "read": network(False).argmax(dim=1)}


def language_model(lib: Any) -> Results:
    """A transformer block over characters: five words at once, each position predicts the next."""
    F, data = lib.nn.functional, Data(lib)
    words, letters, width, heads = data.integers(7, 5, 9), 7, 8, 2
    table, places = data.weight(letters, width), data.weight(8, width)
    mix, out = data.weight(3 * width, width), data.weight(width, width)
    up, down = data.weight(4 * width, width), data.weight(width, 4 * width)
    gain = lib.ones(width).double().requires_grad_()

    def scores(x: Any) -> Any:
        h = F.embedding(x, table) + places[: x.shape[1]]
        parts = F.linear(F.layer_norm(h, (width,), gain), mix).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + F.linear(seen.transpose(1, 2).flatten(2), out)
        h = h + F.linear(F.gelu(F.linear(F.rms_norm(h, (width,)), up)), down)
        return h @ table.T

    def loss() -> Any:
        return F.cross_entropy(scores(words[:, :-1]).reshape(-1, letters), words[:, 1:].flatten())

    found = trained(lib, loss, {"table": table, "places": places, "mix": mix, "up": up})
    text = words[:1, :1]
    for _ in range(6):  # the likeliest of the two best letters, again and again
        best, which = scores(text)[:, -1].topk(2)
        text = lib.cat([text, which.gather(1, best.argmax(1, keepdim=True))], dim=1)
    return {**found, "text": text}


def lstm(lib: Any) -> Results:
    """A long short-term memory by hand, over sequences of several lengths, gradients clipped."""
    F, data = lib.nn.functional, Data(lib)
    x, lengths = data.normal(4, 5, 3), lib.tensor([5, 2, 4, 1])
    inner, outer, bias = data.weight(6, 24), data.weight(3, 24), data.weight(24)
    hidden = cell = lib.zeros(4, 6).double()
    seen = []
    for step in x.unbind(1):
        i, f, g, o = (step @ outer + hidden @ inner + bias).chunk(4, dim=1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        seen.append(hidden)
    states = lib.stack(seen, dim=1)
    last = states.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, 6)).squeeze(1)
    padded = lib.arange(5)[None] >= lengths[:, None]
    largest = states.masked_fill(padded.unsqueeze(-1), -math.inf).amax(1)
    loss = F.huber_loss(last, largest.detach() + 0.3, delta=0.2) + largest.logsumexp(0).mean()
    gradients = lib.autograd.grad(loss, [inner, outer, bias])
    norm = lib.stack([g.norm() for g in gradients]).norm()
    clipped = [g * lib.clamp(0.1 / norm, max=1.0) for g in gradients]
    return {"last": last, "largest": largest, "norm": norm, "inner": clipped[0]}


def autoencoder(lib: Any) -> Results:
    """A variational one; then its codes, quantized by the nearest row of a codebook."""
    F, data = lib.nn.functional, Data(lib)
    x, noise = data.normal(6, 9).sigmoid(), data.normal(6, 2)
    into, middle, spread, back = (data.weight(*s) for s in ((9, 5), (5, 2), (5, 2), (2, 9)))
    codes = data.weight(4, 2)

    def loss() -> Any:
        h = F.leaky_relu(x @ into, 0.2)
        mu, logvar = h @ middle, h @ spread
        logits = (mu + noise * (0.5 * logvar).exp()) @ back
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum()
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        nearest = F.embedding(lib.cdist(mu, codes).argmin(1), codes)
        return (bce + kl) / 6 + F.mse_loss(nearest, mu.detach()) + F.mse_loss(mu, nearest.detach())

    return trained(lib, loss, {"into": into, "spread": spread, "back": back, "codes": codes})


def word_vectors(lib: Any) -> Results:
    """word2vec with negative samples, and the words nearest to the first."""
    F, data = lib.nn.functional, Data(lib)
    inside, outside = data.weight(20, 6), data.weight(20, 6)
    middle, near, far = data.integers(20, 15), data.integers(20, 15), data.integers(20, 15, 4)

    def loss() -> Any:
        word = F.embedding(middle, inside)
        good = (word * F.embedding(near, outside)).sum(-1)
        bad = lib.bmm(F.embedding(far, outside), word.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(good) + F.logsigmoid(-bad).sum(1)).mean()

    found = trained(lib, loss, {"inside": inside, "outside": outside})
    alike = F.cosine_similarity(inside[:1], inside, dim=1).topk(4)
    return {**found, "alike": alike.values, "words": alike.indices}


def contrastive(lib: Any) -> Results:
    """Two views of each sample find one another; the hardest negative of a triplet keeps away."""
    F, data = lib.nn.functional, Data(lib)
    one, two, weight = data.normal(6, 5), data.normal(6, 5), data.weight(5, 4)
    partners = lib.cat([lib.arange(6, 12), lib.arange(6)])

    def loss() -> Any:
        z = F.normalize(lib.cat([one, two]) @ weight, dim=1)
        alike = lib.mm(z, z.T).masked_fill(lib.eye(12, dtype=lib.bool), -1e9) / 0.5
        distances = lib.cdist(z[:6], z[6:]) + 9 * lib.eye(6, dtype=z.dtype)
        hardest = z[6:][distances.argmin(1)]
        return F.cross_entropy(alike, partners) + F.triplet_margin_loss(z[:6], z[6:], hardest)

    return trained(lib, loss, {"weight": weight})


def graph_attention(lib: Any) -> Results:
    """Messages along edges, weighted by a softmax over the edges that lead to the same node."""
    F, data = lib.nn.functional, Data(lib)
    x, labels, (source, target) = data.normal(7, 3), data.integers(4, 7), data.integers(7, 2, 20)
    weight, look = data.weight(3, 4), data.weight(8)

    def loss() -> Any:
        h = x @ weight
        score = F.leaky_relu(lib.cat([h[source], h[target]], dim=-1) @ look, 0.2)
        top = lib.full((7,), -math.inf).double().scatter_reduce(0, target, score, "amax")
        share = (score - top[target].detach()).exp()
        total = lib.zeros(7).double().scatter_add(0, target, share)
        message = h[source] * (share / total[target]).unsqueeze(-1)
        out = lib.zeros(7, 4).double().index_add(0, target, message)
        return F.nll_loss(F.log_softmax(out, dim=1), labels)

    return trained(lib, loss, {"weight": weight, "look": look})


def segmentation(lib: Any) -> Results:
    """Down, up again beside what was there before, and depthwise convolutions between."""
    F, data = lib.nn.functional, Data(lib)
    x, mask = data.normal(2, 3, 8, 8), data.normal(2, 1, 8, 8).gt(0).double()
    down, depth, point = data.weight(4, 3, 3, 3), data.weight(4, 1, 3, 3), data.weight(4, 4, 1, 1)
    up, out = data.weight(4, 4, 2, 2), data.weight(1, 12, 1, 1)

    def loss() -> Any:
        a = F.silu(F.group_norm(F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), down), 2))
        b = F.conv2d(F.conv2d(F.max_pool2d(a, 2), depth, padding=1, groups=4), point)
        larger = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        h = lib.cat([larger, F.conv_transpose2d(F.relu6(b), up, stride=2), a], dim=1)
        share = lib.sigmoid(F.conv2d(h, out))
        dice = 1 - (2 * (share * mask).sum() + 1) / (share.sum() + mask.sum() + 1)
        return dice + F.binary_cross_entropy(share, mask)

    return trained(lib, loss, {"down": down, "depth": depth, "up": up, "out": out})


def gaussian_process(lib: Any) -> Results:
    """The likelihood of a kernel's length, its gradient, and what is predicted between."""
    x = lib.linspace(0, 3, 8, dtype=lib.float64)[:, None]
    y = lib.sin(2 * x)
    length = lib.tensor(0.7, dtype=lib.float64, requires_grad=True)

    def kernel(a: Any, b: Any) -> Any:
        return lib.exp(-0.5 * (lib.cdist(a, b) / length) ** 2)

    factor = lib.linalg.cholesky(kernel(x, x) + 0.01 * lib.eye(8, dtype=lib.float64))
    solved = lib.cholesky_solve(y, factor)
    loss = 0.5 * (y * solved).sum() + factor.diagonal().log().sum()
    loss.backward()
    return {"loss": loss, "length": length.grad, "between": kernel(x[1:] - 0.2, x) @ solved}


def logistic_regression(lib: Any) -> Results:
    """By Newton's method: the Hessian from minigrad.func, a solution of linear equations a step."""
    F, data = lib.nn.functional, Data(lib)
    x, y, w = data.normal(30, 3), data.normal(30).gt(0).double(), lib.zeros(3).double()

    def loss(w: Any) -> Any:
        return F.binary_cross_entropy_with_logits(x @ w, y) + 0.05 * w.dot(w)

    for _ in range(4):
        w = w - lib.linalg.solve(lib.func.hessian(loss)(w), lib.func.grad(loss)(w))
    return {"w": w, "slope": lib.func.grad(loss)(w)}


def clusters(lib: Any) -> Results:
    """k-means, the soft clusters of a mixture, and a look at the data."""
    data = Data(lib)
    x = data.normal(30, 2) + 4 * data.integers(3, 30, 1)
    centers = x[:3]
    for _ in range(5):
        nearest = lib.cdist(x, centers).argmin(dim=1)
        counts = lib.bincount(nearest, minlength=3)
        sums = lib.zeros(3, 2).double().index_add(0, nearest, x)
        centers = sums / counts.clamp(min=1).unsqueeze(1)
    share = lib.softmax(-((x[:, None] - centers) ** 2).sum(-1), dim=1)
    var = lib.einsum("nk,nkd->kd", share, (x[:, None] - centers) ** 2) / share.sum(0)[:, None]
    named, inverse, often = lib.unique(nearest, return_inverse=True, return_counts=True)
    looks = {"quantile": x.quantile(0.3, dim=0), "median": x.median(0).values, "histc": x.histc(7)}
    names = {"named": named, "inverse": inverse, "often": often}
    return {"centers": centers, "counts": counts, "var": var, **names, **looks}


def policy_gradient(lib: Any) -> Results:
    """REINFORCE with returns from the end of an episode, then one step of deep Q-learning."""
    F, data = lib.nn.functional, Data(lib)
    states, after = data.normal(9, 4), data.normal(9, 4)
    actions, rewards = data.integers(3, 9, 1), data.normal(9)
    weight, ended = data.weight(4, 3), data.integers(2, 9).bool()
    returns = rewards.flip(0).cumsum(0).flip(0)
    advantage = (returns - returns.mean()) / (returns.std() + 1e-8)

    def loss() -> Any:
        chosen = F.log_softmax(F.elu(states @ weight), dim=-1).gather(1, actions).squeeze(1)
        with lib.no_grad():
            target = rewards + 0.9 * (after @ weight).max(dim=1).values * (~ended).double()
        value = (states @ weight).gather(1, actions).squeeze(1)
        return F.smooth_l1_loss(value, target) - (chosen * advantage).mean()

    return trained(lib, loss, {"weight": weight})


def gradients_of_each_sample(lib: Any) -> Results:
    """vmap over the gradient of a convolutional network, of which the last layer is a dict's."""
    F, data = lib.nn.functional, Data(lib)
    x, labels = data.normal(4, 1, 6, 6), data.integers(5, 4)
    weights = {"filters": data.normal(2, 1, 3, 3), "last": data.normal(8, 5)}

    def loss(weights: dict[str, Any], image: Any, label: Any) -> Any:
        h = F.max_pool2d(F.relu(F.conv2d(image[None], weights["filters"])), 2).flatten(1)
        return F.cross_entropy(h @ weights["last"], label[None])

    return dict(lib.func.vmap(lib.func.grad(loss), in_dims=(None, 0, 0))(weights, x, labels))


PROGRAMS: list[Callable[[Any], Results]] = [
    digits,
    language_model,
    lstm,
    autoencoder,
    word_vectors,
    contrastive,
    graph_attention,
    segmentation,
    gaussian_process,
    logistic_regression,
    clusters,
    policy_gradient,
    gradients_of_each_sample,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_program(program: Callable[[Any], Results]) -> None:
    theirs, ours = (program(lib) for lib in LIBRARIES)
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        same_tensor(value, ours[name], name)
