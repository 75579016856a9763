"""Augmentation: random other versions of the training samples in each epoch, so that fewer samples are needed.

Each entry names a function that changes a batch: (inputs, masks, random, options) → (inputs, masks). It stands on its
own with torch, because its source is printed into train.py: what runs is what prints. Names and options are those of
torchvision and torchaudio where they have such a transform. Inputs are standardised already.

`masks` are whole numbers for each pixel (N, height, width) that move along with the images: the targets of
segmentation, or what another task makes of its targets (`Task.pixel_map`); None where targets stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from trainers.entry import Entry, OptionError, choose, entries
from trainers.script.sources import print_functions
from trainers.tasks import TASKS

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from builder.shapes import Shape
    from trainers.data import DataSet

Changed = tuple["Tensor", "Tensor | None"]
MOST = 20  # entries in one list


class Augmentation(Entry):
    """Base of all augmentations: the data that they are for, and the function that changes a batch.

    `kinds`: the kinds of data it is for; `axes`: how many axes a sample must have (a spectrogram: 3), or None.
    `keeps_masks`: whether a mask is still correct afterwards, because it moves along or because nothing moves.
    `mirrors`: left becomes right or top bottom, which changes what some samples show, such as a digit.
    """

    kinds: ClassVar[frozenset[str]]
    axes: ClassVar[int | None] = None
    keeps_masks: ClassVar[bool] = True
    mirrors: ClassVar[bool] = False
    change: ClassVar[Callable[..., Changed]]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """An entry has the name of its class."""
        cls.label = cls.__name__
        if not cls.__name__.startswith("_"):
            cls.name = cls.__name__

    def apply(self, inputs: Tensor, masks: Tensor | None, random: Generator | None = None) -> Changed:
        """A changed batch (N, …) and the masks (N, height, width) that move along with it."""
        return type(self).change(inputs, masks, random, **self.model_dump())

    def render(self, inputs: str = "inputs", masks: str = "None") -> str:
        """The call that does the same in a script, where the function has its own name."""
        options = "".join(f", {key}={value!r}" for key, value in self)
        return f"{type(self).change.__name__}({inputs}, {masks}, None{options})"

    def unsuited(self, dataset: DataSet) -> str | None:
        """Why it cannot be used on a data set; None where it can."""
        if dataset.kind not in self.kinds:
            return f"is for data of kind {' or '.join(sorted(self.kinds))}; {dataset.title} is of kind {dataset.kind}"
        if self.axes is not None and len(dataset.input_shape) != self.axes:
            return f"is for spectrograms; a sample of {dataset.title} is a waveform"
        if TASKS[dataset.task].follows_images and not self.keeps_masks:
            return "erases parts of an image whose mask still names them, so the mask would be wrong"
        return None

    def takes(self, shape: Shape) -> float:
        """The largest share of what a sample of this shape shows that it may take away: 1 is all of it."""
        return 0.0

    def warning(self, dataset: DataSet) -> str | None:
        """Why it may do harm on a data set although it can be used; None where it is harmless."""
        if self.mirrors and not dataset.may_be_mirrored:
            return f"changes what a sample of {dataset.title} shows, but its target stays the same"
        return None


IMAGE = frozenset({"image"})
SOUND = frozenset({"sound"})
NUMBERS = frozenset({"image", "table", "points", "series", "sound"})


def random_horizontal_flip(inputs: Tensor, masks: Tensor | None, random: Generator | None, p: float) -> Changed:
    """Mirror images (N, channels, height, width) left to right, each with probability p."""
    import torch

    chosen = torch.rand(len(inputs), generator=random, device=inputs.device) < p
    inputs = torch.where(chosen[:, None, None, None], inputs.flip(3), inputs)
    return inputs, None if masks is None else torch.where(chosen[:, None, None], masks.flip(2), masks)


class RandomHorizontalFlip(Augmentation):
    """Mirrors some images left to right: a mirrored cat is still a cat. Not for digits or steering."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    mirrors: ClassVar[bool] = True
    change: ClassVar[Callable[..., Changed]] = random_horizontal_flip

    p: float = Field(0.5, ge=0, le=1, description="The probability that an image is mirrored.")


