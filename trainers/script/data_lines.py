"""What train.py does with the data, as lines of its source: split, standardise, weigh classes, several inputs."""

from __future__ import annotations

from dataclasses import dataclass

from builder.shapes import Shape
from trainers.checks.base import training_samples
from trainers.data.scaling import channel_axis
from trainers.engine.learner import evaluation_piece
from trainers.job import Job
from trainers.objectives.loss import Loss
from trainers.tasks.target import Target


@dataclass(frozen=True)
class Plan:
    """What the script is made from."""

    job: Job
    class_name: str
    loss: Loss
    target: Target
    shape: Shape  # of one sample's output
    total_steps: int  # in all epochs

    @property
    def validates(self) -> bool:
        return self.job.batching.validation > 0

    @property
    def tests(self) -> bool:
        return self.job.batching.test > 0

    @property
    def is_classification(self) -> bool:
        return self.target.task == "classification"

    @property
    def grouped(self) -> bool:
        """Whether whole groups of samples go into a part."""
        return self.job.dataset.grouped and self.job.dataset.order == "shuffled"

    @property
    def limits(self) -> bool:
        """Whether some of the samples that there are to train on are left out."""
        limit = self.job.batching.train_samples
        return limit is not None and limit < training_samples(self.job, limited=False)

    @property
    def weighted(self) -> bool:
        """Whether the loss weighs the classes."""
        return bool(self.loss.weighs) and getattr(self.job.paradigm, "class_weights", "none") == "balanced"

    @property
    def unsure(self) -> bool:
        """Whether some weights are distributions, with parameters of their own for the spread."""
        graphs = (self.job.document, *self.job.document.blocks.values())
        return any(node.spec.divergence for graph in graphs for node in graph.nodes)

    @property
    def several(self) -> bool:
        """Whether a sample has several parts: then `inputs` is a list of tensors in the script."""
        return len(self.job.dataset.signals) > 1

    @property
    def piece(self) -> int:
        """How many samples the script evaluates at once."""
        return evaluation_piece(self.job, self.job.dataset.samples)

    @property
    def schedule(self) -> str:
        """The call that makes the learning-rate schedule, or nothing."""
        import torch

        optimizer = self.job.optimizer.build([torch.nn.Parameter(torch.zeros(1))])
        return self.job.schedule.render(optimizer, self.total_steps)

    @property
    def hiding(self) -> str:
        """Source of the function that hides a part of each sample, where the way of training does that."""
        return self.job.paradigm.masking_source(self.job.dataset)

    def pick(self, index: str) -> str:
        """Code for the inputs of some samples: `inputs[training]`."""
        return f"[given[{index}] for given in inputs]" if self.several else f"inputs[{index}]"

    def call(self, inputs: str) -> str:
        """Code that feeds inputs to the network."""
        return f"model(*{inputs})" if self.several else f"model({inputs})"

    @property
    def first(self) -> str:
        """Code for one of the input tensors, to ask for its length or its device."""
        return "inputs[0]" if self.several else "inputs"


def split(plan: Plan) -> list[str]:
    """A function that divides the samples, as the data set asks for it."""
    if plan.job.dataset.order == "time":
        return _in_time(plan)
    return _by_groups(plan) if plan.grouped else _shuffled(plan)


def _in_time(plan: Plan) -> list[str]:
    batching, gap = plan.job.batching, plan.job.dataset.gap
    left_out = f" - {gap}" if gap else ""
    lines = [
        "def split(targets):",
        '    """Indices of the training, validation and test part: the first samples train, the last ones test."""',
        "    training = np.arange(len(targets))",
    ]
    if gap:
        lines.append(f"    # samples that follow each other overlap, so {gap} are left out between two parts")
    for part, share in (("test", batching.test), ("validation", batching.validation)):
        if not share:
            lines.append(f"    {part} = training[:0]")
            continue
        lines += [
            f"    held_out = round({share:g} * len(targets))",
            f"    {part} = training[len(training) - held_out :]",
            f"    training = training[: len(training) - held_out{left_out}]",
        ]
    return [*lines, "    return training, validation, test"]


def _by_groups(plan: Plan) -> list[str]:
    batching = plan.job.batching
    lines = [
        "def split(groups):",
        '    """Indices of the training, validation and test part; samples of one group are never on both sides."""',
        "    names = np.random.default_rng(SEED).permutation(np.unique(groups))",
    ]
    for part, share in (("test", batching.test), ("validation", batching.validation)):
        if share:
            lines += [
                f"    {part}_groups = max(1, round({share:g} * len(names)))",
                f"    {part} = np.flatnonzero(np.isin(groups, names[:{part}_groups]))",
                f"    names = names[{part}_groups:]",
            ]
        else:
            lines.append(f"    {part} = np.arange(0)")
    return [*lines, "    training = np.flatnonzero(np.isin(groups, names))", "    return training, validation, test"]


