"""Connectionist temporal classification: all alignments of a label sequence, by two recursions.

The labels of a sample with a blank before, between and after them are its states, 2 S + 1 of them.
alpha[t, s] is the logarithm of the probability of all beginnings that are in state s at time t,
beta[t, s] that of all endings from there; both count time t.  A. Graves et al., ICML 2006.
"""

import math
from typing import Any

import numpy as np

from minigrad.kernels.jit import kernel

Array = np.ndarray[Any, Any]


@kernel
def log_of_sum(a, b, c):
    """log(e^a + e^b + e^c)"""
    top = max(a, b, c)
    if top == -math.inf:
        return top
    return top + math.log(math.exp(a - top) + math.exp(b - top) + math.exp(c - top))


@kernel
def label_of(labels, state, blank):
    """What is seen in a state: blanks in the even ones."""
    return labels[state // 2] if state % 2 else blank


@kernel
def may_skip(labels, state, blank):
    """Whether a state may follow the one two before: no blank between different labels."""
    return state >= 2 and state % 2 == 1 and labels[state // 2] != labels[state // 2 - 1]


@kernel
def alphas_of_sample(log_probs, labels, steps, blank, alpha):
    """Fill alpha (T, states) of one sample; returns -log of the probability of its labels."""
    states = 2 * labels.size + 1
    alpha[:] = -math.inf
    if steps == 0:
        return 0.0 if labels.size == 0 else math.inf
    alpha[0, 0] = log_probs[0, blank]
    if states > 1:
        alpha[0, 1] = log_probs[0, labels[0]]
    for t in range(1, steps):
        for s in range(states):
            stay = alpha[t - 1, s]
            step = alpha[t - 1, s - 1] if s >= 1 else -math.inf
            skip = alpha[t - 1, s - 2] if may_skip(labels, s, blank) else -math.inf
            seen = log_probs[t, label_of(labels, s, blank)]
            alpha[t, s] = log_of_sum(stay, step, skip) + seen
    last = alpha[steps - 1, states - 1]
    other = alpha[steps - 1, states - 2] if states > 1 else -math.inf
    return -log_of_sum(last, other, -math.inf)


@kernel
def betas_of_sample(log_probs, labels, steps, blank, beta):
    """Fill beta (T, states) of one sample."""
    states = 2 * labels.size + 1
    beta[:] = -math.inf
    beta[steps - 1, states - 1] = log_probs[steps - 1, blank]
    if states > 1:
        beta[steps - 1, states - 2] = log_probs[steps - 1, labels[labels.size - 1]]
    for t in range(steps - 2, -1, -1):
        for s in range(states):
            stay = beta[t + 1, s]
            step = beta[t + 1, s + 1] if s + 1 < states else -math.inf
            skips = s + 2 < states and may_skip(labels, s + 2, blank)
            skip = beta[t + 1, s + 2] if skips else -math.inf
            seen = log_probs[t, label_of(labels, s, blank)]
            beta[t, s] = log_of_sum(stay, step, skip) + seen


@kernel
def ctc_losses(log_probs, targets, steps, sizes, blank, losses, alphas):
    """The losses (N,) and alphas (N, T, states) of all samples."""
    for n in range(log_probs.shape[1]):
        labels = targets[n, : sizes[n]]
        losses[n] = alphas_of_sample(log_probs[:, n], labels, steps[n], blank, alphas[n])


@kernel
def ctc_gradients(
    grad, log_probs, targets, steps, sizes, losses, alphas, blank, zero_infinity, beta, out
):
    """out (T, N, C) = grad (p - the share of the alignments that see the label at the time).

    It is the gradient of what log_softmax made log_probs of, which p is there for.
    """
    for n in range(log_probs.shape[1]):
        if steps[n] == 0 or (zero_infinity and losses[n] == math.inf):
            continue
        labels, scores, alpha = targets[n, : sizes[n]], log_probs[:, n], alphas[n]
        betas_of_sample(scores, labels, steps[n], blank, beta)
        for t in range(steps[n]):
            seen = out[t, n]
            seen[:] = -math.inf
            for s in range(2 * labels.size + 1):
                label = label_of(labels, s, blank)
                both = alpha[t, s] + beta[t, s]
                seen[label] = log_of_sum(seen[label], both, -math.inf)
            for c in range(seen.size):
                score = scores[t, c]
                share = math.exp(seen[c] + losses[n] - score)
                seen[c] = (math.exp(score) - share) * grad[n]


def ctc_loss(
    log_probs: Array, targets: Array, steps: Array, sizes: Array, blank: int
) -> tuple[Array, Array]:
    """(losses (N,), alphas (N, T, states)) of log-probabilities (T, N, C) and labels (N, S);
    `steps` and `sizes` (N,) tell how many times and labels of a sample count."""
    count, samples, _ = log_probs.shape
    losses = np.empty(samples, log_probs.dtype)
    alphas = np.empty((samples, count, 2 * targets.shape[1] + 1), log_probs.dtype)
    ctc_losses(np.ascontiguousarray(log_probs), targets, steps, sizes, blank, losses, alphas)
    return losses, alphas


def ctc_loss_backward(
    grad: Array,
    log_probs: Array,
    targets: Array,
    steps: Array,
    sizes: Array,
    losses: Array,
    alphas: Array,
    blank: int,
    zero_infinity: bool,
) -> Array:
    """The gradient (T, N, C) from that of the losses (N,); 0 from where a sample ends."""
    scores, out = np.ascontiguousarray(log_probs), np.zeros(log_probs.shape, log_probs.dtype)
    given = (targets, steps, sizes, losses, alphas, blank, zero_infinity)
    grads, beta = np.ascontiguousarray(grad, log_probs.dtype), np.empty_like(alphas[0])
    ctc_gradients(grads, scores, *given, beta, out)
    return out
