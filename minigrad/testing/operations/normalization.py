"""softmax, normalizations and attention."""

import numpy as np

from minigrad.testing.table import Table

# The embedding and its heads, the projections' weights and biases, no more keys, no dropout.
HEADS = "4, 2, z, None, None, None, False, 0.0"

TABLE = Table(
    {
        "log_softmax": (
            "x.log_softmax(1)",
            "b.log_softmax(1)",
            "F.log_softmax(v, 0)",
            "F.log_softmax(x, -1, dtype=torch.float64)",
        ),
        "softmax": (
            "x.softmax(1)",
            "b.softmax(0)",
            "F.softmax(v, 0)",
            "x.softmax(1, dtype=torch.float64)",
        ),
        "softmin": ("F.softmin(x, 1)",),
        "layer_norm": (
            "F.layer_norm(x, (4,))",
            "F.layer_norm(x, (4,), v.tanh())",
            "F.layer_norm(b, (3, 4), x.tanh(), y, 1e-2)",
        ),
        "batch_norm": (
            "F.batch_norm(x, None, None, training=True, eps=0.5)",
            "F.batch_norm(b, None, None, u.tanh(), m, True, 0.1, 1e-2)",
            "F.batch_norm(x, w * 0, w, v.tanh(), v)",
            "F.batch_norm(b, m * 0, r, u.tanh())",
        ),
        "instance_norm": (
            "F.instance_norm(b)",
            "F.instance_norm(b, weight=u.tanh(), bias=m, eps=1e-2)",
            "F.instance_norm(b, m * 0, r, use_input_stats=False)",
        ),
        "group_norm": (
            "F.group_norm(x, 2, eps=0.5)",
            "F.group_norm(c, 2, v.tanh(), v, 1e-2)",
            "F.group_norm(b, 1, u.tanh())",
        ),
        "rms_norm": ("F.rms_norm(x, (4,))", "F.rms_norm(b, (3, 4), x, 1e-2)"),
        "local_response_norm": (
            "F.local_response_norm(b, 2, 0.5, 0.75, 2.0)",
            "F.local_response_norm(c[:, :, None], 3, 1.0)",
        ),
        "scaled_dot_product_attention": (
            "F.scaled_dot_product_attention(b, b * 0.5, b + 1)",
            "F.scaled_dot_product_attention(b, c.mT, c.mT + 1, mask[:, :2], scale=0.3)",
            "F.scaled_dot_product_attention(b, b, b, a)",
            "F.scaled_dot_product_attention(x, y, y, dropout_p=1.0)",
            "F.scaled_dot_product_attention(b, b[:1], b[:1], enable_gqa=True)",
        ),
        "multi_head_attention_forward": (
            f"F.multi_head_attention_forward(t, t, t, {HEADS}, o, None)",
            f"F.multi_head_attention_forward(t, t, t, {HEADS}, o, v, need_weights=False)[0]",
        ),
        "dropout": ("F.dropout(x, 1.0)", "F.dropout(x, 0.0) * 2", "F.dropout(x, 0.3, False) * 2"),
        "dropout1d": ("F.dropout1d(b, 1.0)", "F.dropout1d(x, 0.5, False) * 2"),
        "dropout2d": ("F.dropout2d(b[None], 1.0)", "F.dropout2d(b[None], 0.5, False) * 2"),
        "dropout3d": ("F.dropout3d(b[None, None], 1.0)", "F.dropout3d(b[None], 0.5, False) * 2"),
        "alpha_dropout": ("F.alpha_dropout(x, 1.0, True)", "F.alpha_dropout(x) * 2"),
        "feature_alpha_dropout": (
            "F.feature_alpha_dropout(b, 1.0, True)",
            "F.feature_alpha_dropout(b) * 2",
        ),
    },
    own_graph=frozenset(
        {
            "multi_head_attention_forward",
            "instance_norm",
            "local_response_norm",
            "rms_norm",
            "scaled_dot_product_attention",
        }
    ),
    operands={
        "t": np.random.default_rng(4).uniform(-1, 1, (2, 1, 4)),
        "z": np.random.default_rng(5).uniform(-1, 1, (12, 4)),
        "o": np.random.default_rng(6).uniform(-1, 1, (4, 4)),
        "a": np.random.default_rng(2).uniform(-1, 1, (3, 3)),
    },
    constants={"r": np.array([0.4, 1.5, 0.9]), "m": np.array([0.2, -0.4, 1.1])},
)
