"""Augmentation: other versions of the training samples, drawn anew in every epoch, so that fewer samples go further.

Each entry names a function that changes a batch: (inputs, masks, random, options) → (inputs, masks). It stands on its
own with torch, because its source is printed into train.py: what runs is what prints. Names and options are those of
torchvision and torchaudio where they have such a transform. Inputs are standardised when they get here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from trainers.entry import Entry, entries

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from trainers.data import DataSet

Changed = tuple["Tensor", "Tensor | None"]


class Augmentation(Entry):
    """What all augmentations have: for which data they are, and the function that changes a batch.

    `kinds`: the kinds of data it is meant for; `axes`: how many axes a sample must have (a spectrogram: 3), or None.
    `keeps_masks`: whether a mask for every pixel is still right afterwards, because it was moved along or nothing was.
    `mirrors`: left becomes right or top bottom, which makes another thing of some samples: a digit, a curve ahead.
    """

    kinds: ClassVar[frozenset[str]]
    axes: ClassVar[int | None] = None
    keeps_masks: ClassVar[bool] = True
    mirrors: ClassVar[bool] = False
    change: ClassVar[Callable[..., Changed]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """An entry is called as its class is."""
        cls.label = cls.__name__
        if not cls.__name__.startswith("_"):
            cls.name = cls.__name__

    def apply(self, inputs: Tensor, masks: Tensor | None, random: Generator | None = None) -> Changed:
        """A changed batch (N, ...); `masks` (N, height, width) says what each pixel shows, where pixels are named."""
        return type(self).change(inputs, masks, random, **self.model_dump())

    def render(self, inputs: str = "inputs", masks: str = "None") -> str:
        """The call that does the same in a script, where the function stands under its own name."""
        options = "".join(f", {key}={value!r}" for key, value in self)
        return f"{type(self).change.__name__}({inputs}, {masks}, None{options})"

    def misfit(self, dataset: DataSet) -> str | None:
        """Why it cannot be used on a data set; None where it can."""
        if dataset.kind not in self.kinds:
            return f"is for data of kind {' or '.join(sorted(self.kinds))}; {dataset.title} is of kind {dataset.kind}"
        if self.axes is not None and len(dataset.input_shape) != self.axes:
            return f"is for spectrograms; a sample of {dataset.title} is a curve"
        if dataset.task == "segmentation" and not self.keeps_masks:
            return "hides what the mask still names: the network would be told that something is where nothing is"
        return None

    def doubt(self, dataset: DataSet) -> str | None:
        """Why it may do harm on a data set although it can be used; None where nothing speaks against it."""
        if self.mirrors and not dataset.may_be_mirrored:
            return f"makes another thing of a sample of {dataset.title}, whose target stays as it was"
        return None


IMAGE = frozenset({"image"})
SOUND = frozenset({"sound"})
NUMBERS = frozenset({"image", "table", "points", "series", "sound"})


def random_horizontal_flip(inputs: Tensor, masks: Tensor | None, random: Generator | None, p: float) -> Changed:
    """Mirror pictures (N, channels, height, width) left to right, each with the chance p."""
    import torch

    drawn = torch.rand(len(inputs), generator=random, device=inputs.device) < p
    inputs = torch.where(drawn[:, None, None, None], inputs.flip(3), inputs)
    return inputs, None if masks is None else torch.where(drawn[:, None, None], masks.flip(2), masks)


class RandomHorizontalFlip(Augmentation):
    """Mirrors some pictures left to right: a cat that looks the other way is a cat. Not for digits or steering."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    mirrors: ClassVar[bool] = True
    change: ClassVar[Callable[..., Changed]] = random_horizontal_flip

    p: float = Field(0.5, ge=0, le=1, description="The chance of a picture to be mirrored.")


def random_vertical_flip(inputs: Tensor, masks: Tensor | None, random: Generator | None, p: float) -> Changed:
    """Mirror pictures (N, channels, height, width) top to bottom, each with the chance p."""
    import torch

    drawn = torch.rand(len(inputs), generator=random, device=inputs.device) < p
    inputs = torch.where(drawn[:, None, None, None], inputs.flip(2), inputs)
    return inputs, None if masks is None else torch.where(drawn[:, None, None], masks.flip(1), masks)


