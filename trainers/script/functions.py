"""The functions of train.py, each as the lines of its source: split, evaluate, one epoch, and what surrounds it."""

from __future__ import annotations

from builder.analysis.plan import make_plan
from builder.codegen.expressions import expression, statement
from trainers.data.base import Task
from trainers.script.data_lines import Plan

SCORES: dict[Task, str] = {
    "classification": "accuracy",
    "multilabel": "label accuracy",
    "regression": "R2",
    "forecasting": "mean absolute error",
    "segmentation": "mean IoU",
    "language": "perplexity",
}

HIDDEN = [
    "    # the same tokens are hidden every time, or no two epochs could be compared",
    "    inputs, targets = hide(inputs, generator=torch.Generator(inputs.device).manual_seed(SEED))",
]


def evaluate(plan: Plan) -> list[str]:
    """A function that scores the network."""
    given = plan.loss.arguments(plan.target, plan.shape, "output", "targets")
    score = SCORES[plan.target.task]
    unit = ", in spreads of the training targets" if plan.target.task == "forecasting" else ""
    batches = f"inputs.split({plan.piece})"
    if plan.several:
        batches = f"zip(*(given.split({plan.piece}) for given in inputs), strict=True)"
    return [
        "def evaluate(model, criterion, inputs, targets):",
        f'    """Loss and {score} of the network on a part of the data{unit}."""',
        *(HIDDEN if plan.hiding else []),
        "    model.eval()",
        "    with torch.inference_mode():",
        *statement("output = ", expression(f"torch.cat([{plan.call('batch')} for batch in {batches}])"), 8),
        f"        loss = criterion({given})",
        *_score(plan),
        "    return loss.item(), score.item()",
    ]


def _score(plan: Plan) -> list[str]:
    """Lines that make `score` from `output` and `targets`."""
    border = 0 if plan.loss.expects == "logits" else 0.5
    match plan.target.task:
        case "classification":
            found = "output.argmax(dim=1)"
            if plan.shape in ((), (1,)):
                found = f"(output.view(-1) > {border}).long()"
            return [f"        score = ({found} == targets).float().mean()"]
        case "multilabel":
            return [f"        score = ((output > {border}) == targets.bool()).float().mean()"]
        case "segmentation":
            one = plan.shape[:1] == (1,)
            found = f"(output[:, 0] > {border}).long()" if one else "output.argmax(dim=1)"
            return [
                f"        found, classes = {found}, range({plan.target.classes})",
                "        both = torch.stack([((found == c) & (targets == c)).sum() for c in classes])",
                "        either = torch.stack([((found == c) | (targets == c)).sum() for c in classes])",
                "        score = (both[either > 0] / either[either > 0]).mean()",
            ]
        case "language":
            return ["        score = loss.exp()"]
    values = {True: "output.exp()", False: "output"}[getattr(plan.loss, "log_input", False)]
    if plan.target.task == "forecasting":
        return [f"        score = ({values}.view_as(targets) - targets).abs().mean()"]
    return [
        f"        left = (({values}.view_as(targets) - targets) ** 2).sum(dim=0)",
        "        spread = ((targets - targets.mean(dim=0)) ** 2).sum(dim=0)",
        "        score = (1 - left / spread).mean()",
    ]


