"""Each loss of the registry: torch's defaults, gradients, widths, targets as data sets have them, printed code."""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torchmetrics.functional.classification import multiclass_f1_score

from trainers.entry import OptionError, choose
from trainers.objectives.loss_functions import dice_loss, focal_loss, quantile_loss
from trainers.objectives.losses import Loss
from trainers.objectives.registry import LOSSES, default_loss, losses_for, suits
from trainers.tasks import TASKS
from trainers.tasks.target import Target

TARGETS: dict[str, Target] = {
    "classification": Target("classification", 4, ()),
    "two classes": Target("classification", 2, ()),
    "multilabel": Target("multilabel", 3, (3,)),
    "regression": Target("regression", 0, (2,)),
    "forecasting": Target("forecasting", 0, (5, 2)),
    "segmentation": Target("segmentation", 3, (6, 4)),
    "two classes of pixels": Target("segmentation", 2, (6, 4)),
    "language": Target("language", 7, (5,)),
}
PAIRS = [(name, at) for name, loss in LOSSES.items() for at, target in TARGETS.items() if suits(loss, target.task)]


def names_of(loss: Loss, **values: Any) -> dict[str, Any]:
    """What the printed code of a loss may use."""
    names = {"nn": nn, "torch": torch, "Tensor": Tensor, "functools": functools, **values}
    exec(loss.source(), names)
    return names


def truth(target: Target, samples: int = 12) -> Tensor:
    """Targets as a data set of the task gives them."""
    if target.task == "multilabel":
        return (torch.rand(samples, *target.shape) > 0.5).float()
    if target.task in ("regression", "forecasting"):
        return torch.rand(samples, *target.shape) + 0.1
    return torch.randint(0, target.classes, (samples, *target.shape))


def answer(loss: Loss, shape: tuple[int, ...], axis: int, samples: int = 12) -> Tensor:
    """Outputs of a shape, as the loss expects them."""
    raw = torch.randn(samples, *shape)
    if loss.expects == "probabilities":
        raw = raw.sigmoid()
    elif loss.expects == "log_probabilities":
        raw = raw.log_softmax(dim=axis)
    return raw.requires_grad_()


def test_the_registry_is_complete() -> None:
    wanted = "cross_entropy nll focal dice binary_cross_entropy binary_cross_entropy_with_logits mse l1 huber hinge"
    assert set(LOSSES) == {*wanted.split(), "multilabel_soft_margin", "quantile", "poisson"}
    usual = {task: default_loss(target.task).name for task, target in TARGETS.items()}
    assert usual["classification"] == usual["segmentation"] == usual["language"] == "cross_entropy"
    assert usual["multilabel"] == "binary_cross_entropy_with_logits"
    assert usual["regression"] == usual["forecasting"] == "mse"
    assert all(set(losses_for(task)) <= set(LOSSES) for task in TASKS)


@pytest.mark.parametrize("name", LOSSES)
def test_names_and_defaults_are_torchs(name: str) -> None:
    loss = LOSSES[name]
    made = type(loss().criterion()).__init__ if loss.torch_name else loss.compute
    signature = inspect.signature(made).parameters
    for key, field in loss.model_fields.items():
        assert field.description and (not loss.torch_name or field.default == signature[key].default)
    assert set(loss.model_fields) | ({loss.weighs} if loss.weighs else set()) <= set(signature)
    assert loss.help().endswith(".")


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_for_every_shape_it_accepts_it_gives_a_number_and_the_printed_code_gives_it_too(name: str, task: str) -> None:
    torch.manual_seed(0)
    loss, target = LOSSES[name](), TARGETS[task]
    for shape in loss.shapes(target):
        output, wanted = answer(loss, shape, target.class_axis), truth(target)
        value = loss.build()(output, wanted)
        assert value.shape == () and math.isfinite(value.detach())
        value.backward()  # type: ignore[no-untyped-call]
        assert output.grad is not None and output.grad.abs().sum() > 0
        names = names_of(loss, output=output, target=wanted)
        code = f"{loss.render()}({loss.arguments(target, shape)})"
        torch.testing.assert_close(eval(code, names), value)


@pytest.mark.parametrize(("name", "task"), [pair for pair in PAIRS if LOSSES[pair[0]].weighs])
def test_weights_make_a_class_count_more(name: str, task: str) -> None:
    torch.manual_seed(0)
    loss, target = LOSSES[name](), TARGETS[task]
    for shape in loss.shapes(target):
        output, wanted = answer(loss, shape, target.class_axis), truth(target, 40)[:12]
        counts = np.array([8, 1, 1, 2, 3, 4, 5][: target.classes])
        weights = torch.as_tensor(loss.class_weights(counts, int(counts.sum()), shape), dtype=torch.float32)
        value = loss.build(weights)(output, wanted)
        assert not torch.isclose(value, loss.build()(output, wanted))
        names = names_of(loss, output=output, target=wanted, class_weights=weights)
        code = f"{loss.render('class_weights')}({loss.arguments(target, shape)})"
        torch.testing.assert_close(eval(code, names), value)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.array([0] * 70 + [1] * 20 + [2] * 10)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(LOSSES["cross_entropy"]().class_weights(np.bincount(labels), 100, (3,)), expected)
    yes_or_no = LOSSES["binary_cross_entropy_with_logits"]().class_weights(np.array([75, 25]), 100, (1,))
    np.testing.assert_allclose(yes_or_no, [3.0])


