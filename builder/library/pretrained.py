"""Pretrained networks of torchvision without their last layers."""

from __future__ import annotations

import collections
import importlib
import os
import pathlib
import warnings

import torch
from torch import Tensor, nn


class PretrainedFeatures(nn.Module):
    """A network of torchvision without its classifier: an image → features. Weights have torchvision's names.

    weights_file: a safetensors file in $NETLOOM_HOME/weights with torchvision's state_dict of the network.
    """

    def __init__(
        self, network: str, output: str = "pooled", weights: str = "none", weights_file: str | None = None
    ) -> None:
        super().__init__()
        self.output = output
        only_shapes = torch.get_default_device().type == "meta"
        wanted = "DEFAULT" if weights == "default" and weights_file is None and not only_shapes else None
        model = importlib.import_module("torchvision.models").get_model(network, weights=wanted)
        last = ("avgpool", "fc", "classifier")
        parts = [(name, part) for name, part in model.named_children() if name not in last]
        self.backbone = nn.Sequential(collections.OrderedDict(parts))
        for part in self.backbone.modules():
            if getattr(part, "inplace", False):
                vars(part)["inplace"] = False  # so that hooks see the output of every layer
        if weights_file is not None and not only_shapes:
            self.read(weights_file, last)

    def read(self, weights_file: str, last: tuple[str, ...]) -> None:
        """Load the weights from the file. If it does not exist, they stay random: a saved model has its own."""
        home = pathlib.Path(os.environ.get("NETLOOM_HOME") or "~/.netloom").expanduser()
        path = home / "weights" / weights_file
        if not path.is_file():
            warnings.warn(f"There is no file {path}: the weights are random until others are loaded.", stacklevel=2)
            return
        state = importlib.import_module("safetensors.torch").load_file(path)
        self.backbone.load_state_dict({k: v for k, v in state.items() if k.partition(".")[0] not in last})

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.backbone(x.expand(-1, 3, -1, -1))  # a grayscale image is repeated for all three channels
        return maps.mean(dim=(2, 3)) if self.output == "pooled" else maps
