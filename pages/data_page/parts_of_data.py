"""How many samples are in the training, the validation and the test part, as training divides them."""

from __future__ import annotations

from typing import NamedTuple

from pages.data_page import background
from pages.data_page.shown import Shown
from pages.parts.theme.escaping import escape
from trainers.data import DataError, dataset
from trainers.data.splits import parts_of
from trainers.tasks import TASKS

HOW = {"random": "at random", "group": "by group", "time": "in time", "given": "as given"}


class Sizes(NamedTuple):
    training: int
    validation: int
    test: int


def sizes(name: str) -> Sizes:
    """The samples in each part. DataError: the data set cannot be loaded or divided."""
    data = dataset({"name": name})
    return Sizes(*map(len, parts_of(data, data.load())))


def sentence(shown: Shown) -> str:
    """The split as HTML."""
    schema = shown.report.schema
    how = HOW.get(schema.splitting.how, schema.splitting.how)
    setting = next((each for each in shown.report.settings if each.key == "splitting"), None)
    if setting is not None:
        how = str(dict(setting.choices).get(setting.value, how))
    if schema.splitting.how == "random" and schema.task and TASKS[schema.task].splits_by_class:
        how = "at random, classes in equal shares"
    how = schema.division or how
    chip = f'Split: <i class="nl-chip">{escape(how)}</i> '
    if schema.ready:
        return chip
    try:
        found = background.result(shown.key("parts"), lambda: sizes(shown.name))
    except (DataError, OSError) as error:
        return f'{chip}<span class="nl-bad">{escape(str(error))}</span>'
    if found is None:
        return f"{chip} counting …"  # `pending` draws it again
    return f"{chip} training {found.training:,} · validation {found.validation:,} · test {found.test:,}"


def pending(shown: Shown) -> bool:
    """Whether the samples of the parts are still being counted."""
    return not background.is_ready(shown.key("parts"))
