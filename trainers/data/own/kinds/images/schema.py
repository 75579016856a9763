"""The schema of images: what belongs to each image, which of it is predicted, and what size the network gets."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trainers.data.own.kinds.table.schema import Column
from trainers.data.own.schema import Part, Schema

LARGEST = 1024  # pixels of a side
MOST_VALUES = 64  # different values of the pixels of masks

Labels = Literal["folders", "table", "masks", "boxes", "none"]
Resize = Literal["stretch", "fit", "crop"]
Name = Annotated[str, Field(max_length=500)]

RESIZE: dict[Resize, str] = {
    "stretch": "stretch to the size",
    "fit": "fit, with black borders",
    "crop": "crop to the middle",
}


class Reasons(Part):
    """Why each guess was made; empty where the user has chosen."""

    size: str = Field("", max_length=500)
    channels: str = Field("", max_length=500)
    resize: str = Field("", max_length=500)
    classes: str = Field("", max_length=500)
    deep: str = Field("", max_length=500)


class ImagesSchema(Schema):
    """What images are.

    `labels`: where targets come from. "folders": the folder at `class_level` (0: the outermost) of `levels` is the
    class (-1: the name of the file without the number at its end); with `parts_folder` the first one that is called
    like a part says training, validation or test, and is not counted. "table": `table` is a file whose column
    `file_column` names images, `columns` says what its other columns are. "masks": `masks` has the
    name of the mask of each image, as (folder or suffix of the images, of the masks); `mask_values` are the values of
    their pixels by class. "boxes": read and shown, nothing is predicted.
    """

    unit: ClassVar[str] = "images"

    kind: Literal["images"] = "images"
    labels: Labels
    height: int = Field(ge=4, le=LARGEST)
    width: int = Field(ge=4, le=LARGEST)
    channels: Literal[1, 3]
    resize: Resize = "stretch"
    levels: int = Field(0, ge=0, le=32)
    class_level: int = Field(0, ge=-1, le=31)
    parts_folder: bool = False
    classes: tuple[Name, ...] = Field((), max_length=100_000)
    table: str = Field("", max_length=1000)
    reader: str = Field("", max_length=100)
    file_column: str = Field("", max_length=500)
    columns: tuple[Column, ...] = Field((), max_length=10_000)
    masks: tuple[str, str] = ("", "")
    mask_values: tuple[int, ...] = Field((), max_length=MOST_VALUES)
    deep: int = Field(65535, ge=1, le=65535)  # what is white in images of 16 bit
    mirrored: bool = False  # a mirrored image shows the same
    copies: bool = True  # images that are the same as another are used
    reasons: Reasons = Reasons()

    @property
    def targets(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.role == "target")

    @property
    def ready(self) -> str:
        if self.labels == "boxes":
            return "its targets are boxes, and there is no task yet that learns them."
        if self.labels == "none":
            return "its images have no labels. Put them in a folder for each class, or add a table with their names."
        return super().ready


SCHEMA = ImagesSchema