def test_two_classes_may_have_one_number_or_two() -> None:
    two, four = TARGETS["two classes"], TARGETS["classification"]
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        assert LOSSES[name]().shapes(two) == ((1,), (2,)) and LOSSES[name]().shapes(four) == ((4,),)
        assert LOSSES[name]().shapes(TARGETS["two classes of pixels"]) == ((1, 6, 4), (2, 6, 4))
    assert LOSSES["cross_entropy"]().shapes(two) == ((2,),)
    assert LOSSES["cross_entropy"]().shapes(TARGETS["segmentation"]) == ((3, 6, 4),)
    assert LOSSES["cross_entropy"]().shapes(TARGETS["language"]) == ((5, 7),)
    assert LOSSES["mse"]().shapes(TARGETS["forecasting"]) == ((5, 2), (10,))


@pytest.mark.parametrize("name", [name for name, task in PAIRS if task == "regression"])
def test_numbers_without_a_second_axis_are_not_broadcast(name: str) -> None:
    loss = LOSSES[name]()
    output, target = torch.randn(7), torch.rand(7, 1)
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


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_half_precision_does_not_stop_it(name: str, task: str) -> None:
    torch.manual_seed(0)
    loss, target = LOSSES[name](), TARGETS[task]
    output, wanted = answer(loss, loss.shapes(target)[0], target.class_axis), truth(target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss.build()(output.bfloat16(), wanted)
    torch.testing.assert_close(value.float(), loss.build()(output, wanted), rtol=0.03, atol=0.03)


# ---- losses of our own against torch ------------------------------------------------------------------------------


@given(st.integers(0, 2**31 - 1), st.sampled_from([(), (5,), (3, 4)]))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_focal_without_focus_is_cross_entropy(seed: int, places: tuple[int, ...]) -> None:
    torch.manual_seed(seed)
    output, target, weight = torch.randn(6, 4, *places), torch.randint(0, 4, (6, *places)), torch.rand(4)
    plain = focal_loss(output, target, 0.0)
    torch.testing.assert_close(plain, nn.functional.cross_entropy(output, target))
    each = nn.functional.cross_entropy(output, target, weight, reduction="none")
    torch.testing.assert_close(focal_loss(output, target, 0.0, weight), each.mean())
    assert focal_loss(output, target, 2.0) < plain


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_the_median_is_half_the_absolute_error_and_quantiles_lie_where_they_should(seed: int) -> None:
    torch.manual_seed(seed)
    output, target = torch.randn(40, 2), torch.randn(40, 2)
    torch.testing.assert_close(quantile_loss(output, target, 0.5), nn.functional.l1_loss(output, target) / 2)
    values = torch.randn(501)
    guesses = torch.linspace(-3, 3, 601)
    losses = torch.stack([quantile_loss(guess.expand(501), values, 0.9) for guess in guesses])
    assert abs(float((values < guesses[losses.argmin()]).float().mean()) - 0.9) < 0.02


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_dice_is_one_less_the_score_of_torchmetrics(seed: int) -> None:
    torch.manual_seed(seed)
    target = torch.randint(0, 3, (4, 8, 8))
    guess = torch.randint(0, 3, (4, 8, 8))
    sure = torch.nn.functional.one_hot(guess, 3).movedim(-1, 1).float() * 200
    score = multiclass_f1_score(guess, target, 3, average="macro", validate_args=False)  # Dice is F1 over pixels
    torch.testing.assert_close(1 - dice_loss(sure, target, 1e-9), score, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("name", "task"), PAIRS)
def test_the_loss_of_each_sample_has_the_mean_that_training_minimises(name: str, task: str) -> None:
    torch.manual_seed(0)
    loss, target = LOSSES[name](), TARGETS[task]
    output, wanted = answer(loss, loss.shapes(target)[0], target.class_axis).detach(), truth(target)
    each = loss.each(output, wanted, target)
    assert each.shape == (12,)
    if name != "dice":  # the overlap of all samples together is not the mean of their overlaps
        torch.testing.assert_close(each.mean(), loss.build(target=target)(output, wanted))


def test_the_network_gives_the_logarithm_of_a_count() -> None:
    counts = torch.tensor([[0.0], [3.0], [12.0]])
    loss = LOSSES["poisson"]()
    assert loss.raw_targets
    torch.testing.assert_close(loss.values(torch.log(counts + 1)), counts + 1)
    assert loss.build()(counts.clamp(min=0.1).log(), counts) < loss.build()(torch.zeros(3, 1), counts)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": "cross_entropy"}, "nn.CrossEntropyLoss()"),
        ({"name": "cross_entropy", "label_smoothing": 0.1}, "nn.CrossEntropyLoss(label_smoothing=0.1)"),
        ({"name": "hinge", "p": 2, "margin": 0.5}, "nn.MultiMarginLoss(p=2, margin=0.5)"),
        ({"name": "huber", "delta": 2.0}, "nn.HuberLoss(delta=2.0)"),
        ({"name": "focal", "gamma": 1.0}, "functools.partial(focal_loss, gamma=1.0)"),
    ],
)
def test_the_code_reads_as_written_by_hand(options: dict[str, Any], code: str) -> None:
    assert choose(LOSSES, options, "loss").render() == code


def test_wrong_options_end_in_a_sentence() -> None:
    with pytest.raises(OptionError, match=r"no loss called 'crossentropy'. Did you mean cross_entropy"):
        choose(LOSSES, "crossentropy", "loss")
    with pytest.raises(OptionError, match=r"The loss cross_entropy: label_smoothing must be at most 1.0, got 2"):
        choose(LOSSES, {"name": "cross_entropy", "label_smoothing": 2}, "loss")