class RandomVerticalFlip(Augmentation):
    """Mirrors some pictures top to bottom: for what has no up and down, such as cells under a microscope."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    mirrors: ClassVar[bool] = True
    change: ClassVar[Callable[..., Changed]] = random_vertical_flip

    p: float = Field(0.5, ge=0, le=1, description="The chance of a picture to be mirrored.")


def random_crop(inputs: Tensor, masks: Tensor | None, random: Generator | None, padding: int) -> Changed:
    """Shift pictures (N, channels, height, width) by up to `padding` pixels; their border pixels fill what is bared."""
    import torch

    count, _, height, width = inputs.shape
    shift = torch.randint(-padding, padding + 1, (2, count, 1), generator=random, device=inputs.device)
    rows = (torch.arange(height, device=inputs.device) + shift[0]).clamp(0, height - 1)  # (N, height)
    columns = (torch.arange(width, device=inputs.device) + shift[1]).clamp(0, width - 1)  # (N, width)
    sample = torch.arange(count, device=inputs.device)
    moved = inputs.movedim(1, 3)[sample[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(3, 1)
    return moved, None if masks is None else masks[sample[:, None, None], rows[:, :, None], columns[:, None, :]]


class RandomCrop(Augmentation):
    """Shifts pictures by a few pixels: enlarged by its border pixels, a picture is cropped to its size again."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    change: ClassVar[Callable[..., Changed]] = random_crop

    padding: int = Field(4, ge=1, le=64, description="The most pixels that a picture is shifted by, in each direction.")


def random_rotation(inputs: Tensor, masks: Tensor | None, random: Generator | None, degrees: float) -> Changed:
    """Turn pictures (N, channels, height, width) about their middle by up to `degrees` to either side."""
    import math

    import torch
    from torch.nn import functional

    count, _, height, width = inputs.shape
    turn = (2 * torch.rand(count, generator=random, device=inputs.device) - 1) * math.radians(degrees)
    nil, cosine, sine = torch.zeros_like(turn), turn.cos(), turn.sin()
    # affine_grid counts both axes from -1 to 1: on oblong pictures the sine has to allow for that
    first = torch.stack([cosine, -sine * height / width, nil], dim=1)
    second = torch.stack([sine * width / height, cosine, nil], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), [*inputs.shape], align_corners=False)
    turned = functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)
    if masks is None:
        return turned, None
    named = functional.grid_sample(masks[:, None].float(), grid, "nearest", "border", align_corners=False)
    return turned, named[:, 0].to(masks.dtype)


class RandomRotation(Augmentation):
    """Turns pictures a little to either side, as a hand or a camera would."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    change: ClassVar[Callable[..., Changed]] = random_rotation

    degrees: float = Field(10.0, gt=0, le=180, description="The most that a picture is turned, to either side.")


def random_erasing(inputs: Tensor, masks: Tensor | None, random: Generator | None, p: float, scale: float) -> Changed:
    """Blank a rectangle in pictures (N, channels, height, width), each with the chance p, with the mean value 0."""
    import math

    import torch

    height, width = inputs.shape[2:]
    drawn = torch.rand(5, len(inputs), 1, generator=random, device=inputs.device)
    area = (0.02 + (scale - 0.02) * drawn[0]).clamp(0, 1) * height * width
    ratio = torch.exp((2 * drawn[1] - 1) * math.log(3.3))
    tall, wide = (area * ratio).sqrt().clamp(1, height), (area / ratio).sqrt().clamp(1, width)
    top, left = drawn[2] * (height - tall), drawn[3] * (width - wide)
    rows, columns = torch.arange(height, device=inputs.device), torch.arange(width, device=inputs.device)
    inside = ((rows >= top) & (rows < top + tall))[:, :, None] & ((columns >= left) & (columns < left + wide))[:, None]
    erased = inside & (drawn[4] < p)[:, :, None]
    return inputs.masked_fill(erased[:, None], 0), masks


class RandomErasing(Augmentation):
    """Blanks a rectangle, so that the network looks at more than one part of a thing (Zhong and others, 2017)."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    keeps_masks: ClassVar[bool] = False
    change: ClassVar[Callable[..., Changed]] = random_erasing

    p: float = Field(0.5, ge=0, le=1, description="The chance of a picture to lose a rectangle.")
    scale: float = Field(0.2, ge=0.02, le=0.8, description="The largest share of a picture that the rectangle covers.")


