"""For a Bayesian network or an ensemble: predictions with their uncertainty."""

from __future__ import annotations

from typing import Any

from builder.analysis.plan import make_plan
from builder.codegen.expressions import Collection, statement
from builder.compile import layers
from builder.exports.extras.base import Extra, filled
from builder.exports.subject import ENSEMBLE, Subject

STOCHASTIC_PASSES = '''
def passes(model: nn.Module, x: Tensor, samples: int) -> Tensor:
    """The outputs of several forward passes, (passes, N, …): the stochastic layers in training mode, all others not."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for name in STOCHASTIC:
            model.get_submodule(name).train()
        with torch.no_grad():
            return torch.stack([model(x) for _ in range(samples)]).double()
    finally:
        for module, mode in modes.items():
            module.training = mode
'''

MEMBERS = '''
def passes(model: Ensemble, x: Tensor, samples: int) -> Tensor:
    """The outputs of all members, (members, N, …); `samples` is not used."""
    with torch.no_grad():
        return model.eval().each(x).double()
'''

CLASSES = '''
class Uncertainty(NamedTuple):
    """The predictions for N samples and C classes, with their uncertainty."""

    mean: Tensor  # (N, C): mean probability of each class
    std: Tensor  # (N,): standard deviation of the predicted class's probability
    entropy: Tensor  # (N,): entropy of the mean probabilities in nats: the total uncertainty
    mutual_information: Tensor  # (N,): the part of the entropy that comes from differences between the passes


def entropy(probabilities: Tensor) -> Tensor:
    """Entropy over the last axis, in nats."""
    return -(probabilities * probabilities.clamp_min(1e-12).log()).sum(dim=-1)


def predict_with_uncertainty(model: nn.Module, x: Tensor, samples: int = {samples}) -> Uncertainty:
    """The class probabilities of inputs of the network, with their uncertainty."""
    outputs = passes(model, x, samples)
    probabilities = {probabilities}
    mean = probabilities.mean(dim=0)
    predicted = mean.argmax(dim=-1)
    std = probabilities[:, torch.arange(len(predicted)), predicted].std(dim=0, correction=0)
    total = entropy(mean)
    return Uncertainty(mean, std, total, (total - entropy(probabilities).mean(dim=0)).clamp_min(0))
'''

VALUES = '''
class Uncertainty(NamedTuple):
    """The predictions of k values for N samples, with their uncertainty."""

    mean: Tensor  # (N, k), in the unit of the data set's targets
    std: Tensor  # (N, k): standard deviation over the passes; it does not include the noise of the data


def predict_with_uncertainty(model: nn.Module, x: Tensor, samples: int = {samples}) -> Uncertainty:
    """The predicted values for inputs of the network, with their uncertainty."""
    outputs = passes(model, x, samples)
    values = {values}
    return Uncertainty(values.mean(dim=0), values.std(dim=0, correction=0))
'''

README = """Predictions with their uncertainty:

```python
from model import load, {functions}predict_with_uncertainty

found = predict_with_uncertainty(load("model.safetensors"), {inputs}{samples})
print({fields})
```"""


class UncertaintyExtra(Extra):
    """Several forward passes for the same inputs, with their mean and standard deviation."""

    def fits(self, subject: Subject) -> bool:
        facts = subject.card.get("uncertainty")
        if not isinstance(facts, dict) or len(subject.inputs) != 1 or len(subject.expected) != 1:
            return False
        if subject.card.get("task") not in facts["expects"]:
            return False
        return bool(subject.card.get(ENSEMBLE) or _stochastic(subject))

    def imports(self, subject: Subject) -> tuple[str, ...]:
        return ("from typing import NamedTuple",)

    def source(self, subject: Subject) -> str:
        facts = subject.card["uncertainty"]
        lines: list[str] = []
        if not subject.card.get(ENSEMBLE):
            names = tuple(f'"{name}"' for name in _stochastic(subject))
            lines = ["", "# the stochastic layers", *statement("STOCHASTIC = ", Collection("()", names), 0), ""]
        lines.append(MEMBERS if subject.card.get(ENSEMBLE) else STOCHASTIC_PASSES)
        lines.append(VALUES if _predicts_values(subject) else CLASSES)
        reverts = bool(subject.card.get("targets"))
        return filled(
            "\n".join(lines),
            samples=str(_samples(facts)),
            values="postprocess(outputs.flatten(0, 1)).reshape(outputs.shape)" if reverts else "outputs",
            probabilities=_probabilities(subject, facts),
        )

    def readme(self, subject: Subject) -> str:
        standardised = any(subject.card.get("inputs") or [])
        fields = "found.mean, found.std"
        if not _predicts_values(subject):
            fields += ", found.entropy, found.mutual_information"
        ensemble = subject.card.get(ENSEMBLE)
        return filled(
            README,
            functions="preprocess, " if standardised else "",
            inputs="preprocess(x)" if standardised else "x",
            samples="" if ensemble else f", samples={_samples(subject.card['uncertainty'])}",
            fields=fields,
        )


def _predicts_values(subject: Subject) -> bool:
    """Whether the outputs are values to predict and not scores of classes."""
    return bool(subject.card["uncertainty"]["expects"][subject.card["task"]] == "values")


def _samples(facts: dict[str, Any]) -> int:
    """The number of forward passes; cards of version 0.1.0 call it "draws"."""
    return int(facts["samples"] if "samples" in facts else facts["draws"])


def _stochastic(subject: Subject) -> list[str]:
    """The names of the modules that are random in training mode; none for an ensemble, which uses its members."""
    if subject.card.get(ENSEMBLE) or subject.card["uncertainty"]["method"] == "ensemble":
        return []
    stochastic = {step.name for step in make_plan(subject.document).steps if step.spec.stochastic}
    return [name for name in layers(subject.module) if name in stochastic]


def _probabilities(subject: Subject, facts: dict[str, Any]) -> str:
    """Code that computes the class probabilities from the outputs."""
    expects = facts["expects"][subject.card["task"]]
    if next(iter(subject.expected.values())).shape[-1] == 1:  # one output for two classes
        positive = "outputs.sigmoid()" if expects == "logits" else "outputs"
        return f"torch.cat([1 - {positive}, {positive}], dim=-1)"
    return {"logits": "outputs.softmax(dim=-1)", "log_probabilities": "outputs.exp()"}.get(expects, "outputs")
