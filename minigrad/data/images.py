"""Folders of images and labels in IDX files: MNIST, Fashion-MNIST, and what looks like them."""

import os
from collections.abc import Mapping
from pathlib import Path

from minigrad.data.idx import read_idx
from minigrad.dtypes import uint8
from minigrad.tensor import Tensor
from minigrad.utils.data import TensorDataset

DEBIAN = "/usr/share/datasets/fashion-mnist"  # where the package dataset-fashion-mnist puts them
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# MD5 of the contents, unpacked.
MNIST = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FASHION = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}


def mnist(root: str | os.PathLike[str], train: bool = True) -> TensorDataset:
    """MNIST's digits, 60,000 to train with or 10,000 to test: images (1, 28, 28) and labels.

    `root` is the folder of the four files, or the one that torchvision has downloaded to.
    """
    return idx_images(folder_in(root, "MNIST", train), train, MNIST)


def fashion_mnist(root: str | os.PathLike[str] = DEBIAN, train: bool = True) -> TensorDataset:
    """Fashion-MNIST's clothes, 60,000 to train with or 10,000 to test; FASHION_CLASSES names them.

    Images are (1, 28, 28).  `root` is as for mnist(); without it, the files are those of the
    Debian package dataset-fashion-mnist.
    """
    return idx_images(folder_in(root, "FashionMNIST", train), train, FASHION)


def folder_in(root: str | os.PathLike[str], name: str, train: bool) -> Path:
    """The folder of the files: `root` or what torchvision makes in it."""
    places = [Path(root), Path(root) / "raw", Path(root) / name / "raw"]
    return next((place for place in places if find(place, file_names(train)[0])), places[0])


def idx_images(
    folder: str | os.PathLike[str], train: bool = True, checksums: Mapping[str, str] | None = None
) -> TensorDataset:
    """The images (1, height, width), float32 from 0 to 1, and the labels of a folder like MNIST's.

    Its files are train-images-idx3-ubyte and train-labels-idx1-ubyte, or t10k-... for those to
    test with, each unpacked or as .gz.  `checksums` has the MD5 or SHA-256 of unpacked contents.
    """
    images, labels = (
        read_idx(existing(Path(folder), name), (checksums or {}).get(name))
        for name in file_names(train)
    )
    check_pair(images, labels, folder)
    return TensorDataset(images.unsqueeze(1) / 255, labels.long())


def file_names(train: bool) -> tuple[str, str]:
    part = "train" if train else "t10k"
    return f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"


def find(folder: Path, name: str) -> Path | None:
    """The file of this name, unpacked or not."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def existing(folder: Path, name: str) -> Path:
    """The file of this name; FileNotFoundError says where such files come from."""
    path = find(folder, name)
    if path is None:
        raise FileNotFoundError(
            f"neither {name} nor {name}.gz is in {folder}.  Nothing is downloaded: give the folder "
            "of the four files, for example the one that torchvision made.  Debian and Ubuntu "
            "have Fashion-MNIST as a package (apt install dataset-fashion-mnist), which "
            "fashion_mnist() finds by itself.  digits() needs no files."
        )
    return path


def check_pair(images: Tensor, labels: Tensor, folder: str | os.PathLike[str]) -> None:
    if images.dim() != 3 or images.dtype != uint8:
        raise ValueError(
            f"{folder}: expected images of bytes, of 3 dimensions, but the file has "
            f"{images.dtype} of the shape {tuple(images.shape)}"
        )
    if labels.shape != images.shape[:1] or labels.dtype != uint8:
        raise ValueError(
            f"{folder}: expected {len(images)} labels, one for each image, but the file has "
            f"{labels.dtype} of the shape {tuple(labels.shape)}"
        )
