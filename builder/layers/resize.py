"""Resizing: larger pictures and series without learned weights, and borders around them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from builder.layers._spatial import CHANNELS
from builder.shapes import Shape, show
from builder.spec import Call, Extent, LayerSpec, Margin, ShapeError, always

Factor = Annotated[float, Field(gt=0, le=64)]
Sides = Margin | tuple[Margin, Margin, Margin, Margin]
# Which way of filling in between goes with how many axes a sample has.
MODES = {"linear": 2, "bilinear": 3, "bicubic": 3, "trilinear": 4}


class Upsample(LayerSpec):
    """Makes a series, a picture or a volume larger by repeating values or drawing lines between them.

    (channels, …) → (channels, …), each axis behind the channels scaled. Nothing is learned.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html
    """

    family = "resize"
    target = "torch.nn.Upsample"
    layout = "channels_first"
    ranks = (2, 3, 4)
    axes = "channels and one to three axes of space"
    search = ("resize", "interpolate", "enlarge", "decoder")
    example = ((3, 6, 6),)

    size: Extent | tuple[Extent, ...] | None = Field(None, description="The size that comes out, for each axis.")
    scale_factor: Factor | tuple[Factor, ...] | None = Field(
        None, description="How many times larger; empty: 2, where no size is given."
    )
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"] = Field(
        "nearest", description="nearest repeats values; linear (series), bilinear (pictures) draw lines between them."
    )
    align_corners: bool | None = Field(None, description="Whether corners keep their values; for the linear modes.")

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        axes = len(shape) - 1
        if self.size is not None and self.scale_factor is not None:
            raise ShapeError("has both a size and a scale_factor; give one of them.", params={"size": None})
        for name in ("size", "scale_factor"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != axes:
                raise ShapeError(
                    f"has {len(value)} numbers in {name}, but its input {show(shape)} has {axes} axes of space.",
                    params={name: None},
                )
        fits = MODES.get(self.mode, len(shape))
        if fits != len(shape):
            better = {2: "linear", 3: "bilinear", 4: "trilinear"}[len(shape)]
            raise ShapeError(
                f'cannot use the mode "{self.mode}" on {show(shape)}: it is for samples of {fits} axes. '
                f'"nearest" works for all, "{better}" for this one.',
                params={"mode": better},
            )
        if self.align_corners is not None and self.mode not in MODES:
            raise ShapeError(
                f'has align_corners, which the mode "{self.mode}" does not know.', params={"align_corners": None}
            )
        factors = self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor or 2.0,) * axes
        if self.size is None and any(int(size * by) < 1 for size, by in zip(shape[1:], factors, strict=True)):
            raise ShapeError(f"would leave nothing of {show(shape)}: a scale_factor is too small.")

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        if self.size is None and self.scale_factor is None:
            settings = {"scale_factor": 2, **settings}
        return Call(self.target, settings)


class PixelShuffle(LayerSpec):
    """Makes a picture larger by laying groups of channels side by side: channels become pixels.

    (channels · r², height, width) → (channels, height · r, width · r). Shi et al. 2016, https://arxiv.org/abs/1609.05158
    """

    family = "resize"
    target = "torch.nn.PixelShuffle"
    layout = "channels_first"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("sub-pixel", "super resolution", "depth to space", "upscale")
    example = ((8, 3, 3),)

    upscale_factor: Extent = always(2, "How many times larger each side gets (r).")

    def check_inputs(self, *shapes: Shape) -> None:
        channels, square = shapes[0][0], self.upscale_factor**2
        if channels % square:
            fitting = max(r for r in range(1, self.upscale_factor + 1) if channels % r**2 == 0)
            raise ShapeError(
                f"has an upscale_factor of {self.upscale_factor}, which needs channels in multiples of {square}; "
                f"its input has {channels}.",
                params={"upscale_factor": fitting},
            )


class _Border(LayerSpec):
    family = "resize"
    layout = "channels_first"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("border", "pad", "margin")
    example = ((3, 6, 6),)

    padding: Sides = always(1, "Pixels at every side, or left, right, top, bottom.")


class ZeroPad2d(_Border):
    """Puts a border of zeros around a picture.

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html
    """

    target = "torch.nn.ZeroPad2d"


class ReflectionPad2d(_Border):
    """Puts a border around a picture that mirrors what is inside, so that no edge of zeros is seen.

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html
    """

    target = "torch.nn.ReflectionPad2d"

    def check_inputs(self, *shapes: Shape) -> None:
        _, height, width = shapes[0]
        sides: Any = (self.padding,) * 4 if isinstance(self.padding, int) else self.padding
        if max(sides[:2]) >= width or max(sides[2:]) >= height:
            raise ShapeError(
                f"mirrors up to {max(sides)} pixels of a picture of {height} × {width}: "
                "the padding must be smaller than the picture.",
                params={"padding": max(min(height, width) - 1, 0)},
            )
