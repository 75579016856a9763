"""Resizing layers: enlarge images and series without learned weights, and pad their borders."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from builder.layers._spatial import CHANNELS, fix_rank
from builder.shapes import Shape, show
from builder.spec import UNBOUNDED, Call, Extent, LayerSpec, Margin, Range, ShapeError, Signal, always

Factor = Annotated[float, Field(gt=0, le=64)]
Sides = Margin | tuple[Margin, Margin, Margin, Margin]
MODES = {"linear": 2, "bilinear": 3, "bicubic": 3, "trilinear": 4}  # interpolation mode → number of axes of a sample


class Upsample(LayerSpec):
    """Enlarges a series, an image or a volume by repeating values or by interpolating between them.

    (channels, …) → (channels, …), with all axes but the channels scaled. Nothing is learned.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html
    """

    family = "resize"
    target = "torch.nn.Upsample"
    layout = "channels_first"
    ranks = (2, 3, 4)
    axes = "channels and one to three spatial axes"
    also = (
        "UpSampling1D",
        "UpSampling2D",
        "UpSampling3D",
        "Interpolate",
        "Resize",
        "Resizing",
        "UpsamplingNearest2d",
        "UpsamplingBilinear2d: with mode bilinear",
    )
    search = ("resize", "interpolate", "enlarge", "decoder")
    example = ((3, 6, 6),)

    size: Extent | tuple[Extent, ...] | None = Field(None, description="The output size, for each spatial axis.")
    scale_factor: Factor | tuple[Factor, ...] | None = Field(
        None, description="The factor by which each axis is enlarged; empty: 2, if no size is set."
    )
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"] = Field(
        "nearest", description="nearest repeats values; linear (series) and bilinear (images) interpolate linearly."
    )
    align_corners: bool | None = Field(
        None, description="Whether the corner pixels keep their values; for the linear modes."
    )

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return fix_rank(self, signal)

    def enlarged(self, output: Shape, by: tuple[int, ...]) -> dict[str, Any] | None:
        """By the sizes of the output in the place of a factor."""
        return {"scale_factor": None, "size": [size + more for size, more in zip(output[1:], by, strict=True)]}

    def check_inputs(self, *shapes: Shape) -> None:
        (shape,) = shapes
        axes = len(shape) - 1
        if self.size is not None and self.scale_factor is not None:
            raise ShapeError("has both a size and a scale_factor; set only one of them.", params={"size": None})
        for name in ("size", "scale_factor"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != axes:
                raise ShapeError(
                    f"has {len(value)} numbers in {name}, but its input {show(shape)} has {axes} spatial axes.",
                    params={name: None},
                )
        expected = MODES.get(self.mode, len(shape))
        if expected != len(shape):
            better = {2: "linear", 3: "bilinear", 4: "trilinear"}[len(shape)]
            raise ShapeError(
                f'cannot use the mode "{self.mode}" for {show(shape)}: it is for samples with {expected} axes. '
                f'"nearest" works for any input, "{better}" for this one.',
                params={"mode": better},
            )
        if self.align_corners is not None and self.mode not in MODES:
            raise ShapeError(
                f'has align_corners, which the mode "{self.mode}" does not have.', params={"align_corners": None}
            )
        factors = self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor or 2.0,) * axes
        if self.size is None and any(int(size * by) < 1 for size, by in zip(shape[1:], factors, strict=True)):
            raise ShapeError(f"would return an empty tensor for {show(shape)}: a scale_factor is too small.")

    def call(self, *shapes: Shape) -> Call:
        settings = self.non_default()
        if self.size is None and self.scale_factor is None:
            settings = {"scale_factor": 2, **settings}
        return Call(self.target, settings)

    def output_range(self, *inputs: Range) -> Range:
        return UNBOUNDED if self.mode == "bicubic" else inputs[0]  # bicubic interpolation overshoots


class PixelShuffle(LayerSpec):
    """Enlarges an image by rearranging groups of channels: channels become pixels.

    (channels · r², height, width) → (channels, height · r, width · r). Shi et al. 2016, https://arxiv.org/abs/1609.05158
    """

    family = "resize"
    target = "torch.nn.PixelShuffle"
    keeps_values = True
    layout = "channels_first"
    ranks = (3,)
    axes = CHANNELS[2]
    also = ("DepthToSpace", "SubPixelConv", "SubpixelUpsampling")
    search = ("sub-pixel", "super resolution", "depth to space", "upscale")
    example = ((8, 3, 3),)

    upscale_factor: Extent = always(2, "The factor by which height and width are enlarged (r).")

    def check_inputs(self, *shapes: Shape) -> None:
        channels, square = shapes[0][0], self.upscale_factor**2
        if channels % square:
            fitting = max(r for r in range(1, self.upscale_factor + 1) if channels % r**2 == 0)
            raise ShapeError(
                f"has an upscale_factor of {self.upscale_factor}, for which the number of channels must be a multiple "
                f"of {square}; its input has {channels}.",
                params={"upscale_factor": fitting},
            )


class _Padding(LayerSpec):
    family = "resize"
    layout = "channels_first"
    ranks = (3,)
    axes = CHANNELS[2]
    search = ("border", "pad", "margin")
    example = ((3, 6, 6),)

    padding: Sides = always(1, "Pixels at every side, or at left, right, top and bottom.")

    def fix_rank(self, signal: Signal) -> dict[str, Any]:
        return fix_rank(self, signal)


class ZeroPad2d(_Padding):
    """Adds a border of zeros around an image.

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html
    """

    target = "torch.nn.ZeroPad2d"
    also = ("ZeroPadding2D", "ConstantPad2d", "Pad", "Padding")

    def output_range(self, *inputs: Range) -> Range:
        return min(inputs[0][0], 0.0), max(inputs[0][1], 0.0)


class ReflectionPad2d(_Padding):
    """Adds a border around an image that mirrors its pixels, which avoids an edge of zeros.

    (channels, height, width) → (channels, height', width').
    https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html
    """

    target = "torch.nn.ReflectionPad2d"
    also = ("ReflectionPadding2D", "MirrorPad")
    keeps_values = True

    def check_inputs(self, *shapes: Shape) -> None:
        _, height, width = shapes[0]
        sides: Any = (self.padding,) * 4 if isinstance(self.padding, int) else self.padding
        if max(sides[:2]) >= width or max(sides[2:]) >= height:
            raise ShapeError(
                f"mirrors up to {max(sides)} pixels of an image of {height} × {width}: "
                "the padding must be smaller than the image.",
                params={"padding": max(min(height, width) - 1, 0)},
            )
