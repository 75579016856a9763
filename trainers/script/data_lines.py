"""The lines of train.py that prepare the data: split, standardise, weight classes, several inputs."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import builder
from builder.library.initialisation import initialise, is_plain, own_values, weight_matrices
from builder.shapes import Shape
from trainers.checks.base import training_samples
from trainers.data.scaling import channel_axis
from trainers.engine.learner import evaluation_batch_size
from trainers.job import Job
from trainers.objectives.losses import Loss
from trainers.script.sources import axes, print_functions
from trainers.tasks.target import Target


@dataclass(frozen=True)
class Plan:
    """What the script is made from; tasks and losses are asked with it."""

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
    def stratified(self) -> bool:
        """Whether parts of the data keep the proportions of the classes."""
        return self.target.entry.splits_by_class

    @property
    def grouped(self) -> bool:
        """Whether whole groups of samples go into one part."""
        return self.job.dataset.grouped and self.job.dataset.order == "shuffled"

    @property
    def limits(self) -> bool:
        """Whether some of the training samples are left out."""
        limit = self.job.batching.train_samples
        return limit is not None and limit < training_samples(self.job, limited=False)

    @property
    def weighted(self) -> bool:
        """Whether the loss weights the classes."""
        return bool(self.loss.weighs) and self.job.paradigm.balances_classes

    @property
    def by_sample(self) -> bool:
        """Whether samples count differently in the loss."""
        return self.job.dataset.weighted and self.job.paradigm.uses_weights

    def loss_of(self, given: str, weights: str) -> str:
        """Code for the loss of some samples. `given`: what the criterion gets; `weights`: code for theirs."""
        if not self.by_sample:
            return f"criterion({given})"
        return f"(criterion({given}).reshape(len({weights}), -1).mean(dim=1) * {weights}).mean()"

    @functools.cached_property
    def kept(self) -> tuple[str, ...]:
        """How the names of the parameters begin that a chosen initialisation does not fill."""
        import torch

        with torch.device("meta"):
            return own_values(builder.compile(self.job.document))

    @functools.cached_property
    def initialise_source(self) -> str:
        """Source of a function `initialise`; empty where one line for each tensor does the same."""
        import torch

        if not self.job.initialisation.render():
            return ""
        with torch.device("meta"):
            if is_plain(builder.compile(self.job.document)):
                return ""
        return print_functions((weight_matrices, {}), (initialise, {"kept": "()"}))

    @property
    def several(self) -> bool:
        """Whether a sample has several inputs: then `inputs` is a list of tensors in the script."""
        return len(self.job.dataset.signals) > 1

    @property
    def piece(self) -> int:
        """How many samples the script evaluates at once."""
        return evaluation_batch_size(self.job, self.job.dataset.samples)

    @property
    def schedule(self) -> str:
        """The call that makes the learning-rate schedule, or nothing."""
        import torch

        optimizer = self.job.optimizer.build([torch.nn.Parameter(torch.zeros(1))])
        return self.job.schedule.render(optimizer, self.total_steps)

    @property
    def hiding(self) -> str:
        """Source of the function that masks tokens of each sample, where the paradigm does that."""
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

    @property
    def text(self) -> str:
        """Code for the input whose tokens are predicted, in a language model."""
        return f"inputs[{self.job.dataset.text_input}]" if self.several else "inputs"


def split(plan: Plan) -> list[str]:
    """A function that divides the samples as the data set says."""
    if plan.job.dataset.given_parts:
        return _given(plan)
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
        lines.append(
            f"    # consecutive samples overlap, so {gap} {'is' if gap == 1 else 'are'} left out between two parts"
        )
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
        '    """Indices of the training, validation and test part; samples of one group are in one part."""',
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


def _given(plan: Plan) -> list[str]:
    batching, given = plan.job.batching, plan.job.dataset.given_parts
    lines = [
        "def split(parts, targets):",
        '    """Indices of the training, validation and test part, which the data name themselves."""',
        "    training, validation, test = (np.flatnonzero(parts == number) for number in range(3))",
    ]
    rest = 1.0
    for part, share in (("test", batching.test), ("validation", batching.validation)):
        if not share:
            lines.append(f"    {part} = {part}[:0]")
        elif not given.get(part):
            lines += _divide(part, f"{share / rest:.6g}", plan.stratified)
            rest -= share
    return [*lines, "    return training, validation, test"]


def _shuffled(plan: Plan) -> list[str]:
    batching, official = plan.job.batching, plan.job.dataset.test_samples
    same = ", each with the same share of every class" if plan.stratified else ""
    lines = ["def split(targets):", f'    """Indices of the training, validation and test part{same}."""']
    lines.append("    training = np.arange(len(targets))")
    test, rest = batching.test, 1.0
    if official:
        lines.append(
            f"    # the last samples are the authors' test part\n    training, test = np.split(training, [-{official}])"
        )
        if not test:
            lines.append("    test = test[:0]")
    elif test:
        lines += _divide("test", f"{test:g}", plan.stratified)
        rest = 1 - test
    else:
        lines.append("    test = training[:0]")
    if batching.validation:
        share = f"{batching.validation / rest:.6g}"
        lines += _divide("validation", share, plan.stratified)
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
    """Zero mean and unit variance, by mean and standard deviation of the training part alone."""
    mean = values[training].mean(axis=axes, keepdims=True)
    std = values[training].std(axis=axes, keepdims=True)
    std[std < 1e-7] = 1
    return ((values - mean) / std).astype("float32")
'''


FILLED = '''
def filled(values, training, rules):
    """Something for every value that is missing (NaN): a figure of the training part, by the rule of each column."""
    figures = {"median": np.median, "mean": np.mean, "most_common": lambda known: round(known.mean())}
    values = values.copy()
    for place, rule in enumerate(rules):
        known = values[training, place][~np.isnan(values[training, place])]
        figure = figures[rule](known) if rule in figures and len(known) else 0
        values[np.isnan(values[:, place]), place] = figure
    return values
'''


def standardiser(plan: Plan) -> list[str]:
    """The functions that standardise and fill what is missing, where there is something to do."""
    lines = preparation(plan)
    made = [
        text for name, text in (("filled(", FILLED), ("standardised(", STANDARDISED)) if any(name in x for x in lines)
    ]
    return "\n\n".join(made).strip("\n").splitlines()


def preparation(plan: Plan) -> list[str]:
    """From what was loaded to tensors on the device."""
    dataset = plan.job.dataset
    lines = ["    inputs, targets = load_data()"]
    given = "load_parts(), targets" if dataset.given_parts else "load_groups()" if plan.grouped else "targets"
    lines.append(
        f"    training, {'' if plan.validates else '_'}validation, {'' if plan.tests else '_'}test = split({given})"
    )
    if plan.limits:
        lines.append(_some(plan))
    if plan.by_sample:
        lines.append("    weights = load_weights()")
        mean = "weights[training].mean()"
        lines.append(f"    weights = torch.from_numpy((weights / {mean}).astype(np.float32)).to(device)")
    rules = dataset.fills or (None,) * len(dataset.signals)
    made = [
        f"standardised({_complete(name, rule)}, training, {axes(channel_axis(dataset), len(signal.shape))})"
        if signal.dtype == "float"
        else f"{name}.astype(np.int64)"
        for signal, name, rule in zip(dataset.signals, _names(plan), rules, strict=True)
    ]
    if plan.several:
        lines += ["    inputs = [", *(f"        {code}," for code in made), "    ]"]
        lines.append("    inputs = [torch.from_numpy(given).to(device) for given in inputs]")
    else:
        lines += [f"    inputs = torch.from_numpy({made[0]}).to(device)"]
    if plan.weighted:
        lines += plan.loss.script_weights(plan.target, plan.shape)
    return [*lines, *plan.target.entry.script_targets(plan)]


def _complete(name: str, rules: tuple[str, ...] | None) -> str:
    """Code for an input without gaps: `filled(inputs, training, 3 * ["median"] + ["zero"])`."""
    if rules is None:
        return name
    runs = [(rule, len(list(same))) for rule, same in itertools.groupby(rules)]
    listed = " + ".join(f'["{rule}"]' if count == 1 else f'{count} * ["{rule}"]' for rule, count in runs)
    return f"filled({name}, training, {listed})"


def _some(plan: Plan) -> str:
    """The line that keeps some of the training samples: the last in time, else with the same share of each class."""
    limit, classes = plan.job.batching.train_samples, plan.target.classes
    if plan.job.dataset.order == "time":
        return f"    training = training[-{limit}:]"
    same = plan.stratified and not plan.grouped and classes <= (limit or 0)
    stratify = ", stratify=targets[training]" if same else ""
    return f"    training, _ = train_test_split(training, train_size={limit}, random_state=SEED{stratify})"


def _names(plan: Plan) -> list[str]:
    return [f"inputs[{number}]" for number in range(len(plan.job.dataset.signals))] if plan.several else ["inputs"]
