"""The functions of train.py, each as the lines of its source: evaluation, one epoch, all epochs, the end."""

from __future__ import annotations

from builder.analysis.plan import make_plan
from builder.codegen.expressions import Collection, Invoke, Keyword, expression, flat, statement
from trainers.script.data_lines import Plan


def evaluate(plan: Plan) -> list[str]:
    """A function that evaluates the network."""
    given, task = plan.loss.arguments(plan.target, plan.shape, "output", "targets"), plan.target.entry
    batches = f"inputs.split({plan.piece})"
    if plan.several:
        batches = f"zip(*(given.split({plan.piece}) for given in inputs), strict=True)"
    return [
        f"def evaluate(model, criterion, inputs, targets{', weights' if plan.by_sample else ''}):",
        f'    """Loss and {task.script_metric} of the network on a part of the data{task.script_unit}."""',
        *(_hidden(plan) if plan.hiding else []),
        "    model.eval()",
        "    with torch.inference_mode():",
        *statement("output = ", expression(f"torch.cat([{plan.call('batch')} for batch in {batches}])"), 8),
        *statement("loss = ", expression(plan.loss_of(given, "weights")), 8),
        *task.script_score(plan),
        "    return loss.item(), score.item()",
    ]


def _hidden(plan: Plan) -> list[str]:
    """Lines of `evaluate` that mask the same tokens each time."""
    generator = f"generator=torch.Generator({plan.first}.device).manual_seed(SEED)"
    text, copied = plan.text, ["    inputs = list(inputs)"] if plan.several else []
    return [
        "    # the same tokens are masked each time, so that epochs can be compared",
        *copied,
        f"    {text}, targets = hide({text}, {generator})",
    ]


def training_functions(plan: Plan) -> list[list[str]]:
    """The functions that initialise the weights and train for one epoch."""
    return [*_initialise(plan), _train_epoch(plan)]


def _initialise(plan: Plan) -> list[list[str]]:
    """A function that sets the initial weights, where they are not those of the layers and one line does not do it."""
    start = plan.job.initialisation.render("parameter")
    if not start or plan.initialise_source:
        return []
    each = ["    for name, parameter in model.named_parameters():"]
    if start == "nn.init.zeros_(parameter)":
        text = "All weights and biases at zero: the network learns nothing."
        lines = ['        if parameter.ndim >= 2 or "bias" in name:', "            nn.init.zeros_(parameter)"]
    else:
        text = "Initial values: matrices and filters as named, biases at zero."
        lines = ["        if parameter.ndim >= 2:", *statement("", expression(start), 12)]
        lines += ['        elif "bias" in name:', "            nn.init.zeros_(parameter)"]
    return [["def initialise(model):", f'    """{text}"""', *each, *lines]]


def initialise_call(plan: Plan) -> list[str]:
    """Lines of `main` that set the initial weights; none where they are those of the layers."""
    start = plan.job.initialisation.render("weight")
    if not start:
        return []
    if not plan.initialise_source:
        return ["    initialise(model)"]
    names = Collection("()", tuple(f'"{name}"' for name in plan.kept))
    kept = (Keyword("kept", names),) if plan.kept else ()
    return statement("", Invoke("initialise", ("model", f"lambda weight: {flat(expression(start))}", *kept)), 4)


def _train_epoch(plan: Plan) -> list[str]:
    settings, per_step = plan.job.settings, plan.job.schedule.per == "step"
    arguments = ["model", "criterion", "optimizer", *(["scheduler"] if per_step else []), "inputs", "targets"]
    arguments += ["weights"] if plan.by_sample else []
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
        lines += ["        if len(batch) == 1:", "            continue  # one sample has no variance to normalise by"]
    lines += _step(plan)
    if per_step:
        lines += [f"        if scheduler.last_epoch < {plan.total_steps}:", "            scheduler.step()"]
    lines.append("        losses.append(loss.detach())")
    if settings.max_steps:
        lines += ["        if len(losses) == MAX_STEPS:", "            break"]
    return [*lines, "    return torch.stack(losses).mean().item()"]


