"""1,797 handwritten digits, each an 8x8 image (digits.txt says where they come from)."""

import numpy as np

from minigrad.data.shipped import table
from minigrad.ops.creation import from_numpy
from minigrad.tensor import Tensor
from minigrad.utils.data import TensorDataset

HELD_OUT = 359  # a fifth of the 1,797


def digits() -> tuple[Tensor, Tensor]:
    """All images (1797, 8, 8) float32, from 0 for paper to 1 for ink, and labels (1797,) int64."""
    images, labels = read()
    return from_numpy(images), from_numpy(labels)


def digits_split(seed: int = 0) -> tuple[TensorDataset, TensorDataset]:
    """Four fifths to train with and the held-out fifth, as datasets of (image, label).

    Which digits are held out depends on `seed` alone, and is the same on every machine.
    """
    images, labels = read()
    order = np.random.default_rng(seed).permutation(len(labels))
    held_out, training = order[:HELD_OUT], order[HELD_OUT:]
    train, test = (
        TensorDataset(from_numpy(images[rows]), from_numpy(labels[rows]))
        for rows in (training, held_out)
    )
    return train, test


def read() -> tuple[np.ndarray, np.ndarray]:
    """The file's images and labels."""
    rows = np.array(table("digits"), dtype=np.uint8)
    images = rows[:, :64].reshape(-1, 8, 8).astype(np.float32) / np.float32(16)
    return images, rows[:, 64].astype(np.int64)
