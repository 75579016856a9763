"""Language models: training, sample texts, networks that see later tokens, sampling, masks, second inputs, model.py."""

from __future__ import annotations

import math
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

import builder
import trainers
from builder.document import Node
from builder.edits import AddNode, apply_all
from builder.spec import Signal
from tests.trainers.written import ATTENTION, CAUSAL, MEMORY, writer
from trainers.data import DATASETS, DataSet
from trainers.data.tokens import TokenError
from trainers.paradigms.language.analysis import generate_text, predict_masked, token_losses
from trainers.paradigms.language.decoding import SamplingOptions, fill_masks, generate_tokens, sample_tokens
from trainers.paradigms.language.paradigm import IGNORED, hide
from trainers.runs.attention import attention_of, has_attention
from trainers.runs.predictions import encode_text, sample_inputs
from trainers.runs.run import RunError
from trainers.script.train_script import train_script

MASKED = {"predicts": "masked_token"}
Train = Callable[..., trainers.Run]


def codes(document: builder.Document) -> dict[str, Any]:
    return {problem.code: problem for problem in trainers.check(document)}


def test_a_run_learns_and_generates_text(train: Train) -> None:
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


def test_a_network_that_sees_later_tokens_is_refused_and_fixed() -> None:
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
    without_fix = codes(writer(*convolution))["T170"]
    assert not without_fix.fix and "mixes the positions" in without_fix.message
    assert not trainers.check(writer()) and not trainers.check(writer(CAUSAL))
    masked = writer(ATTENTION, vocabulary=98, paradigm=MASKED)
    assert not trainers.check(masked)


def test_the_check_uses_no_random_number_of_torchs_generator() -> None:
    before = torch.get_rng_state()
    trainers.check(writer(("memory", "GRU", {"hidden_size": 23})))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("document", "code", "says"),
    [
        (writer(width=50), "T130", "97 tokens at each of 16 positions"),
        (writer(vocabulary=50), "T123", "has vectors for 50 tokens"),
        (writer(ATTENTION, paradigm=MASKED), "T123", "98"),
        (writer(("places", "PositionalEmbedding", {"max_len": 8}), CAUSAL), "N200", "max_len"),
        (writer(paradigm={"prompt": "Où est"}), "T171", "'ù'"),
    ],
)
def test_checks_with_their_fixes(document: builder.Document, code: str, says: str) -> None:
    problem = codes(document)[code]
    assert says in problem.message and problem.fix
    assert code not in codes(apply_all(document, problem.fix))


def test_sampling_tokens() -> None:
    logits = torch.tensor([[0.0, 2.0, 1.0, -5.0]]).expand(4000, 4)
    generator = torch.Generator().manual_seed(0)
    assert set(sample_tokens(logits, SamplingOptions(0.0), generator).tolist()) == {1}
    assert set(sample_tokens(logits, SamplingOptions(2.0, 2), generator).tolist()) == {1, 2}
    shares = torch.bincount(sample_tokens(logits, SamplingOptions(1.0), generator), minlength=4) / 4000
    assert torch.allclose(shares, logits[0].softmax(0), atol=0.03)


def test_generation_sees_the_last_tokens_only() -> None:
    seen = []

    class Next(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.clone())
            return torch.nn.functional.one_hot((x + 1) % 10, 10).float() * 50

    tokens = list(generate_tokens(Next(), [7], 5, 3, SamplingOptions(1.0), torch.Generator()))
    assert tokens == [8, 9, 0, 1, 2]
    assert [window.tolist() for window in seen[:2]] == [[[7, 0, 0]], [[7, 8, 0]]] and seen[-1].tolist() == [[9, 0, 1]]
    assert fill_masks(Next(), [3, 9, 5], 9, SamplingOptions(0.0), torch.Generator()) == [3, 0, 5]


def test_masking_tokens() -> None:
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
    assert "<mask>" not in "".join(text for text, _ in predict_masked(run, "the <mask>ython", SamplingOptions(0.0)))
    assert len(token_losses(run, encode_text(run, "Python"))) == 6
    with pytest.raises(RunError, match="Put <mask> in the place"):
        predict_masked(run, "nothing masked", SamplingOptions())


def test_after_training(train: Train) -> None:
    run = train(writer(CAUSAL))
    *_, last = generate_text(run, "class ", 9, SamplingOptions(0.8, 5), seed=1)
    assert last[0] == ("class ", "given") and len(last[1][0]) == 9
    assert list(generate_text(run, "class ", 9, SamplingOptions(0.8, 5), seed=1))[-1] == last
    with pytest.raises(TokenError, match="'é'"):
        list(generate_text(run, "é", 3, SamplingOptions()))
    found = token_losses(run, encode_text(run, "def"))
    assert found[0].probability is None and 0 < (found[1].probability or 0) < 1 and len(found[1].most_probable) == 5
    assert has_attention(run)
    seen = attention_of(run, sample_inputs(run, "validation", 0))
    (maps,) = seen.maps.values()
    assert maps.shape == (2, 16, 16) and maps.sum(-1) == pytest.approx(1, abs=1e-5)
    assert maps[:, 0, 1:].max() == 0  # the first token attends to itself alone
    assert len(seen.names["attention"][0]) == 16


