"""Language models: training, sample texts, what looks ahead, drawing tokens, masks, model.py."""

from __future__ import annotations

import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import builder
import trainers
from builder.edits import apply_all
from tests.trainers.written import ATTENTION, CAUSAL, MEMORY, writer
from trainers.data.tokens import TokenError
from trainers.paradigms.language.analysis import guessed, looks, sample_of, surprises, tokens_of, written
from trainers.paradigms.language.decoding import Taste, continued, drawn, filled
from trainers.paradigms.language.paradigm import IGNORED, hide
from trainers.runs.run import RunError
from trainers.script.train_script import train_script

MASKED = {"predicts": "masked_token"}
Train = Callable[..., trainers.Run]


def codes(document: builder.Document) -> dict[str, Any]:
    return {problem.code: problem for problem in trainers.check(document)}


def test_it_learns_and_writes(train: Train) -> None:
    run = train(writer(epochs=3))
    assert run.state == "finished", run.progress().message
    metrics = run.metrics()
    held_out = metrics[metrics["split"] == "validation"].set_index(["epoch", "metric"])["value"]
    assert held_out[3, "loss"] < held_out[1, "loss"] < math.log(97)
    assert held_out[3, "perplexity"] == pytest.approx(math.exp(held_out[3, "loss"]), rel=1e-3)
    assert 0 < held_out[3, "token_accuracy"] < 1
    texts = run.texts()
    assert texts and texts[0].pieces[0] == ("\n", "given") and len(texts[0].pieces[1][0]) == 12
    assert run.model().card["vocabulary"][0] == "\n" and run.model().card["tokens"] == "characters"


def test_sample_texts_do_not_change_the_training(train: Train) -> None:
    with_texts = train(writer(epochs=2)).metrics()
    without = train(writer(epochs=2, paradigm={"sample_length": 0}))
    assert not without.texts()
    columns = ["step", "split", "metric", "value"]
    assert with_texts[columns].equals(without.metrics()[columns])


def test_a_network_that_looks_ahead_is_refused_and_mended() -> None:
    both = (MEMORY[0], MEMORY[1], {**MEMORY[2], "bidirectional": True})
    convolution = [
        ("first", "Permute", {"dims": [0, 2, 1]}),
        ("filters", "Conv1d", {"out_channels": 8, "kernel_size": 3, "padding": 1}),
        ("back", "Permute", {"dims": [0, 2, 1]}),
    ]
    for middle, node in (([both], "memory"), ([ATTENTION], "attention")):
        document = writer(*middle)
        problem = codes(document)["T170"]
        assert problem.severity == "error" and problem.node == node
        assert not trainers.check(apply_all(document, problem.fix))
    unmended = codes(writer(*convolution))["T170"]
    assert not unmended.fix and "mixes the places" in unmended.message
    assert not trainers.check(writer()) and not trainers.check(writer(CAUSAL))
    masked = writer(ATTENTION, vocabulary=98, paradigm=MASKED)
    assert not trainers.check(masked)


def test_looking_for_it_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    trainers.check(writer(("memory", "GRU", {"hidden_size": 23})))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("document", "code", "says"),
    [
        (writer(width=50), "T130", "97 tokens at each of 16 places"),
        (writer(vocabulary=50), "T123", "knows 50 tokens"),
        (writer(ATTENTION, paradigm=MASKED), "T123", "98"),
        (writer(("places", "PositionalEmbedding", {"max_len": 8}), CAUSAL), "N200", "max_len"),
        (writer(paradigm={"prompt": "Où est"}), "T171", "'ù'"),
    ],
)
def test_what_does_not_fit_is_said_and_mended(document: builder.Document, code: str, says: str) -> None:
    problem = codes(document)[code]
    assert says in problem.message and problem.fix
    assert code not in codes(apply_all(document, problem.fix))


def test_drawing_tokens() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0, -5.0]]).expand(4000, 4)
    generator = torch.Generator().manual_seed(0)
    assert set(drawn(logits, Taste(0.0), generator).tolist()) == {1}
    assert set(drawn(logits, Taste(2.0, 2), generator).tolist()) == {1, 2}
    shares = torch.bincount(drawn(logits, Taste(1.0), generator), minlength=4) / 4000
    assert torch.allclose(shares, logits[0].softmax(0), atol=0.03)


