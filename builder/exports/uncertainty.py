"""What model.py of a Bayesian network offers besides: answers with how sure one can be of them."""

from __future__ import annotations

from typing import Any

from builder.analysis.plan import make_plan
from builder.codegen.expressions import Several, statement
from builder.compile import layers
from builder.exports.extra import Extra
from builder.exports.subject import ENSEMBLE, Subject

DRAWN = '''
def answers(model: nn.Module, x: Tensor, draws: int) -> Tensor:
    """What the network says in several draws, (draws, samples, …): the layers that draw do, the others predict."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for name in STOCHASTIC:
            model.get_submodule(name).train()
        with torch.no_grad():
            return torch.stack([model(x) for _ in range(draws)]).double()
    finally:
        for module, mode in modes.items():
            module.training = mode
'''

TOGETHER = '''
def answers(model: Ensemble, x: Tensor, draws: int) -> Tensor:
    """What the members say, (members, samples, …): an ensemble has as many draws as members."""
    with torch.no_grad():
        return model.eval().each(x).double()
'''

OF_CLASSES = '''
class Uncertainty(NamedTuple):
    """What several answers to the same samples say of how sure one can be of them, N samples and C classes."""

    mean: Tensor  # (N, C): probability of each class
    spread: Tensor  # (N,): standard deviation over the draws of the probability of the class that is named
    entropy: Tensor  # (N,): how unsure the mean is, in nats
    mutual_information: Tensor  # (N,): the part of it that comes from draws that contradict each other


def entropy(chances: Tensor) -> Tensor:
    """Entropy in nats over the last axis."""
    return -(chances * chances.clamp_min(1e-12).log()).sum(dim=-1)


def predict_with_uncertainty(model: nn.Module, x: Tensor, draws: int = {draws}) -> Uncertainty:
    """Probabilities for samples as the network takes them, and how sure one can be of each."""
    said = answers(model, x, draws)
    chances = {chances}
    mean = chances.mean(dim=0)
    named = mean.argmax(dim=-1)
    spread = chances[:, torch.arange(len(named)), named].std(dim=0, correction=0)
    unsure = entropy(mean)
    return Uncertainty(mean, spread, unsure, (unsure - entropy(chances).mean(dim=0)).clamp_min(0))
'''

OF_NUMBERS = '''
class Uncertainty(NamedTuple):
    """What several answers to the same samples say of how sure one can be of them, N samples and k numbers."""

    mean: Tensor  # (N, k), in the unit of the data set's targets
    spread: Tensor  # (N, k): standard deviation over the draws; the scatter of the data itself comes on top


def predict_with_uncertainty(model: nn.Module, x: Tensor, draws: int = {draws}) -> Uncertainty:
    """Numbers for samples as the network takes them, and how far the draws differ in each."""
    said = answers(model, x, draws)
    values = {values}
    return Uncertainty(values.mean(dim=0), values.std(dim=0, correction=0))
'''

README = """How sure one can be of an answer:

```python
from model import load, {functions}predict_with_uncertainty

found = predict_with_uncertainty(load("model.safetensors"), {given}{draws})
print({fields})
```"""


class UncertaintyExtra(Extra):
    """Several answers to the same samples, and what they say."""

    def fits(self, what: Subject) -> bool:
        facts = what.card.get("uncertainty")
        if not isinstance(facts, dict) or len(what.inputs) != 1 or len(what.expected) != 1:
            return False
        return what.card.get("task") in facts["expects"] and bool(what.card.get(ENSEMBLE) or _stochastic(what))

    def imports(self, what: Subject) -> tuple[str, ...]:
        return ("from typing import NamedTuple",)

    def source(self, what: Subject) -> str:
        facts, task = what.card["uncertainty"], what.card["task"]
        lines: list[str] = []
        if not what.card.get(ENSEMBLE):
            names = tuple(f'"{name}"' for name in _stochastic(what))
            lines = ["# the layers that draw", *statement("STOCHASTIC = ", Several("()", names), 0), ""]
        lines.append(TOGETHER if what.card.get(ENSEMBLE) else DRAWN)
        lines.append(OF_NUMBERS if task == "regression" else OF_CLASSES)
        values = "postprocess(said.flatten(0, 1)).reshape(said.shape)" if what.card.get("targets") else "said"
        words = {"{draws}": f"{facts['draws']:d}", "{values}": values, "{chances}": _chances(what, facts)}
        text = "\n".join(lines)
        for mark, value in words.items():
            text = text.replace(mark, value)
        return text

    def readme(self, what: Subject) -> str:
        scaled = any(what.card.get("inputs") or [])
        fields = "found.mean, found.spread"
        if what.card["task"] != "regression":
            fields += ", found.entropy, found.mutual_information"
        words = {
            "{functions}": "preprocess, " if scaled else "",
            "{given}": "preprocess(x)" if scaled else "x",
            "{draws}": "" if what.card.get(ENSEMBLE) else f", draws={what.card['uncertainty']['draws']:d}",
            "{fields}": fields,
        }
        text = README
        for mark, value in words.items():
            text = text.replace(mark, value)
        return text


def _stochastic(what: Subject) -> list[str]:
    """The places of the modules that draw in training mode; none in an ensemble, whose members do not draw."""
    if what.card.get(ENSEMBLE) or what.card["uncertainty"]["method"] == "ensemble":
        return []
    drawn = {step.name for step in make_plan(what.document).steps if step.spec.stochastic}
    return [name for name in layers(what.module) if name in drawn]


def _chances(what: Subject, facts: dict[str, Any]) -> str:
    """Code of the probabilities that the answers stand for."""
    expects = facts["expects"][what.card["task"]]
    if next(iter(what.expected.values())).shape[-1] == 1:  # one number for two classes
        yes = "said.sigmoid()" if expects == "logits" else "said"
        return f"torch.cat([1 - {yes}, {yes}], dim=-1)"
    return {"logits": "said.softmax(dim=-1)", "log_probabilities": "said.exp()"}.get(expects, "said")
