"""The memory that a training needs: counted as torch keeps it, compared with the machine's, with a batch that fits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import builder
import trainers
from builder.analysis.infer import analyse
from builder.analysis.memory import training_memory
from builder.edits import apply_all
from builder.problems import GraphError, Problem
from tests.pages.trained import chain
from trainers import memory
from trainers.checks import machine
from trainers.memory import MemoryNeed, device_memory, main_memory, memory_need
from trainers.optim.optimizers import OPTIMIZERS

GIB = 2**30


def kept_by_torch(document: builder.Document, batch: int) -> int:
    """Bytes that autograd keeps of a batch, without weights: each tensor once."""
    model = builder.compile(document).eval()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    kinds = {"int": torch.int64, "float": torch.float32}
    inputs = [torch.zeros((batch, *signal.shape), dtype=kinds[signal.dtype]) for signal in _signals(document)]
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = model(*inputs)
        del output
    return sum(size for place, size in kept.items() if place not in own)


def _signals(document: builder.Document) -> list[Any]:
    analysis = analyse(document)
    return [analysis.facts[node.name].signal for node in document.nodes if node.role == "input"]


@pytest.mark.parametrize("name", ["digits_cnn", "vision_transformer", "text_transformer", "unet", "vgg", "char_gru"])
def test_what_is_counted_is_about_what_torch_keeps(name: str) -> None:
    document = trainers.bind(builder.template(name))
    counted = training_memory(analyse(document), ("main",))
    assert 0.4 <= kept_by_torch(document, 4) / (4 * counted.sample) <= 1.6
    assert counted.weights == 4 * sum(weight.numel() for weight in builder.compile(document).parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_an_optimizer_is_counted(name: str) -> None:
    entry = OPTIMIZERS[name]()
    weight = torch.nn.Parameter(torch.ones(1000))
    optimizer = entry.build([weight])

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = (weight**2).sum()
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)  # type: ignore[arg-type]
    state = optimizer.state_dict()["state"].values()
    held = sum(value.numel() for entries in state for value in entries.values() if torch.is_tensor(value))
    assert held <= 1000 * entry.states + 10
    assert entry.needs_closure or held >= 1000 * entry.states  # L-BFGS fills its history step by step


def shown(document: builder.Document) -> Problem | None:
    return next((problem for problem in trainers.check(document) if problem.code == "T151"), None)


def document(batch: int | str, **more: Any) -> builder.Document:
    data = {"name": "shapes_to_segment", "samples": 2000, "size": 64, "batch_size": batch}
    layers: dict[str, Any] = {
        "wide": ("Conv2d", {"out_channels": 64, "padding": 1}),
        "act": ("ReLU", {}),
        "scores": ("Conv2d", {"out_channels": 4, "padding": 1}),
    }
    made = chain(data, **layers)
    return made.changed(training={**made.training, **more})


def test_a_batch_that_does_not_fit_gets_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "device_memory", lambda device: (2 * GIB, 16 * GIB))
    assert shown(document(64)) is None
    problem = shown(document(1024))
    assert problem is not None and problem.severity == "warning" and "batch of 1,024 samples" in problem.message
    assert "this machine has" in problem.message and problem.fix_label.startswith("Set the batch size to ")
    after = apply_all(document(1024), problem.fix or ())
    assert shown(after) is None and 64 <= after.training["data"]["batch_size"] < 1024
    full = shown(document("full"))
    assert full is not None and full.fix
    assert shown(apply_all(document("full"), full.fix)) is None


def test_what_can_never_fit_is_an_error_and_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "device_memory", lambda device: (GIB // 2, GIB))
    problem = shown(document(1400))
    assert problem is not None and problem.severity == "error"
    with pytest.raises(GraphError):
        trainers.Job.from_document(document(1400))
    monkeypatch.setattr(machine, "device_memory", lambda device: (2**20, 2**21))
    nothing = shown(document(1))
    assert nothing is not None and nothing.fix is None and "Not even one sample" in nothing.message


def test_weights_count_with_gradients_and_the_state_of_the_optimizer() -> None:
    job = trainers.Job.from_document(document(8), optimizer={"name": "SGD"})
    adam = trainers.Job.from_document(document(8), optimizer={"name": "Adam"})
    plain, more = (memory_need(each, analyse(each.document)) for each in (job, adam))
    assert more.weights * 3 == plain.weights * 5 and more.sample == plain.sample
    ensemble = trainers.Job.from_document(builder.template("ensemble"))
    one = trainers.Job.from_document(builder.template("ensemble"), paradigm={"members": 2})
    assert memory_need(ensemble, analyse(ensemble.document)).weights > memory_need(one, analyse(one.document)).weights


def test_the_batch_that_fits_is_a_power_of_two_that_fits() -> None:
    need = MemoryNeed(weights=100 * 2**20, sample=2**20, data=50 * 2**20)
    for available in (GIB, 3 * GIB, 10 * GIB):
        batch = need.fitting_batch(available)
        assert batch and need.expected(batch) <= available < need.expected(4 * batch)
    assert need.fitting_batch(2**20) == 0


def test_this_machine_says_what_it_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    found = device_memory("cpu")
    assert found is not None and 0 < found[0] <= found[1] < 2**50
    limit, used = tmp_path / "limit", tmp_path / "used"
    limit.write_text(str(64 * 2**20))
    used.write_text(str(60 * 2**20))
    monkeypatch.setattr(memory, "CGROUPS", ((str(limit), str(used)),))
    assert main_memory() == (4 * 2**20, 64 * 2**20)
    limit.write_text("max\n")
    assert main_memory()[1] == found[1]  # type: ignore[index]


@pytest.mark.parametrize("name", ["digits_cnn", "gpt_decoder", "unet", "gan_points", "convolutional_vae"])
def test_a_template_fits_into_a_small_machine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "device_memory", lambda device: (2 * GIB, 4 * GIB))
    assert shown(builder.template(name)) is None
