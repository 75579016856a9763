"""Bayesian neural networks: several predictions for each sample, whose disagreement measures the uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder import CATALOGUE
from builder.analysis.plan import make_plan
from builder.compile import layers
from trainers.engine.learner import part
from trainers.entry import choose
from trainers.objectives.registry import all_losses, default_loss
from trainers.paradigms.base import Part, ReportedMetric
from trainers.paradigms.bayesian import evaluation
from trainers.paradigms.bayesian.evaluation import SINGLE, class_probabilities, predictive_distribution
from trainers.paradigms.bayesian.verdicts import DominantPrior, Overconfident, SamePredictions
from trainers.paradigms.supervised import Supervised, SupervisedLearner

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from builder.library.ensemble import Ensemble
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

QUICK_PASSES = 4  # after each epoch: enough to see whether the predictions differ
QUICK_SAMPLES = 512


class Bayesian(Supervised):
    """Learns from samples with known targets and measures the uncertainty of each prediction.

    dropout: one network whose dropout stays active (Gal and Ghahramani 2016, https://arxiv.org/abs/1506.02142).
    ensemble: several networks, initialised independently (Lakshminarayanan et al. 2017,
    https://arxiv.org/abs/1612.01474). weights: layers whose weights are distributions; the loss and the KL divergence
    from their prior together are the negative evidence lower bound (Blundell et al. 2015,
    https://arxiv.org/abs/1505.05424).
    """

    name: ClassVar[str] = "bayesian"
    label: ClassVar[str] = "Bayesian"
    synonyms: ClassVar[tuple[str, ...]] = ("bnn", "mc_dropout", "deep_ensemble", "uncertainty")
    tasks: ClassVar[frozenset[str]] = frozenset({"classification", "regression"})
    panels: ClassVar[tuple[str, ...]] = (
        "uncertainty_summary",
        "uncertain_samples",
        "uncertainty_distribution",
        "calibration",
        "rejection",
        "out_of_distribution",
    )
    cards: ClassVar[tuple[str, ...]] = ("calibration", "uncertainty")

    method: Literal["dropout", "ensemble", "weights"] = Field(
        "dropout",
        description="Why predictions differ: different dropout masks, independent networks, or sampled weights.",
    )
    samples: int = Field(
        30, ge=2, le=500, description="Predictions for each sample after training; an ensemble makes one per member."
    )
    members: int = Field(5, ge=1, le=50, description="Networks of an ensemble, each initialised independently.")
    kl_weight: float = Field(
        1.0,
        ge=0,
        le=100,
        description="weights: the weight of the KL divergence from the prior; below 1 the network fits closer.",
    )

    @property
    def exports_script(self) -> bool:
        return self.method == "dropout"

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        known = tuple(super().metrics(dataset))
        nll = ReportedMetric("nll", "negative log-likelihood", False, True)
        if dataset.task == "regression":
            coverage = ReportedMetric("coverage", "coverage of the 90 % interval", None)
            std = ReportedMetric("predictive_std", "predictive standard deviation", None)
            return (*known, std, coverage, nll, _single(coverage), _single(nll))
        error = ReportedMetric("calibration_error", "calibration error", False)
        return (
            *known,
            error,
            _single(error),
            ReportedMetric("confidence", "mean confidence", None),
            ReportedMetric("mutual_information", "mutual information", None),
            nll,
            _single(nll),
            _single(ReportedMetric("accuracy", "accuracy", True, True)),
        )

    def node_labels(self, document: Document) -> dict[str, str]:
        if self.method == "ensemble":
            return {}
        layers = [node for node in document.nodes if node.role == "layer"]  # its parameters may be wrong, its type not
        return {node.name: "stochastic" for node in layers if CATALOGUE[node.type].stochastic}

    def modules(self, document: Document) -> dict[str, str]:
        if self.method != "ensemble":
            return {"main": "main"}
        return {f"member{number + 1}": "main" for number in range(self.members)}

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        if self.method != "ensemble":
            return super().assemble(modules)
        members = list(modules.values())
        card: Any = members[0].card
        return _ensemble(members, self._expects(card["task"]))

    def parts(self, document: Document) -> dict[str, Part]:
        if self.method != "ensemble":
            return super().parts(document)
        first = next(iter(self.modules(document)))
        return {"network": Part("The whole ensemble", document, ""), first: Part("Member 1", document, first)}

    def card_facts(self) -> dict[str, Any]:
        tasks = {task: self._expects(task) for task in sorted(self.tasks)}
        members = {"members": self.members} if self.method == "ensemble" else {}
        return {"uncertainty": {"method": self.method, "samples": self.samples, "expects": tasks, **members}}

    def _expects(self, task: str) -> str:
        """What the outputs of the network are for a task: logits, probabilities, values."""
        loss = default_loss(task) if self.loss is None else choose(all_losses(), self.loss, "loss")
        return loss.expects

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> SupervisedLearner:
        kind = EnsembleLearner if self.method == "ensemble" else BayesianLearner
        return kind(self, job, prepared, device, total_steps, steps_per_epoch)


def _single(metric: ReportedMetric) -> ReportedMetric:
    """The same metric of a single network, without stochastic passes."""
    return metric._replace(name=f"{SINGLE}{metric.name}", label=f"{metric.label}, single network")


class BayesianLearner(SupervisedLearner):
    """One network with stochastic layers, evaluated by several stochastic passes."""

    def __init__(self, paradigm: Bayesian, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        super().__init__(paradigm, job, prepared, device, *steps)
        self.paradigm = paradigm
        self.variational_layers = variational_layers(self.model, job.document) if paradigm.method == "weights" else []

    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """In training the negative evidence lower bound: prediction error plus KL divergence of the weights."""
        found = super().loss(outputs, targets, weights)
        return found + self.kl_divergence() if self.variational_layers and self.model.training else found

    def kl_divergence(self) -> Tensor:
        """KL divergence of the weights from their prior, per training sample, times its weight."""
        import torch

        total = torch.stack([module.kl_divergence() for module in self.variational_layers]).sum()
        return total * (self.paradigm.kl_weight / len(self.prepared.training))

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        """Metrics of the mean prediction, and of a single network to compare them with. After an epoch a few passes
        over a few samples measure the uncertainty, at the end of the run all of them."""
        if costly:
            outputs = self.passes(self.model, split, self.paradigm.samples)
            return self._metrics_of_mean(outputs, split, True) | self._final_metrics(outputs, split)
        # A network with sampled weights makes other predictions than one with the mean weights, so `super().evaluate`,
        # which takes the mean weights, does not measure it.
        few = split if self.variational_layers else _evenly_spaced(split, QUICK_SAMPLES)
        outputs = self.passes(self.model, few, QUICK_PASSES)
        found = (
            self._metrics_of_mean(outputs, split, False)
            if self.variational_layers
            else super().evaluate(split, costly=False)
        )
        return found | self._quick_metrics(outputs, few, found["loss"])

    def passes(self, model: nn.Module, split: Split, count: int) -> Tensor:
        """Outputs of several stochastic passes, (T, N, …) on the CPU; of an ensemble those of its members."""
        from trainers.paradigms.bayesian.stochastic_passes import stochastic_passes

        seed, size = self.job.settings.seed, self.evaluation_batch_size
        return stochastic_passes(model, self.job.document, split.inputs, count, seed, size)

    def single(self, model: nn.Module, split: Split, outputs: Tensor) -> Tensor:
        """Outputs of a single network, (N, …), that is not stochastic: in evaluation mode, with the mean weights."""
        import torch

        model.eval()
        try:
            with torch.no_grad():
                size = self.evaluation_batch_size
                batches = [part(split, start, size)[0] for start in range(0, len(split), size)]
                return torch.cat([model(*batch).float().cpu() for batch in batches])
        finally:
            model.train()

    def mean_prediction(self, outputs: Tensor) -> Tensor:
        """The mean of several predictions, (T, N, …), as outputs of the same kind."""
        found: Tensor = _ensemble([], self.objective.expects).together(outputs)
        return found

    def _metrics_of_mean(self, outputs: Tensor, split: Split, costly: bool) -> dict[str, float]:
        """Loss and metrics of the mean prediction, without the KL divergence of the weights."""
        mean = self.mean_prediction(outputs).to(self.device)
        loss = float(self.criterion(mean, split.targets))
        return {"loss": loss, **self.metrics(mean, split.targets, split, costly)}

    def _quick_metrics(self, outputs: Tensor, split: Split, loss: float) -> dict[str, float]:
        """Metrics of the uncertainty after an epoch; adds to the diagnostics."""
        single = self.single(self.model, split, outputs)
        if self.target.task == "regression":
            truth = split.targets.cpu().double().numpy()
            found, verdicts = evaluation.regression_metrics(outputs, single, self.objective, truth), []
        else:
            truth = split.targets.cpu().numpy()
            distribution = predictive_distribution(class_probabilities(outputs, self.objective, self.target))
            single_probabilities = class_probabilities(single, self.objective, self.target)
            found = evaluation.classification_metrics(distribution, single_probabilities, truth)
            verdicts = Overconfident().find(self.circumstances, distribution, found["calibration_error"], truth)
            verdicts += SamePredictions().find(self.circumstances, distribution, self.paradigm.method)
        if self.variational_layers:
            divergence = float(self.kl_divergence().detach())
            verdicts += DominantPrior().find(self.circumstances, divergence, loss, self.target)
        self.diagnostics = (*self.diagnostics, *verdicts)
        return found

    def _final_metrics(self, outputs: Tensor, split: Split) -> dict[str, float]:
        """Metrics of the uncertainty at the end of a run."""
        single, truth = self.single(self.model, split, outputs), split.targets.cpu().numpy()
        if self.target.task != "regression":
            distribution = predictive_distribution(class_probabilities(outputs, self.objective, self.target))
            single_probabilities = class_probabilities(single, self.objective, self.target)
            return evaluation.final_classification_metrics(distribution, single_probabilities, truth)
        held = self.prepared.validation.to(str(self.device))
        if not len(held):
            return {"predictive_std": float(outputs.std(dim=0, correction=0).mean())}
        reference = self.passes(self.model, held, self.paradigm.samples)
        references = reference, self.single(self.model, held, reference)
        known = held.targets.cpu().double().numpy()
        return evaluation.final_regression_metrics((outputs, single), references, self.objective, truth, known)

    def training_metrics(self) -> dict[str, float]:
        found = super().training_metrics()
        return found | {"divergence": float(self.kl_divergence().detach())} if self.variational_layers else found


class EnsembleLearner(BayesianLearner):
    """Several networks, each with its own optimizer, that see the same batches and differ in their initialisation."""

    def __init__(self, paradigm: Bayesian, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        import torch

        super().__init__(paradigm, job, prepared, device, *steps)
        networks = [self.model]
        for number in range(1, paradigm.members):
            torch.manual_seed(job.settings.seed + 1_000_003 * number)
            networks.append(self.network(job))
            job.initialisation.apply(networks[-1])
        torch.manual_seed(job.settings.seed)
        self.modules = dict(zip(paradigm.modules(job.document), networks, strict=True))
        self.members = networks
        self.optimisations = [self.optimisation, *(self.optimised(each.to(device), *steps) for each in networks[1:])]
        self.compiled_members = [torch.compile(each) for each in networks] if job.settings.compile else networks
        self.model = _ensemble(networks, self.objective.expects).to(device)

    def step(self, batch: Batch) -> Tensor:
        import torch

        outputs: dict[int, Tensor] = {}
        losses = [
            optimisation.step(self._member_loss(number, batch, outputs))
            for number, optimisation in enumerate(self.optimisations)
        ]
        mean = self.mean_prediction(torch.stack(list(outputs.values())))
        if not self.kept:
            self._limit_kept(mean.numel())
        self.kept.append((mean, batch.targets))
        return torch.stack(losses).mean()

    def _member_loss(self, number: int, batch: Batch, outputs: dict[int, Tensor]) -> Callable[[], Tensor]:
        """A function that returns the loss of one member and keeps its outputs in `outputs`."""
        member = self.members[number] if self.eager else self.compiled_members[number]

        def loss() -> Tensor:
            with self.autocast():
                given = member(*batch.inputs)
                outputs[number] = given.detach()
                return self.weighted_loss(given, batch.targets, batch.attributes.get("weight"))

        return loss

    def single(self, model: nn.Module, split: Split, outputs: Tensor) -> Tensor:
        """Outputs of the first member."""
        return outputs[0]

    def epoch_end(self, validation_loss: float | None) -> None:
        for optimisation in self.optimisations:
            optimisation.epoch_end(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "others": [each.state_dict() for each in self.optimisations[1:]]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(dict(state))
        for optimisation, kept in zip(self.optimisations[1:], state["others"], strict=True):
            optimisation.load_state_dict(kept)


def _ensemble(members: list[nn.Module], expects: str) -> Ensemble:
    """The members as one module, whose outputs are their mean prediction."""
    from builder.library.ensemble import Ensemble

    return Ensemble(members, expects)


def variational_layers(model: nn.Module, document: Document) -> list[Any]:
    """The modules whose weights are distributions, each once."""
    found = layers(model)
    return [
        found[step.name]
        for step in make_plan(document).steps
        if step.spec.divergence and step.owns and step.name in found
    ]


def _evenly_spaced(split: Split, most: int) -> Split:
    """At most `most` samples, evenly spaced."""
    if len(split) <= most:
        return split
    import torch

    places = torch.linspace(0, len(split) - 1, most, device=split.targets.device).long()
    inputs = tuple(given[places] for given in split.inputs)
    return type(split)(inputs, split.targets[places], split.indices[places.cpu().numpy()])