def _step(plan: Plan) -> list[str]:
    """One step: forward, backward, what is done to the gradients, and the optimizer."""
    settings = plan.job.settings
    if plan.hiding:
        given = plan.loss.arguments(plan.target, plan.shape, "output", "wanted")
        text = plan.text.replace("inputs", "changed")
        several = [f"changed = {plan.pick('batch')}", f"{text}, wanted = hide({text})"]
        first = several if plan.several else ["changed, wanted = hide(inputs[batch])"]
        forward = [f"output = {plan.call('changed')}", f"loss = {plan.loss_of(given, 'weights[batch]')}"]
    elif plan.job.augmentations:
        first = [f"changed, wanted = augment({_augmented(plan)}, targets[batch])"]
        given = plan.loss.arguments(plan.target, plan.shape, "output", "wanted")
        forward = [f"output = {plan.call('changed')}", f"loss = {plan.loss_of(given, 'weights[batch]')}"]
    else:
        first = []
        given = plan.loss.arguments(plan.target, plan.shape, "output", "targets[batch]")
        forward = [f"output = {plan.call(plan.pick('batch'))}", f"loss = {plan.loss_of(given, 'weights[batch]')}"]
    if settings.precision != "float32":
        forward = [
            f"with torch.autocast({plan.first}.device.type, torch.{settings.precision}):",
            *(f"    {line}" for line in forward),
        ]
    gradients = ["optimizer.zero_grad()", "loss.backward()"]
    if settings.l1:
        gradients += [
            "for parameter in model.parameters():",
            f"    parameter.grad.add_(parameter.detach().sign(), alpha={settings.l1!r})  # L1",
        ]
    if settings.gradient_clip is not None:
        gradients.append(f"nn.utils.clip_grad_norm_(model.parameters(), {settings.gradient_clip!r})")
    if not plan.job.optimizer.needs_closure:
        return [f"        {line}" for line in [*first, *forward, *gradients, "optimizer.step()"]]
    inside = [f"            {line}" for line in [*first, *forward, *gradients, "return loss"]]
    return ["", "        def closure(batch=batch):", *inside, "", "        loss = optimizer.step(closure)"]


def _augmented(plan: Plan) -> str:
    """Code for the inputs of a batch as `augment` takes them."""
    return f"tuple({plan.pick('batch')[1:-1]})" if plan.several else plan.pick("batch")


def _known(plan: Plan, part: str) -> str:
    """Code for the targets of a part, and the weights of its samples."""
    return f"targets[{part}], weights[{part}]" if plan.by_sample else f"targets[{part}]"


def epochs(plan: Plan) -> list[str]:
    """The loop over epochs; with a validation part, the weights of the best epoch are kept."""
    arguments = "model, criterion, optimizer, "
    arguments += "scheduler, " if plan.job.schedule.per == "step" else ""
    score = plan.target.entry.script_metric
    stopping, lines = plan.job.settings.early_stopping, [""]
    if plan.validates:
        lines.append(
            f'    best_loss, {"best_epoch, " if stopping else ""}best = float("inf"), {"0, " if stopping else ""}None'
        )
    lines += [
        "    for epoch in range(1, epochs + 1):",
        *statement(
            "loss = ",
            expression(f"train_epoch({arguments}{plan.pick('training')}, {_known(plan, 'training')})"),
            8,
        ),
    ]
    if not plan.validates:
        lines += ['        print(f"{epoch:4d}: loss {loss:.4f}")']
        return lines + (["        scheduler.step()"] if plan.job.schedule.per == "epoch" else [])
    lines += [
        *statement(
            "validation_loss, score = ",
            expression(f"evaluate(model, criterion, {plan.pick('validation')}, {_known(plan, 'validation')})"),
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
        lines += [f"        elif epoch - best_epoch >= {stopping.patience}:", "            break  # no improvement"]
    return [*lines, "    model.load_state_dict(best or model.state_dict())"]


def ending(plan: Plan) -> list[str]:
    """The test metric, and the weights in a file."""
    score = plan.target.entry.script_metric
    lines = [""]
    if plan.tests:
        lines += [
            f"    test_loss, score = evaluate(model, criterion, {plan.pick('test')}, {_known(plan, 'test')})",
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
