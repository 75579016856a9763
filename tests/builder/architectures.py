"""Well-known networks as documents, with their exact numbers of parameters; as JSON in tests/golden/architectures.

python -m tests.builder.architectures      writes the files again
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import builder
from tests.builder.branching import convnext_tiny, efficientnet_b0, googlenet
from tests.builder.network_writer import NetworkWriter, chain, written
from tests.builder.transformers import bert_base, gpt2_small, mlp_mixer, transformer_base, vit_b16

GOLDEN = Path(__file__).parent.parent / "golden" / "architectures"
IMAGE = [3, 224, 224]


def lenet5() -> dict[str, Any]:
    """LeCun et al. 1998, in its usual form: every channel of the second convolution uses every channel of the first."""
    net = NetworkWriter()
    x = net("image", "Input", shape=[1, 28, 28])
    x = chain(
        net,
        x,
        ("conv1", "Conv2d", {"out_channels": 6, "kernel_size": 5, "padding": 2}),
        ("act1", "Tanh"),
        ("pool1", "AvgPool2d"),
        ("conv2", "Conv2d", {"out_channels": 16, "kernel_size": 5}),
        ("act2", "Tanh"),
        ("pool2", "AvgPool2d"),
        ("flat", "Flatten"),
        ("fc1", "Linear", {"out_features": 120}),
        ("act3", "Tanh"),
        ("fc2", "Linear", {"out_features": 84}),
        ("act4", "Tanh"),
        ("fc3", "Linear", {"out_features": 10}),
    )
    return written("LeNet-5", net, x)


def alexnet() -> dict[str, Any]:
    """Krizhevsky 2014 (one tower), as in torchvision."""
    net = NetworkWriter()
    x = net("image", "Input", shape=IMAGE)
    for number, (width, kernel, stride, padding, pool) in enumerate(
        [
            (64, 11, 4, 2, True),
            (192, 5, 1, 2, True),
            (384, 3, 1, 1, False),
            (256, 3, 1, 1, False),
            (256, 3, 1, 1, True),
        ],
        start=1,
    ):
        settings = {"out_channels": width, "kernel_size": kernel, "stride": stride, "padding": padding}
        x = chain(net, x, (f"conv{number}", "Conv2d", settings), (f"relu{number}", "ReLU"))
        x = net(f"pool{number}", "MaxPool2d", x, kernel_size=3, stride=2) if pool else x
    x = chain(
        net,
        x,
        ("pool", "AdaptiveAvgPool2d", {"output_size": 6}),
        ("flat", "Flatten"),
        ("drop6", "Dropout"),
        ("fc6", "Linear", {"out_features": 4096}),
        ("relu6", "ReLU"),
        ("drop7", "Dropout"),
        ("fc7", "Linear", {"out_features": 4096}),
        ("relu7", "ReLU"),
        ("fc8", "Linear", {"out_features": 1000}),
    )
    return written("AlexNet", net, x)


def vgg16() -> dict[str, Any]:
    """Simonyan and Zisserman 2014."""
    net = NetworkWriter()
    x = net("image", "Input", shape=IMAGE)
    for stage, (width, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
        for number in range(1, depth + 1):
            x = net(f"conv{stage}_{number}", "Conv2d", x, out_channels=width, padding=1)
            x = net(f"relu{stage}_{number}", "ReLU", x)
        x = net(f"pool{stage}", "MaxPool2d", x)
    x = net("flat", "Flatten", x)
    for number, width in enumerate([4096, 4096], start=1):
        x = chain(
            net,
            x,
            (f"fc{number}", "Linear", {"out_features": width}),
            (f"relu{number}", "ReLU"),
            (f"drop{number}", "Dropout"),
        )
    return written("VGG-16", net, net("fc3", "Linear", x, out_features=1000))


def residual(width: int, stride: int, deep: bool, shortcut: bool) -> NetworkWriter:
    """One residual block; deep: 1 × 1, 3 × 3, 1 × 1 (the stride on the 3 × 3)."""
    block = NetworkWriter()
    start = x = block("x", "Input")
    plan = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)] if deep else [(width, 3, stride), (width, 3, 1)]
    for number, (out, kernel, step) in enumerate(plan, start=1):
        x = block(
            f"conv{number}",
            "Conv2d",
            x,
            out_channels=out,
            kernel_size=kernel,
            stride=step,
            padding=kernel // 2,
            bias=False,
        )
        x = block(f"bn{number}", "BatchNorm2d", x)
        x = block(f"relu{number}", "ReLU", x) if number < len(plan) else x
    if shortcut:
        start = block("shortcut", "Conv2d", start, out_channels=plan[-1][0], kernel_size=1, stride=stride, bias=False)
        start = block("shortcut_bn", "BatchNorm2d", start)
    block("result", "Output", block("relu", "ReLU", block("sum", "Add", x, start)))
    return block


def resnet(name: str, depths: list[int], deep: bool) -> dict[str, Any]:
    """He et al. 2015."""
    net, blocks = NetworkWriter(), {}
    x = net("image", "Input", shape=IMAGE)
    x = chain(
        net,
        x,
        ("conv1", "Conv2d", {"out_channels": 64, "kernel_size": 7, "stride": 2, "padding": 3, "bias": False}),
        ("bn1", "BatchNorm2d"),
        ("relu1", "ReLU"),
        ("pool1", "MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    )
    for stage, depth in enumerate(depths, start=1):
        width, stride = 32 * 2**stage, 1 if stage == 1 else 2
        blocks[f"enter{width}"] = residual(width, stride, deep, shortcut=deep or stage > 1)
        blocks[f"stay{width}"] = residual(width, 1, deep, shortcut=False)
        x = net(f"enter{stage}", "Block", x, block=f"enter{width}")
        x = net(f"stage{stage}", "Block", x, block=f"stay{width}", repeat=depth - 1)
    x = chain(net, x, ("pool", "AdaptiveAvgPool2d"), ("flat", "Flatten"), ("fc", "Linear", {"out_features": 1000}))
    return written(name, net, x, blocks)


def mobilenet_v2() -> dict[str, Any]:
    """Sandler et al. 2018."""
    net = NetworkWriter()

    def unit(x: str, name: str, act: bool = True, **settings: Any) -> str:
        x = net(f"{name}_bn", "BatchNorm2d", net(name, "Conv2d", x, bias=False, **settings))
        return net(f"{name}_act", "ReLU6", x) if act else x

    x = unit(net("image", "Input", shape=IMAGE), "stem", out_channels=32, stride=2, padding=1)
    before, number = 32, 0
    for expand, width, depth, first in [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]:
        for stride in [first, *[1] * (depth - 1)]:
            number += 1
            start, inner = x, before * expand
            if expand > 1:
                x = unit(x, f"expand{number}", out_channels=inner, kernel_size=1)
            x = unit(x, f"depthwise{number}", out_channels=inner, stride=stride, padding=1, groups=inner)
            x = unit(x, f"project{number}", act=False, out_channels=width, kernel_size=1)
            x = net(f"sum{number}", "Add", start, x) if stride == 1 and before == width else x
            before = width
    x = unit(x, "head", out_channels=1280, kernel_size=1)
    x = chain(
        net,
        x,
        ("pool", "AdaptiveAvgPool2d"),
        ("flat", "Flatten"),
        ("drop", "Dropout", {"p": 0.2}),
        ("fc", "Linear", {"out_features": 1000}),
    )
    return written("MobileNetV2", net, x)


def unet() -> dict[str, Any]:
    """Ronneberger et al. 2015, in the widely used Keras form (github.com/zhixuhao/unet),
    for images with one channel."""
    blocks = {}
    for width in (64, 128, 256, 512, 1024):
        block = NetworkWriter()
        x = chain(
            block,
            block("x", "Input"),
            ("conv1", "Conv2d", {"out_channels": width, "padding": "same"}),
            ("relu1", "ReLU"),
            ("conv2", "Conv2d", {"out_channels": width, "padding": "same"}),
            ("relu2", "ReLU"),
        )
        block("result", "Output", x)
        blocks[f"double{width}"] = block
    net = NetworkWriter()
    x = net("image", "Input", shape=[1, 256, 256])
    skips = []
    for number, width in enumerate((64, 128, 256, 512), start=1):
        x = net(f"down{number}", "Block", x, block=f"double{width}")
        x = net("drop4", "Dropout", x) if number == 4 else x
        skips.append(x)
        x = net(f"pool{number}", "MaxPool2d", x)
    x = net("drop5", "Dropout", net("bottom", "Block", x, block="double1024"))
    for number, width in zip((6, 7, 8, 9), (512, 256, 128, 64), strict=True):
        x = net(f"larger{number}", "Upsample", x)
        x = net(f"up{number}", "Conv2d", x, out_channels=width, kernel_size=2, padding="same")
        x = net(f"join{number}", "Concat", skips.pop(), net(f"relu{number}", "ReLU", x))
        x = net(f"double{number}", "Block", x, block=f"double{width}")
    x = chain(
        net,
        x,
        ("conv9", "Conv2d", {"out_channels": 2, "padding": "same"}),
        ("relu10", "ReLU"),
        ("conv10", "Conv2d", {"out_channels": 1, "kernel_size": 1}),
        ("mask", "Sigmoid"),
    )
    return written("U-Net", net, x, blocks)


def squeezenet() -> dict[str, Any]:
    """Iandola et al. 2016, version 1.1."""
    net = NetworkWriter()
    x = net("image", "Input", shape=IMAGE)
    x = chain(net, x, ("conv1", "Conv2d", {"out_channels": 64, "stride": 2}), ("relu1", "ReLU"))
    fires = [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256)]
    for number, (narrow, wide) in enumerate(fires, start=2):
        if number in (2, 4, 6):
            x = net(f"pool{number}", "MaxPool2d", x, kernel_size=3, stride=2, ceil_mode=True)
        x = net(f"squeeze{number}", "Conv2d", x, out_channels=narrow, kernel_size=1)
        x = net(f"squeeze_relu{number}", "ReLU", x)
        one = net(f"expand1_{number}", "Conv2d", x, out_channels=wide, kernel_size=1)
        three = net(f"expand3_{number}", "Conv2d", x, out_channels=wide, padding=1)
        x = net(f"relu{number}", "ReLU", net(f"fire{number}", "Concat", one, three))
    x = chain(
        net,
        x,
        ("drop", "Dropout"),
        ("conv10", "Conv2d", {"out_channels": 1000, "kernel_size": 1}),
        ("relu10", "ReLU"),
        ("pool10", "AdaptiveAvgPool2d"),
        ("flat", "Flatten"),
    )
    return written("SqueezeNet 1.1", net, x)


def densenet121() -> dict[str, Any]:
    """Huang et al. 2016: the input of each layer is the output of all earlier ones, so the blocks are written out."""
    net = NetworkWriter()

    def unit(x: str, name: str, width: int, kernel: int) -> str:
        x = net(f"{name}_relu", "ReLU", net(f"{name}_bn", "BatchNorm2d", x))
        return net(name, "Conv2d", x, out_channels=width, kernel_size=kernel, padding=kernel // 2, bias=False)

    x = net("image", "Input", shape=IMAGE)
    x = chain(
        net,
        x,
        ("conv0", "Conv2d", {"out_channels": 64, "kernel_size": 7, "stride": 2, "padding": 3, "bias": False}),
        ("bn0", "BatchNorm2d"),
        ("relu0", "ReLU"),
        ("pool0", "MaxPool2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    )
    width = 64
    for stage, depth in enumerate((6, 12, 24, 16), start=1):
        for number in range(1, depth + 1):
            name = f"{stage}_{number}"
            new = unit(unit(x, f"narrow{name}", 128, 1), f"grow{name}", 32, 3)
            x = net(f"join{name}", "Concat", x, new)
        width = (width + 32 * depth) // (2 if stage < 4 else 1)
        if stage < 4:
            x = net(f"pool{stage}", "AvgPool2d", unit(x, f"transition{stage}", width, 1))
    x = chain(
        net,
        x,
        ("norm5", "BatchNorm2d"),
        ("relu5", "ReLU"),
        ("pool5", "AdaptiveAvgPool2d"),
        ("flat", "Flatten"),
        ("fc", "Linear", {"out_features": 1000}),
    )
    return written("DenseNet-121", net, x)


ARCHITECTURES: dict[str, tuple[Callable[[], dict[str, Any]], int]] = {
    "lenet5": (lenet5, 61_706),
    "alexnet": (alexnet, 61_100_840),
    "vgg16": (vgg16, 138_357_544),
    "resnet18": (lambda: resnet("ResNet-18", [2, 2, 2, 2], deep=False), 11_689_512),
    "resnet34": (lambda: resnet("ResNet-34", [3, 4, 6, 3], deep=False), 21_797_672),
    "resnet50": (lambda: resnet("ResNet-50", [3, 4, 6, 3], deep=True), 25_557_032),
    "mobilenet_v2": (mobilenet_v2, 3_504_872),
    "unet": (unet, 31_031_685),
    "squeezenet1_1": (squeezenet, 1_235_496),
    "densenet121": (densenet121, 7_978_856),
    "googlenet": (googlenet, 6_624_904),
    "efficientnet_b0": (efficientnet_b0, 5_288_548),
    "convnext_tiny": (convnext_tiny, 28_589_128),
    "vit_b16": (vit_b16, 86_567_656),
    "gpt2_small": (gpt2_small, 124_439_808),
    "bert_base": (bert_base, 109_482_240),
    "transformer_base": (transformer_base, 44_140_544),
    "mlp_mixer_b16": (mlp_mixer, 59_880_472),
}


def main() -> None:
    """Write every document to its file."""
    GOLDEN.mkdir(exist_ok=True)
    for name, (make, _) in ARCHITECTURES.items():
        (GOLDEN / f"{name}.json").write_text(builder.dump(builder.load(make())), encoding="utf-8")


if __name__ == "__main__":
    main()
