"""Documents that do not fit the data set or the paradigm: a problem before the training, with a fix that works."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

import builder
import trainers
import trainers.data
import trainers.paradigms
import trainers.verdicts
from builder import Document
from builder.edits import apply_all
from builder.problems import GraphError, Problem
from builder.registry import discover
from docs.make_checks import PAGE, page
from tests.pages.trained import chain
from trainers.checks import job_checks
from trainers.verdicts.rules import VerdictRule

SHAPES = {"name": "shapes_to_segment", "samples": 60, "size": 16}
LABELS = {"name": "shapes_present", "samples": 80, "size": 16}
WAVES = {"name": "sines", "samples": 100, "window": 20, "horizon": 5}
SYMBOLS = {"name": "symbol_memory", "samples": 100, "length": 10}
TEXT = {"name": "rt_polarity", "vocabulary_size": 500}
FLAT = ("Flatten", {})


def linear(width: int) -> tuple[str, dict[str, Any]]:
    return "Linear", {"out_features": width}


def conv(width: int, **more: Any) -> tuple[str, dict[str, Any]]:
    return "Conv2d", {"out_channels": width, "padding": 1, **more}


def with_training(document: Document, **values: Any) -> Document:
    return document.changed(training={**document.training, **values})


def find(document: Document, code: str) -> Problem:
    found = [problem for problem in trainers.check(document) if problem.code == code]
    assert found, [f"{problem.code} {problem}" for problem in trainers.check(document)]
    if found[0].severity == "error":
        with pytest.raises(GraphError):
            trainers.Job.from_document(document)
    return found[0]


def fixed(document: Document, code: str) -> Document:
    """The document after the problem's fix, which must not show the problem any more."""
    problem = find(document, code)
    assert problem.fix and problem.fix_label, str(problem)
    after = apply_all(trainers.bind(document), problem.fix)
    left = [each for each in trainers.check(after) if each.severity == "error"]
    assert not left, [str(each) for each in left]
    return after


@pytest.mark.parametrize(
    ("document", "node", "wanted"),
    [
        (chain(LABELS, flatten=FLAT, fc=linear(5)), "fc", (3,)),
        (chain(WAVES, flatten=FLAT, fc=linear(4)), "fc", (5,)),
        (chain(SHAPES, conv=conv(1)), "conv", (4, 16, 16)),
        (chain(SHAPES, conv=conv(3), relu=("ReLU", {}), drop=("Dropout2d", {})), "conv", (4, 16, 16)),
        (chain(SHAPES, norm=("BatchNorm2d", {}), conv=conv(9), activation=("GELU", {})), "conv", (4, 16, 16)),
        (chain({"name": "diabetes"}, fc=linear(7)), "fc", (1,)),
        (chain(SYMBOLS, gru=("GRU", {"hidden_size": 8, "output": "last"}), fc=linear(9)), "fc", (4,)),
    ],
)
def test_the_width_of_the_last_layer_for_every_task(document: Document, node: str, wanted: tuple[int, ...]) -> None:
    problem = find(document, "T130")
    assert problem.node == node and "expects" in problem.message
    assert builder.infer(fixed(document, "T130"))["answer"] == wanted


def test_a_sequence_where_one_answer_is_wanted() -> None:
    recurrent = chain(SYMBOLS, gru=("GRU", {"hidden_size": 8}), fc=linear(4))
    after = fixed(recurrent, "T130")
    assert after.node("gru").params["output"] == "last"
    both = fixed(chain(SYMBOLS, gru=("GRU", {"hidden_size": 8}), fc=linear(7)), "T130")
    assert builder.infer(both)["answer"] == (4,) and both.node("gru").params["output"] == "last"
    plain = fixed(chain(SYMBOLS, norm=("LayerNorm", {}), fc=linear(4)), "T130")
    assert builder.infer(plain)["answer"] == (4,) and len(plain.nodes) == 5  # a node that takes the last step


def test_a_width_inside_a_block_is_set_in_the_block() -> None:
    document = builder.load(
        {
            "format": "netloom/2",
            "nodes": [
                {"name": "row", "type": "Input", "params": {"shape": [4]}},
                {"name": "head", "type": "Block", "params": {"block": "ending"}},
                {"name": "answer", "type": "Output"},
            ],
            "edges": [{"source": "row", "target": "head"}, {"source": "head", "target": "answer"}],
            "blocks": {
                "ending": {
                    "nodes": [
                        {"name": "x", "type": "Input"},
                        {"name": "fc", "type": "Linear", "params": {"out_features": 8}},
                        {"name": "y", "type": "Output"},
                    ],
                    "edges": [{"source": "x", "target": "fc"}, {"source": "fc", "target": "y"}],
                }
            },
            "training": {"data": {"name": "iris"}, "paradigm": {"name": "supervised"}},
        }
    )
    assert builder.infer(fixed(document, "T130"))["answer"] == (3,)


def test_no_fix_is_offered_that_does_not_work() -> None:
    problem = find(chain(SHAPES, flatten=FLAT, fc=linear(4)), "T130")
    assert problem.fix is None and "4 × 16 × 16" in problem.message


