"""The training settings of a document as forms, one group each. Every change is an undoable edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from builder.edits import SetTraining
from pages.parts import views
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import augmentation_form, form
from pages.parts.forms.registry_choice import Options, RegistryChoice, data_options, options_of
from pages.parts.theme.escaping import markdown
from trainers.data import DATASETS, NOT_OPTIONS, DataError, choices, dataset
from trainers.engine.device import device_names
from trainers.job import Batching, EarlyStopping, Settings
from trainers.objectives.losses import Loss
from trainers.objectives.registry import all_losses, default_loss, losses_for
from trainers.optim.initialisation import INITIALISATIONS
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES
from trainers.paradigms import DEFAULT_PARADIGM, PARADIGMS, Paradigm

DEFAULTS = {"optimizer": "Adam", "schedule": "constant", "initialisation": "default"}  # as in Job
KEPT = "The run keeps the settings that it was started with. Changes here apply to the next run."
SPLIT = ("validation", "test", "train_samples")
BATCH_SIZES = {"single": "one sample", "mini": "mini-batch", "full": "full batch"}


def show(session: Session, trains: bool = False) -> None:
    """All settings; the groups that are changed most are open. `trains`: a run trains now, and keeps its own."""
    if not session.document_facts.complete:
        st.caption("Loading …")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="settings_head"):
        note = f'<small class="nl-quiet" title="{KEPT}">for the next run</small>' if trains else ""
        st.html(f'<div class="nl-heading"><span class="nl-title">Settings</span>{note}</div>')
        _history_button(session, "undo", session.undo, session.history.can_undo, session.history.undo_label)
        _history_button(session, "redo", session.redo, session.history.can_redo, session.history.redo_label)
    for key, title, is_open, draw in GROUPS:
        with st.expander(title, is_open, key=f"group_{key}"):
            draw(session)


def _history_button(session: Session, name: str, action: Callable[[], None], enabled: bool, edit: str) -> None:
    st.button(
        "",
        icon=f":material/{name}:",
        key=f"settings_{name}",
        on_click=action,
        disabled=not enabled,
        type="tertiary",
        help=f"{name.capitalize()} “{markdown(edit)}”" if edit else name.capitalize(),
    )


def _change(session: Session, changes: Mapping[str, Any], label: str) -> str | None:
    """Put values into `training`; None removes a key, so that defaults are not written into the document."""
    training = {**session.document.training, **changes}
    kept = {key: value for key, value in training.items() if value is not None}
    session.apply(SetTraining(kept), label)
    return None


def _registered(session: Session, choice: RegistryChoice) -> None:
    key = choice.key
    options = options_of(session.document.training.get(key), DEFAULTS[key])

    def write(new: Options, label: str) -> None:
        if key == "optimizer" and new["name"] != options["name"]:
            new = _with_weight_decay(options, new)
        _change(session, {key: new}, label)

    choice.draw(session, options, write)


def _with_weight_decay(old: Options, new: Options) -> Options:
    """Another optimizer keeps the weight decay that was set, if it has that option."""
    decay = old.get("weight_decay")
    has = "weight_decay" in OPTIMIZERS[new["name"]].model_fields
    return {**new, "weight_decay": decay} if decay and has else new


# ---- the groups --------------------------------------------------------------------------------------------------


def _data(session: Session) -> None:
    data: Options = data_options(session.document.training.get("data"))
    plain = {key: value for key, value in data.items() if key in NOT_OPTIONS}
    options = {key: value for key, value in data.items() if key not in NOT_OPTIONS}
    choice = RegistryChoice(
        "data",
        "data set",
        choices(options.get("name")),
        "The samples that the network is trained on.",
        empty="Choose a data set",
    )
    choice.draw(session, options, lambda new, label: _set_data(session, {**new, **plain}, label))
    form.draw(
        session,
        Batching,
        {key: plain[key] for key in SPLIT if key in plain},
        "train.split",
        lambda new: _set_data(session, {**options, **_batch(data), **new}, "Change the split"),
        only=SPLIT,
    )


def _batch(data: Options) -> Options:
    return {key: data[key] for key in ("batch_size", "augmentation") if key in data}


def _augmentation(session: Session) -> None:
    data: Options = data_options(session.document.training.get("data"))
    try:
        made = dataset(data)
    except DataError:
        st.caption("Choose a data set first.")
        return
    augmentation_form.show(
        session,
        data.get("augmentation"),
        made,
        "train",
        lambda entries, label: _change(session, {"data": {**data, "augmentation": entries}}, label),
    )


def _set_data(session: Session, data: Options, label: str) -> str | None:
    return _change(session, {"data": data}, label)


def _paradigm(session: Session) -> None:
    paradigm = _paradigm_options(session)

    def write(new: Options, label: str) -> None:
        kept = {key: paradigm[key] for key in hidden if key in paradigm and new["name"] == paradigm["name"]}
        _change(session, {"paradigm": {**kept, **new}}, label)

    kind = PARADIGMS.get(str(paradigm["name"]))
    hidden = frozenset({"loss"} if _chooses_loss(paradigm) else ()) | _with_own_form(kind)
    shown = {key: value for key, value in paradigm.items() if key not in hidden}
    help_ = "What the network learns: to predict known targets, to generate samples, to reconstruct its input, …"
    RegistryChoice("paradigm", "training method", PARADIGMS, help_, hidden).draw(session, shown, write)
    for view in views.chosen("form", kind.forms if kind is not None else ()):
        view.draw(session)


def _paradigm_options(session: Session) -> Options:
    return options_of(session.document.training.get("paradigm"), DEFAULT_PARADIGM)


def _with_own_form(kind: type[Paradigm] | None) -> frozenset[str]:
    """Options that have a form of their own: fields with `json_schema_extra={"own_form": True}`."""
    fields = {} if kind is None else kind.model_fields
    extras = {name: info.json_schema_extra for name, info in fields.items()}
    return frozenset(name for name, extra in extras.items() if isinstance(extra, dict) and extra.get("own_form"))


def _chooses_loss(paradigm: Options) -> bool:
    """Whether the paradigm can use any loss that suits the data set; else it has a loss of its own."""
    kind = PARADIGMS.get(str(paradigm["name"]))
    return kind is None or kind.chooses_loss


def _loss(session: Session) -> None:
    training, paradigm = session.document.training, _paradigm_options(session)
    if not _chooses_loss(paradigm):
        label = PARADIGMS[paradigm["name"]].label
        st.caption(f"{label} has its own loss. Its options are in the group Training method.")
        return
    data = DATASETS.get(str(data_options(training.get("data")).get("name")))
    options = options_of(paradigm.get("loss"), default_loss(data.task).name if data else None)
    suited: dict[str, type[Loss]] = dict(all_losses() if data is None else losses_for(data.task))
    suited |= {name: loss for name, loss in all_losses().items() if name == options["name"]}

    def write(new: Options, label: str) -> None:
        _change(session, {"paradigm": {**paradigm, "loss": new if len(new) > 1 else new["name"]}}, label)

    RegistryChoice("loss", "loss", suited, "The function that training minimises.").draw(session, options, write)


def _optimizer(session: Session) -> None:
    help_ = "The rule that updates the weights from their gradients."
    _registered(session, RegistryChoice("optimizer", "optimizer", OPTIMIZERS, help_, frozenset({"weight_decay"})))


def _schedule(session: Session) -> None:
    help_ = "How the learning rate changes during training."
    _registered(session, RegistryChoice("schedule", "schedule", SCHEDULES, help_))


def _length(session: Session) -> None:
    data: Options = data_options(session.document.training.get("data"))
    size = data.get("batch_size", 64)
    kind = "full" if size == "full" else "single" if size == 1 else "mini"
    widget_key = key_for(session, "train.batches", kind)

    def chosen() -> None:
        picked = widget(widget_key)
        if picked not in (None, kind):
            size = {"full": "full", "single": 1, "mini": 64}[picked]
            _set_data(session, {**data, "batch_size": size}, "Change the batch size")

    st.selectbox(
        "batching",
        list(BATCH_SIZES),
        list(BATCH_SIZES).index(kind),
        key=widget_key,
        on_change=chosen,
        format_func=BATCH_SIZES.__getitem__,
        help="Samples per step: one (stochastic gradient descent), a mini-batch, or all (full-batch gradient descent).",
    )
    if kind == "mini":
        _batch_size(session, data, size)
    settings = {key: value for key, value in session.document.training.items() if key in ("epochs", "max_steps")}
    _plain(session, settings, ("epochs", "max_steps"))


def _batch_size(session: Session, data: Options, size: Any) -> None:
    shown = size if isinstance(size, int) and size > 1 else 64
    widget_key = key_for(session, "train.batch_size", shown)

    def changed() -> None:
        if widget(widget_key) not in (None, shown):
            _set_data(session, {**data, "batch_size": widget(widget_key)}, "Change the batch size")

    st.number_input(
        "batch_size",
        2,
        1_000_000,
        shown,
        key=widget_key,
        on_change=changed,
        help="Samples per step. Small: noisy gradients and many steps. Large: smooth gradients and few steps.",
    )


def _plain(session: Session, values: Options, only: tuple[str, ...]) -> None:
    """Fields of `Settings`."""

    def changed(new: Options) -> None:
        _change(session, {name: new.get(name) for name in only}, f"Change {' and '.join(only)}")

    form.draw(session, Settings, values, f"train.{only[0]}", changed, only=only)


def _regularisation(session: Session) -> None:
    training = session.document.training
    _plain(session, _some(training, "l1", "gradient_clip"), ("l1", "gradient_clip"))
    optimizer = options_of(training.get("optimizer"), DEFAULTS["optimizer"])
    entry = OPTIMIZERS.get(str(optimizer["name"]))
    if entry is not None and "weight_decay" in entry.model_fields:
        st.caption("L2 regularisation is the optimizer's weight_decay: it pulls weights towards zero.")
        values = {key: value for key, value in optimizer.items() if key != "name"}
        form.draw(
            session,
            entry,
            values,
            f"train.l2.{entry.name}",
            lambda new: _change(session, {"optimizer": {"name": entry.name, **new}}, "Change L2"),
            1,
            ("weight_decay",),
        )
    elif entry is not None:
        st.caption(f"{entry.label} has no weight_decay, so it has no L2 regularisation.")
    _early_stopping(session, training.get("early_stopping"))


def _early_stopping(session: Session, value: Any) -> None:
    widget_key = key_for(session, "train.early_stopping", value is not None)

    def toggled() -> None:
        if widget(widget_key) != (value is not None):
            _change(
                session, {"early_stopping": {"patience": 5} if widget(widget_key) else None}, "Change early stopping"
            )

    st.toggle(
        "early stopping",
        value is not None,
        key=widget_key,
        on_change=toggled,
        help="Stop when the validation metric has not improved for some epochs. The best weights are kept in any case.",
    )
    if isinstance(value, Mapping):
        form.draw(
            session,
            EarlyStopping,
            value,
            "train.early",
            lambda new: _change(session, {"early_stopping": {"patience": 5, **new}}, "Change early stopping"),
        )


def _machine(session: Session) -> None:
    training, help_ = session.document.training, "The distribution of the weights before training."
    _registered(session, RegistryChoice("initialisation", "initialisation", INITIALISATIONS, help_))
    _device(session, str(training.get("device", "auto")))
    plain = ("seed", "threads", "precision", "compile")
    _plain(session, _some(training, *plain), plain)


def _device(session: Session, device: str) -> None:
    names = ["auto", *device_names()]
    names += [device] if device not in names else []
    widget_key = key_for(session, "train.device", device)

    def changed() -> None:
        if widget(widget_key) not in (None, device):
            _change(session, {"device": widget(widget_key)}, "Change the device")

    st.selectbox(
        "device",
        names,
        names.index(device),
        key=widget_key,
        on_change=changed,
        help="The device that trains. auto: a GPU if there is one, else the CPU.",
    )


def _some(training: Options, *names: str) -> Options:
    return {name: training[name] for name in names if name in training}


GROUPS: tuple[tuple[str, str, bool, Callable[[Session], None]], ...] = (
    ("data", "Data", False, _data),
    ("augmentation", "Augmentation", False, _augmentation),
    ("paradigm", "Training method", False, _paradigm),
    ("loss", "Loss", False, _loss),
    ("optimizer", "Optimizer", True, _optimizer),
    ("schedule", "Schedule", False, _schedule),
    ("length", "Epochs and batch size", True, _length),
    ("regularisation", "Regularisation", False, _regularisation),
    ("machine", "Initialisation and device", False, _machine),
)
