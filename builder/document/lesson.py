"""The lesson of a document: Markdown, or Markdown with steps that can be performed and whose claims can be measured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from builder.document.json_values import json_value

MAX_TEXT = 100_000
MAX_STEPS = 100
Options = Annotated[dict[str, Any], AfterValidator(json_value)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


Comparison = Literal["above", "below", "near"]  # the first two hold for every seed, "near" for the mean of the seeds
Seeds = Annotated[int, Field(ge=1, le=20)]


class Expectation(_Frozen):
    """What a lesson claims of a metric at the end of training: any that the run records, by its name.

    "above" and "below" hold for each of `seeds` seeds; "near" holds for their mean, within `margin`.
    """

    metric: str = Field(min_length=1, max_length=100)
    split: Literal["training", "validation", "test"] = "test"
    is_: Comparison = Field(alias="is")
    value: float
    margin: float = Field(0.0, ge=0)
    seeds: Seeds = 3


class ProbeExpectation(_Frozen):
    """What a lesson claims of a curve inside the network at the end of training: a statistic that a probe records of a
    node, or its ratio to the same statistic of the node `relative_to`. Compared as an Expectation is."""

    probe: Literal["activations", "gradients", "weights"]
    node: str = Field(min_length=1, max_length=1000)  # of a block: "stage1.0.conv1"
    statistic: str = Field(min_length=1, max_length=100)
    relative_to: str | None = Field(None, max_length=1000)
    is_: Comparison = Field(alias="is")
    value: float
    margin: float = Field(0.0, ge=0)
    seeds: Seeds = 3


Claim = Expectation | ProbeExpectation  # of a training


class FactExpectation(_Frozen):
    """What follows from the document after the step's edits, without training: a column of `builder.summary`, such as
    parameters or output_shape, of one node. Without a node, the sum over all nodes."""

    fact: str = Field(min_length=1, max_length=100)
    node: str | None = Field(None, max_length=1000)
    value: int | tuple[int, ...]


def _tag(value: Any) -> str:
    keys = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, BaseModel) else ()
    return next((kind for kind in ("fact", "probe") if kind in keys), "metric")


AnyExpectation = Annotated[
    Annotated[Expectation, Tag("metric")]
    | Annotated[ProbeExpectation, Tag("probe")]
    | Annotated[FactExpectation, Tag("fact")],
    Discriminator(_tag),
]
EXPECTATIONS: dict[str, type[BaseModel]] = {
    "metric": Expectation,
    "probe": ProbeExpectation,
    "fact": FactExpectation,
}  # by the tag that stands in the places of validation errors


class LessonStep(_Frozen):
    """One thing to do: edits of the document as it was opened, and overrides of its training."""

    say: str = Field(strict=True, min_length=1, max_length=MAX_TEXT)  # Markdown: what to do
    edits: tuple[Options, ...] = Field((), max_length=100)  # builder.edits.from_json reads each
    job: Options = Field(default_factory=dict)  # overrides, as Job.from_document takes them
    look_at: str | None = Field(None, max_length=100)  # the chart that shows it
    expect: tuple[AnyExpectation, ...] = Field((), max_length=20)
    answer: str = Field("", strict=True, max_length=MAX_TEXT)  # Markdown: what happens, and why


class Lesson(_Frozen):
    """Markdown and steps. Each step starts from the document as it was opened, not from the step before it."""

    text: str = Field("", strict=True, max_length=MAX_TEXT)
    steps: tuple[LessonStep, ...] = Field((), max_length=MAX_STEPS)

    @property
    def markdown(self) -> str:
        """The text, and below it what to try: a list item for each step with its answer."""
        items = [" ".join(filter(None, (step.say, step.answer))).replace("\n", "\n  ") for step in self.steps]
        heading = "" if "## What to try" in self.text else "\n## What to try\n\n"
        return self.text + (heading + "".join(f"- {item}\n" for item in items) if items else "")


def _kind(value: Any) -> str:
    return "steps" if isinstance(value, dict | Lesson) else "text"


AnyLesson = Annotated[
    Annotated[Annotated[str, Field(strict=True, max_length=MAX_TEXT)], Tag("text")] | Annotated[Lesson, Tag("steps")],
    Discriminator(_kind),
]
LESSON_KINDS = ("text", "steps")  # the tags that stand in the places of validation errors
