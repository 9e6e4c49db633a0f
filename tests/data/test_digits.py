"""The digits that ship with the package."""

import minigrad
from minigrad.data import digits, digits_split

# How often each digit occurs, as scikit-learn's load_digits() says.
COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits() -> None:
    images, labels = digits()
    assert tuple(images.shape) == (1797, 8, 8)
    assert images.dtype == minigrad.float32
    assert labels.dtype == minigrad.int64
    values = images.numpy()
    assert (values.min(), values.max()) == (0, 1)
    assert [(labels.numpy() == digit).sum() for digit in range(10)] == COUNTS


def test_the_first_image_is_a_zero() -> None:
    images, labels = digits()
    assert labels.tolist()[:5] == [0, 1, 2, 3, 4]
    assert (images.numpy()[0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_the_split_holds_out_a_fifth_and_loses_nothing() -> None:
    train, test = digits_split()
    assert (len(train), len(test)) == (1438, 359)
    rows = {
        (*tuple(image), label)
        for part in (train, test)
        for image, label in zip(
            part.tensors[0].numpy().reshape(-1, 64).tolist(), part.tensors[1].tolist(), strict=True
        )
    }
    assert len(rows) == 1797  # no two digits are the same, so none is in both parts


def test_the_split_depends_on_its_seed_alone() -> None:
    labels = [digits_split(seed)[1].tensors[1].tolist() for seed in (0, 0, 1)]
    assert labels[0] == labels[1] != labels[2]