def _shuffled(plan: Plan) -> list[str]:
    batching, official = plan.job.batching, plan.job.dataset.test_samples
    same = ", each with the same share of every class" if plan.is_classification else ""
    lines = ["def split(targets):", f'    """Indices of the training, validation and test part{same}."""']
    lines.append("    training = np.arange(len(targets))")
    test, rest = batching.test, 1.0
    if official:
        lines.append(
            f"    # the authors' own test samples stand last\n    training, test = np.split(training, [-{official}])"
        )
        if not test:
            lines.append("    test = test[:0]")
    elif test:
        lines += _divide("test", f"{test:g}", plan.is_classification)
        rest = 1 - test
    else:
        lines.append("    test = training[:0]")
    if batching.validation:
        share = f"{batching.validation / rest:.6g}"
        lines += _divide("validation", share, plan.is_classification)
    else:
        lines.append("    validation = training[:0]")
    return [*lines, "    return training, validation, test"]


def _divide(part: str, share: str, stratified: bool) -> list[str]:
    options = f"test_size={share}, random_state=SEED"
    if not stratified:
        return [f"    training, {part} = train_test_split(training, {options})"]
    return [f"    training, {part} = train_test_split(training, {options}, stratify=targets[training])"]


STANDARDISED = '''
def standardised(values, training, axes):
    """Mean 0 and spread 1, by the figures of the training part alone."""
    mean = values[training].mean(axis=axes, keepdims=True)
    std = values[training].std(axis=axes, keepdims=True)
    std[std < 1e-7] = 1
    return ((values - mean) / std).astype("float32")
'''


def standardiser(plan: Plan) -> list[str]:
    """The function that standardises, where there is something to standardise."""
    wanted = any("standardised(" in line for line in preparation(plan))
    return STANDARDISED.strip("\n").splitlines() if wanted else []


def preparation(plan: Plan) -> list[str]:
    """From what was loaded to tensors on the device."""
    dataset = plan.job.dataset
    lines = ["    inputs, targets = load_data()"]
    lines.append(
        f"    training, {'' if plan.validates else '_'}validation, {'' if plan.tests else '_'}test = "
        f"split({'load_groups()' if plan.grouped else 'targets'})"
    )
    if plan.limits:
        lines.append(_some(plan))
    made = [
        f"standardised({name}, training, {_axes(channel_axis(dataset), len(signal.shape))})"
        if signal.dtype == "float"
        else f"{name}.astype(np.int64)"
        for signal, name in zip(dataset.signals, _names(plan), strict=True)
    ]
    if plan.several:
        lines += ["    inputs = [", *(f"        {code}," for code in made), "    ]"]
        lines.append("    inputs = [torch.from_numpy(given).to(device) for given in inputs]")
    else:
        lines += [f"    inputs = torch.from_numpy({made[0]}).to(device)"]
    if plan.weighted:
        lines += plan.loss.weighing(plan.target, plan.shape)
    return [*lines, *_targets(plan)]


def _some(plan: Plan) -> str:
    """The line that keeps so many training samples: the last in time, else some with the same share of each class."""
    limit, classes = plan.job.batching.train_samples, plan.target.classes
    if plan.job.dataset.order == "time":
        return f"    training = training[-{limit}:]"
    same = plan.is_classification and not plan.grouped and classes <= (limit or 0)
    stratify = ", stratify=targets[training]" if same else ""
    return f"    training, _ = train_test_split(training, train_size={limit}, random_state=SEED{stratify})"


def _names(plan: Plan) -> list[str]:
    return [f"inputs[{number}]" for number in range(len(plan.job.dataset.signals))] if plan.several else ["inputs"]


def _axes(channel: int | None, rank: int) -> int | tuple[int, ...]:
    """The axes of a batch to average over, all but the one that has figures of its own."""
    if channel is None or rank == 0:
        return 0
    axes = tuple(axis for axis in range(rank + 1) if axis != channel % (rank + 1))
    return axes if len(axes) > 1 else axes[0]


def _targets(plan: Plan) -> list[str]:
    """Targets as tensors: whole numbers for classes, standardised numbers to predict."""
    task = plan.target.task
    if task in ("regression", "forecasting"):
        lines = ["    targets = targets.reshape(len(targets), -1)"] if task == "regression" else []
        if plan.loss.raw_targets:
            made = 'targets.astype("float32")'
        else:
            made = f"standardised(targets, training, {_axes(-1, len(plan.target.shape))})"
        return [*lines, f"    targets = torch.from_numpy({made}).to(device)"]
    kind = "float" if task == "multilabel" else "long"
    return [f"    targets = torch.from_numpy(targets).to(device).{kind}()"]
