"""The table of verdicts: networks that are healthy or ill in a known way, and the verdict that must come first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import builder
from builder.document import Document
from tests.verdicts.row import DIGITS, SPIRAL, Row, network, perceptron, sgd, template
from tests.verdicts.setting_rows import settings

ILL = {"vanishing_gradients": "VanishingGradients", "rnn_forgets": "Forgets"}  # templates that show what goes wrong
# Templates that train in a few seconds: they are part of `make test`.
QUICK = ("linear_regression", "logistic_regression", "multilayer_perceptron", "spiral_perceptron", "digits_cnn")


def zero_branch() -> Document:
    """Residual blocks whose branches end in a scale that starts at zero, as in ReZero (Bachlechner et al. 2020)."""
    layers: list[tuple[Any, ...]] = [("flatten", "Flatten"), ("fc0", "Linear", {"out_features": 32})]
    edges, before = ["x > flatten", "flatten > fc0"], "fc0"
    for number in (1, 2, 3):
        names = [f"fc{number}", f"act{number}", f"scale{number}", f"add{number}"]
        layers += [(names[0], "Linear", {"out_features": 32}), (names[1], "ReLU")]
        layers += [(names[2], "Scale", {"init": 0.0}), (names[3], "Add")]
        edges += [f"{a} > {b}" for a, b in itertools.pairwise([before, *names])] + [f"{before} > {names[3]}"]
        before = names[3]
    layers.append(("last", "Linear", {"out_features": 10}))
    edges += [f"{before} > last", "last > y"]
    adam = {"name": "Adam", "lr": 0.003}
    return network(*layers, edges=", ".join(edges), data=DIGITS, optimizer=adam, epochs=8)


def dead_from_the_start() -> Document:
    layers = [("flatten", "Flatten"), ("fc1", "Linear", {"out_features": 32}), ("act1", "ReLU")]
    minus = [("minus", "Scale", {"init": -1.0}), ("act2", "ReLU"), ("last", "Linear", {"out_features": 10})]
    return network(*layers, *minus, data=DIGITS)


def folded_sigmoids() -> Document:
    """Eight repeats of a block with a sigmoid."""
    inner = [("x", "Input"), ("fc", "Linear", {"out_features": 32}), ("act", "Sigmoid"), ("y", "Output")]
    nodes = [{"name": name, "type": kind, "params": rest[0] if rest else {}} for name, kind, *rest in inner]
    wires = [{"source": a[0], "target": b[0]} for a, b in itertools.pairwise(inner)]
    layers = [("flatten", "Flatten"), ("fc0", "Linear", {"out_features": 32})]
    stack = [("stack", "Block", {"block": "unit", "repeat": 8}), ("last", "Linear", {"out_features": 10})]
    return network(*layers, *stack, data=DIGITS, blocks={"unit": {"nodes": nodes, "edges": wires}})


def random_walk() -> Document:
    last = ("last", "Linear", {"out_features": 10}), ("shape", "Reshape", {"shape": [10, 1]})
    adam = {"name": "Adam", "lr": 0.003}
    return network(("flatten", "Flatten"), *last, data={"name": "random_walk"}, optimizer=adam)


def healthy() -> Iterator[Row]:
    yield Row("perceptron, SGD", lambda: perceptron(DIGITS))
    yield Row("perceptron, Adam", lambda: perceptron(DIGITS, optimizer={"name": "Adam", "lr": 0.003}))
    yield Row("perceptron, momentum 0.9", lambda: perceptron(DIGITS, optimizer=sgd(0.02, momentum=0.9)))
    yield Row("perceptron, gentle decay", lambda: perceptron(DIGITS, optimizer=sgd(0.1, weight_decay=0.001), l1=1e-5))
    yield Row("tanh, one cycle", lambda: perceptron(DIGITS, act="Tanh", schedule={"name": "one_cycle"}))
    yield Row("branches that start at zero, Adam", zero_branch)
    yield Row("last layer starts at zero", lambda: perceptron(DIGITS, depth=0, initialisation="zeros"))
    yield Row(
        "regression", lambda: perceptron({"name": "diabetes"}, 1, optimizer={"name": "Adam", "lr": 0.01}, epochs=8)
    )
    yield Row(
        "balanced classes", lambda: perceptron(DIGITS, paradigm={"name": "supervised", "class_weights": "balanced"})
    )
    yield Row("U-Net, a few steps", lambda: template("unet", epochs=3, max_steps=45), also=("OnlyOnePredicted",))
    yield Row("GAN on points, a few epochs", lambda: template("gan_points", epochs=3))


def penalties() -> Iterator[Row]:
    grows, usual = ("weight_decay", "beyond zero"), ("gradient clipping", "lower the learning rate,")
    decay = {"expected": "DecayDiverges", "words": grows, "never": usual}
    yield Row(
        "spiral, rate 0.3, decay 10",
        lambda: perceptron(SPIRAL, 2, 2, "Tanh", 8, optimizer=sgd(0.3, weight_decay=10.0), epochs=20),
        **decay,
    )  # type: ignore[arg-type]
    yield Row("digits, rate 0.5, decay 8", lambda: perceptron(DIGITS, optimizer=sgd(0.5, weight_decay=8.0)), **decay)  # type: ignore[arg-type]
    yield Row(
        "AdamW, rate 0.5, decay 10",
        lambda: perceptron(DIGITS, optimizer={"name": "AdamW", "lr": 0.5, "weight_decay": 10.0}),
        **decay,
    )  # type: ignore[arg-type]
    yield Row(
        "momentum and decay", lambda: perceptron(DIGITS, optimizer=sgd(0.5, momentum=0.9, weight_decay=10.0)), **decay
    )  # type: ignore[arg-type]
    strong = {"expected": "PenaltyTooStrong", "never": ("learning rate is too high",)}
    yield Row(
        "spiral, rate 0.03, decay 10",
        lambda: perceptron(SPIRAL, 2, 2, "Tanh", 8, optimizer=sgd(0.03, weight_decay=10.0), epochs=20),
        **strong,
    )  # type: ignore[arg-type]
    yield Row("digits, decay 1", lambda: perceptron(DIGITS, optimizer=sgd(0.1, weight_decay=1.0)), **strong)  # type: ignore[arg-type]
    yield Row(
        "Adam, decay 10",
        lambda: perceptron(DIGITS, optimizer={"name": "Adam", "lr": 0.01, "weight_decay": 10.0}),
        **strong,
    )  # type: ignore[arg-type]
    yield Row("L1 of 1", lambda: perceptron(DIGITS, l1=1.0), words=("l1 1 ",), **strong)  # type: ignore[arg-type]
    yield Row("L1 of 0.1", lambda: perceptron(DIGITS, l1=0.1, optimizer=sgd(0.02)), words=("l1 0.1 ",), **strong)  # type: ignore[arg-type]


def steps() -> Iterator[Row]:
    high: dict[str, Any] = {"expected": "LearningRateTooHigh", "words": ("Lower the learning rate",)}
    yield Row("digits, rate 8", lambda: perceptron(DIGITS, optimizer=sgd(8.0), epochs=10), **high)
    yield Row("diabetes, rate 50", lambda: perceptron({"name": "diabetes"}, 1, 1, optimizer=sgd(50.0)), **high)
    yield Row("Adam, rate 10", lambda: perceptron(DIGITS, optimizer={"name": "Adam", "lr": 10.0}), **high)
    yield Row(
        "one cycle up to 50",
        lambda: perceptron(DIGITS, optimizer=sgd(0.01), schedule={"name": "one_cycle", "max_lr": 50.0}),
        **{**high, "words": ("50",)},
    )
    yield Row(
        "rate 8, clipped at 1",
        lambda: perceptron(DIGITS, optimizer=sgd(50.0), gradient_clip=1.0, epochs=10),
        never=("clipping",),
        **high,
    )
    yield Row(
        "momentum 0.999",
        lambda: perceptron(DIGITS, optimizer=sgd(0.1, momentum=0.999)),
        "TooMuchMomentum",
        words=("1,000 steps", "0.9"),
    )
    yield Row("momentum 0.99", lambda: perceptron(DIGITS, optimizer=sgd(0.5, momentum=0.99)), "TooMuchMomentum")
    slow: dict[str, Any] = {"expected": "SlowUpdates", "words": ("Raise the learning rate",)}
    yield Row("Adam, rate 1e-7", lambda: perceptron(DIGITS, optimizer={"name": "Adam", "lr": 1e-7}), **slow)
    yield Row("SGD, rate 1e-5", lambda: perceptron(DIGITS, optimizer=sgd(1e-5)), **slow)


def starts() -> Iterator[Row]:
    equal: dict[str, Any] = {"expected": "EqualWeights", "node": "fc1", "never": ("learning rate",)}
    yield Row("zeros, SGD", lambda: perceptron(DIGITS, initialisation="zeros"), **equal)
    yield Row(
        "zeros, Adam",
        lambda: perceptron(DIGITS, initialisation="zeros", optimizer={"name": "Adam", "lr": 0.01}),
        **equal,
    )
    yield Row("zeros, tanh, spiral", lambda: perceptron(SPIRAL, 2, act="Tanh", initialisation="zeros"), **equal)
    large = {"name": "normal", "std": 1.0}
    yield Row(
        "normal 1, deep ReLU",
        lambda: perceptron(DIGITS, depth=6, initialisation=large),
        "ExplodingGradients",
        words=("initial weights", "default initialisation"),
    )
    yield Row(
        "normal 2, deep tanh",
        lambda: perceptron(DIGITS, depth=5, act="Tanh", initialisation={"name": "normal", "std": 2.0}),
        "SaturatedUnits",
        words=("from the first step",),
    )
    yield Row(
        "deep sigmoid",
        lambda: perceptron(DIGITS, depth=8, act="Sigmoid"),
        "VanishingGradients",
        node="fc1",
        words=("Sigmoid",),
    )
    yield Row(
        "normal 0.01, deep tanh",
        lambda: perceptron(DIGITS, depth=8, act="Tanh", initialisation={"name": "normal", "std": 0.01}),
        "VanishingGradients",
    )
    yield Row("sigmoids in a folded block", folded_sigmoids, "VanishingGradients", node="fc0", never=("stack.0",))
    yield Row("dead from the start", dead_from_the_start, "DeadUnits", node="act2", words=("from the first step",))


def outcomes() -> Iterator[Row]:
    yield Row(
        "a line through circles",
        lambda: perceptron({"name": "circles"}, 2, 0, optimizer={"name": "Adam", "lr": 0.01}, epochs=20),
        "NoBetterThanGuessing",
        also=(),
    )
    guess = "NoBetterThanGuessing"
    yield Row("a random walk", random_walk, guess, also=("Overfitting",), words=("naive",))
    yield Row(
        "a single hidden unit",
        lambda: perceptron(DIGITS, 10, 1, width=1, epochs=40, optimizer=sgd(0.2)),
        "Underfitting",
        also=("NeverPredicted",),
    )
    wide = {"depth": 2, "width": 256, "epochs": 150, "optimizer": {"name": "Adam", "lr": 0.01}}
    noisy = {"name": "moons", "samples": 200, "noise": 0.6, "batch_size": 32}
    yield Row(
        "memorised moons",
        lambda: perceptron(noisy, 2, **wide),
        "Overfitting",
        also=(),
        notes=True,
        words=("Stop early",),
    )  # type: ignore[arg-type]
    patient = {"early_stopping": {"patience": 100}}
    yield Row(
        "memorised moons, early stopping on",
        lambda: perceptron(noisy, 2, **wide, **patient),
        "Overfitting",
        notes=True,
        also=(),
        never=("Stop early", "stop early"),
    )  # type: ignore[arg-type]
    yield Row(
        "digits, sparse code",
        lambda: template("sparse_autoencoder", paradigm={"sparsity_weight": 100.0}, epochs=4),
        "EqualCodeUnits",
        words=("sparsity weight",),
        quick=False,
    )
    yield Row(
        "VAE, beta 100",
        lambda: template("convolutional_vae", paradigm={"beta": 100.0}, epochs=4),
        "PosteriorCollapse",
        quick=False,
    )
    yield Row("VAE, a few epochs", lambda: template("convolutional_vae", epochs=2), quick=False)
    yield Row(
        "GAN, strong discriminator",
        lambda: template(
            "gan_points",
            paradigm={"discriminator_lr": 0.05, "discriminator_steps": 5},
            optimizer={"lr": 1e-5},
            epochs=20,
        ),
        "ModeCollapse",
        also=("ConfidentDiscriminator", "Oscillation"),
        quick=False,
    )


def templates() -> Iterator[Row]:
    for name in sorted(builder.templates()):
        quick = name in QUICK or name in ILL
        yield Row(f"template {name}", lambda name=name: builder.template(name), ILL.get(name, ""), quick=quick)  # type: ignore[misc]


def rows() -> list[Row]:
    return [*healthy(), *penalties(), *steps(), *starts(), *settings(), *outcomes(), *templates()]
