"""A form for any registry entry (layer, data set, optimizer, …), drawn from its fields: type, bounds, default, help.

    form.draw(session, entry, values, key="conv1", change=lambda values: …)

`values` are those that differ from the defaults. A change is validated by the entry itself and handed on as the new
complete `values`; a wrong value stays in its field with a sentence under it, and nothing is handed on.
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

from builder.validation_messages import sentences
from pages.parts.document.session import Session, key_for, widget
from pages.parts.forms.field_choices import offered
from pages.parts.theme.escaping import markdown

LONGEST_NAME = 17  # letters of a field that two columns have room for
Change = Callable[[dict[str, Any]], str | None]  # a sentence when the change is refused


@dataclass(frozen=True)
class Kind:
    """What a field can hold: some of int, float, bool, str, None, lists of numbers, and words from a list."""

    types: frozenset[type]
    words: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def only(self) -> type | None:
        """The one plain type it holds, None apart; or None when it holds several."""
        plain = self.types - {type(None)}
        return next(iter(plain)) if len(plain) == 1 and not self.words else None

    @property
    def is_choice(self) -> bool:
        """Whether it holds nothing but words from its list."""
        return bool(self.words) and not self.types - {str, type(None)}

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
    """Draw the entry's fields, or `only` some; toggles after the others, in two columns unless told otherwise."""
    fields = {info.alias or name: info for name, info in entry.model_fields.items() if only is None or name in only}
    plain = [name for name, info in fields.items() if kind_of(info).only is not bool]
    toggles = [name for name in fields if name not in plain]
    alone = {name for name, info in fields.items() if len(name) > LONGEST_NAME or _takes_several(info)}
    for row in [*_rows(plain, columns, alone), *_rows(toggles, columns, alone)]:
        wide = 1 if row[0] in alone else columns
        for column, name in zip(st.columns(wide, gap="small"), row, strict=False):
            with column:
                _field(session, entry, name, fields[name], values, f"{key}.{name}", change)


def _takes_several(info: FieldInfo) -> bool:
    """Whether several names are chosen in it, which need room."""
    extra = info.json_schema_extra
    return isinstance(extra, dict) and "offers" in extra and tuple in kind_of(info).types


def _rows(names: list[str], columns: int, alone: Collection[str]) -> list[list[str]]:
    """The names in rows; those in `alone` have a row of their own, or they would be broken in the middle."""
    rows: list[list[str]] = []
    for name in names:
        long = columns > 1 and name in alone
        if not rows or long or len(rows[-1]) == columns or rows[-1][-1] in alone:
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
    value = values.get(name, info.get_default(call_default_factory=True))
    draft = session.drafts.get(key)
    names = offered(info, session)
    named = list(value) if isinstance(value, tuple | list) else value
    showing = draft[0] if draft else named if names is not None else shown(value, kind)
    held = key_for(session, key, showing)

    def changed() -> None:
        typed = widget(held)
        if typed == showing:
            return
        wanted = parsed(typed, kind) if isinstance(typed, str) and names is None else typed
        complaint = _try(entry, {**values, name: wanted}, change)
        if complaint:
            session.drafts[key] = (typed, complaint)
        else:
            session.drafts.pop(key, None)

    common = {"key": held, "help": info.description or None, "on_change": changed}
    if names is None:
        _widget(name, kind, showing, common)
    else:
        _named(name, names, showing, kind.optional, common)
    if draft:
        st.markdown(f":red[{markdown(draft[1])}]")


def _widget(name: str, kind: Kind, showing: Any, common: dict[str, Any]) -> None:
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


def _named(name: str, names: Mapping[str, str], showing: Any, optional: bool, common: dict[str, Any]) -> None:
    """A list of what there is to name; a name that is not there any more stays in it, so that a check can tell."""
    if isinstance(showing, list):
        st.multiselect(name, [*dict.fromkeys([*names, *showing])], showing, placeholder="all", **common)
        return
    choices = [*([None] if optional else []), *names]
    choices += [showing] if showing not in choices else []
    told = {None: "none", **names}
    st.selectbox(name, choices, choices.index(showing), format_func=lambda one: str(told.get(one, one)), **common)


def _step(value: Any, kind: Kind) -> float:
    """A tenth of the value's own size, so that 0.001 does not jump to 1.001."""
    if kind.low == 0 and kind.high == 1:
        return 0.05
    size = abs(value) if isinstance(value, int | float) and value else 0.1
    return float(f"{size / 10:.0e}")


def _try(entry: type[BaseModel], values: dict[str, Any], change: Change) -> str | None:
    """Hand the values on if the entry takes them; else say what is wrong."""
    try:
        entry.model_validate(values)
    except ValidationError as error:
        return " ".join(sentences(error, entry.model_fields).values())
    return change(differing(entry, values))


def differing(entry: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only the values that are not the entry's defaults: what a document writes down."""
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


def kind_of(info: FieldInfo) -> Kind:
    """What a field can hold, read off its annotation and bounds."""
    found: set[type] = set()
    words: list[Any] = []
    bounds: dict[str, float] = {}
    _bounds(info.metadata, bounds)
    _walk(info.annotation, found, words, bounds)
    low, high = bounds.get("ge"), bounds.get("le")
    return Kind(frozenset(found), tuple(words), low, high)


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
    elif isinstance(annotation, type):
        found.add(annotation)


def _bounds(metadata: list[Any], bounds: dict[str, float]) -> None:
    for item in metadata:
        for name in ("ge", "le"):
            if isinstance(getattr(item, name, None), int | float):
                bounds[name] = getattr(item, name)


def shown(value: Any, kind: Kind) -> Any:
    """A value as its widget holds it: text for what may be a number, a list or a word."""
    if kind.only in (bool, int) or kind.is_choice:
        return value
    if kind.only is float:
        return None if value is None else float(value)
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def parsed(text: str, kind: Kind) -> Any:
    """What was typed, as the value it stands for: '3' → 3, '3, 5' → [3, 5], '' → None, a word as itself."""
    text = text.strip()
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