def random_vertical_flip(inputs: Tensor, masks: Tensor | None, random: Generator | None, p: float) -> Changed:
    """Mirror images (N, channels, height, width) top to bottom, each with probability p."""
    import torch

    chosen = torch.rand(len(inputs), generator=random, device=inputs.device) < p
    inputs = torch.where(chosen[:, None, None, None], inputs.flip(2), inputs)
    return inputs, None if masks is None else torch.where(chosen[:, None, None], masks.flip(1), masks)


class RandomVerticalFlip(Augmentation):
    """Mirrors some images top to bottom: for images without up and down, such as cells under a microscope."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    mirrors: ClassVar[bool] = True
    change: ClassVar[Callable[..., Changed]] = random_vertical_flip

    p: float = Field(0.5, ge=0, le=1, description="The probability that an image is mirrored.")


def random_crop(inputs: Tensor, masks: Tensor | None, random: Generator | None, padding: int) -> Changed:
    """Shift images (N, channels, height, width) by up to `padding` pixels; the gap is filled with border pixels."""
    import torch

    count, _, height, width = inputs.shape
    shift = torch.randint(-padding, padding + 1, (2, count, 1), generator=random, device=inputs.device)
    rows = (torch.arange(height, device=inputs.device) + shift[0]).clamp(0, height - 1)  # (N, height)
    columns = (torch.arange(width, device=inputs.device) + shift[1]).clamp(0, width - 1)  # (N, width)
    sample = torch.arange(count, device=inputs.device)
    moved = inputs.movedim(1, 3)[sample[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(3, 1)
    return moved, None if masks is None else masks[sample[:, None, None], rows[:, :, None], columns[:, None, :]]


class RandomCrop(Augmentation):
    """Shifts images by a few pixels: an image is padded with its border pixels and cropped to its size again."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    change: ClassVar[Callable[..., Changed]] = random_crop

    padding: int = Field(4, ge=1, le=64, description="The largest shift in pixels, in each direction.")

    def takes(self, shape: Shape) -> float:
        """The part of the image that is shifted out of it."""
        height, width = shape[-2:]
        return 1 - max(0.0, 1 - self.padding / height) * max(0.0, 1 - self.padding / width)


def random_rotation(inputs: Tensor, masks: Tensor | None, random: Generator | None, degrees: float) -> Changed:
    """Rotate images (N, channels, height, width) about their centre by up to `degrees` to either side."""
    import math

    import torch
    from torch.nn import functional

    count, _, height, width = inputs.shape
    angle = (2 * torch.rand(count, generator=random, device=inputs.device) - 1) * math.radians(degrees)
    zero, cosine, sine = torch.zeros_like(angle), angle.cos(), angle.sin()
    # affine_grid counts both axes from -1 to 1: on oblong images the sine has to account for that
    first = torch.stack([cosine, -sine * height / width, zero], dim=1)
    second = torch.stack([sine * width / height, cosine, zero], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), [*inputs.shape], align_corners=False)
    rotated = functional.grid_sample(inputs, grid, padding_mode="border", align_corners=False)
    if masks is None:
        return rotated, None
    moved = functional.grid_sample(masks[:, None].float(), grid, "nearest", "border", align_corners=False)
    return rotated, moved[:, 0].to(masks.dtype)


