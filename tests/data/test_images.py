"""Folders like MNIST's, made small here; the published checksums are those of real files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad.data import FASHION_CLASSES, fashion_mnist, idx_images, mnist
from minigrad.data.images import DEBIAN
from minigrad.utils.data import DataLoader


def write(path: Path, array: np.ndarray) -> None:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    contents = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(contents) if path.suffix == ".gz" else contents)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = np.arange(5 * 2 * 3).reshape(5, 2, 3)
    images[0, 0, 0] = 255
    write(tmp_path / "train-images-idx3-ubyte", images)
    write(tmp_path / "train-labels-idx1-ubyte.gz", np.arange(5))
    write(tmp_path / "t10k-images-idx3-ubyte.gz", images[:1])
    write(tmp_path / "t10k-labels-idx1-ubyte", np.array([9]))
    return tmp_path


def test_images_and_labels(folder: Path) -> None:
    train, test = idx_images(folder), idx_images(folder, train=False)
    assert (len(train), len(test)) == (5, 1)
    image, label = train[1]
    assert (tuple(image.shape), image.dtype) == ((1, 2, 3), minigrad.float32)
    np.testing.assert_allclose(image.flatten().tolist(), np.arange(6, 12) / 255, rtol=1e-6)
    assert train[0][0].max() == 1
    assert (label.item(), label.dtype) == (1, minigrad.int64)
    images, labels = next(iter(DataLoader(train, batch_size=4)))
    assert (tuple(images.shape), labels.tolist()) == ((4, 1, 2, 3), [0, 1, 2, 3])


def test_checksums_by_name(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"train-labels-idx1-ubyte\.gz: its checksum is"):
        idx_images(folder, checksums={"train-labels-idx1-ubyte": "0" * 32})


@pytest.mark.parametrize(("load", "name"), [(mnist, "MNIST"), (fashion_mnist, "FashionMNIST")])
def test_the_folders_of_torchvision_are_found_and_checked(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, load: object, name: str
) -> None:
    assert callable(load)
    root = tmp_path_factory.mktemp("root")
    (root / name).mkdir()
    folder.rename(root / name / "raw")
    with pytest.raises(ValueError, match=f"{name}.raw.train-images-idx3-ubyte: its checksum"):
        load(root)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"ubyte\.gz is in .*dataset-fashion"):
        mnist(tmp_path)


def test_a_file_in_the_place_of_another(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").rename(folder / "images")
    write(folder / "train-images-idx3-ubyte", np.arange(5))
    with pytest.raises(ValueError, match=r"images of bytes, of 3 dimensions, .*\(5,\)"):
        idx_images(folder)
    write(folder / "train-images-idx3-ubyte", np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match=r"expected 4 labels, .*\(5,\)"):
        idx_images(folder)


@pytest.mark.skipif(not Path(DEBIAN).exists(), reason="dataset-fashion-mnist is not installed")
def test_fashion_mnist_as_debian_has_it() -> None:
    test = fashion_mnist(train=False)
    assert tuple(test.tensors[0].shape) == (10_000, 1, 28, 28)
    assert np.bincount(test.tensors[1].numpy()).tolist() == [1000] * 10
    assert FASHION_CLASSES[int(test[0][1])] == "Ankle boot"