@pytest.mark.usefixtures("warm_converter")
def test_model_py_generates_text(train: Train, tmp_path: Path) -> None:
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


# -- a second input ---------------------------------------------------------------------------------------------------


class Reversed(DataSet):
    """Short texts of five letters behind the same text in reverse: the source of a translation, in a small way."""

    name: ClassVar[str] = "reversed"
    title: ClassVar[str] = "Reversed texts"
    task: ClassVar[str] = "language"
    kind: ClassVar[Any] = "text"
    origin: ClassVar[str] = "made for this test"
    licence: ClassVar[str] = "none"
    samples: ClassVar[int] = 200

    @property
    def tokens(self) -> Any:
        return "characters"

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (6,)

    @property
    def target_shape(self) -> tuple[int, ...]:
        return (8,)

    @property
    def signals(self) -> tuple[Signal, ...]:
        return Signal((6,), "int"), Signal((8,), "int")

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return ("\n", *"abcde")

    @property
    def vocabulary_count(self) -> int:
        return 6

    @staticmethod
    def load_data() -> Any:
        import numpy as np

        source = np.random.default_rng(0).integers(1, 6, (200, 6))
        text = np.concatenate([np.zeros((200, 1)), source[:, ::-1], np.zeros((200, 2))], axis=1).astype(int)
        return (source, text[:, :-1]), text[:, 1:]


def translator(vocabulary: int = 6, **paradigm: Any) -> builder.Document:
    """The mean of the source's embeddings is added to each position of the text."""
    nodes = [
        ("source", "Input", {"shape": [6], "dtype": "int"}),
        ("source_vectors", "Embedding", {"num_embeddings": 6, "embedding_dim": 8}),
        ("memory", "GRU", {"hidden_size": 8, "output": "last"}),
        ("row", "Unsqueeze", {"dim": 1}),
        ("text", "Input", {"shape": [8], "dtype": "int"}),
        ("vectors", "Embedding", {"num_embeddings": vocabulary, "embedding_dim": 8}),
        ("both", "Add", {}),
        ("reader", "GRU", {"hidden_size": 16}),
        ("next", "Linear", {"out_features": 6}),
        ("scores", "Output", {}),
    ]
    pairs = [("source", "source_vectors"), ("source_vectors", "memory"), ("memory", "row"), ("text", "vectors")]
    pairs += [("vectors", "both"), ("row", "both"), ("both", "reader"), ("reader", "next"), ("next", "scores")]
    return builder.load(
        {
            "format": "netloom/2",
            "name": "Translator",
            "nodes": [{"name": name, "type": kind, "params": params} for name, kind, params in nodes],
            "edges": [{"source": one, "target": other} for one, other in pairs],
            "training": {
                "data": {"name": "reversed", "batch_size": 20},
                "paradigm": {"name": "language", "sample_length": 6, **paradigm},
                "epochs": 2,
            },
        }
    )


@pytest.mark.parametrize("predicts", ["next_token", "masked_token"])
def test_a_second_input_is_passed_through(train: Train, monkeypatch: pytest.MonkeyPatch, predicts: str) -> None:
    monkeypatch.setitem(DATASETS, "reversed", Reversed)
    document = translator(vocabulary=6 + (predicts == "masked_token"), predicts=predicts)
    assert not trainers.check(document)
    run = train(document)
    assert run.state == "finished", run.progress().message
    assert "perplexity" in run.scores() and run.texts()
    sample = sample_inputs(run, "validation", 3)
    assert [given.shape for given in sample] == [(1, 6), (1, 8)]
    losses = token_losses(run, sample[1][0].tolist(), sample)
    assert len(losses) == 8
    options = SamplingOptions(0.0)
    if predicts == "masked_token":
        assert "<mask>" not in "".join(text for text, _ in predict_masked(run, "\nab<mask>d", options, sample))
        assert {mark for _, mark in run.texts()[-1].pieces} & {"right", "wrong"}
    else:
        *_, pieces = generate_text(run, "", 6, options, 0, sample)
        assert pieces[0] == ("\n", "given") and len(pieces[1][0]) == 6
        assert run.texts()[-1].pieces[0][1] == "given" and "\n" in run.texts()[-1].pieces[0][0]


def test_generation_depends_on_the_second_input() -> None:
    class Copy(torch.nn.Module):
        """The next token is that of the source at the same position."""

        def forward(self, source: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.one_hot(source[:, : text.shape[1]], 10).float() * 50

    source = torch.tensor([[4, 7, 1, 8]])
    tokens = generate_tokens(Copy(), [0], 3, 4, SamplingOptions(0.0), torch.Generator(), (source, None))
    assert list(tokens) == [4, 7, 1]


def test_a_document_with_a_second_input_is_reported_where_the_data_has_one() -> None:
    document = writer(CAUSAL)
    second = apply_all(document, [AddNode(Node(name="second", type="Input", params={"shape": [3]}))])
    assert any(problem.severity == "error" for problem in trainers.check(second))
