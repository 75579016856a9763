"""Circles, squares and triangles on a noisy background: where they are, pixel by pixel, or which of them are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import Field

from trainers.data.base import DataSet, Kind, Loaded


def draw_shapes(samples: int, size: int, colour: bool, noise: float, max_shapes: int, data_seed: int) -> Loaded:
    """Images of shape (N, 1 or 3, size, size) with values around 0 to 1, and the class of each pixel: 0 background,
    1 circle, 2 square, 3 triangle. An image has from 0 to `max_shapes` shapes; a later one covers an earlier one."""
    import numpy as np

    random = np.random.default_rng(data_seed)
    channels = 3 if colour else 1
    down, right = np.mgrid[0:size, 0:size]
    images = np.empty((samples, channels, size, size), "float32")
    masks = np.zeros((samples, size, size), "int64")
    images[:] = random.uniform(0.0, 0.4, (samples, channels, 1, 1))
    for image, mask in zip(images, masks, strict=True):
        for kind in random.integers(1, 4, random.integers(0, max_shapes + 1)):
            radius = random.uniform(0.1, 0.22) * size
            y, x = down - random.uniform(radius, size - radius), right - random.uniform(radius, size - radius)
            if kind == 1:
                inside = x**2 + y**2 <= radius**2
            elif kind == 2:
                inside = np.maximum(abs(x), abs(y)) <= 0.85 * radius
            else:  # with its tip at the top
                inside = (y <= 0.8 * radius) & (abs(x) <= (y + radius) * 0.55)
            image[:, inside] = random.uniform(0.5, 1.0, (channels, 1))
            mask[inside] = kind
    images += random.normal(0, noise, images.shape)
    return images, masks


class _Shapes(DataSet):
    """Images that are computed when they are loaded, any number of them."""

    kind: ClassVar[Kind] = "image"
    origin: ClassVar[str] = "computed by Netloom"
    licence: ClassVar[str] = "MIT"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (draw_shapes,)

    samples: int = Field(500, ge=10, le=10_000, description="Number of images.")
    size: int = Field(64, ge=16, le=256, description="Number of rows and of columns of pixels.")
    colour: bool = Field(False, description="Three channels instead of one.")
    noise: float = Field(
        0.1, ge=0.0, le=1.0, description="Standard deviation of the noise that is added to each pixel."
    )
    max_shapes: int = Field(3, ge=1, le=8, description="The largest number of shapes in an image.")
    data_seed: int = Field(0, ge=0, le=2**32 - 1, description="Another seed gives other images of the same kind.")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (3 if self.colour else 1, self.size, self.size)


class ShapesToSegment(_Shapes):
    """Circles, squares and triangles on a noisy background: the network predicts the class of each pixel."""

    name: ClassVar[str] = "shapes_to_segment"
    title: ClassVar[str] = "Shapes to segment"
    task: ClassVar[str] = "segmentation"

    @property
    def classes(self) -> tuple[str, ...]:
        return ("background", "circle", "square", "triangle")

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (self.size, self.size)

    @staticmethod
    def load_data(samples: int, size: int, colour: bool, noise: float, max_shapes: int, data_seed: int) -> Loaded:
        """Images, and for each pixel: 0 for background, 1 for a circle, 2 for a square, 3 for a triangle."""
        return draw_shapes(samples, size, colour, noise, max_shapes, data_seed)


class ShapesPresent(_Shapes):
    """Which of circle, square and triangle are in the image? Any number of them may be, or none."""

    name: ClassVar[str] = "shapes_present"
    title: ClassVar[str] = "Shapes in an image"
    task: ClassVar[str] = "multilabel"

    samples: int = Field(1000, ge=10, le=10_000, description="Number of images.")
    size: int = Field(32, ge=16, le=256, description="Number of rows and of columns of pixels.")

    @property
    def classes(self) -> tuple[str, ...]:
        return ("circle", "square", "triangle")

    @staticmethod
    def load_data(samples: int, size: int, colour: bool, noise: float, max_shapes: int, data_seed: int) -> Loaded:
        """Images, and for each of circle, square and triangle 1 where at least one pixel of it is visible."""
        import numpy as np

        images, masks = draw_shapes(samples, size, colour, noise, max_shapes, data_seed)
        present = [(masks == kind).any(axis=(1, 2)) for kind in (1, 2, 3)]
        return images, np.stack(present, axis=1).astype("float32")
