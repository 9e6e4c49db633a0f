"""Convolution, pooling, resizing and padding."""

from minigrad.testing.table import Table, spread

OPERANDS = {
    "sequence": spread((2, 4, 5), 11),
    "image": spread((2, 2, 4, 3), 12),
    "volume": spread((1, 2, 2, 3, 2), 13),
    "k1": spread((2, 4, 3), 14),
    "k2": spread((4, 2, 2, 2), 15),
    "k3": spread((2, 2, 2, 2, 1), 16),
    "grouped": spread((4, 1, 2, 3), 17),
    "bias2": spread((2,), 18),
    "bias4": spread((4,), 19),
    "columns": spread((2, 4, 6), 20),
    "squares": spread((2, 4, 1, 2), 23),
    "square": spread((1, 2, 4), 24),
    "t1": spread((4, 1, 2), 21),
    "t2": spread((2, 2, 2, 2), 22),
}

CPU_ONLY = frozenset(
    {
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "adaptive_max_pool1d",
        "adaptive_max_pool2d",
        "avg_pool1d",
        "avg_pool2d",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "fold",
        "F.unfold",
        "interpolate",
        "max_pool1d",
        "max_pool2d",
    }
)

TABLE = Table(
    {
        "conv1d": (
            "F.conv1d(sequence, k1)",
            "F.conv1d(sequence[0], k1, bias2, 2, 1)",
            "F.conv1d(sequence, t1, padding='same', groups=4)",
        ),
        "conv2d": (
            "F.conv2d(image, k2, bias4)",
            "F.conv2d(image[0], k2, stride=2, padding=1)",
            "F.conv2d(image, grouped, bias4, (1, 2), (2, 1), (3, 1), 2)",
        ),
        "conv3d": ("F.conv3d(volume, k3, bias2, padding=(1, 0, 0))",),
        "conv_transpose1d": ("F.conv_transpose1d(sequence, t1, stride=2, groups=2)",),
        "conv_transpose2d": (
            "F.conv_transpose2d(image, t2, bias2)",
            "F.conv_transpose2d(image[0], t2, bias2, 2, 1, (0, 1), dilation=(1, 2))",
        ),
        "conv_transpose3d": ("F.conv_transpose3d(volume, k3, bias2, padding=(1, 0, 0))",),
        "F.unfold": (
            "F.unfold(image, 2)",
            "F.unfold(image[0], (2, 1), (1, 2), (0, 1), 2)",
        ),
        "fold": (
            "F.fold(columns, (3, 4), 2)",
            "F.fold(columns[0], (4, 3), (2, 2), (1, 2), (1, 1), 2)",
        ),
        "pad": (
            "F.pad(x, (1, 2))",
            "F.pad(x, (-1, 2, 1, 0), value=0.7)",
            "F.pad(b, (2, 1), 'reflect')",
            "F.pad(b, (1, 2, -1, 1), 'replicate')",
            "F.pad(volume, (1, 0, 0, 2, 1, 1), 'replicate')",
        ),
        "circular_pad": ("F.pad(b, (2, 1), 'circular')", "F.pad(b, (1, -1, 0, 2), 'circular')"),
        "max_pool1d": (
            "F.max_pool1d(sequence, 2)",
            "F.max_pool1d(sequence[0], 3, 1, 1, 2)",
            "F.max_pool1d(sequence, 2, ceil_mode=True, return_indices=True)",
        ),
        "max_pool2d": (
            "F.max_pool2d(image, 2)",
            "F.max_pool2d(image[0], (3, 2), (2, 1), 1, ceil_mode=True)",
            "F.max_pool2d(image, 2, 1, dilation=(2, 1), return_indices=True)",
        ),
        "adaptive_max_pool1d": ("F.adaptive_max_pool1d(sequence, 2)",),
        "adaptive_max_pool2d": (
            "F.adaptive_max_pool2d(image, 2)",
            "F.adaptive_max_pool2d(image[0], (3, None), return_indices=True)",
        ),
        "avg_pool1d": (
            "F.avg_pool1d(sequence, 2)",
            "F.avg_pool1d(sequence[0], 3, 2, 1, True, False)",
        ),
        "avg_pool2d": (
            "F.avg_pool2d(image, 2)",
            "F.avg_pool2d(image[0], (3, 2), (2, 1), (1, 0), True, False)",
            "F.avg_pool2d(image, 2, 3, 1, divisor_override=3)",
        ),
        "adaptive_avg_pool1d": ("F.adaptive_avg_pool1d(sequence, 3)",),
        "adaptive_avg_pool2d": (
            "F.adaptive_avg_pool2d(image, (3, 2))",
            "F.adaptive_avg_pool2d(image[0], (None, 5))",
        ),
        "interpolate": (
            "F.interpolate(image, scale_factor=2)",
            "F.interpolate(sequence, 3)",
            "F.interpolate(sequence, scale_factor=1.7, mode='linear')",
            "F.interpolate(image, (3, 5), mode='bilinear')",
            "F.interpolate(image, (3, 5), mode='bilinear', align_corners=True)",
            "F.interpolate(image, scale_factor=1.7, mode='bilinear', recompute_scale_factor=True)",
        ),
        "pixel_shuffle": ("F.pixel_shuffle(squares, 2)", "F.pixel_shuffle(squares[0], 2)"),
        "pixel_unshuffle": ("F.pixel_unshuffle(square, 2)", "F.pixel_unshuffle(squares, 1)"),
    },
    operands=OPERANDS,
    cpu_only=CPU_ONLY,
    own_graph=frozenset({"circular_pad"}),
)
