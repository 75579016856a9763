"""Augmentation: shapes and targets stay, random numbers follow from seed, epoch and batch, printed code is the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainers.data import DATASETS, dataset
from trainers.data.augmentation import AUGMENTATIONS, Augmentation, augment, read, source
from trainers.data.batches import Batches
from trainers.data.splits import prepare
from trainers.entry import OptionError

NAMES = list(AUGMENTATIONS)
IMAGES = [name for name, entry in AUGMENTATIONS.items() if "image" in entry.kinds]


def batch(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples that suit an augmentation, and a class for each."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(16, 3, 10, 14, generator=generator), torch.arange(16)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_keeps_its_shape_and_follows_from_three_numbers(name: str) -> None:
    inputs, targets = batch(name)
    before = inputs.clone()
    entry = AUGMENTATIONS[name]()
    (once,), labels = augment([entry], (inputs,), targets, 3, 5, 7)
    torch.manual_seed(99)  # other random numbers change nothing
    (again,), _ = augment([entry], (inputs,), targets, 3, 5, 7)
    assert once.shape == inputs.shape and once.dtype == inputs.dtype and torch.isfinite(once).all()
    assert torch.equal(once, again) and torch.equal(labels, targets) and torch.equal(inputs, before)
    for other in ((4, 5, 7), (3, 6, 7), (3, 5, 8)):
        assert not torch.equal(augment([entry], (inputs,), targets, *other)[0][0], once)
    assert not torch.equal(once, inputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_code_changes_a_batch_in_the_same_way(name: str) -> None:
    inputs, _ = batch(name)
    masks = torch.randint(0, 3, (16, 10, 14), generator=torch.Generator().manual_seed(2))
    entry = AUGMENTATIONS[name]()
    names: dict[str, Any] = {}
    exec(compile(source([entry], masks=True), name, "exec"), names)
    torch.manual_seed(11)
    printed, printed_masks = names["augment"](inputs, masks)
    torch.manual_seed(11)
    mine, my_masks = entry.apply(inputs, masks)
    assert torch.equal(printed, mine) and torch.equal(printed_masks, my_masks)  # type: ignore[arg-type]
    assert "trainers" not in source([entry])
    names = {}
    exec(compile(source([entry, entry], inputs=2), name, "exec"), names)
    pair, targets = names["augment"]((inputs, inputs), masks)
    assert [given.shape for given in pair] == [inputs.shape] * 2 and targets is masks
    assert source([]) == ""


@pytest.mark.parametrize("name", IMAGES)
def test_masks_move_with_their_images(name: str) -> None:
    """An image that shows its own mask still shows it after any move."""
    masks = torch.zeros(32, 24, 24, dtype=torch.int64)
    masks[:, 3:14, 6:20] = 2
    entry = AUGMENTATIONS[name]()
    if not entry.keeps_masks or name == "AdditiveNoise":
        return
    (moved,), targets = augment([entry], (masks[:, None].float(),), masks, 0, 0, 0, "segmentation")
    assert targets.dtype == torch.int64 and targets.shape == masks.shape and set(targets.unique().tolist()) == {0, 2}
    assert ((moved[:, 0] - targets).abs() <= 1.0).float().mean() > 0.99  # a rotated border lies between two pixels
    assert not torch.equal(targets, masks)


def test_flips_mirror_with_their_probability() -> None:
    inputs = torch.arange(12.0).view(1, 1, 3, 4).expand(4000, 1, 3, 4)
    flip = AUGMENTATIONS["RandomHorizontalFlip"](p=0.25)  # type: ignore[call-arg]
    flipped, _ = flip.apply(inputs, None, torch.Generator().manual_seed(0))
    mirrored = (flipped == inputs.flip(3)).all(dim=(1, 2, 3))
    assert 0.22 < mirrored.float().mean() < 0.28 and (flipped == inputs).all(dim=(1, 2, 3)).logical_xor(mirrored).all()


def test_what_is_masked_is_no_more_than_asked_for() -> None:
    inputs = torch.ones(200, 1, 20, 30)
    masking = (
        ({"name": "TimeMasking", "time_mask_param": 7}, 7 * 20),
        ({"name": "FrequencyMasking", "freq_mask_param": 5}, 5 * 30),
    )
    for entry, most in masking:
        gone = (read([entry])[0].apply(inputs, None)[0] == 0).sum(dim=(1, 2, 3))
        assert gone.max() <= most + 30 and gone.float().mean() > most / 4
    (erasing,) = read([{"name": "RandomErasing", "p": 1.0, "scale": 0.3}])
    erased = (erasing.apply(inputs, None)[0] == 0).float().mean(dim=(1, 2, 3))
    assert erased.min() > 0 and erased.max() < 0.4


def test_batches_are_augmented_and_a_resumed_epoch_has_the_same_ones() -> None:
    split = prepare(dataset({"name": "digits"})).training
    entries = read([{"name": "RandomCrop", "padding": 1}, "AdditiveNoise"])
    batches = Batches(split, 100, 4, "cpu", entries)
    whole = list(batches.epoch(2))
    resumed = list(Batches(split, 100, 4, "cpu", entries).epoch(2, start=5))
    for one, other in zip(whole[5:], resumed, strict=True):
        assert torch.equal(one.inputs[0], other.inputs[0]) and torch.equal(one.targets, other.targets)
    plain = list(Batches(split, 100, 4, "cpu").epoch(2))
    assert all(torch.equal(one.targets, other.targets) for one, other in zip(whole, plain, strict=True))
    assert not torch.equal(whole[0].inputs[0], plain[0].inputs[0])
    full = Batches(split, "full", 4, "cpu", entries)
    assert not torch.equal(next(full.epoch(0)).inputs[0], next(full.epoch(1)).inputs[0])


def test_each_says_what_it_suits() -> None:
    def unsuited(entry: str, name: str) -> str | None:
        return AUGMENTATIONS[entry]().unsuited(dataset({"name": name}))

    assert unsuited("RandomCrop", name="digits") is None
    assert "is for data of kind image; Iris flowers is of kind table" in str(unsuited("RandomCrop", name="iris"))
    assert unsuited("TimeMasking", name="fsdd") is None
    assert "spectrograms" in str(unsuited("TimeMasking", name="fsdd_waveform"))
    assert unsuited("RandomRotation", name="shapes_to_segment") is None
    assert "mask" in str(unsuited("RandomErasing", name="shapes_to_segment"))
    flip = AUGMENTATIONS["RandomHorizontalFlip"]()
    assert flip.warning(dataset({"name": "digits"})) and flip.warning(dataset({"name": "donkeycar"}))
    assert flip.warning(dataset({"name": "fashion_mnist"})) is None
    for name in DATASETS:  # every data set has an answer from every augmentation
        for entry in AUGMENTATIONS.values():
            assert entry().unsuited(dataset({"name": name})) is None or DATASETS[name].kind


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ("RandomCrop", "augmentation must be a list"),
        ([3], "An augmentation is an entry such as"),
        (["RandomCrap"], "no augmentation called 'RandomCrap'. Did you mean RandomCrop"),
        ([{"name": "RandomCrop", "padding": 0}], "padding must be at least 1"),
        ([{"name": "RandomCrop", "size": 3}], "There is no 'size' here"),
        ([{}], "has no name"),
        (["RandomCrop"] * 21, "up to 20"),
    ],
)
def test_wrong_entries_end_in_a_sentence(entries: Any, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        read(entries)
    assert read(None) == () and read([]) == ()


def test_entries_are_documented() -> None:
    for name, entry in AUGMENTATIONS.items():
        assert entry.label == entry.name == name and entry.help().endswith(".")
        assert all(field.description for field in entry.model_fields.values())
        assert issubclass(entry, Augmentation)


def test_an_augmentation_that_does_not_suit_is_a_problem() -> None:
    import builder
    import trainers

    template = builder.template("digits_cnn")
    listed = ["RandomHorizontalFlip", {"name": "RandomCrop", "padding": 1}, "TimeMasking"]
    document = template.changed(
        training={**template.training, "data": {**template.training["data"], "augmentation": listed}}
    )
    found = {problem.code: problem for problem in trainers.check(document)}
    assert found["T160"].severity == "error" and "TimeMasking is for data of kind sound" in found["T160"].message
    assert found["T161"].severity == "warning" and found["T160"].fix and found["T161"].fix
    for code in ("T160", "T161"):
        fixed = document
        for edit in found[code].fix or ():
            fixed = edit.apply(fixed)
        assert code not in {problem.code for problem in trainers.check(fixed)}
        assert len(fixed.training["data"]["augmentation"]) == 2
