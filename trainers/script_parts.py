"""The functions of train.py, each as the lines of its source: split, evaluate, one epoch, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from builder.render import expression, statement
from builder.shapes import Shape
from trainers.job import Job
from trainers.loss import Loss
from trainers.target import Target


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
        return self.job.dataset.task == "classification"

    @property
    def schedule(self) -> str:
        """The call that makes the learning-rate schedule, or nothing."""
        import torch

        optimizer = self.job.optimizer.build([torch.nn.Parameter(torch.zeros(1))])
        return self.job.schedule.render(optimizer, self.total_steps)


def split(plan: Plan) -> list[str]:
    """A function that divides the samples."""
    batching, official = plan.job.batching, plan.job.dataset.official_test
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


def evaluate(plan: Plan) -> list[str]:
    """A function that scores the network."""
    given = plan.loss.arguments(plan.target, plan.shape, "output", "targets")
    if not plan.is_classification:
        score = "R2"
        lines = ["        left = ((output.view_as(targets) - targets) ** 2).sum(dim=0)",
                 "        spread = ((targets - targets.mean(dim=0)) ** 2).sum(dim=0)",
                 "        score = (1 - left / spread).mean()"]  # fmt: skip
    else:
        score = "accuracy"
        border = 0 if plan.loss.expects == "logits" else 0.5
        found = f"(output.view(-1) > {border}).long()" if plan.shape in ((), (1,)) else "output.argmax(dim=1)"
        lines = [f"        score = ({found} == targets).float().mean()"]
    return [
        "def evaluate(model, criterion, inputs, targets):",
        f'    """Loss and {score} of the network on a part of the data."""',
        "    model.eval()",
        "    with torch.inference_mode():",
        "        output = torch.cat([model(batch) for batch in inputs.split(4096)])",
        f"        loss = criterion({given})",
        *lines,
        "    return loss.item(), score.item()",
    ]


def training_functions(plan: Plan) -> list[list[str]]:
    """The functions that start the weights and go through one epoch."""
    parts = []
    start = plan.job.initialisation.render("parameter")
    if start and start == "nn.init.zeros_(parameter)":
        parts.append([
            "def initialise(model):",
            '    """All matrices, filters and offsets at zero: nothing is learned, which is worth seeing once."""',
            "    for name, parameter in model.named_parameters():",
            '        if parameter.ndim >= 2 or "bias" in name:',
            "            nn.init.zeros_(parameter)",
        ])  # fmt: skip
    elif start:
        parts.append([
            "def initialise(model):",
            '    """Starting values: matrices and filters as named, offsets at zero."""',
            "    for name, parameter in model.named_parameters():",
            "        if parameter.ndim >= 2:",
            *statement("", expression(start), 12),
            '        elif "bias" in name:',
            "            nn.init.zeros_(parameter)",
        ])  # fmt: skip
    settings, per_step = plan.job.settings, plan.job.schedule.per == "step"
    arguments = ["model", "criterion", "optimizer", *(["scheduler"] if per_step else []), "inputs", "targets"]
    size = "BATCH_SIZE" if plan.job.batch_size != "full" else "len(inputs)"
    lines = [
        f"def train_epoch({', '.join(arguments)}):",
        '    """One pass over the training part. Returns the mean loss of its steps."""',
        "    model.train()",
        "    losses = []",
        f"    for batch in torch.randperm(len(inputs), device=inputs.device).split({size}):",
    ]
    if plan.job.batch_size not in ("full", 1):
        lines += ["        if len(batch) == 1:", "            continue  # one sample has no spread to normalise by"]
    lines += _step(plan)
    if per_step:
        lines += [f"        if scheduler.last_epoch < {plan.total_steps}:", "            scheduler.step()"]
    lines.append("        losses.append(loss.detach())")
    if settings.max_steps:
        lines += ["        if len(losses) == MAX_STEPS:", "            break"]
    return [*parts, [*lines, "    return torch.stack(losses).mean().item()"]]


def _step(plan: Plan) -> list[str]:
    """One step: forward, backward, what is done to the gradients, and the optimizer."""
    settings = plan.job.settings
    given = plan.loss.arguments(plan.target, plan.shape, "output", "targets[batch]")
    forward = ["output = model(inputs[batch])", f"loss = criterion({given})"]
    if settings.precision != "float32":
        forward = [f"with torch.autocast(inputs.device.type, torch.{settings.precision}):",
                   *(f"    {line}" for line in forward)]  # fmt: skip
    gradients = ["optimizer.zero_grad()", "loss.backward()"]
    if settings.l1:
        gradients += ["for parameter in model.parameters():",
                      f"    parameter.grad.add_(parameter.detach().sign(), alpha={settings.l1!r})  # L1"]  # fmt: skip
    if settings.gradient_clip is not None:
        gradients.append(f"nn.utils.clip_grad_norm_(model.parameters(), {settings.gradient_clip!r})")
    if not plan.job.optimizer.needs_closure:
        return [f"        {line}" for line in [*forward, *gradients, "optimizer.step()"]]
    inside = [f"            {line}" for line in [*forward, *gradients, "return loss"]]
    return ["", "        def closure(batch=batch):", *inside, "", "        loss = optimizer.step(closure)"]


def standardisation(plan: Plan) -> list[str]:
    """Mean and spread of the training part, for every feature or for every channel of pictures."""
    axes: Any = 0
    if plan.job.dataset.kind == "image":
        axes = (0, *range(2, len(plan.job.dataset.input_shape) + 1))
    lines = [
        "    # mean 0 and spread 1, by the figures of the training part alone",
        f"    mean = inputs[training].mean(axis={axes}, keepdims=True)",
        f"    std = inputs[training].std(axis={axes}, keepdims=True)",
        "    std[std < 1e-7] = 1",
        "    inputs = (inputs - mean) / std",
    ]
    if not plan.is_classification:
        lines.append("    targets = (targets - targets[training].mean(axis=0)) / targets[training].std(axis=0)")
    return lines


def epochs(plan: Plan) -> list[str]:
    """The loop over epochs; with a validation part, the weights of the best epoch are kept."""
    scheduled = "scheduler, " if plan.job.schedule.per == "step" else ""
    score = "accuracy" if plan.is_classification else "R2"
    stopping, lines = plan.job.settings.early_stopping, [""]
    if plan.validates:
        lines.append(
            f'    best_loss, {"best_epoch, " if stopping else ""}best = float("inf"), {"0, " if stopping else ""}None'
        )
    lines += [
        "    for epoch in range(1, epochs + 1):",
        f"        loss = train_epoch(model, criterion, optimizer, {scheduled}inputs[training], targets[training])",
    ]
    if not plan.validates:
        lines += ['        print(f"{epoch:4d}: loss {loss:.4f}")']
        return lines + (["        scheduler.step()"] if plan.job.schedule.per == "epoch" else [])
    lines += [
        "        validation_loss, score = evaluate(model, criterion, inputs[validation], targets[validation])",
        f'        print(f"{{epoch:4d}}: loss {{loss:.4f}}, validation {{validation_loss:.4f}}, {score} {{score:.3f}}")',
    ]
    if plan.job.schedule.per in ("epoch", "validation"):
        lines.append(f"        scheduler.step({'validation_loss' if plan.job.schedule.per == 'validation' else ''})")
    margin = f" - {stopping.min_delta!r}" if stopping and stopping.min_delta else ""
    lines += [
        f"        if validation_loss < best_loss{margin}:",
        "            best_loss, best = validation_loss, copy.deepcopy(model.state_dict())",
    ]
    if stopping:
        lines.append("            best_epoch = epoch")
        lines += [f"        elif epoch - best_epoch >= {stopping.patience}:", "            break  # it gets no better"]
    return [*lines, "    model.load_state_dict(best or model.state_dict())"]


def ending(plan: Plan) -> list[str]:
    """Test score and weights."""
    score = "accuracy" if plan.is_classification else "R2"
    lines = [""]
    if plan.tests:
        lines += [
            "    test_loss, score = evaluate(model, criterion, inputs[test], targets[test])",
            f'    print(f"test: loss {{test_loss:.4f}}, {score} {{score:.4f}}")',
        ]
    return [*lines, '    save_file(model.state_dict(), "model.safetensors")']
