"""Pretrained networks of torchvision as one node that extracts features."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field

from builder.layers._spatial import CHANNELS
from builder.shapes import Shape, show
from builder.spec import LayerSpec, ShapeError, Signal, always

if TYPE_CHECKING:
    from torch import nn

MAX_LISTED = 3  # weights that do not fit, in the message
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\.safetensors$")]


class Backbone(NamedTuple):
    """What is known about a network without torchvision. All of them make an image 32 times smaller."""

    channels: int
    batch_norm: bool = True
    rounds_down: bool = False  # a rest at the border is dropped, so images must have at least 32 pixels


NETWORKS = {
    "resnet18": Backbone(512),
    "resnet34": Backbone(512),
    "resnet50": Backbone(2048),
    "mobilenet_v3_small": Backbone(576),
    "mobilenet_v3_large": Backbone(960),
    "efficientnet_b0": Backbone(1280),
    "vgg16": Backbone(512, batch_norm=False, rounds_down=True),
    "convnext_tiny": Backbone(768, batch_norm=False, rounds_down=True),
}
Network = Literal[
    "resnet18",
    "resnet34",
    "resnet50",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "vgg16",
    "convnext_tiny",
]
HINT = (
    'needs torchvision, which is missing or broken here ({0}). Install it: pip install "netloom[vision]" '
    "(with a torch for the CPU, install the torchvision for the CPU from the same index)."
)


class PretrainedFeatures(LayerSpec):
    """Extracts features from an image with a network that was trained on ImageNet: edges, textures, parts of objects.

    (1 or 3, height, width) → (features,), or with output "map" (features, height / 32, width / 32). Needs torchvision.
    Its networks were trained on images of 224 × 224, standardised with ImageNet's mean and standard deviation.
    https://docs.pytorch.org/vision/stable/models.html
    """

    family = "convolution"
    target = "builder.library.pretrained.PretrainedFeatures"
    ranks = (3,)
    axes = CHANNELS[2]
    layout = "channels_first"
    has_batch_statistics = True
    also = ("Backbone", "FeatureExtractor", "ResNet18", "ResNet50", "VGG16", "MobileNetV3", "EfficientNet")
    search = ("transfer", "torchvision", "resnet", "imagenet", "backbone", "vgg", "mobilenet", "efficientnet")
    example = ((3, 32, 32),)

    network: Network = always("resnet18", "The network of torchvision.")
    output: Literal["pooled", "map"] = Field(
        "pooled", description="pooled: one number per feature; map: the feature map."
    )
    weights: Literal["none", "default"] = Field(
        "none", description="none: random, or from a file; default: torchvision's weights, downloaded once."
    )
    weights_file: FileName | None = Field(
        None,
        description="A file in the folder weights of Netloom's home folder, such as resnet18.safetensors.",
        json_schema_extra={"choices": "weights"},
    )

    def check_inputs(self, *shapes: Shape) -> None:
        channels, *sizes = shapes[0]
        if channels not in (1, 3):
            raise ShapeError(
                f"expects an image with 3 channels, or a grayscale image with 1 channel, gets {channels} channels.",
                insert=("Conv2d", {"out_channels": 3, "kernel_size": 1}),
            )
        if NETWORKS[self.network].rounds_down and min(sizes) < 32:
            raise ShapeError(
                f"makes images 32 times smaller: nothing would be left of {show(tuple(sizes))}. Enlarge it first.",
                insert=("Upsample", {"size": [max(size, 32) for size in sizes]}),
            )

    def infer_output(self, *signals: Signal) -> Signal | None:
        known = NETWORKS[self.network]
        if self.output == "pooled":
            return Signal((known.channels,))
        rest = 0 if known.rounds_down else 31
        return Signal((known.channels, *((size + rest) // 32 for size in signals[0].shape[1:])))

    def values_per_sample(self, *shapes: Shape) -> int | None:
        """In its last layers, whose feature map is the smallest."""
        return math.prod((size + 31) // 32 for size in shapes[0][1:]) if NETWORKS[self.network].batch_norm else None

    def pretrained(self) -> bool:
        return self.weights != "none" or self.weights_file is not None

    def own_initial_values(self) -> tuple[str, ...]:
        return ("backbone",) if self.pretrained() else ()

    def missing(self) -> str:
        try:
            import torchvision.models  # noqa: F401
        except (ImportError, RuntimeError, OSError) as error:
            return HINT.format(type(error).__name__)
        return self._unreadable() if self.weights_file is not None else ""

    def _unreadable(self) -> str:
        """Why the weights cannot be loaded from the file, as the rest of a sentence; empty: they can be."""
        from safetensors import SafetensorError, safe_open

        home = Path(os.environ.get("NETLOOM_HOME") or "~/.netloom").expanduser()
        path = home / "weights" / str(self.weights_file)
        if not path.is_file():
            return f"cannot find its weights: there is no file {path}. Add the file, or leave weights_file empty."
        try:
            with safe_open(path, "pt") as file:
                found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError):
            return f"cannot read its weights: {path} is no safetensors file, or it is cut off."
        wanted = {name: tuple(tensor.shape) for name, tensor in self._backbone().state_dict().items()}
        wrong = [name for name, shape in wanted.items() if found.get(name) != shape]
        if not wrong:
            return ""
        listed = wrong[:MAX_LISTED]
        names = ", ".join(f"{name} ({show(found[name]) if name in found else 'missing'})" for name in listed)
        more = f" and {len(wrong) - MAX_LISTED} more" if len(wrong) > MAX_LISTED else ""
        return f"cannot load its weights: {path} does not contain a {self.network}. These do not fit: {names}{more}."

    def _backbone(self) -> Any:
        """The network on the meta device: names and shapes without data."""
        import torch

        with torch.device("meta"):
            module: nn.Module = self.model_copy(update={"weights_file": None}).call((3, 32, 32)).build()
        return module.get_submodule("backbone")
