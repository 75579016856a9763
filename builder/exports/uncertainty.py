"""What model.py of a Bayesian network has in addition: predictions with their uncertainty."""

from __future__ import annotations

from typing import Any

from builder.analysis.plan import make_plan
from builder.codegen.expressions import Several, statement
from builder.compile import layers
from builder.exports.extra import Extra
from builder.exports.subject import ENSEMBLE, Subject

PASSES = '''
def passes(model: nn.Module, x: Tensor, samples: int) -> Tensor:
    """Outputs of several passes, (passes, N, …): stochastic layers in training mode, all others in evaluation mode."""
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
    """Outputs of the members, (members, N, …), one pass each: `samples` has no effect."""
    with torch.no_grad():
        return model.eval().each(x).double()
'''

OF_CLASSES = '''
class Uncertainty(NamedTuple):
    """The mean prediction for each of N samples and C classes, and its uncertainty."""

    mean: Tensor  # (N, C): probability of each class
    std: Tensor  # (N,): standard deviation over the passes of the probability of the predicted class
    entropy: Tensor  # (N,): the total uncertainty of the mean prediction, in nats
    mutual_information: Tensor  # (N,): the part of it that comes from disagreement between the passes


def entropy(probabilities: Tensor) -> Tensor:
    """Entropy in nats over the last axis."""
    return -(probabilities * probabilities.clamp_min(1e-12).log()).sum(dim=-1)


def predict_with_uncertainty(model: nn.Module, x: Tensor, samples: int = {samples}) -> Uncertainty:
    """Probabilities with their uncertainty, from so many passes, for inputs as the network takes them."""
    outputs = passes(model, x, samples)
    probabilities = {probabilities}
    mean = probabilities.mean(dim=0)
    predicted = mean.argmax(dim=-1)
    std = probabilities[:, torch.arange(len(predicted)), predicted].std(dim=0, correction=0)
    total = entropy(mean)
    return Uncertainty(mean, std, total, (total - entropy(probabilities).mean(dim=0)).clamp_min(0))
'''

OF_NUMBERS = '''
class Uncertainty(NamedTuple):
    """The mean prediction of k numbers for each of N samples, and its uncertainty."""

    mean: Tensor  # (N, k), in the unit of the data set's targets
    std: Tensor  # (N, k): standard deviation over the passes, without the noise in the data itself


def predict_with_uncertainty(model: nn.Module, x: Tensor, samples: int = {samples}) -> Uncertainty:
    """Numbers with their uncertainty, from so many passes, for inputs as the network takes them."""
    outputs = passes(model, x, samples)
    values = {values}
    return Uncertainty(values.mean(dim=0), values.std(dim=0, correction=0))
'''

README = """Predictions with their uncertainty:

```python
from model import load, {functions}predict_with_uncertainty

found = predict_with_uncertainty(load("model.safetensors"), {given}{samples})
print({fields})
```"""


class UncertaintyExtra(Extra):
    """Several predictions for the same samples, and their uncertainty."""

    def fits(self, what: Subject) -> bool:
        facts = what.card.get("uncertainty")
        if not isinstance(facts, dict) or len(what.inputs) != 1 or len(what.expected) != 1:
            return False
        return what.card.get("task") in facts["expects"] and bool(what.card.get(ENSEMBLE) or _stochastic(what))

    def imports(self, what: Subject) -> tuple[str, ...]:
        return ("from typing import NamedTuple",)

    def source(self, what: Subject) -> str:
        facts = what.card["uncertainty"]
        lines: list[str] = []
        if not what.card.get(ENSEMBLE):
            names = tuple(f'"{name}"' for name in _stochastic(what))
            lines = ["# the stochastic layers", *statement("STOCHASTIC = ", Several("()", names), 0), ""]
        lines.append(MEMBERS if what.card.get(ENSEMBLE) else PASSES)
        lines.append(OF_NUMBERS if _predicts_numbers(what) else OF_CLASSES)
        values = "postprocess(outputs.flatten(0, 1)).reshape(outputs.shape)" if what.card.get("targets") else "outputs"
        words = {
            "{samples}": f"{facts['samples']:d}",
            "{values}": values,
            "{probabilities}": _probabilities(what, facts),
        }
        text = "\n".join(lines)
        for mark, value in words.items():
            text = text.replace(mark, value)
        return text

    def readme(self, what: Subject) -> str:
        scaled = any(what.card.get("inputs") or [])
        fields = "found.mean, found.std"
        if not _predicts_numbers(what):
            fields += ", found.entropy, found.mutual_information"
        words = {
            "{functions}": "preprocess, " if scaled else "",
            "{given}": "preprocess(x)" if scaled else "x",
            "{samples}": "" if what.card.get(ENSEMBLE) else f", samples={what.card['uncertainty']['samples']:d}",
            "{fields}": fields,
        }
        text = README
        for mark, value in words.items():
            text = text.replace(mark, value)
        return text


def _predicts_numbers(what: Subject) -> bool:
    """Whether the network's outputs are numbers to predict, and no scores of classes."""
    return bool(what.card["uncertainty"]["expects"][what.card["task"]] == "values")


def _stochastic(what: Subject) -> list[str]:
    """The names of the modules that are random in training mode; none in an ensemble, whose members are not."""
    if what.card.get(ENSEMBLE) or what.card["uncertainty"]["method"] == "ensemble":
        return []
    found = {step.name for step in make_plan(what.document).steps if step.spec.stochastic}
    return [name for name in layers(what.module) if name in found]


def _probabilities(what: Subject, facts: dict[str, Any]) -> str:
    """Code of the probabilities that the outputs stand for."""
    expects = facts["expects"][what.card["task"]]
    if next(iter(what.expected.values())).shape[-1] == 1:  # one number for two classes
        yes = "outputs.sigmoid()" if expects == "logits" else "outputs"
        return f"torch.cat([1 - {yes}, {yes}], dim=-1)"
    return {"logits": "outputs.softmax(dim=-1)", "log_probabilities": "outputs.exp()"}.get(expects, "outputs")
