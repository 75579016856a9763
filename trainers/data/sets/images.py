"""Images with classes: the small digits of scikit-learn, and MNIST and Fashion-MNIST from their idx files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import Arrays, DataError, Kind, Loaded
from trainers.data.class_filter import ClassFilter
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile

DIGITS = tuple(str(digit) for digit in range(10))


class Digits(ClassFilter):
    """1,797 handwritten digits of 8 x 8 grey pixels: an image data set that trains in seconds."""

    name: ClassVar[str] = "digits"
    title: ClassVar[str] = "Digits (8 x 8)"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = "E. Alpaydin and C. Kaynak, 1998; https://doi.org/10.24432/C50P49 (with scikit-learn)"
    licence: ClassVar[str] = "CC BY 4.0"
    may_be_mirrored: ClassVar[bool] = False
    class_names: ClassVar[tuple[str, ...]] = DIGITS
    counts: ClassVar[tuple[int, ...]] = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1, 8, 8)

    @staticmethod
    def load_data() -> Loaded:
        """1,797 images of shape (1, 8, 8) with values from 0 to 1, and which digit each shows."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        return (digits.images / 16).astype("float32").reshape(-1, 1, 8, 8), digits.target


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """The bytes in a gzipped idx file: two zeros, type 8, the number of axes, each axis as 4 bytes, then the data."""
    import gzip
    import math
    import struct

    import numpy as np

    with gzip.open(path) as file:
        content = file.read()
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an idx file of bytes")
    axes, start = content[3], 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path} is cut off in its header")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) != start + math.prod(shape):
        raise ValueError(f"{path} holds {len(content):,} bytes, but its header says {start + math.prod(shape):,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


class _IdxImages(ClassFilter, Downloaded):  # type: ignore[misc]  # model_construct lists the fields of one
    """28 x 28 grey images published as pairs of idx files, one with images and one with labels."""

    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "image"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (read_idx,)
    may_be_mirrored: ClassVar[bool] = False
    # images, labels, images, labels, ...; the authors' test part last
    files: ClassVar[tuple[RemoteFile, ...]]
    class_names: ClassVar[tuple[str, ...]] = DIGITS

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1, 28, 28)

    def checked(self, inputs: Any, targets: NDArray[Any], **facts: Any) -> Arrays:
        if len(targets) and int(targets.max()) >= len(self.class_names):
            raise DataError(
                f"The data set {self.name} has the label {targets.max()}; expected 0 to {len(self.class_names) - 1}. "
                "Replace the label files."
            )
        return super().checked(inputs, targets, **facts)

    @staticmethod
    def read_files(paths: list[Path]) -> Loaded:
        """Images of shape (N, 1, height, width) with values from 0 to 1, and labels, from pairs of idx files."""
        import numpy as np

        images = np.concatenate([read_idx(path) for path in paths[0::2]])
        labels = np.concatenate([read_idx(path) for path in paths[1::2]])
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            raise ValueError(f"{paths[0]} holds {images.shape} images and {paths[1]} {labels.shape} labels")
        inputs = images[:, np.newaxis].astype("float32")
        inputs /= 255
        return inputs, labels.astype("int64")


MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST_TRAINING = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        MNIST_URL + "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        MNIST_URL + "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
)
MNIST_TEST = (
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        MNIST_URL + "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        MNIST_URL + "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)  # of each digit


class Mnist10k(_IdxImages):
    """The 10,000 test digits of MNIST, split again: 28 x 28 handwriting that trains in a minute."""

    name: ClassVar[str] = "mnist_10k"
    title: ClassVar[str] = "MNIST, 10,000 digits"
    origin: ClassVar[str] = "Y. LeCun, C. Cortes and C. Burges, 1998; " + MNIST_URL
    licence: ClassVar[str] = "none stated"
    folder: ClassVar[str] = "mnist"
    files: ClassVar[tuple[RemoteFile, ...]] = MNIST_TEST
    counts: ClassVar[tuple[int, ...]] = MNIST_TEST_COUNTS


class Mnist(_IdxImages):
    """70,000 handwritten digits of 28 x 28 pixels; the authors' 10,000 test digits are the test split."""

    name: ClassVar[str] = "mnist"
    title: ClassVar[str] = "MNIST"
    origin: ClassVar[str] = "Y. LeCun, C. Cortes and C. Burges, 1998; " + MNIST_URL
    licence: ClassVar[str] = "none stated"
    folder: ClassVar[str] = "mnist"
    files: ClassVar[tuple[RemoteFile, ...]] = MNIST_TRAINING + MNIST_TEST
    counts: ClassVar[tuple[int, ...]] = (6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958)
    test_counts: ClassVar[tuple[int, ...]] = MNIST_TEST_COUNTS
    official_test: ClassVar[int] = 10_000


FASHION_URL = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"


class FashionMnist(_IdxImages):
    """70,000 images of clothes, 28 x 28 pixels, ten kinds: as large as MNIST, but harder."""

    name: ClassVar[str] = "fashion_mnist"
    title: ClassVar[str] = "Fashion-MNIST"
    origin: ClassVar[str] = "H. Xiao, K. Rasul and R. Vollgraf, 2017; https://github.com/zalandoresearch/fashion-mnist"
    licence: ClassVar[str] = "MIT"
    may_be_mirrored: ClassVar[bool] = True
    folder: ClassVar[str] = "fashion_mnist"
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "train-images-idx3-ubyte.gz",
            FASHION_URL + "train-images-idx3-ubyte.gz",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        RemoteFile(
            "train-labels-idx1-ubyte.gz",
            FASHION_URL + "train-labels-idx1-ubyte.gz",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        RemoteFile(
            "t10k-images-idx3-ubyte.gz",
            FASHION_URL + "t10k-images-idx3-ubyte.gz",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        RemoteFile(
            "t10k-labels-idx1-ubyte.gz",
            FASHION_URL + "t10k-labels-idx1-ubyte.gz",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    )
    counts: ClassVar[tuple[int, ...]] = (7000,) * 10
    test_counts: ClassVar[tuple[int, ...]] = (1000,) * 10
    official_test: ClassVar[int] = 10_000
    class_names: ClassVar[tuple[str, ...]] = (
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
