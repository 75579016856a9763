"""Steering a small car from the images of its camera."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from trainers.data.base import Kind, Loaded, Order
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile


class Donkeycar(Downloaded):
    """1,000 frames from the camera of a model car on a track, and the steering angle of its driver in each."""

    name: ClassVar[str] = "donkeycar"
    title: ClassVar[str] = "Steering from a camera"
    task: ClassVar[str] = "regression"
    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = "The Donkey Car project, 2020; https://github.com/autorope/donkeycar"
    licence: ClassVar[str] = "MIT"
    order: ClassVar[Order] = "time"
    may_be_mirrored: ClassVar[bool] = False
    folder: ClassVar[str] = "donkeycar_tub"
    files: ClassVar[tuple[RemoteFile, ...]] = (
        RemoteFile(
            "tub.tar.gz",
            "https://raw.githubusercontent.com/autorope/donkeycar/main/donkeycar/tests/tub/tub.tar.gz",
            "eeff6616aea3ce8ef41a53dc7e8cf5b5e36bce34587219f71e1b211d783a1985",
            3_818_781,
        ),
    )

    height: int = Field(
        60, ge=15, le=120, description="Rows of pixels; a frame is a third wider than high. Originally 120."
    )
    target: Literal["angle", "throttle", "both"] = Field(
        "angle",
        description="What is predicted: the steering angle (-1 left, 1 right), the throttle (0 to 1), or both.",
    )
    spacing: int = Field(
        10,
        ge=0,
        le=100,
        description="Frames left out between training, validation and test: consecutive frames are similar.",
    )

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (3, self.height, self.height * 4 // 3)

    @property
    def target_names(self) -> tuple[str, ...]:
        return ("angle", "throttle") if self.target == "both" else (self.target,)

    @property
    def samples(self) -> int:
        return 1000

    @property
    def gap(self) -> int:
        return self.spacing

    @staticmethod
    def read_files(paths: list[Path], height: int, target: str) -> Loaded:
        """Frames of shape (3, height, 4/3 height) with values from 0 to 1, in the order of time; and the targets."""
        import io
        import json
        import tarfile

        import numpy as np
        from PIL import Image

        with tarfile.open(paths[0]) as archive:  # read, never unpacked: the names in an archive may be any path
            files = {member.name.rpartition("/")[2]: member for member in archive if member.isfile()}
            # macOS adds a file ._name to each file, which is no frame
            frame_names = [name for name in files if not name.startswith("._")]
            held = {name: archive.extractfile(files[name]).read() for name in frame_names}  # type: ignore[union-attr]
        catalogs = [held[name].decode() for name in sorted(held) if name.endswith(".catalog")]
        records = sorted((json.loads(line) for line in "".join(catalogs).splitlines()), key=lambda each: each["_index"])
        if not records:
            raise ValueError(f"{paths[0]} holds no catalog of frames")
        frames = np.empty((len(records), 3, height, height * 4 // 3), "float32")
        for frame, record in zip(frames, records, strict=True):
            name = record["cam/image_array"]
            try:
                with Image.open(io.BytesIO(held[name])) as image:
                    small = image.convert("RGB").resize((height * 4 // 3, height), Image.Resampling.BILINEAR)
            except (KeyError, OSError):
                raise ValueError(f"the image {name} in {paths[0]} is missing, broken or cut off") from None
            frame[:] = np.asarray(small, "float32").transpose(2, 0, 1) / 255
        names = ["angle", "throttle"] if target == "both" else [target]
        targets = np.array([[record[f"user/{name}"] for name in names] for record in records], "float32")
        return frames, targets
