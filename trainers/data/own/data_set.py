"""Data sets of one's own by their names, as classes like those that come with Netloom."""

from __future__ import annotations

import functools
import re
from typing import Any, ClassVar

from trainers.data.base import DataError, DataSet
from trainers.data.own.kind import kind_of
from trainers.data.own.library import PREFIX, Facts, Stored, names, stored


class OwnData(DataSet):
    """What all data sets of one's own share. Each is a class of its own, so that its facts are those of a class."""

    licence: ClassVar[str] = ""
    stored: ClassVar[Stored]

    @property
    def samples(self) -> int:
        return self.stored.source.rows

    @property
    def gone(self) -> str:
        return self.stored.gone

    def facts(self) -> Facts:
        """What new samples need besides the schema, for a run to keep: what is asked by `Stored.remembered`."""
        return {"samples": self.samples, "given_parts": dict(self.given_parts)}

    @property
    def grouped(self) -> bool:
        return bool(self.stored.schema.splitting.how == "group")


def made_of(base: type[OwnData], name: str, stored: Stored, summary: str, **members: Any) -> type[OwnData]:
    """The class of one data set, a subclass of what its kind has. `summary` says in a sentence what it holds."""
    title = re.sub(r"[^\w .,()+-]", "_", stored.source.title)[:80]  # shown as Markdown, among other places
    members = {
        "__module__": __name__,
        "__doc__": summary,
        "__annotations__": dict.fromkeys(("name", "title", "task", "origin", "stored", "order", *members), ClassVar),
        "name": name,
        "title": title,
        "task": stored.schema.task,
        "origin": stored.source.path or "added by you",
        "stored": stored,
        "order": "time" if stored.schema.splitting.how == "time" else "shuffled",
        **members,
    }
    return type(f"_{base.__name__.lstrip('_')}Of", (base,), members)


def is_own(name: str) -> bool:
    """Whether a name is that of a data set of one's own."""
    return name.startswith(PREFIX)


def own_names() -> list[str]:
    """The names of all data sets of one's own, "own/…"."""
    return [PREFIX + name for name in names()]


def own_data_set(name: str) -> type[DataSet]:
    """The data set of this name ("own/titanic", "own/titanic@1") as a class, like those of DATASETS.

    Raises:
        DataError: there is none, or it has nothing to predict.
    """
    found = stored(name)
    if found.schema.ready:
        raise DataError(f"{found.full_name} cannot be used: {found.schema.ready}")
    return _class_of(
        name, str(found.folder), found.schema.model_dump_json(), found.source.sha256, found.source.added, found.run
    )


@functools.lru_cache(maxsize=64)
def _class_of(name: str, folder: str, schema: str, digest: str, added: float, run: str) -> type[DataSet]:
    """The class, made anew whenever the schema, the file or the run that keeps a copy is another one."""
    found = stored(name)
    return kind_of(found).data_set(name, found)
