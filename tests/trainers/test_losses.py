"""Every loss of the registry: torch's defaults, gradients, widths, targets as data sets have them, printed code."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.entry import OptionError, choose
from trainers.losses import LOSSES, Loss, default_loss

CLASSES = [name for name, loss in LOSSES.items() if "classification" in loss.tasks]
NUMBERS = [name for name, loss in LOSSES.items() if "regression" in loss.tasks]


def example(loss: Loss, classes: int) -> tuple[Tensor, Tensor]:
    """An output of the width that the loss asks for, and targets as the data set gives them."""
    torch.manual_seed(0)
    if loss.expects == "values":
        return torch.randn(12, 2, requires_grad=True), torch.randn(12, 2)
    width = loss.width(classes, classes)
    assert width is not None
    raw = torch.randn(12, width)
    output = raw.sigmoid() if loss.expects == "probabilities" else raw
    return output.requires_grad_(), torch.arange(12) % classes


def test_the_registry_is_complete() -> None:
    wanted = "cross_entropy binary_cross_entropy binary_cross_entropy_with_logits mse l1 huber hinge"
    assert set(LOSSES) == set(wanted.split())
    assert default_loss("classification").name == "cross_entropy" and default_loss("regression").name == "mse"


@pytest.mark.parametrize("name", LOSSES)
def test_names_and_defaults_are_torchs(name: str) -> None:
    signature = inspect.signature(getattr(nn, LOSSES[name].torch_name).__init__).parameters
    for key, field in LOSSES[name].model_fields.items():
        assert field.default == signature[key].default and field.description
    assert LOSSES[name].help().endswith(".")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("classes", [2, 3])
def test_the_loss_is_a_number_with_a_gradient_and_the_printed_code_gives_it_too(name: str, classes: int) -> None:
    loss = LOSSES[name]()
    output, target = example(loss, classes)
    value = loss.build()(output, target)
    assert value.shape == () and math.isfinite(value.detach()) and value > 0
    value.backward()  # type: ignore[no-untyped-call]
    assert output.grad is not None and output.grad.abs().sum() > 0
    names = {"nn": nn, "output": output, "target": target}
    code = f"{loss.render()}(output, {loss.target_code(output.shape[1])})"
    torch.testing.assert_close(eval(code, names), value)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_what_it_recommends_it_accepts(name: str, classes: int) -> None:
    loss = LOSSES[name]()
    width = loss.width(classes, classes)
    assert width is not None and loss.accepts(width, classes, classes)
    assert loss.accepts(classes, classes, classes) and not loss.accepts(classes + 1, classes, classes)
    assert loss.accepts(1, classes, classes) == (name.startswith("binary") and classes == 2)


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_without_a_second_axis_are_not_broadcast(name: str) -> None:
    loss = LOSSES[name]()
    assert loss.width(0, 3) == 3
    output, target = torch.randn(7), torch.randn(7, 1)
    torch.testing.assert_close(loss.build()(output, target), loss.criterion()(output, target[:, 0]))
    with pytest.raises(RuntimeError):
        loss.build()(torch.randn(7, 2), target)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
def test_binary_losses_agree_with_cross_entropy_over_two_classes(name: str) -> None:
    logit, target = torch.randn(9, 1), torch.arange(9) % 2
    output = logit.sigmoid() if name == "binary_cross_entropy" else logit
    pair = torch.cat([torch.zeros_like(logit), logit], dim=1)
    expected = default_loss("classification").build()(pair, target)
    for shape in ((9, 1), (9,)):
        torch.testing.assert_close(LOSSES[name]().build()(output.view(shape), target), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_does_not_stop_it(name: str) -> None:
    loss = LOSSES[name]()
    output, target = example(loss, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss.build()(output.bfloat16(), target)
    torch.testing.assert_close(value.float(), loss.build()(output, target), rtol=0.03, atol=0.03)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": "cross_entropy"}, "nn.CrossEntropyLoss()"),
        ({"name": "cross_entropy", "label_smoothing": 0.1}, "nn.CrossEntropyLoss(label_smoothing=0.1)"),
        ({"name": "hinge", "p": 2, "margin": 0.5}, "nn.MultiMarginLoss(p=2, margin=0.5)"),
        ({"name": "huber", "delta": 2.0}, "nn.HuberLoss(delta=2.0)"),
    ],
)
def test_the_code_reads_as_written_by_hand(options: dict[str, Any], code: str) -> None:
    assert choose(LOSSES, options, "loss").render() == code


def test_wrong_options_end_in_a_sentence() -> None:
    with pytest.raises(OptionError, match=r"no loss called 'crossentropy'. Did you mean cross_entropy"):
        choose(LOSSES, "crossentropy", "loss")
    with pytest.raises(OptionError, match=r"The loss cross_entropy: label_smoothing must be at most 1.0, got 2"):
        choose(LOSSES, {"name": "cross_entropy", "label_smoothing": 2}, "loss")
