"""A drawing as an image like those that a network was trained on.

What strokes look like is taken from the training images: colours of ground and ink, how large a figure is, where its
mass lies, how thick its strokes are. A drawing is brought to the same, as the digits of MNIST were (LeCun et al. 1998,
"Gradient-based learning applied to document recognition"): its bounding box is scaled, its centre of mass moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data.base import DataError, DataSet
from trainers.data.splits import Prepared
from trainers.runs.predictions import kept, prepared_data
from trainers.runs.run import Run
from trainers.sampling import evenly_spaced

FEW_PIXELS = 64 * 64  # of an image in colour that one may draw
MOST_IMAGES = 1000  # training images that are looked at
MOST_POINTS = 20_000  # of a drawing
INKED = 0.25  # of the way from the ground to the ink: from here on a pixel belongs to the figure
FINE = 512  # pixels of the side of the image that strokes are drawn on before it is made small
DOT = 0.02  # of the side of the canvas: strokes that are smaller are a dot, and stay as small

Floats = NDArray[np.float32]
Strokes = list[NDArray[np.float64]]  # each (points, 2): x and y from 0 to 1, y downwards


@dataclass(frozen=True)
class Ink:
    """What the training images look like as drawings, in the data set's own units and in pixels.

    `ground`, `colour`: of each channel; `size`: the longest side of a figure; `centre`: (y, x) of its mass, in shares
    of the image; `thickness`: of its strokes. `low`, `high`: the smallest and the largest value of all images.
    """

    shape: tuple[int, int, int]  # channels, height, width
    ground: Floats
    colour: Floats
    size: float
    centre: tuple[float, float]
    thickness: float
    low: float
    high: float

    @property
    def is_dark(self) -> bool:
        """Whether the ground is darker than the ink."""
        return float(self.ground.mean()) < float(self.colour.mean())

    def image(self, share: Floats) -> Floats:
        """An image (channels, height, width) from the share of ink of each pixel (height, width)."""
        ground, colour = self.ground[:, None, None], self.colour[:, None, None]
        return np.asarray(ground + share * (colour - ground), np.float32)

    def grey(self, values: Floats) -> tuple[int, int, int]:
        """A colour of the images as red, green and blue from 0 to 255."""
        shown = np.clip((values - self.low) / max(self.high - self.low, 1e-9), 0, 1) * 255
        red, green, blue = (shown if len(shown) == 3 else shown[:1].repeat(3)).round().astype(int).tolist()
        return red, green, blue


def can_be_drawn(dataset: DataSet) -> bool:
    """Whether a sample is one image of one channel, or of few pixels in colour."""
    if dataset.kind != "image" or len(dataset.signals) != 1 or len(dataset.input_shape) != 3:
        return False
    channels, height, width = dataset.input_shape
    return channels == 1 or (channels == 3 and height * width <= FEW_PIXELS)


def ink_of(run: Run) -> Ink:
    """What the training images of a run look like. Kept until the run has better weights."""
    return kept(run, ("ink",), lambda: ink_in(prepared_data(run)))


def ink_in(prepared: Prepared) -> Ink:
    """What the training images look like, from at most `MOST_IMAGES` of them."""
    part, figures = prepared.training, prepared.standardisation[0]
    images = part.inputs[0][evenly_spaced(len(part), MOST_IMAGES)].numpy()
    return measured(images if figures is None else figures.revert(images))


def measured(images: Floats) -> Ink:
    """What images (N, channels, height, width) look like as drawings."""
    _, channels, height, width = images.shape
    edge = np.ones((height, width), bool)
    edge[1:-1, 1:-1] = False
    ground = np.median(images[:, :, edge], axis=(0, 2))
    far = np.linalg.norm(images - ground[:, None, None], axis=1)  # (N, height, width)
    most = far.max(axis=(1, 2), keepdims=True)
    strong = (far >= 0.8 * most) & (most > 0)
    colour = images.transpose(0, 2, 3, 1)[strong].mean(axis=0) if strong.any() else 1 - ground
    way = (colour - ground).astype(np.float64)
    share = np.tensordot(images - ground[:, None, None], way, (1, 0)) / max(float(way @ way), 1e-12)
    share = np.clip(share, 0, 1)
    sizes, centres = [], []
    for one in share:
        rows, columns = np.flatnonzero((one > INKED).any(axis=1)), np.flatnonzero((one > INKED).any(axis=0))
        if len(rows):
            sizes.append(max(np.ptp(rows), np.ptp(columns)) + 1)
            centres.append(_mass(one))
    size = float(np.median(sizes)) if sizes else 0.7 * max(height, width)
    down, right = np.median(centres, axis=0) if centres else (0.5, 0.5)
    # A stroke of length L and width w has the area L w and the edge 2 L: w is twice the area over the edge.
    around = np.pad(share, ((0, 0), (1, 1), (1, 1)))
    change = np.hypot(np.diff(around, axis=1)[:, :, :-1], np.diff(around, axis=2)[:, :-1]).sum()
    thickness = 2 * float(share.sum()) / max(float(change), 1e-9)
    return Ink(
        (channels, height, width),
        ground.astype(np.float32),
        colour.astype(np.float32),
        size,
        (float(down), float(right)),
        float(np.clip(thickness, 1, max(height, width) / 4)),
        float(images.min()),
        float(images.max()),
    )


def _mass(share: NDArray[Any]) -> tuple[float, float]:
    """The centre of the ink as (y, x), in shares of the image."""
    total = max(float(share.sum()), 1e-9)
    down = (share.sum(axis=1) * (np.arange(share.shape[0]) + 0.5)).sum() / total / share.shape[0]
    right = (share.sum(axis=0) * (np.arange(share.shape[1]) + 0.5)).sum() / total / share.shape[1]
    return float(down), float(right)


def strokes_of(given: Any) -> Strokes:
    """The strokes that a browser sends: a list of strokes, each a list of [x, y]. DataError: they are none."""
    try:
        strokes = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in given or ()]
    except (TypeError, ValueError):
        raise DataError("The drawing cannot be read: expected strokes of points. Clear it and draw again.") from None
    if sum(map(len, strokes)) > MOST_POINTS:
        raise DataError(f"The drawing has more than {MOST_POINTS:,} points. Clear it and draw with fewer strokes.")
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise DataError("The drawing has points that are nowhere. Clear it and draw again.")
    return [stroke.clip(0, 1) for stroke in strokes if len(stroke)]


def drawn(strokes: Strokes, ink: Ink) -> Floats:
    """The drawing as one sample (1, channels, height, width) in the data set's own units, before it is scaled."""
    _, height, width = ink.shape
    points = np.concatenate(strokes)
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    room = np.array([width, height]) - ink.thickness
    factor = max(height, width)
    if span.max() > DOT:
        inner = max(ink.size - ink.thickness, 1.0)
        factor = min(inner / span.max(), *(room / np.maximum(span, 1e-9)))
    middle = np.array([width, height]) / 2
    placed = [(stroke - low - span / 2) * factor + middle for stroke in strokes]
    down, right = _mass(_painted(placed, ink))
    shift = np.array([(ink.centre[1] - right) * width, (ink.centre[0] - down) * height])
    free = (np.array([width, height]) - span * factor - ink.thickness).clip(0) / 2
    shift = shift.clip(-free, free)  # nothing is cut off
    return ink.image(_painted([stroke + shift for stroke in placed], ink))[np.newaxis]


def _painted(strokes: Strokes, ink: Ink) -> Floats:
    """The share of ink of each pixel (height, width), with strokes in pixels."""
    from PIL import Image, ImageDraw

    _, height, width = ink.shape
    fine = math.ceil(FINE / max(height, width))
    paper = Image.new("L", (width * fine, height * fine))
    pen, wide = ImageDraw.Draw(paper), ink.thickness * fine
    for stroke in strokes:
        line = [(float(x), float(y)) for x, y in stroke * fine]
        if len(line) > 1:
            pen.line(line, fill=255, width=round(wide), joint="curve")
        for x, y in (line[0], line[-1]):
            pen.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)
    small = np.asarray(paper.resize((width, height), Image.Resampling.BOX), np.float32)
    return small / np.float32(255)
