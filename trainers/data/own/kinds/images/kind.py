"""Images: PNG, JPEG, GIF, BMP, TIFF, WebP and others that pillow reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from trainers.data.base import DataError, DataSet
from trainers.data.own.files import Files
from trainers.data.own.kind import Looked, Match, OwnKind, Wishes
from trainers.data.own.kinds.images.data_set import images_data_set, load_images
from trainers.data.own.kinds.images.listing import image_names
from trainers.data.own.kinds.images.recommending import recommended
from trainers.data.own.kinds.images.schema import ImagesSchema
from trainers.data.own.library import Stored
from trainers.data.own.recommending import Recommended
from trainers.data.own.schema import Schema

if TYPE_CHECKING:
    from trainers.data.own.report import Report


class ImagesKind(OwnKind):
    """A folder with images, and what says what they show."""

    name: ClassVar[str] = "images"
    label: ClassVar[str] = "images"
    takes: ClassVar[str] = (
        "Images: a folder or an archive with a folder for each class, a table of their names, or their masks."
    )

    def recognise(self, files: Files) -> Match | None:
        count = len(image_names(str(files.root), list(files.names)))
        share = count / len(files.names)
        if not count or (share < 0.2 and count < 10):
            return None
        return Match(0.5 + 0.45 * share, f"{count:,} of {len(files.names):,} files are images.")

    def look(self, files: Files, wishes: Wishes) -> Looked:
        if files.single:
            raise DataError("It is one image. Bring a folder or an archive with many.")
        wishes.only("target", "task", "roles", "types", "split", "settings")
        schema, samples, left_out = _looking().look(files, wishes)
        return Looked(schema, samples, schema.reader, left_out)

    def data_set(self, name: str, stored: Stored) -> type[DataSet]:
        return images_data_set(name, stored)

    def prepare(self, stored: Stored) -> None:
        if not stored.schema.ready:
            load_images(stored)

    def report(self, stored: Stored) -> Report:
        found: Report = _looking().report(stored)
        return found

    def change(self, stored: Stored, key: str, value: Any) -> Schema:
        schema: ImagesSchema = stored.schema
        made: Schema
        if key == "splitting":
            made = _looking().splitting(schema, str(value))
        elif key == "class_level":
            files = stored.files()
            made = _looking().with_class_level(schema, image_names(str(files.root), list(files.names)), int(value))
        elif key in ("target", "task"):
            chosen = {"target": None, "task": None, key: str(value)}
            made = _looking().with_target(stored.files(), schema, **chosen)
        else:
            cleared = {"height": "size", "width": "size", "channels": "channels", "resize": "resize"}
            cleared["deep"] = "deep"
            reasons = schema.reasons.model_copy(update={cleared[key]: ""} if key in cleared else {})
            made = schema.with_fields(**{key: value, "reasons": reasons})
        return made

    def recommend(self, stored: Stored) -> Recommended:
        return recommended(stored)


def _looking() -> Any:
    """The functions that look at images. They need pandas, which is slow to import."""
    from trainers.data.own.kinds.images import report

    return report
