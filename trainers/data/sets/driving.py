"""Steering a small car by what its camera sees."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from trainers.data.base import Kind, Loaded, Order, Task
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile


class Donkeycar(Downloaded):
    """1,000 frames from the camera of a model car on a track, and how far its driver turned the wheel in each."""

    name: ClassVar[str] = "donkeycar"
    title: ClassVar[str] = "Steering from a camera"
    task: ClassVar[Task] = "regression"
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
        60, ge=15, le=120, description="Rows of pixels; a frame is a third wider than high. Filmed: 120."
    )
    target: Literal["angle", "throttle", "both"] = Field(
        "angle",
        description="What is to be told: the angle of the wheel (-1 left, 1 right), the throttle (0 to 1), both.",
    )
    spacing: int = Field(
        10, ge=0, le=100, description="Frames left out between training, validation and test: neighbours look alike."
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
        """Frames of shape (3, height, 4/3 height) with values from 0 to 1, in the order of the drive; what to tell."""
        import io
        import json
        import tarfile

        import numpy as np
        from PIL import Image

        with tarfile.open(paths[0]) as archive:  # read, never unpacked: names in an archive may lead anywhere
            files = {member.name.rpartition("/")[2]: member for member in archive if member.isfile()}
            # macOS puts a file ._name beside a file, which is none of the drive's
            names = [name for name in files if not name.startswith("._")]
            held = {name: archive.extractfile(files[name]).read() for name in names}  # type: ignore[union-attr]
        catalogs = [held[name].decode() for name in sorted(held) if name.endswith(".catalog")]
        records = sorted((json.loads(line) for line in "".join(catalogs).splitlines()), key=lambda each: each["_index"])
        if not records:
            raise ValueError(f"{paths[0]} holds no catalog of frames")
        frames = np.empty((len(records), 3, height, height * 4 // 3), "float32")
        for frame, record in zip(frames, records, strict=True):
            name = record["cam/image_array"]
            try:
                with Image.open(io.BytesIO(held[name])) as picture:
                    small = picture.convert("RGB").resize((height * 4 // 3, height), Image.Resampling.BILINEAR)
            except (KeyError, OSError) as error:
                raise ValueError(f"the picture {name} in {paths[0]} is missing, broken or cut off ({error})") from None
            frame[:] = np.asarray(small, "float32").transpose(2, 0, 1) / 255
        told = ["angle", "throttle"] if target == "both" else [target]
        targets = np.array([[record[f"user/{name}"] for name in told] for record in records], "float32")
        return frames, targets
