"""A form for any registry entry (layer, data set, optimizer, …), made from the types, bounds and help of its fields.

    form.draw(session, entry, values, key="conv1", change=lambda values: …)

`values` are those that differ from the defaults. A change is validated by the entry, then `change` is called with the
new values. A wrong value stays in its field with a message below it, and `change` is not called.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import streamlit as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from builder.validation_messages import clip, sentences
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms.distinct import distinct
from pages.parts.forms.field_choices import choices_of
from pages.parts.theme.escaping import markdown

LONGEST_NAME = 17  # letters of a field name that fit into one of two columns
Change = Callable[[dict[str, Any]], str | None]  # a sentence when the change is refused


@dataclass(frozen=True)
class FieldKind:
    """What a field can hold: int, float, bool, str, None, lists of numbers, or words from a list."""

    types: frozenset[type]
    words: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def only(self) -> type | None:
        """The one type it holds, besides None; or None if it holds several."""
        plain = self.types - {type(None)}
        return next(iter(plain)) if len(plain) == 1 and not self.words else None

    @property
    def is_choice(self) -> bool:
        """Whether it holds only words from its list."""
        return bool(self.words) and not self.types - {str, type(None)}

    @property
    def only_lists(self) -> bool:
        """Whether it holds nothing but lists, besides None."""
        return self.types - {type(None)} == {tuple}

    @property
    def optional(self) -> bool:
        return type(None) in self.types


def draw(
    session: Session,
    entry: type[BaseModel],
    values: Mapping[str, Any],
    key: str,
    change: Change,
    columns: int = 2,
    only: Collection[str] | None = None,
) -> None:
    """Draw the entry's fields, or `only` some of them, in `columns`; toggles come last."""
    fields = {info.alias or name: info for name, info in entry.model_fields.items() if only is None or name in only}
    plain = [name for name, info in fields.items() if kind_of(info).only is not bool]
    toggles = [name for name in fields if name not in plain]
    wide = {name for name, info in fields.items() if len(name) > LONGEST_NAME or _has_several_choices(info)}
    for row in [*_rows(plain, columns, wide), *_rows(toggles, columns, wide)]:
        count = 1 if row[0] in wide else columns
        for column, name in zip(st.columns(count, gap="small"), row, strict=False):
            with column:
                _field(session, entry, name, fields[name], values, f"{key}.{name}", change)


def _has_several_choices(info: FieldInfo) -> bool:
    """Whether several choices can be made in it, which need the whole width."""
    extra = info.json_schema_extra
    return isinstance(extra, dict) and "choices" in extra and tuple in kind_of(info).types


def _rows(names: list[str], columns: int, wide: Collection[str]) -> list[list[str]]:
    """The names in rows; those in `wide` have a row to themselves."""
    rows: list[list[str]] = []
    for name in names:
        long = columns > 1 and name in wide
        if not rows or long or len(rows[-1]) == columns or rows[-1][-1] in wide:
            rows.append([])
        rows[-1].append(name)
    return rows


def _field(
    session: Session,
    entry: type[BaseModel],
    name: str,
    info: FieldInfo,
    values: Mapping[str, Any],
    key: str,
    change: Change,
) -> None:
    kind = kind_of(info)
    default = info.get_default(call_default_factory=True)
    value, wrong = values.get(name, default), ""
    if value is not default and not fits_widget(value, kind):
        value, wrong = default, f"{name} cannot be {clip(value)}: choose another value."
    draft = session.drafts.get(key)
    choices = choices_of(info, session)
    chosen = list(value) if isinstance(value, tuple | list) else value
    showing = draft[0] if draft else chosen if choices is not None else widget_value(value, kind)
    widget_key = key_for(session, key, showing)

    def changed() -> None:
        typed = widget(widget_key)
        if typed == showing:
            return
        wanted = parsed(typed, kind) if isinstance(typed, str) and choices is None else typed
        refused = _try(entry, {**values, name: wanted}, change)
        if refused:
            session.drafts[key] = (typed, refused)
        else:
            session.drafts.pop(key, None)

    common = {"key": widget_key, "help": info.description or None, "on_change": changed}
    if choices is None:
        _plain_widget(name, kind, showing, common)
    else:
        _choice_widget(name, choices, showing, kind.optional, common)
    if draft or wrong:
        st.markdown(f":red[{markdown(draft[1] if draft else wrong)}]")


