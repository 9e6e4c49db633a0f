"""Loss functions."""

import numpy as np

from minigrad.testing.table import Table, spread

TABLE = Table(
    {
        "cross_entropy": (
            "F.cross_entropy(x, target)",
            "F.cross_entropy(x, target, reduction='sum')",
            "F.cross_entropy(x, target, reduction='none')",
            "F.cross_entropy(x, target, ignore_index=3)",
            "F.cross_entropy(x, target, classes)",
            "F.cross_entropy(v, target[0])",
        ),
        "cross_entropy, in one node": (
            "F.cross_entropy(c, k)",
            "F.cross_entropy(c, k, reduction='none')",
            "F.cross_entropy(c[:, :, None], k[:, None], reduction='none')",
            "F.cross_entropy(x, target, label_smoothing=0.2)",
            "F.cross_entropy(x, target, classes, ignore_index=3, label_smoothing=0.2)",
            "F.cross_entropy(c, k, classes, label_smoothing=0.2, reduction='none')",
            "F.cross_entropy(x, p)",
            "F.cross_entropy(x, q, w, label_smoothing=0.2)",
            "F.cross_entropy(x, q, reduction='none')",
            "F.cross_entropy(x, q, v * v)",
        ),
        "nll_loss": (
            "F.nll_loss(x, target)",
            "F.nll_loss(x, target, reduction='none')",
            "F.nll_loss(v, target[1], reduction='none')",
            "F.nll_loss(x, target, classes, ignore_index=1)",
            "F.nll_loss(c, k)",
        ),
        "mse_loss": (
            "F.mse_loss(x, y)",
            "F.mse_loss(x, y, reduction='sum')",
            "F.mse_loss(x, y, reduction='none')",
            "F.mse_loss(x, y, weight=q)",
        ),
        "l1_loss": ("F.l1_loss(x, y)", "F.l1_loss(x, y, weight=p, reduction='sum')"),
        "smooth_l1_loss": (
            "F.smooth_l1_loss(x, y)",
            "F.smooth_l1_loss(x, y, reduction='sum', beta=0.3)",
        ),
        "huber_loss": (
            "F.huber_loss(x, y, delta=0.7)",
            "F.huber_loss(x, y, 'sum', weight=q)",
        ),
        "binary_cross_entropy": (
            "F.binary_cross_entropy(q, r)",
            "F.binary_cross_entropy(q, r, w, reduction='sum')",
        ),
        "binary_cross_entropy_with_logits": (
            "F.binary_cross_entropy_with_logits(x, r)",
            "F.binary_cross_entropy_with_logits(x, r, w, reduction='none')",
        ),
        "binary_cross_entropy_with_logits, pos_weight": (
            "F.binary_cross_entropy_with_logits(x, r, reduction='sum', pos_weight=w)",
        ),
        "kl_div": (
            "F.kl_div(x, q, reduction='batchmean')",
            "F.kl_div(x, y, reduction='sum', log_target=True)",
        ),
        "poisson_nll_loss": (
            "F.poisson_nll_loss(x, q)",
            "F.poisson_nll_loss(q, 3 * r, log_input=False, full=True, reduction='none')",
        ),
        "gaussian_nll_loss": (
            "F.gaussian_nll_loss(x, y, q)",
            "F.gaussian_nll_loss(x, y, q[:, 1], full=True, reduction='none')",
            "F.gaussian_nll_loss(x, y, 0.7)",
        ),
        "hinge_embedding_loss": ("F.hinge_embedding_loss(x, sign, margin=0.7)",),
        "margin_ranking_loss": ("F.margin_ranking_loss(x, y, sign, margin=0.3)",),
        "cosine_embedding_loss": (
            "F.cosine_embedding_loss(x, y, sign[:, 0])",
            "F.cosine_embedding_loss(x[0], y[0], sign[0, 0], margin=-0.9, reduction='none')",
        ),
        "soft_margin_loss": ("F.soft_margin_loss(x, sign)",),
        "triplet_margin_loss": (
            "F.triplet_margin_loss(x, y, q)",
            "F.triplet_margin_loss(x, y, q, margin=2.0, p=3, swap=True, reduction='none')",
        ),
        "triplet_margin_with_distance_loss": (
            "F.triplet_margin_with_distance_loss(x, y, q, margin=2.0, swap=True)",
        ),
        "multi_margin_loss": (
            "F.multi_margin_loss(x, target)",
            "F.multi_margin_loss(x, target, 2, 0.7, classes, reduction='sum')",
            "F.multi_margin_loss(v, target[0], reduction='none')",
        ),
        "multilabel_margin_loss": (
            "F.multilabel_margin_loss(x, labels)",
            "F.multilabel_margin_loss(v, labels[0], reduction='none')",
        ),
        "multilabel_soft_margin_loss": (
            "F.multilabel_soft_margin_loss(x, q)",
            "F.multilabel_soft_margin_loss(x, p, w, reduction='none')",
        ),
        "ctc_loss": (
            "F.ctc_loss(times.log_softmax(2), sequences, (4, 5), (2, 3))",
            "F.ctc_loss(times.log_softmax(2), "
            "torch.cat([sequences[0], sequences[1]]), (5, 5), (3, 3), 3, 'none')",
            "F.ctc_loss(times[:, 0].log_softmax(1), sequences[0], (5,), (3,), reduction='sum')",
        ),
    },
    operands={
        "times": spread((5, 2, 4), 13),
        "q": (spread((3, 4), 11) + 2.8) / 5.6,
        "r": (spread((3, 4), 12) + 2.8) / 5.6,
    },
    constants={
        "classes": np.array([0.3, 0.9, 1.7, 1.2]),
        "sign": np.array([[1.0, -1, 1, 1], [-1, -1, 1, -1], [1, 1, -1, 1]]),
        "sequences": np.array([[1, 2, 1], [2, 2, 1]]),
        "labels": np.array([[1, 2, -1, 0], [3, -1, -1, -1], [-1, 1, 1, 1]]),
    },
    cpu_only=frozenset({"ctc_loss"}),
    once_differentiable=frozenset({"ctc_loss"}),
    by_values=frozenset({"ctc_loss"}),
    own_graph=frozenset(
        {
            "cross_entropy, in one node",
            "binary_cross_entropy_with_logits, pos_weight",
            "weighted_logistic_loss",
            "poisson_nll_loss",
            "gaussian_nll_loss",
            "margin_ranking_loss",
            "cosine_embedding_loss",
            "logistic_margin",
            "soft_margin_loss",
            "triplet_margin_loss",
            "triplet_margin_with_distance_loss",
            "multi_margin_loss",
            "multilabel_margin_loss",
        }
    ),
)