class RandomRotation(Augmentation):
    """Rotates images a little to either side, as a camera held at an angle would."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    change: ClassVar[Callable[..., Changed]] = random_rotation

    degrees: float = Field(10.0, gt=0, le=180, description="The largest angle, to either side.")

    def takes(self, shape: Shape) -> float:
        """All of it when images may be upside down: then it is not known which way is up."""
        return self.degrees / 180


def random_erasing(inputs: Tensor, masks: Tensor | None, random: Generator | None, p: float, scale: float) -> Changed:
    """Erase a rectangle in images (N, channels, height, width), each with probability p, to the mean value 0."""
    import math

    import torch

    height, width = inputs.shape[2:]
    numbers = torch.rand(5, len(inputs), 1, generator=random, device=inputs.device)
    area = (0.02 + (scale - 0.02) * numbers[0]).clamp(0, 1) * height * width
    ratio = torch.exp((2 * numbers[1] - 1) * math.log(3.3))
    tall, wide = (area * ratio).sqrt().clamp(1, height), (area / ratio).sqrt().clamp(1, width)
    top, left = numbers[2] * (height - tall), numbers[3] * (width - wide)
    rows, columns = torch.arange(height, device=inputs.device), torch.arange(width, device=inputs.device)
    inside = ((rows >= top) & (rows < top + tall))[:, :, None] & ((columns >= left) & (columns < left + wide))[:, None]
    erased = inside & (numbers[4] < p)[:, :, None]
    return inputs.masked_fill(erased[:, None], 0), masks


class RandomErasing(Augmentation):
    """Erases a rectangle, so that the network uses more than one part of an object (Zhong et al., 2017)."""

    kinds: ClassVar[frozenset[str]] = IMAGE
    keeps_masks: ClassVar[bool] = False
    change: ClassVar[Callable[..., Changed]] = random_erasing

    p: float = Field(0.5, ge=0, le=1, description="The probability that a rectangle of an image is erased.")
    scale: float = Field(0.2, ge=0.02, le=0.8, description="The largest share of an image that the rectangle covers.")

    def takes(self, shape: Shape) -> float:
        return self.scale


def additive_noise(inputs: Tensor, masks: Tensor | None, random: Generator | None, std: float) -> Changed:
    """Add normal noise to every number of a batch."""
    import torch

    return inputs + std * torch.randn(inputs.shape, generator=random, device=inputs.device), masks


class AdditiveNoise(Augmentation):
    """Adds noise to each number, so that the network does not depend on small differences."""

    kinds: ClassVar[frozenset[str]] = NUMBERS
    change: ClassVar[Callable[..., Changed]] = additive_noise

    std: float = Field(0.1, gt=0, le=3, description="Standard deviation of the noise; that of the inputs is 1.")

    def takes(self, shape: Shape) -> float:
        """The share of the noise in the variance of a changed sample."""
        return self.std**2 / (1 + self.std**2)


def time_masking(inputs: Tensor, masks: Tensor | None, random: Generator | None, time_mask_param: int) -> Changed:
    """Mask up to `time_mask_param` consecutive columns of spectrograms (N, channels, mels, frames) with the mean 0."""
    import torch

    frames = inputs.shape[3]
    numbers = torch.rand(2, len(inputs), 1, generator=random, device=inputs.device)
    length = numbers[0] * min(time_mask_param, frames)
    start = numbers[1] * (frames - length)
    place = torch.arange(frames, device=inputs.device)
    return inputs.masked_fill(((place >= start) & (place < start + length))[:, None, None, :], 0), masks


class TimeMasking(Augmentation):
    """Masks a moment of a spectrogram, as a short noise would (SpecAugment, Park et al., 2019)."""

    kinds: ClassVar[frozenset[str]] = SOUND
    axes: ClassVar[int | None] = 3
    change: ClassVar[Callable[..., Changed]] = time_masking

    time_mask_param: int = Field(
        10, ge=1, le=1000, description="The largest number of consecutive columns that are masked."
    )

    def takes(self, shape: Shape) -> float:
        return min(1.0, self.time_mask_param / shape[-1])


def frequency_masking(inputs: Tensor, masks: Tensor | None, random: Generator | None, freq_mask_param: int) -> Changed:
    """Mask up to `freq_mask_param` consecutive rows of spectrograms (N, channels, mels, frames) with the mean 0."""
    import torch

    rows = inputs.shape[2]
    numbers = torch.rand(2, len(inputs), 1, generator=random, device=inputs.device)
    height = numbers[0] * min(freq_mask_param, rows)
    start = numbers[1] * (rows - height)
    place = torch.arange(rows, device=inputs.device)
    return inputs.masked_fill(((place >= start) & (place < start + height))[:, None, :, None], 0), masks


class FrequencyMasking(Augmentation):
    """Masks a band of frequencies of a spectrogram, as a bad connection would (SpecAugment, Park et al., 2019)."""

    kinds: ClassVar[frozenset[str]] = SOUND
    axes: ClassVar[int | None] = 3
    change: ClassVar[Callable[..., Changed]] = frequency_masking

    freq_mask_param: int = Field(
        8, ge=1, le=1000, description="The largest number of consecutive rows that are masked."
    )

    def takes(self, shape: Shape) -> float:
        return min(1.0, self.freq_mask_param / shape[-2])


def random_time_shift(inputs: Tensor, masks: Tensor | None, random: Generator | None, share: float) -> Changed:
    """Shift sounds (N, …, time) by up to a share of their length; the gap is filled with the first or last value."""
    import torch

    length = inputs.shape[-1]
    most = round(share * length)
    shift = torch.randint(-most, most + 1, (len(inputs), 1), generator=random, device=inputs.device)
    place = (torch.arange(length, device=inputs.device) + shift).clamp(0, length - 1)  # (N, time)
    place = place.view(len(inputs), *[1] * (inputs.ndim - 2), length)
    return inputs.gather(-1, place.expand_as(inputs)), masks


class RandomTimeShift(Augmentation):
    """Starts sounds a little earlier or later: the word is the same."""

    kinds: ClassVar[frozenset[str]] = SOUND
    change: ClassVar[Callable[..., Changed]] = random_time_shift

    share: float = Field(0.1, gt=0, le=0.5, description="The largest shift of a sample, as a share of its length.")

    def takes(self, shape: Shape) -> float:
        return self.share


AUGMENTATIONS: dict[str, type[Augmentation]] = entries(globals(), Augmentation)


def read(entries: Any) -> tuple[Augmentation, ...]:
    """The augmentations that training["data"]["augmentation"] lists: [{"name": "RandomCrop", "padding": 2}, ...].

    Raises:
        OptionError: it is no list of such entries; the text says which is wrong and what was expected.
    """
    if entries is None:
        return ()
    if not isinstance(entries, list | tuple) or len(entries) > MOST:
        raise OptionError(f"augmentation must be a list of up to {MOST} entries such as {{'name': 'RandomCrop'}}.")
    wrong = [entry for entry in entries if not isinstance(entry, dict | str)]
    if wrong:
        raise OptionError(f"An augmentation is an entry such as {{'name': 'RandomCrop'}}, got {wrong[0]!r:.60}.")
    return tuple(choose(AUGMENTATIONS, entry, "augmentation") for entry in entries)


def augment(
    augmentations: Sequence[Augmentation],
    inputs: tuple[Tensor, ...],
    targets: Tensor,
    seed: int,
    epoch: int,
    batch: int,
    task: str = "",
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Another version of a batch. Its random numbers follow from seed, epoch and batch alone, so a resumed run gets the
    same ones.

    Each of several inputs is changed by itself. The targets of a task that follows images move along with the image.
    """
    import torch

    number = (seed * 1_000_003 + epoch) * 1_000_003 + batch
    random = torch.Generator(targets.device).manual_seed(number % 2**63)
    follows = bool(task) and TASKS[task].follows_images and len(inputs) == 1 and inputs[0].ndim == 4
    masks = TASKS[task].pixel_map(inputs[0], targets) if follows else None
    changed = []
    for given in inputs:
        if given.is_floating_point():
            for augmentation in augmentations:
                given, masks = augmentation.apply(given, masks, random)
        changed.append(given)
    return tuple(changed), targets if masks is None else TASKS[task].from_pixel_map(targets, masks)


def source(augmentations: Sequence[Augmentation], masks: bool = False, inputs: int = 1) -> str:
    """Python source of `augment(inputs, targets)`, which returns another version of a batch; empty without any.

    `masks`: whether the targets are masks, which move along. `inputs`: of how many inputs; one is a tensor, several are
    a tuple of tensors. The head of the source is its imports, as in `DataSet.source()`.
    """
    if not augmentations:
        return ""
    functions = list(dict.fromkeys(type(augmentation).change for augmentation in augmentations))
    lines = [
        "def augment(inputs, targets):",
        '    """Another version of each sample of a batch, with new random numbers each time."""',
    ]
    for augmentation in augmentations:
        if masks:
            lines.append(f"    inputs, targets = {augmentation.render('inputs', 'targets')}")
        elif inputs > 1:
            lines.append(f"    inputs = tuple({augmentation.render('given')}[0] for given in inputs)")
        else:
            lines.append(f"    inputs, _ = {augmentation.render()}")
    lines.append("    return inputs, targets")
    return print_functions(*((function, {}) for function in functions)) + "\n\n" + "\n".join(lines) + "\n"
