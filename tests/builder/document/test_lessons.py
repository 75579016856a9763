"""Lessons with steps: read, refused in words, written stably; every step of the templates can be performed."""

from __future__ import annotations

from typing import Any

import pytest

import builder
import trainers
from benchmarks import lessons
from builder.document import Document
from builder.document.lesson import Expectation, FactExpectation, Lesson, ProbeExpectation

STEP = {
    "say": "Remove `relu`.",
    "edits": [{"kind": "Bypass", "name": "relu"}],
    "job": {"epochs": 3},
    "look_at": "loss",
    "expect": [{"metric": "accuracy", "is": "above", "value": 0.5}],
    "answer": "It still learns.",
}


def document(lesson: Any) -> dict[str, Any]:
    return {"format": "netloom/2", "lesson": lesson}


def test_text_and_steps_are_written_as_they_are_read() -> None:
    for lesson in ("# Text", {"text": "# Text", "steps": [STEP]}, {"steps": [STEP, {"say": "Look."}]}):
        text = builder.dump(builder.load(document(lesson)))
        assert builder.dump(builder.load(text)) == text
        loaded = builder.load(text).lesson
        assert isinstance(loaded, str) == isinstance(lesson, str)


def test_a_lesson_as_markdown_lists_its_steps() -> None:
    text = builder.load(document({"text": "## What it is\n\nA net.\n", "steps": [STEP]})).lesson_text
    assert text == "## What it is\n\nA net.\n\n## What to try\n\n- Remove `relu`. It still learns.\n"


@pytest.mark.parametrize(
    ("lesson", "words"),
    [
        (7, "lesson must be text"),
        ({"txt": "a"}, "Did you mean text?"),
        ({"steps": [{"edits": []}]}, "lesson.steps[0]: say is missing"),
        ({"steps": [STEP, {**STEP, "look": 1}]}, "lesson.steps[1]: There is no 'look' here"),
        (
            {"steps": [{**STEP, "expect": [{"metric": "a", "is": "over", "value": 1}]}]},
            "steps[0].expect[0]: is must be one",
        ),
        (
            {"steps": [STEP, {**STEP, "expect": [{"metric": "a", "is": "above", "value": 1}, {"fact": "flops"}]}]},
            "lesson.steps[1].expect[1]: value is missing",
        ),
        ({"steps": [{**STEP, "expect": [{"fact": "flops", "value": "many"}]}]}, "expect[0]: value must be"),
        (
            {"steps": [{**STEP, "expect": [{"probe": "weight", "node": "fc", "is": "above", "value": 1}]}]},
            "expect[0]: probe must be one",
        ),
        ({"steps": [{**STEP, "expect": [{"fact": "flops", "nod": "fc", "value": 1}]}]}, "Did you mean node?"),
        ({"steps": [{**STEP, "job": 3}]}, "lesson.steps[0]: job must be"),
        ({"steps": [STEP] * 101}, "at most 100"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(lesson: Any, words: str) -> None:
    with pytest.raises(builder.DocumentError) as refused:
        builder.load(document(lesson))
    assert words in str(refused.value)


@pytest.fixture(params=sorted(name for name, found in builder.templates().items() if lessons.steps(found)))
def template(request: pytest.FixtureRequest) -> Document:
    return builder.template(request.param)


def test_every_step_of_a_template_can_be_performed(template: Document) -> None:
    for step in lessons.steps(template):
        if step.edits or step.job or step.expect:
            job = trainers.Job.from_document(lessons.performed(template, step), **step.job)
            known = {metric.name for metric in job.paradigm.metrics(job.dataset)} | {"loss"}
            assert {claim.metric for claim in step.expect if isinstance(claim, Expectation)} <= known
            nodes = set(builder.summary(job.document).node)
            for claim in step.expect:
                if isinstance(claim, ProbeExpectation):
                    assert {claim.node, claim.relative_to or claim.node} <= nodes


def test_the_facts_that_a_lesson_states_are_computed(template: Document) -> None:
    for step in lessons.steps(template):
        for claim in lessons.facts(step):
            assert lessons.computed(claim, lessons.performed(template, step)) == claim.value, claim


def test_a_fact_is_computed_for_a_node_or_for_the_whole_network() -> None:
    document = builder.template("lenet")
    for node, fact, value in (("conv1", "output_shape", (6, 28, 28)), ("conv1", "parameters", 156), (None, "flops", 1)):
        claim = FactExpectation(fact=fact, node=node, value=value)
        found = lessons.computed(claim, document)
        assert found == value if node else found == builder.summary(document).flops.sum()
    for claim in (FactExpectation(fact="weight", value=1), FactExpectation(fact="output_shape", value=(1,))):
        assert lessons.computed(claim, document) is None
    assert lessons.computed(FactExpectation(fact="parameters", node="conv9", value=1), document) is None


def test_a_statistic_of_a_node_is_compared_with_that_of_another() -> None:
    claim = ProbeExpectation.model_validate(
        {"probe": "gradients", "node": "fc1", "statistic": "norm", "relative_to": "fc2", "is": "below", "value": 0.1}
    )
    measured = {("gradients", "fc1", "norm"): 0.5, ("gradients", "fc2", "norm"): 10.0}
    assert lessons.found(claim, measured) == 0.05
    assert lessons.found(claim, {("gradients", "fc1", "norm"): 0.5}) is None
    assert lessons.found(claim.model_copy(update={"relative_to": None}), measured) == 0.5


def test_claims_are_compared_with_what_is_measured() -> None:
    above, below, near = (
        Expectation.model_validate({"metric": "accuracy", "is": word, "value": 0.8, "margin": 0.05})
        for word in ("above", "below", "near")
    )
    assert lessons.holds(above, [0.76, 0.9]) and not lessons.holds(above, [0.74, 0.9])
    assert lessons.holds(below, [0.84, 0.1]) and not lessons.holds(below, [0.86, 0.1])
    assert lessons.holds(near, [0.7, 0.9]) and not lessons.holds(near, [0.9, 0.9])
    assert not lessons.holds(near, [])


def test_a_lesson_is_measured_over_its_seeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    true = builder.template("multilayer_perceptron")
    claims = [
        {"metric": "accuracy", "is": "above", "value": 0.5, "seeds": 2},
        {"metric": "loss", "is": "above", "value": 9},
    ]
    short = Lesson.model_validate({"steps": [{"say": "Train.", "job": {"epochs": 15}, "expect": claims}]})
    monkeypatch.setattr(builder, "template", lambda name: true.changed(lesson=short))
    names = ["multilayer_perceptron"]
    found = {training: lessons.measure(training) for training in lessons.trainings(names)}
    assert [training.seed for training in found] == [0, 1, 2]
    rows = [
        lessons.row(
            names[0],
            0,
            claim,
            [found[lessons.Training(names[0], 0, seed)]["test", claim.metric] for seed in range(claim.seeds)],
        )
        for claim in short.steps[0].expect
        if isinstance(claim, Expectation)
    ]
    assert rows[0].endswith(" holds") and "2 seeds" in rows[0]
    assert rows[1].endswith("DOES NOT HOLD")
    assert all(value["gradients", "fc1", "norm"] > 0 for value in found.values())