def test_two_outputs_for_one_loss() -> None:
    made = json.loads(builder.dump(chain({"name": "iris"}, fc=linear(3))))
    made["nodes"].append({"name": "more", "type": "Output"})
    made["edges"].append({"source": "part0", "target": "more"})
    after = fixed(builder.load(made), "T120")
    assert [node.name for node in after.nodes if node.role == "output"] == ["answer"]


def test_the_number_of_inputs() -> None:
    one = chain({"name": "digits"}, flatten=FLAT, fc=linear(2))
    problem = find(with_training(one, data={"name": "digit_pairs", "samples": 300}), "T122")
    assert "the only Input" in problem.message and "2 parts" in problem.message
    two = chain({"name": "digit_pairs", "samples": 300}, both=("Concat", {}), flatten=FLAT, fc=linear(10))
    assert "one of 2 inputs" in find(with_training(two, data={"name": "digits"}), "T122").message


def test_text_into_a_convolution() -> None:
    document = chain({"name": "digits"}, conv=conv(4), flatten=FLAT, fc=linear(2))
    problems = [each for each in trainers.check(with_training(document, data=TEXT)) if each.severity == "error"]
    assert problems and any("(int)" in str(each) or "integers" in str(each) for each in problems), [
        str(each) for each in problems
    ]
    bound = trainers.bind(document).changed(training={**document.training, "data": TEXT})
    assert "integers of shape 40" in find(bound, "T121").message


@pytest.mark.parametrize(
    ("data", "loss"),
    [
        ({"name": "digits"}, "mse"),
        ({"name": "diabetes"}, "cross_entropy"),
        (LABELS, "cross_entropy"),
        (WAVES, "hinge"),
        (SHAPES, "l1"),
    ],
)
def test_a_loss_of_another_task(data: dict[str, Any], loss: str) -> None:
    layers = {"conv": conv(4)} if data is SHAPES else {"flatten": FLAT, "fc": linear(1)}
    document = with_training(chain(data, **layers), paradigm={"name": "supervised", "loss": loss})
    problem = find(document, "T110")
    assert "does not suit" in problem.message and problem.fix
    after = apply_all(trainers.bind(document), problem.fix)
    assert "T110" not in {each.code for each in trainers.check(after)}


def test_a_paradigm_of_another_task() -> None:
    document = with_training(chain({"name": "digits"}, flatten=FLAT, fc=linear(10)), paradigm={"name": "language"})
    after = fixed(document, "T105")
    assert after.training["paradigm"] == {"name": "supervised"}


def test_class_weights_for_a_loss_that_has_none() -> None:
    document = chain({"name": "diabetes"}, fc=linear(1))
    paradigm = {"name": "supervised", "class_weights": "balanced"}
    after = fixed(with_training(document, paradigm=paradigm), "T111")
    assert "class_weights" not in after.training["paradigm"]
    masks = with_training(chain(SHAPES, conv=conv(4)), paradigm={**paradigm, "loss": "dice"})
    assert fixed(masks, "T111").training["paradigm"]["loss"] == "cross_entropy"


def test_a_vocabulary_that_is_too_small() -> None:
    layers = {"words": ("Embedding", {"num_embeddings": 100, "embedding_dim": 4}), "mean": ("Mean", {"dim": 1})}
    document = chain(TEXT, **layers, fc=linear(2))
    assert "has vectors for 100 tokens" in find(document, "T123").message
    assert fixed(document, "T123").node("words").params["num_embeddings"] >= 500


def test_a_sequence_longer_than_its_positions() -> None:
    layers = {
        "words": ("Embedding", {"num_embeddings": 500, "embedding_dim": 4}),
        "places": ("PositionalEmbedding", {"max_len": 20}),
        "mean": ("Mean", {"dim": 1}),
    }
    problems = [each for each in trainers.check(chain(TEXT, **layers, fc=linear(2))) if each.node == "places"]
    assert problems and "40" in problems[0].message and "20" in problems[0].message and problems[0].fix


def test_logits_into_a_loss_on_log_probabilities() -> None:
    document = chain({"name": "iris"}, fc=linear(3))
    wrong = with_training(document, paradigm={"name": "supervised", "loss": "nll"})
    assert find(wrong, "T131").severity == "error"
    assert fixed(wrong, "T131").training["paradigm"]["loss"] == "cross_entropy"
    right = chain({"name": "iris"}, fc=linear(3), log=("LogSoftmax", {"dim": 1}))
    assert not trainers.check(with_training(right, paradigm={"name": "supervised", "loss": "nll"}))


def test_one_class_of_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = trainers.data.DATASETS["iris"]
    monkeypatch.setattr(kind, "classes", property(lambda self: ("setosa",)))
    assert "1 class" in find(chain({"name": "iris"}, fc=linear(1)), "T132").message


def test_the_page_about_checks_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_check_and_verdict_has_an_example_and_a_fix() -> None:
    kinds = [type(check) for check in job_checks() if type(check).__module__.startswith("trainers.checks.")]
    for package in (trainers.verdicts, trainers.paradigms):
        kinds += [rule for rule in discover(package, VerdictRule, str).values() if hasattr(rule, "title")]
    assert len(kinds) > 20
    for kind in kinds:
        text = inspect.getdoc(kind) or ""
        assert "\n\nExample: " in text and "\nFix: " in text, kind.__name__
