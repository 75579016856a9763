"""Networks with branches and gates: GoogLeNet, EfficientNet and ConvNeXt."""

from __future__ import annotations

from typing import Any

from tests.builder.network_writer import NetworkWriter, chain, written

IMAGE = [3, 224, 224]


def googlenet() -> dict[str, Any]:
    """Szegedy et al. 2014, without the auxiliary classifiers, as in torchvision (3 × 3 instead of 5 × 5)."""
    net = NetworkWriter()

    def unit(x: str, name: str, width: int, kernel: int = 1, stride: int = 1) -> str:
        x = net(
            name, "Conv2d", x, out_channels=width, kernel_size=kernel, stride=stride, padding=kernel // 2, bias=False
        )
        return net(f"{name}_relu", "ReLU", net(f"{name}_bn", "BatchNorm2d", x, eps=0.001))

    def pool(x: str, name: str, kernel: int = 3) -> str:
        return net(name, "MaxPool2d", x, kernel_size=kernel, stride=2, ceil_mode=True)

    x = pool(unit(net("image", "Input", shape=IMAGE), "conv1", 64, 7, 2), "pool1")
    x = pool(unit(unit(x, "conv2", 64), "conv3", 192, 3), "pool2")
    stages = {
        "3a": (64, 96, 128, 16, 32, 32),
        "3b": (128, 128, 192, 32, 96, 64),
        "4a": (192, 96, 208, 16, 48, 64),
        "4b": (160, 112, 224, 24, 64, 64),
        "4c": (128, 128, 256, 24, 64, 64),
        "4d": (112, 144, 288, 32, 64, 64),
        "4e": (256, 160, 320, 32, 128, 128),
        "5a": (256, 160, 320, 32, 128, 128),
        "5b": (384, 192, 384, 48, 128, 128),
    }
    for name, (one, three_in, three, five_in, five, pooled) in stages.items():
        first = unit(x, f"one{name}", one)
        second = unit(unit(x, f"three_in{name}", three_in), f"three{name}", three, 3)
        third = unit(unit(x, f"five_in{name}", five_in), f"five{name}", five, 3)
        last = net(f"pool_in{name}", "MaxPool2d", x, kernel_size=3, stride=1, padding=1)
        x = net(f"join{name}", "Concat", first, second, third, unit(last, f"pooled{name}", pooled))
        x = pool(x, "pool3") if name == "3b" else pool(x, "pool4", 2) if name == "4e" else x
    x = chain(
        net,
        x,
        ("pool5", "AdaptiveAvgPool2d"),
        ("flat", "Flatten"),
        ("drop", "Dropout", {"p": 0.2}),
        ("fc", "Linear", {"out_features": 1000}),
    )
    return written("GoogLeNet", net, x)


def efficientnet_b0() -> dict[str, Any]:
    """Tan and Le 2019: each block scales its channels by factors that it computes from them."""
    net = NetworkWriter()

    def unit(x: str, name: str, act: bool = True, **settings: Any) -> str:
        x = net(f"{name}_bn", "BatchNorm2d", net(name, "Conv2d", x, bias=False, **settings))
        return net(f"{name}_act", "SiLU", x) if act else x

    def weighed(x: str, number: int, narrow: int, wide: int) -> str:
        gate = chain(
            net,
            x,
            (f"average{number}", "AdaptiveAvgPool2d"),
            (f"narrow{number}", "Conv2d", {"out_channels": narrow, "kernel_size": 1}),
            (f"act{number}", "SiLU"),
            (f"wide{number}", "Conv2d", {"out_channels": wide, "kernel_size": 1}),
            (f"gate{number}", "Sigmoid"),
        )
        return net(f"weighed{number}", "Multiply", x, gate)

    x = unit(net("image", "Input", shape=IMAGE), "stem", out_channels=32, stride=2, padding=1)
    before, number = 32, 0
    for expand, kernel, first, width, depth in [
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    ]:
        for stride in [first, *[1] * (depth - 1)]:
            number += 1
            start, inner = x, before * expand
            if expand > 1:
                x = unit(x, f"expand{number}", out_channels=inner, kernel_size=1)
            x = unit(
                x,
                f"depthwise{number}",
                out_channels=inner,
                kernel_size=kernel,
                stride=stride,
                padding=kernel // 2,
                groups=inner,
            )
            x = unit(
                weighed(x, number, before // 4, inner), f"project{number}", act=False, out_channels=width, kernel_size=1
            )
            if stride == 1 and before == width:
                x = net(f"sum{number}", "Add", start, net(f"depth{number}", "StochasticDepth", x, p=number / 80))
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
    return written("EfficientNet-B0", net, x)


def convnext_tiny() -> dict[str, Any]:
    """Liu et al. 2022: channels are normalised and mixed on the last axis."""
    net, blocks = NetworkWriter(), {}

    def normalised(x: str, name: str) -> str:
        return chain(
            net,
            x,
            (f"last{name}", "Permute", {"dims": [0, 2, 3, 1]}),
            (f"norm{name}", "LayerNorm", {"eps": 1e-6}),
            (f"first{name}", "Permute", {"dims": [0, 3, 1, 2]}),
        )

    x = net("image", "Input", shape=IMAGE)
    for stage, (width, depth) in enumerate([(96, 3), (192, 3), (384, 9), (768, 3)], start=1):
        kernel = 4 if stage == 1 else 2
        x = normalised(x, f"_before{stage}") if stage > 1 else x
        x = net(f"smaller{stage}", "Conv2d", x, out_channels=width, kernel_size=kernel, stride=kernel)
        x = normalised(x, "_stem") if stage == 1 else x
        block = NetworkWriter()
        start = block("x", "Input")
        h = chain(
            block,
            start,
            ("depthwise", "Conv2d", {"out_channels": width, "kernel_size": 7, "padding": 3, "groups": width}),
            ("last", "Permute", {"dims": [0, 2, 3, 1]}),
            ("norm", "LayerNorm", {"eps": 1e-6}),
            ("wide", "Linear", {"out_features": 4 * width}),
            ("act", "GELU"),
            ("narrow", "Linear", {"out_features": width}),
            ("first", "Permute", {"dims": [0, 3, 1, 2]}),
            ("scale", "Scale", {"init": 1e-6}),
            ("depth", "StochasticDepth", {"p": 0.1}),
        )
        block("result", "Output", block("sum", "Add", start, h))
        blocks[f"block{width}"] = block
        x = net(f"stage{stage}", "Block", x, block=f"block{width}", repeat=depth)
    x = normalised(net("pool", "AdaptiveAvgPool2d", x), "_end")
    x = net("fc", "Linear", net("flat", "Flatten", x), out_features=1000)
    return written("ConvNeXt-Tiny", net, x, blocks)
