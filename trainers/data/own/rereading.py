"""Reads a file again that has changed since it was added, and says in words what is different."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trainers.data.base import DataError
from trainers.data.own import library
from trainers.data.own.kind import Looked, Wishes, kind_of
from trainers.data.own.library import Stored
from trainers.data.own.reading import reader_named
from trainers.data.own.reading.encoding import LABELS
from trainers.data.own.reading.table import RawTable
from trainers.tasks.target import plural


def has_changed(found: Stored) -> bool:
    """Whether the file or folder is read where it lies, and is another one than was added."""
    path = found.source.path
    if path is None or not found.data_file.exists():
        return False
    same_time = found.data_file.is_file() and found.data_file.stat().st_mtime == found.source.modified
    return not same_time and found.files().digest() != found.source.sha256


def read_again(name: str) -> str:
    """Take the file of a data set as it is now, as its next version; what has changed, in words.

    What the user has chosen stays, as far as its columns are still there. Runs keep the version that they used.

    Raises:
        DataError: there is none, its file is gone, or it cannot be used any more; then nothing is changed.
    """
    found = library.stored(name)
    if not found.data_file.exists():
        raise DataError(f"The file of {found.full_name} is not there any more: {found.data_file}. Bring it back.")
    files = found.files()
    looked: Looked = kind_of(found).look_again(found, files)
    path = files.only or files.root
    source = replace(
        found.source,
        sha256=files.digest(),
        size=files.size(),
        rows=looked.samples,
        reader=looked.reader or found.source.reader,
        modified=path.stat().st_mtime,
    )
    library.replace_file(name, source, looked.schema)
    return _differences(found, looked)


def earlier_copy(found: Stored) -> Stored | None:
    """The newest other data set of the same kind that came from a file of the same name, and was added before."""
    others = (library.stored(name) for name in library.names() if name != found.name)
    same = [
        other
        for other in others
        if other.source.title == found.source.title
        and other.schema.kind == found.schema.kind
        and other.source.added < found.source.added
    ]
    return max(same, key=lambda other: other.source.added, default=None)


def take_newer(name: str, newer: str) -> str:
    """Make the file of another data set the next version of this one, whose name both have then; what has changed.

    What the user has chosen of this one stays, as far as its columns are still there. Runs keep the version they used.

    Raises:
        DataError: one of them is not there, or the newer file cannot be used so; then nothing is changed.
    """
    found, other = library.stored(name), library.stored(newer)
    if found.schema.kind != other.schema.kind:
        raise DataError(f"{other.full_name} holds other things ({other.schema.kind}) than {found.full_name}.")
    looked: Looked = kind_of(found).look_again(found, other.files())
    reader = looked.reader or other.source.reader
    source = replace(other.source, title=found.source.title, rows=looked.samples, reader=reader)
    library.absorb(found.name, other.name, source, looked.schema)
    return _differences(found, looked)


def _differences(found: Stored, looked: Looked) -> str:
    """What has changed between a data set and what its file is now, in words."""
    unit = looked.schema.unit
    more = looked.samples - found.source.rows
    rows = f"{abs(more):,} {unit} {'more' if more > 0 else 'fewer'}" if more else f"as many {unit} as before"
    found_words = [f"{rows} ({looked.samples:,})", *kind_of(found).differences(found.schema, looked.schema)]
    return f"{found.source.title} was read again: {'; '.join(found_words)}."


def column_differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What has become of named columns, each with its type: which are new, gone, or of another type."""
    new = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    other = [name for name in after if name in before and before[name] != after[name]]
    found = []
    for names, one, many in ((new, "new column", "new columns"), (gone, "column less", "columns less")):
        if names:
            listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
            found.append(f"{plural(len(names), one, many)}: {listed}")
    found += [f"{name} was {before[name]} and is {after[name]}" for name in other[:5]]
    return found


def in_encoding(stored: Stored, encoding: str, look: Callable[[RawTable, Wishes], Any]) -> Any:
    """The schema of a table whose text file is read in another encoding; "": in the one that is found by looking.

    `look` gives the schema of a table, with wishes. Columns keep what the user has chosen: they are known by their
    places, since their names may have other letters now.

    Raises:
        DataError: the file is none of this encoding.
    """
    before = stored.schema
    made = before.with_fields(encoding=encoding)
    table = reader_named(stored.source.reader, encoding).look(stored.data_file)
    found = (table.rows, len(table.frame.columns))
    if found != (stored.source.rows, len(before.columns)):
        what = (plural(found[0], "row", "rows"), plural(found[1], "column", "columns"))
        raise DataError(
            f"Read as {LABELS.get(encoding, 'it seems to be')}, it has {what[0]} and {what[1]} instead of "
            f"{stored.source.rows:,} and {len(before.columns):,}. Choose another encoding."
        )
    pairs = list(zip(before.columns, map(str, table.frame.columns), strict=True))
    types = {name: column.type for column, name in pairs if not column.type_reason}
    looked = look(table, Wishes(types=types))
    kept = ("role", "role_reason", "missing", "encoding")
    columns = []
    for (column, _), new in zip(pairs, looked.columns, strict=True):
        same = kept if new.type == column.type else kept[:2]
        columns.append(new.model_copy(update={name: getattr(column, name) for name in same}))
    return made.with_fields(columns=tuple(columns))