def _plain_widget(name: str, kind: FieldKind, showing: Any, common: dict[str, Any]) -> None:
    """The widget for a kind of field, showing a value."""
    empty = "none" if kind.optional else None
    if kind.only is bool:
        st.toggle(name, bool(showing), **common)
    elif kind.is_choice:
        choices = ([None] if kind.optional else []) + list(kind.words)
        index = choices.index(showing) if showing in choices else 0
        st.selectbox(name, choices, index, format_func=lambda word: "none" if word is None else str(word), **common)
    elif kind.only in (int, float):
        whole = kind.only is int
        number = int if whole else float
        st.number_input(
            name,
            min_value=None if kind.low is None else number(kind.low),
            max_value=None if kind.high is None else number(kind.high),
            value=showing,
            step=1 if whole else _step(showing, kind),
            format="%d" if whole else "%g",
            placeholder=empty,
            **common,
        )
    else:
        st.text_input(name, showing, placeholder=empty, **common)


def _choice_widget(name: str, labels: Mapping[str, str], showing: Any, optional: bool, common: dict[str, Any]) -> None:
    """A list of choices; a value that is no choice any more stays in it, so that a check can report it."""
    if isinstance(showing, list):
        st.multiselect(name, [*dict.fromkeys([*labels, *showing])], showing, placeholder="all", **common)
        return
    choices = [*([None] if optional else []), *labels]
    choices += [showing] if showing not in choices else []
    shown = {None: "none", **distinct(labels)}
    st.selectbox(name, choices, choices.index(showing), format_func=lambda one: str(shown.get(one, one)), **common)


def _step(value: Any, kind: FieldKind) -> float:
    """A tenth of the value, so that 0.001 does not jump to 1.001."""
    if kind.low == 0 and kind.high == 1:
        return 0.05
    size = abs(value) if isinstance(value, int | float) and value else 0.1
    return float(f"{size / 10:.0e}")


def _try(entry: type[BaseModel], values: dict[str, Any], change: Change) -> str | None:
    """Call `change` if the values are valid; else return what is wrong."""
    try:
        entry.model_validate(values)
    except ValidationError as error:
        return " ".join(sentences(error, entry.model_fields).values())
    return change(non_defaults(entry, values))


def non_defaults(entry: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that differ from the entry's defaults: those that a document contains."""
    defaults = {
        info.alias or name: info.get_default(call_default_factory=True)
        for name, info in entry.model_fields.items()
        if not info.is_required()
    }
    return {
        name: value for name, value in values.items() if name not in defaults or _plain(defaults[name]) != _plain(value)
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def kind_of(info: FieldInfo) -> FieldKind:
    """What a field can hold, from its annotation and bounds."""
    found: set[type] = set()
    words: list[Any] = []
    bounds: dict[str, float] = {}
    _bounds(info.metadata, bounds)
    _walk(info.annotation, found, words, bounds)
    low, high = bounds.get("ge"), bounds.get("le")
    return FieldKind(frozenset(found), tuple(words), low, high)


def _walk(annotation: Any, found: set[type], words: list[Any], bounds: dict[str, float]) -> None:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = typing.get_args(annotation)
        for item in metadata:
            _bounds(getattr(item, "metadata", [item]), bounds)
        _walk(inner, found, words, bounds)
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            _walk(member, found, words, bounds)
    elif origin is Literal:
        words.extend(typing.get_args(annotation))
    elif origin in (tuple, list):
        found.add(tuple)
        for member in typing.get_args(annotation):
            if typing.get_origin(member) is Literal:
                words.extend(typing.get_args(member))
    elif isinstance(annotation, type):
        found.add(annotation)


def _bounds(metadata: list[Any], bounds: dict[str, float]) -> None:
    for item in metadata:
        for name in ("ge", "le"):
            if isinstance(getattr(item, name, None), int | float):
                bounds[name] = getattr(item, name)


def fits_widget(value: Any, kind: FieldKind) -> bool:
    """Whether the widget of a field can hold a value; one that can hold text can hold any."""
    if kind.only not in (int, float) or value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, int if kind.only is int else int | float):
        return False
    return (kind.low is None or kind.low <= value) and (kind.high is None or value <= kind.high)


def widget_value(value: Any, kind: FieldKind) -> Any:
    """A value as its widget holds it: text if it may be a number, a list or a word."""
    if kind.only in (bool, int) or kind.is_choice:
        return value
    if kind.only is float:
        return None if value is None else float(value)
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def parsed(text: str, kind: FieldKind) -> Any:
    """The value of a text: '3' → 3, '3, 5' → [3, 5], '' → None; a word as it is, words of a list as a list."""
    text = text.strip()
    if kind.only_lists and kind.words and text:
        return [word for word in re.split(r"[\s,;×]+", text) if word]
    if text in kind.words or kind.only is str:
        return text
    if not text and kind.optional:
        return None
    pieces = [piece for piece in re.split(r"[\s,;×x()\[\]]+", text) if piece]
    numbers = [_number(piece) for piece in pieces]
    if not pieces or None in numbers:
        return text
    return numbers[0] if len(numbers) == 1 and kind.types & {int, float} else numbers


def _number(text: str) -> int | float | None:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return None