def training_functions(plan: Plan) -> list[list[str]]:
    """The functions that start the weights and go through one epoch."""
    parts = []
    start = plan.job.initialisation.render("parameter")
    each = ["    for name, parameter in model.named_parameters():"]
    if plan.unsure:
        each += [
            '        if name.endswith("_rho"):',
            "            continue  # how unsure a weight is starts as its layer says",
        ]
    if start and start == "nn.init.zeros_(parameter)":
        parts.append([
            "def initialise(model):",
            '    """All matrices, filters and offsets at zero: nothing is learned, which is worth seeing once."""',
            *each,
            '        if parameter.ndim >= 2 or "bias" in name:',
            "            nn.init.zeros_(parameter)",
        ])  # fmt: skip
    elif start:
        parts.append([
            "def initialise(model):",
            '    """Starting values: matrices and filters as named, offsets at zero."""',
            *each,
            "        if parameter.ndim >= 2:",
            *statement("", expression(start), 12),
            '        elif "bias" in name:',
            "            nn.init.zeros_(parameter)",
        ])  # fmt: skip
    settings, per_step = plan.job.settings, plan.job.schedule.per == "step"
    arguments = ["model", "criterion", "optimizer", *(["scheduler"] if per_step else []), "inputs", "targets"]
    count, device = f"len({plan.first})", f"{plan.first}.device"
    size = "BATCH_SIZE" if plan.job.batch_size != "full" else count
    lines = [
        f"def train_epoch({', '.join(arguments)}):",
        '    """One pass over the training part. Returns the mean loss of its steps."""',
        "    model.train()",
        "    losses = []",
        f"    for batch in torch.randperm({count}, device={device}).split({size}):",
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
    if plan.hiding:
        given = plan.loss.arguments(plan.target, plan.shape, "output", "wanted")
        first = ["changed, wanted = hide(inputs[batch])"]
        forward = ["output = model(changed)", f"loss = criterion({given})"]
    elif plan.job.augmentations:
        first = [f"changed, wanted = augment({_augmented(plan)}, targets[batch])"]
        given = plan.loss.arguments(plan.target, plan.shape, "output", "wanted")
        forward = [f"output = {plan.call('changed')}", f"loss = criterion({given})"]
    else:
        first = []
        given = plan.loss.arguments(plan.target, plan.shape, "output", "targets[batch]")
        forward = [f"output = {plan.call(plan.pick('batch'))}", f"loss = criterion({given})"]
    if settings.precision != "float32":
        forward = [f"with torch.autocast({plan.first}.device.type, torch.{settings.precision}):",
                   *(f"    {line}" for line in forward)]  # fmt: skip
    gradients = ["optimizer.zero_grad()", "loss.backward()"]
    if settings.l1:
        gradients += ["for parameter in model.parameters():",
                      f"    parameter.grad.add_(parameter.detach().sign(), alpha={settings.l1!r})  # L1"]  # fmt: skip
    if settings.gradient_clip is not None:
        gradients.append(f"nn.utils.clip_grad_norm_(model.parameters(), {settings.gradient_clip!r})")
    if not plan.job.optimizer.needs_closure:
        return [f"        {line}" for line in [*first, *forward, *gradients, "optimizer.step()"]]
    inside = [f"            {line}" for line in [*first, *forward, *gradients, "return loss"]]
    return ["", "        def closure(batch=batch):", *inside, "", "        loss = optimizer.step(closure)"]


def _augmented(plan: Plan) -> str:
    """Code for the inputs of a batch as `augment` takes them."""
    return f"tuple({plan.pick('batch')[1:-1]})" if plan.several else plan.pick("batch")


def epochs(plan: Plan) -> list[str]:
    """The loop over epochs; with a validation part, the weights of the best epoch are kept."""
    arguments = "model, criterion, optimizer, "
    arguments += "scheduler, " if plan.job.schedule.per == "step" else ""
    score = SCORES[plan.target.task]
    stopping, lines = plan.job.settings.early_stopping, [""]
    if plan.validates:
        lines.append(
            f'    best_loss, {"best_epoch, " if stopping else ""}best = float("inf"), {"0, " if stopping else ""}None'
        )
    lines += [
        "    for epoch in range(1, epochs + 1):",
        *statement(
            "loss = ",
            expression(f"train_epoch({arguments}{plan.pick('training')}, targets[training])"),
            8,
        ),
    ]
    if not plan.validates:
        lines += ['        print(f"{epoch:4d}: loss {loss:.4f}")']
        return lines + (["        scheduler.step()"] if plan.job.schedule.per == "epoch" else [])
    lines += [
        *statement(
            "validation_loss, score = ",
            expression(f"evaluate(model, criterion, {plan.pick('validation')}, targets[validation])"),
            8,
        ),
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
    score = SCORES[plan.target.task]
    lines = [""]
    if plan.tests:
        lines += [
            f"    test_loss, score = evaluate(model, criterion, {plan.pick('test')}, targets[test])",
            f'    print(f"test: loss {{test_loss:.4f}}, {score} {{score:.4f}}")',
        ]
    if not any(step.tied for step in make_plan(plan.job.document).steps):
        return [*lines, '    save_file(model.state_dict(), "model.safetensors")']
    return [
        *lines,
        "    # a weight that two layers share is written under both names",
        "    state = {name: value.clone() for name, value in model.state_dict().items()}",
        '    save_file(state, "model.safetensors")',
    ]