def additive_noise(inputs: Tensor, masks: Tensor | None, random: Generator | None, std: float) -> Changed:
    """Add normal noise to every number of a batch."""
    import torch

    return inputs + std * torch.randn(inputs.shape, generator=random, device=inputs.device), masks


class AdditiveNoise(Augmentation):
    """Adds noise to every number, so that the network does not rely on the last digit of any."""

    kinds: ClassVar[frozenset[str]] = NUMBERS
    change: ClassVar[Callable[..., Changed]] = additive_noise

    std: float = Field(0.1, gt=0, le=3, description="Standard deviation of the noise; that of the inputs is 1.")


def time_masking(inputs: Tensor, masks: Tensor | None, random: Generator | None, time_mask_param: int) -> Changed:
    """Blank up to `time_mask_param` columns in a row of spectrograms (N, channels, mels, frames), with the mean 0."""
    import torch

    frames = inputs.shape[3]
    drawn = torch.rand(2, len(inputs), 1, generator=random, device=inputs.device)
    length = drawn[0] * min(time_mask_param, frames)
    start = drawn[1] * (frames - length)
    place = torch.arange(frames, device=inputs.device)
    return inputs.masked_fill(((place >= start) & (place < start + length))[:, None, None, :], 0), masks


class TimeMasking(Augmentation):
    """Blanks a moment of a spectrogram: words are understood although somebody coughs (SpecAugment, Park, 2019)."""

    kinds: ClassVar[frozenset[str]] = SOUND
    axes: ClassVar[int | None] = 3
    change: ClassVar[Callable[..., Changed]] = time_masking

    time_mask_param: int = Field(10, ge=1, le=1000, description="The most columns that are blanked, one after another.")


def frequency_masking(inputs: Tensor, masks: Tensor | None, random: Generator | None, freq_mask_param: int) -> Changed:
    """Blank up to `freq_mask_param` rows in a row of spectrograms (N, channels, mels, frames), with the mean 0."""
    import torch

    rows = inputs.shape[2]
    drawn = torch.rand(2, len(inputs), 1, generator=random, device=inputs.device)
    height = drawn[0] * min(freq_mask_param, rows)
    start = drawn[1] * (rows - height)
    place = torch.arange(rows, device=inputs.device)
    return inputs.masked_fill(((place >= start) & (place < start + height))[:, None, :, None], 0), masks


class FrequencyMasking(Augmentation):
    """Blanks a band of pitches of a spectrogram, as a bad line would (SpecAugment, Park, 2019)."""

    kinds: ClassVar[frozenset[str]] = SOUND
    axes: ClassVar[int | None] = 3
    change: ClassVar[Callable[..., Changed]] = frequency_masking

    freq_mask_param: int = Field(8, ge=1, le=1000, description="The most rows that are blanked, one above another.")


def random_time_shift(inputs: Tensor, masks: Tensor | None, random: Generator | None, share: float) -> Changed:
    """Shift sounds (N, ..., time) by up to a share of their length; the first or last value fills what is bared."""
    import torch

    length = inputs.shape[-1]
    most = round(share * length)
    shift = torch.randint(-most, most + 1, (len(inputs), 1), generator=random, device=inputs.device)
    place = (torch.arange(length, device=inputs.device) + shift).clamp(0, length - 1)  # (N, time)
    place = place.view(len(inputs), *[1] * (inputs.ndim - 2), length)
    return inputs.gather(-1, place.expand_as(inputs)), masks


class RandomTimeShift(Augmentation):
    """Starts sounds a little earlier or later: a word is the same word a moment later."""

    kinds: ClassVar[frozenset[str]] = SOUND
    change: ClassVar[Callable[..., Changed]] = random_time_shift

    share: float = Field(
        0.1, gt=0, le=0.5, description="The most that a sample is shifted by, as a share of its length."
    )


AUGMENTATIONS: dict[str, type[Augmentation]] = entries(globals(), Augmentation)
