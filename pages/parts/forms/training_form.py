"""How the network is to be trained: document.training as forms, one group each. Every change is an undoable edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from builder.edits import SetTraining
from pages.parts import views
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms import augmentation_form, form
from pages.parts.forms.registry_choice import Choice, Options, options_of
from pages.parts.theme.escaping import markdown
from trainers.data import DATASETS, NOT_OPTIONS, DataError, dataset
from trainers.engine.device import device_names
from trainers.job import Batching, EarlyStopping, Settings
from trainers.objectives.losses import LOSSES, Loss
from trainers.optim.initialisation import INITIALISATIONS
from trainers.optim.optimizers import OPTIMIZERS
from trainers.optim.schedules import SCHEDULES
from trainers.paradigms import PARADIGMS
from trainers.paradigms.base import Paradigm

Training = dict[str, Any]
FIRST = {"optimizer": "Adam", "schedule": "constant", "initialisation": "default"}  # when nothing is said
SPLIT = ("validation", "test", "train_samples")
BATCHES = {"single": "single sample", "mini": "mini-batch", "full": "full batch"}


def show(session: Session) -> None:
    """All settings; what is changed most stands open."""
    if not session.view.complete:
        st.caption("Loading …")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="settings_head"):
        st.html('<div class="nl-heading"><span class="nl-title">Settings</span></div>')
        _step(session, "undo", session.history.undo, session.history.can_undo, session.history.undo_label)
        _step(session, "redo", session.history.redo, session.history.can_redo, session.history.redo_label)
    for key, title, is_open, draw in GROUPS:
        with st.expander(title, is_open, key=f"group_{key}"):
            draw(session)


def _step(session: Session, name: str, act: Callable[[], None], enabled: bool, what: str) -> None:
    st.button(
        "", icon=f":material/{name}:", key=f"settings_{name}", on_click=act, disabled=not enabled, type="tertiary",
        help=f"{name.capitalize()} “{markdown(what)}”" if what else name.capitalize(),
    )  # fmt: skip


def _change(session: Session, changes: Mapping[str, Any], label: str) -> str | None:
    """Put values into training; None takes a key out, so that what is usual is not written down."""
    training = {**session.document.training, **changes}
    kept = {key: value for key, value in training.items() if value is not None}
    session.apply(SetTraining(kept), label)
    return None


def _registered(session: Session, choice: Choice) -> None:
    key = choice.key
    options = options_of(session.document.training.get(key), FIRST[key])

    def write(new: Options, label: str) -> None:
        if key == "optimizer" and new["name"] != options["name"]:
            new = _carried(options, new)
        _change(session, {key: new}, label)

    choice.draw(session, options, write)


def _carried(old: Options, new: Options) -> Options:
    """Another optimizer keeps the L2 that was set, where it has one."""
    decay = old.get("weight_decay")
    has = "weight_decay" in OPTIMIZERS[new["name"]].model_fields
    return {**new, "weight_decay": decay} if decay and has else new


# ---- the groups --------------------------------------------------------------------------------------------------


def _data(session: Session) -> None:
    data: Options = dict(session.document.training.get("data") or {})
    plain = {key: value for key, value in data.items() if key in NOT_OPTIONS}
    options = {key: value for key, value in data.items() if key not in NOT_OPTIONS}
    choice = Choice("data", "data set", DATASETS, "What the network learns from.", empty="Choose a data set")
    choice.draw(session, options, lambda new, label: _set_data(session, {**new, **plain}, label))
    form.draw(
        session, Batching, {key: plain[key] for key in SPLIT if key in plain}, "train.split",
        lambda new: _set_data(session, {**options, **_batch(data), **new}, "Change the split"), only=SPLIT,
    )  # fmt: skip


def _batch(data: Options) -> Options:
    return {key: data[key] for key in ("batch_size", "augmentation") if key in data}


def _augmentation(session: Session) -> None:
    data: Options = dict(session.document.training.get("data") or {})
    try:
        made = dataset(data)
    except DataError:
        st.caption("Choose a data set first.")
        return
    augmentation_form.show(
        session, data.get("augmentation"), made, "train",
        lambda entries, label: _change(session, {"data": {**data, "augmentation": entries}}, label),
    )  # fmt: skip


def _set_data(session: Session, data: Options, label: str) -> str | None:
    return _change(session, {"data": data}, label)


def _paradigm(session: Session) -> None:
    paradigm = options_of(session.document.training.get("paradigm"), "supervised")

    def write(new: Options, label: str) -> None:
        kept = {key: paradigm[key] for key in apart if key in paradigm and new["name"] == paradigm["name"]}
        _change(session, {"paradigm": {**kept, **new}}, label)

    kind = PARADIGMS.get(str(paradigm["name"]))
    apart = frozenset({"loss"} if _chooses_loss(paradigm) else ()) | _apart(kind)
    shown = {key: value for key, value in paradigm.items() if key not in apart}
    help_ = "What the network is asked for: answers that are known, the next piece of a text, pictures like those seen."
    Choice("paradigm", "way of training", PARADIGMS, help_, apart).draw(session, shown, write)
    for view in views.chosen("form", kind.forms if kind is not None else ()):
        view.draw(session)


def _apart(kind: type[Paradigm] | None) -> frozenset[str]:
    """Options that are drawn by a form of their own."""
    fields = {} if kind is None else kind.model_fields
    extras = {name: info.json_schema_extra for name, info in fields.items()}
    return frozenset(name for name, extra in extras.items() if isinstance(extra, dict) and extra.get("apart"))


def _chooses_loss(paradigm: Options) -> bool:
    """Whether the way of training takes any loss that suits the data set; else what it makes small is its own."""
    kind = PARADIGMS.get(str(paradigm["name"]))
    return kind is None or kind.chooses_loss


def _loss(session: Session) -> None:
    training = session.document.training
    paradigm = options_of(training.get("paradigm"), "supervised")
    if not _chooses_loss(paradigm):
        st.caption(f"{PARADIGMS[paradigm['name']].label} has a loss of its own: see its options in Way of training.")
        return
    data = DATASETS.get(str((training.get("data") or {}).get("name")))
    options = options_of(paradigm.get("loss"), _usual_loss(data.task) if data else None)
    fitting: dict[str, type[Loss]] = {
        name: loss
        for name, loss in LOSSES.items()
        if data is None or data.task in loss.tasks or name == options["name"]
    }

    def write(new: Options, label: str) -> None:
        _change(session, {"paradigm": {**paradigm, "loss": new if len(new) > 1 else new["name"]}}, label)

    Choice("loss", "loss", fitting, "What training makes small.").draw(session, options, write)


def _usual_loss(task: Any) -> str:
    from trainers.objectives.losses import default_loss

    return default_loss(task).name


def _optimizer(session: Session) -> None:
    help_ = "The rule by which the weights move against their gradients."
    _registered(session, Choice("optimizer", "optimizer", OPTIMIZERS, help_, frozenset({"weight_decay"})))


def _schedule(session: Session) -> None:
    _registered(session, Choice("schedule", "schedule", SCHEDULES, "How the learning rate changes while it trains."))


def _length(session: Session) -> None:
    data: Options = dict(session.document.training.get("data") or {})
    size = data.get("batch_size", 64)
    kind = "full" if size == "full" else "single" if size == 1 else "mini"
    held = key_for(session, "train.batches", kind)

    def chosen() -> None:
        picked = widget(held)
        if picked not in (None, kind):
            size = {"full": "full", "single": 1, "mini": 64}[picked]
            _set_data(session, {**data, "batch_size": size}, "Change the batch size")

    st.selectbox(
        "one step learns from", list(BATCHES), list(BATCHES).index(kind), key=held, on_change=chosen,
        format_func=BATCHES.__getitem__,
        help="A single sample is stochastic descent, all samples full-batch descent; mini-batches are usual.",
    )  # fmt: skip
    if kind == "mini":
        _batch_size(session, data, size)
    settings = {key: value for key, value in session.document.training.items() if key in ("epochs", "max_steps")}
    _plain(session, settings, ("epochs", "max_steps"))


def _batch_size(session: Session, data: Options, size: Any) -> None:
    shown = size if isinstance(size, int) and size > 1 else 64
    held = key_for(session, "train.batch_size", shown)

    def changed() -> None:
        if widget(held) not in (None, shown):
            _set_data(session, {**data, "batch_size": widget(held)}, "Change the batch size")

    st.number_input(
        "batch_size", 2, 1_000_000, shown, key=held, on_change=changed,
        help="Samples per step: small batches are noisy and take many steps, large ones are smooth and take few.",
    )  # fmt: skip


def _plain(session: Session, values: Options, only: tuple[str, ...]) -> None:
    """Plain settings, straight from `Settings`."""

    def changed(new: Options) -> None:
        _change(session, {name: new.get(name) for name in only}, f"Change {' and '.join(only)}")

    form.draw(session, Settings, values, f"train.{only[0]}", changed, only=only)


def _regularisation(session: Session) -> None:
    training = session.document.training
    _plain(session, _some(training, "l1", "gradient_clip"), ("l1", "gradient_clip"))
    optimizer = options_of(training.get("optimizer"), FIRST["optimizer"])
    entry = OPTIMIZERS.get(str(optimizer["name"]))
    if entry is not None and "weight_decay" in entry.model_fields:
        st.caption("L2 is the optimizer's weight_decay: it draws large weights towards zero the most.")
        values = {key: value for key, value in optimizer.items() if key != "name"}
        form.draw(
            session, entry, values, f"train.l2.{entry.name}",
            lambda new: _change(session, {"optimizer": {"name": entry.name, **new}}, "Change L2"), 1, ("weight_decay",),
        )  # fmt: skip
    elif entry is not None:
        st.caption(f"{entry.label} has no weight_decay, so there is no L2 here.")
    _early_stopping(session, training.get("early_stopping"))


def _early_stopping(session: Session, value: Any) -> None:
    held = key_for(session, "train.early_stopping", value is not None)

    def toggled() -> None:
        if widget(held) != (value is not None):
            _change(session, {"early_stopping": {"patience": 5} if widget(held) else None}, "Change early stopping")

    st.toggle(
        "early stopping", value is not None, key=held, on_change=toggled,
        help="Stop when the validation loss has not fallen for some epochs. The best weights are kept either way.",
    )  # fmt: skip
    if isinstance(value, Mapping):
        form.draw(
            session, EarlyStopping, value, "train.early",
            lambda new: _change(session, {"early_stopping": {"patience": 5, **new}}, "Change early stopping"),
        )  # fmt: skip


def _machine(session: Session) -> None:
    training = session.document.training
    _registered(session, Choice("initialisation", "initial weights", INITIALISATIONS, "What the weights start from."))
    _device(session, str(training.get("device", "auto")))
    _plain(session, _some(training, "seed", "precision", "compile"), ("seed", "precision", "compile"))


def _device(session: Session, device: str) -> None:
    names = ["auto", *device_names()]
    names += [device] if device not in names else []
    held = key_for(session, "train.device", device)

    def changed() -> None:
        if widget(held) not in (None, device):
            _change(session, {"device": widget(held)}, "Change the device")

    st.selectbox(
        "device", names, names.index(device), key=held, on_change=changed,
        help="Where it computes. auto takes a GPU where there is one, else the CPU.",
    )  # fmt: skip


def _some(training: Training, *names: str) -> Options:
    return {name: training[name] for name in names if name in training}


GROUPS: tuple[tuple[str, str, bool, Callable[[Session], None]], ...] = (
    ("data", "Data", False, _data),
    ("augmentation", "Augmentation", False, _augmentation),
    ("paradigm", "Way of training", False, _paradigm),
    ("loss", "Loss", False, _loss),
    ("optimizer", "Optimizer", True, _optimizer),
    ("schedule", "Schedule", False, _schedule),
    ("length", "Batches and length", True, _length),
    ("regularisation", "Regularisation", False, _regularisation),
    ("machine", "Start and machine", False, _machine),
)