def test_continuing_sees_the_last_tokens_only() -> None:
    seen = []

    class Next(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.clone())
            return torch.nn.functional.one_hot((x + 1) % 10, 10).float() * 50

    tokens = list(continued(Next(), [7], 5, 3, Taste(1.0), torch.Generator()))
    assert tokens == [8, 9, 0, 1, 2]
    assert [window.tolist() for window in seen[:2]] == [[[7, 0, 0]], [[7, 8, 0]]] and seen[-1].tolist() == [[9, 0, 1]]
    assert filled(Next(), [3, 9, 5], 9, Taste(0.0), torch.Generator()) == [3, 0, 5]


def test_hiding_tokens() -> None:
    tokens = torch.randint(50, (200, 40))
    given, targets = hide(tokens, 50, 0.15, torch.Generator().manual_seed(0))
    chosen = targets != IGNORED
    assert torch.equal(targets[chosen], tokens[chosen]) and torch.equal(given[~chosen], tokens[~chosen])
    assert float(chosen.float().mean()) == pytest.approx(0.15, abs=0.01)
    assert float((given[chosen] == 50).float().mean()) == pytest.approx(0.8, abs=0.03)
    assert float((given[chosen] == tokens[chosen]).float().mean()) == pytest.approx(0.1, abs=0.03)
    assert (hide(tokens[:, :3], 50, 0.01)[1] != IGNORED).any(dim=1).all()  # one of every sample at least


def test_masked_tokens(train: Train) -> None:
    run = train(writer(ATTENTION, vocabulary=98, paradigm=MASKED, epochs=2))
    assert run.state == "finished", run.progress().message
    marks = {mark for text in run.texts() for _, mark in text.pieces}
    assert marks & {"right", "wrong"} and "given" in marks
    assert "<mask>" not in "".join(text for text, _ in guessed(run, "the <mask>ython", Taste(0.0)))
    assert len(surprises(run, tokens_of(run, "Python"))) == 6
    with pytest.raises(RunError, match="Put <mask> where"):
        guessed(run, "nothing hidden", Taste())


def test_after_training(train: Train) -> None:
    run = train(writer(CAUSAL))
    *_, last = written(run, "class ", 9, Taste(0.8, 5), seed=1)
    assert last[0] == ("class ", "given") and len(last[1][0]) == 9
    assert list(written(run, "class ", 9, Taste(0.8, 5), seed=1))[-1] == last
    with pytest.raises(TokenError, match="'é'"):
        list(written(run, "é", 3, Taste()))
    found = surprises(run, tokens_of(run, "def"))
    assert found[0].probability is None and 0 < (found[1].probability or 0) < 1 and len(found[1].likeliest) == 5
    seen = looks(run, sample_of(run, "validation", 0))
    (maps,) = seen.maps.values()
    assert maps.shape == (2, 16, 16) and maps.sum(-1) == pytest.approx(1, abs=1e-5)
    assert maps[:, 0, 1:].max() == 0  # the first token sees itself alone
    assert len(seen.names["attention"][0]) == 16


def test_model_py_writes_text(train: Train, tmp_path: Path) -> None:
    run = train(writer())
    builder.export(run.model(), run.document, tmp_path / "model.zip", "zip")
    zipfile.ZipFile(tmp_path / "model.zip").extractall(tmp_path)
    code = "import model; t = model.generate('class ', 7, 0.8, 5); assert t.startswith('class ') and len(t) == 13, t"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", [writer(CAUSAL), writer(ATTENTION, vocabulary=98, paradigm=MASKED)])
def test_train_py_runs(document: builder.Document, tmp_path: Path) -> None:
    document = trainers.bind(document)
    script = train_script(document)
    assert "trainers" not in script and ("hide(inputs[batch])" in script) == ("masked" in str(document.training))
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    (tmp_path / "model.py").write_text(builder.to_python(document), encoding="utf-8")
    command = [sys.executable, "train.py", "--epochs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "perplexity" in done.stdout and (tmp_path / "model.safetensors").exists()
