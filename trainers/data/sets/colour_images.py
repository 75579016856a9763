"""Images published in a single file: the sprite of Fashion-MNIST, and CIFAR-10 in colour."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from trainers.data.base import Arrays, Kind, Loaded
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile, fetch, found
from trainers.data.sets.images import FashionMnist


class FashionMnistSprite(Downloaded):
    """900 images of clothes, 90 of each of ten kinds: a small Fashion-MNIST, one download of 1.4 MB."""

    name: ClassVar[str] = "fashion_mnist_sprite"
    title: ClassVar[str] = "Fashion-MNIST, 900 images"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = FashionMnist.origin + "/tree/master/doc/img"
    licence: ClassVar[str] = FashionMnist.licence
    folder: ClassVar[str] = "fashion_mnist_sprite"
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "fashion-mnist-sprite.png",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/doc/img/fashion-mnist-sprite.png",
            "a7de0a151f8c68e6e96f157a018ac290d1f6b0e7845892c3d7d85cb64961c3cb",
            1_423_529,
        ),
    )
    # the same images as a pair of idx files, for mirrors that hold only these
    idx_files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "sprite900-images-idx3-ubyte.gz", "", "8e9899e48acdebcbc7d7e76f0f8ce61fd40d465f7e8ce123fb4e83ebd5bbdcac"
        ),
        RemoteFile(
            "sprite900-labels-idx1-ubyte.gz", "", "4946e7defc8f0087fec50aabff58c28210d8236ba70ec04121f11963eb80342e"
        ),
    )

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1, 28, 28)

    @property
    def classes(self) -> tuple[str, ...]:
        return FashionMnist.class_names

    @property
    def samples(self) -> int:
        return 900

    def ready(self) -> bool:
        return super().ready() or found(self.folder, self.idx_files)

    def load(self) -> Arrays:
        if super().ready() or not found(self.folder, self.idx_files):
            return super().load()
        inputs, targets = FashionMnist.read_files(fetch(self.name, self.folder, self.idx_files))
        return self.checked(inputs, targets)

    @staticmethod
    def read_files(paths: list[Path]) -> Loaded:
        """900 images of shape (1, 28, 28) with values from 0 to 1, cut out of 30 rows of 30; three rows a class."""
        import numpy as np
        from PIL import Image

        with Image.open(paths[0]) as image:
            if image.size != (840, 840):
                raise ValueError(f"{paths[0]} has {image.size} pixels, expected 840 x 840")
            pixels = np.asarray(image.convert("L"))
        images = pixels.reshape(30, 28, 30, 28).transpose(0, 2, 1, 3).reshape(900, 1, 28, 28)
        return images.astype("float32") / 255, np.arange(900) // 90


class Cifar10(Downloaded):
    """60,000 colour images of 32 x 32 pixels in ten classes; the authors' 10,000 test images are the test split."""

    name: ClassVar[str] = "cifar10"
    title: ClassVar[str] = "CIFAR-10"
    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = "A. Krizhevsky, 2009; https://www.cs.toronto.edu/~kriz/cifar.html"
    licence: ClassVar[str] = "none stated"
    official_test: ClassVar[int] = 10_000
    folder: ClassVar[str] = "cifar10"
    # the binary version: the one "for Python" holds pickles, which run code when they are read
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "cifar-10-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            170_052_171,
        ),
    )

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (3, 32, 32)

    @property
    def classes(self) -> tuple[str, ...]:
        return ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    @property
    def samples(self) -> int:
        return 60_000

    @staticmethod
    def read_files(paths: list[Path]) -> Loaded:
        """Images of shape (3, 32, 32) with values from 0 to 1, and what each shows; the test images last."""
        import tarfile

        import numpy as np

        names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
        with tarfile.open(paths[0]) as archive:
            files = {member.name.rpartition("/")[2]: member for member in archive if member.isfile()}
            missing = [name for name in names if name not in files]
            if missing:
                raise ValueError(f"{paths[0]} does not hold {', '.join(missing)}")
            pieces = [archive.extractfile(files[name]).read() for name in names]  # type: ignore[union-attr]
        for name, piece in zip(names, pieces, strict=True):
            if not piece or len(piece) % 3073:  # a label and 3 x 32 x 32 values for each image
                raise ValueError(f"{name} in {paths[0]} holds {len(piece):,} bytes, which is not a number of images")
        rows = np.frombuffer(b"".join(pieces), np.uint8).reshape(-1, 3073)
        if rows[:, 0].max() > 9:
            raise ValueError(f"{paths[0]} holds the label {rows[:, 0].max()}; expected 0 to 9")
        inputs = rows[:, 1:].reshape(-1, 3, 32, 32).astype("float32")
        inputs /= 255
        return inputs, rows[:, 0].astype("int64")
