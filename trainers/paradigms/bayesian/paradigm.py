"""Bayesian learning: the network answers several times, and how far its answers differ says how sure it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from builder import CATALOGUE
from trainers.data.base import Task
from trainers.entry import choose
from trainers.objectives.losses import LOSSES, default_loss
from trainers.paradigms.base import Part, ReportedMetric
from trainers.paradigms.supervised import Supervised, SupervisedLearner

if TYPE_CHECKING:
    from torch import Tensor, nn

    from builder.document import Document
    from trainers.data import DataSet
    from trainers.data.batches import Batch
    from trainers.data.splits import Prepared, Split
    from trainers.job import Job

SINGLE = "single_"  # before the names of scores of one network without draws


class Bayesian(Supervised):
    """Learns from examples, and says how sure it can be of each answer.

    dropout: one network, whose dropout stays on (Gal and Ghahramani 2016, https://arxiv.org/abs/1506.02142). ensemble:
    several networks, each from a start of its own (Lakshminarayanan et al. 2017, https://arxiv.org/abs/1612.01474).
    weights: layers whose weights are distributions; the loss and the divergence from their prior together are the
    evidence lower bound (Blundell et al. 2015, https://arxiv.org/abs/1505.05424).
    """

    name: ClassVar[str] = "bayesian"
    label: ClassVar[str] = "Bayesian"
    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "regression"})
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
        "dropout", description="Where answers differ: other units left out, other networks, or other weights drawn."
    )
    samples: int = Field(
        30, ge=2, le=500, description="Answers to each sample once it is trained; an ensemble's are its members."
    )
    members: int = Field(5, ge=1, le=50, description="Networks of an ensemble, each from a start of its own.")
    kl_weight: float = Field(
        1.0, ge=0, le=100, description="weights: how much the divergence from the prior counts; below 1 fits closer."
    )

    @property
    def exports_script(self) -> bool:
        return self.method == "dropout"

    def metrics(self, dataset: DataSet) -> tuple[ReportedMetric, ...]:
        known = tuple(super().metrics(dataset))
        if dataset.task == "regression":
            more = (
                ReportedMetric("coverage", "truths in the 90 % interval", None),
                ReportedMetric("nll", "negative log-likelihood", False, True),
            )
            alone = [
                score._replace(name=f"{SINGLE}{score.name}", label=f"{score.label}, one network") for score in more
            ]
            return (*known, ReportedMetric("predictive_std", "spread of the draws", None), *more, *alone)
        error, confidence = "calibration error", "mean confidence"
        return (
            *known,
            ReportedMetric("calibration_error", error, False),
            ReportedMetric(f"{SINGLE}calibration_error", f"{error}, one network", False),
            ReportedMetric("confidence", confidence, None),
            ReportedMetric("mutual_information", "mutual information", None),
            ReportedMetric("nll", "negative log-likelihood", False, True),
            ReportedMetric(f"{SINGLE}nll", "negative log-likelihood, one network", False, True),
            ReportedMetric(f"{SINGLE}accuracy", "accuracy, one network", True, True),
        )

    def node_labels(self, document: Document) -> dict[str, str]:
        if self.method == "ensemble":
            return {}
        layers = [node for node in document.nodes if node.role == "layer"]  # its parameters may be wrong, its type not
        return {node.name: "draws" for node in layers if CATALOGUE[node.type].stochastic}

    def modules(self, document: Document) -> dict[str, str]:
        if self.method != "ensemble":
            return {"main": "main"}
        return {f"member{number + 1}": "main" for number in range(self.members)}

    def assemble(self, modules: dict[str, nn.Module]) -> nn.Module:
        if self.method != "ensemble":
            return super().assemble(modules)
        from builder.library.ensemble import Ensemble

        members = list(modules.values())
        card: Any = members[0].card
        return Ensemble(members, self._expects(card["task"]))

    def parts(self, document: Document) -> dict[str, Part]:
        if self.method != "ensemble":
            return super().parts(document)
        first = next(iter(self.modules(document)))
        return {"network": Part("All members together", document, ""), first: Part("Member 1", document, first)}

    def card_facts(self) -> dict[str, Any]:
        tasks = {task: self._expects(task) for task in sorted(self.tasks)}
        members = {"members": self.members} if self.method == "ensemble" else {}
        return {"uncertainty": {"method": self.method, "draws": self.samples, "expects": tasks, **members}}

    def _expects(self, task: Task) -> str:
        """What the network gives for a task."""
        loss = default_loss(task) if self.loss is None else choose(LOSSES, self.loss, "loss")
        return loss.expects

    def learner(
        self, job: Job, prepared: Prepared, device: str, total_steps: int, steps_per_epoch: int
    ) -> SupervisedLearner:
        kind = EnsembleLearner if self.method == "ensemble" else BayesianLearner
        return kind(self, job, prepared, device, total_steps, steps_per_epoch)


class BayesianLearner(SupervisedLearner):
    """One network that is asked several times."""

    def __init__(self, paradigm: Bayesian, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        super().__init__(paradigm, job, prepared, device, *steps)
        self.paradigm = paradigm
        self.divergent = divergent(self.model, job.document) if paradigm.method == "weights" else []

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """In training the loss is a bound on the evidence: the data's loss, and what the weights' knowledge costs."""
        found = super().loss(outputs, targets)
        return found + self.divergence() if self.divergent and self.model.training else found

    def divergence(self) -> Tensor:
        """Of the weights from their prior, as one training sample bears it."""
        import torch

        total = torch.stack([module.kl_divergence() for module in self.divergent]).sum()
        return total * (self.paradigm.kl_weight / len(self.prepared.training))

    def evaluate(self, split: Split, costly: bool = False) -> dict[str, float]:
        from trainers.paradigms.bayesian import evaluation

        return evaluation.evaluated(self, super().evaluate, split, costly)

    def together(self, said: Tensor) -> Tensor:
        """The mean of several answers, (T, N, …), as one answer of the same kind."""
        from builder.library.ensemble import Ensemble

        return Ensemble([], self.objective.expects).together(said)

    def training_metrics(self) -> dict[str, float]:
        found = super().training_metrics()
        return found | {"divergence": float(self.divergence().detach())} if self.divergent else found


class EnsembleLearner(BayesianLearner):
    """Several networks with an optimizer each, which see the same batches. What they start from makes them differ."""

    def __init__(self, paradigm: Bayesian, job: Job, prepared: Prepared, device: str, *steps: int) -> None:
        import torch

        from builder.library.ensemble import Ensemble

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
        self.quick = [torch.compile(each) for each in networks] if job.settings.compile else networks
        self.model = Ensemble(networks, self.objective.expects).to(device)

    def step(self, batch: Batch) -> Tensor:
        inputs, targets = batch.inputs, batch.targets
        import torch

        said: dict[int, Tensor] = {}
        losses = [
            optimisation.step(self._asked(number, inputs, targets, said))
            for number, optimisation in enumerate(self.optimisations)
        ]
        outputs = self.together(torch.stack(list(said.values())))
        if not self.kept:
            self._make_room(outputs.numel())
        self.kept.append((outputs, targets))
        return torch.stack(losses).mean()

    def _asked(
        self, number: int, inputs: tuple[Tensor, ...], targets: Tensor, said: dict[int, Tensor]
    ) -> Callable[[], Tensor]:
        """What gives the loss of one member; it leaves in `said` what the member answered."""
        member = self.members[number] if self.eager else self.quick[number]

        def loss() -> Tensor:
            with self.autocast():
                outputs = member(*inputs)
                said[number] = outputs.detach()
                return self.loss(outputs, targets)

        return loss

    def epoch_end(self, validation_loss: float | None) -> None:
        for optimisation in self.optimisations:
            optimisation.pace.epoch_end(validation_loss)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "others": [each.state_dict() for each in self.optimisations[1:]]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(dict(state))
        for optimisation, kept in zip(self.optimisations[1:], state["others"], strict=True):
            optimisation.load_state_dict(kept)


def divergent(model: nn.Module, document: Document) -> list[Any]:
    """The modules whose weights are distributions, each once."""
    from builder.analysis.plan import make_plan
    from builder.compile import layers

    found = layers(model)
    return [
        found[step.name]
        for step in make_plan(document).steps
        if step.spec.divergence and step.owns and step.name in found
    ]
