"""The folder of one's own data sets: adding, listing, changing, renaming and removing them.

    $NETLOOM_HOME/data/own/<name>/
        source.json     where the file came from, its SHA-256, its size, when it was added
        schema.json     what it is, see schema.py; a changed schema has a higher version
        file.<ending>   the file, unless it is read where it lies; of a folder, files/
        prepared/       the rows as arrays, made again whenever the file or the schema is another one
        versions/<n>/   earlier versions, for the runs that used them

A folder is complete or absent: it is made under a temporary name and renamed.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import re
import shutil
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from builder.registry import did_you_mean
from trainers import stages
from trainers.data.base import DataError
from trainers.data.own import schema as schemas
from trainers.data.own.files import Files, LeftOut, brought
from trainers.data.own.schema import Schema
from trainers.home import home
from trainers.runs.files import write_text

PREFIX = "own/"
RENAMED = "renamed.json"  # earlier names
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RESERVED = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))))
_unlisted: set[str] = set()  # names of what is being added in this process
_instead: contextvars.ContextVar[Mapping[str, Stored]] = contextvars.ContextVar("instead", default=MappingProxyType({}))
Facts = dict[str, int | dict[str, bool | int | str] | tuple[str, ...]]  # that JSON can hold
Found = TypeVar("Found")


@dataclass(frozen=True)
class Source:
    """Where a data set came from. `path`: the file or folder, read where it lies; None: it was copied to `file`.

    `sha256` is `Files.digest()`; of a folder that was copied, that of the copy.
    """

    title: str  # the name of the file or folder, for people
    sha256: str
    size: int  # bytes
    added: float  # seconds since 1970
    reader: str
    rows: int  # samples
    file: str | None = None
    path: str | None = None
    modified: float = 0.0  # of a file that is read where it lies
    kind_reason: str = ""  # what says that it is of this kind
    left_out: tuple[tuple[str, str], ...] = ()  # files of an archive or folder that are not used, and why


@dataclass(frozen=True)
class Stored:
    """One version of a data set in the library, or what a run keeps of one, see run_copies.py."""

    name: str  # without the prefix
    folder: Path
    source: Source
    schema: Any  # a Schema, of the class that its kind has
    gone: str = ""  # why its samples cannot be read, in sentences: a run alone knows it
    run: str = ""  # the folder of the run that keeps `facts`
    facts: Facts | None = None  # what new samples need besides the schema, by name

    @property
    def full_name(self) -> str:
        return PREFIX + self.name

    @property
    def data_file(self) -> Path:
        """The file with the raw samples, or the folder with their files."""
        root = self.folder.parent.parent if self.folder.parent.name == "versions" else self.folder
        return Path(self.source.path) if self.source.path else root / str(self.source.file)

    def remembered(self, name: str, find: Callable[[], Found]) -> Found:
        """What a run keeps of this name; else what `find` gives, which looks at the files."""
        kept: Any = None if self.facts is None else self.facts.get(name)
        return find() if kept is None else kept

    def files(self) -> Files:
        """Its files. DataError: they are not there any more."""
        if self.gone:
            raise DataError(self.gone)
        left_out = tuple(LeftOut(what, reason) for what, reason in self.source.left_out)
        return replace(brought(self.data_file, self.source.title), left_out=left_out)


def library() -> Path:
    """The folder with all of them; it may not exist yet."""
    return home() / "data" / "own"


def names() -> list[str]:
    """The names of all data sets, without the prefix, in alphabetical order; not of those that are being added."""
    return [name for name in _there() if name not in _unlisted]


def _there() -> list[str]:
    folder = library()
    if not folder.is_dir():
        return []
    return sorted(
        entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name) and (entry / "schema.json").is_file()
    )


@contextlib.contextmanager
def unlisted(name: str) -> Iterator[None]:
    """Inside, this process does not list a data set of this name: it is being prepared, and may be taken back. Where
    the process is killed, it is one like the others, and is prepared when it is used."""
    _unlisted.add(name)
    try:
        yield
    finally:
        _unlisted.discard(name)


def stored(name: str) -> Stored:
    """A data set by its name, with or without "own/"; "name@2" is its second version.

    Raises:
        DataError: there is none, or what is stored of it is damaged.
    """
    if (given := _instead.get().get(name)) is not None:
        return given
    bare, _, version = name.removeprefix(PREFIX).partition("@")
    bare = _renamed().get(bare, bare)
    if not NAME.fullmatch(bare) or not (library() / bare / "schema.json").is_file():
        known = names()
        if (library() / ".removed" / bare).is_dir():
            raise DataError(
                f"You have no data set called {bare!r}: it was removed. Bring it back (Undo on the Data page, as long "
                "as nothing else is removed), or add its file again under this name."
            )
        listed = f" Yours are: {', '.join(known)}." if known else " You have not added any yet."
        raise DataError(f"You have no data set called {bare!r}.{did_you_mean(bare, known)}{listed}")
    folder = library() / bare
    newest = _read(bare, folder)
    if not version or version == str(newest.schema.version):
        return newest
    older = folder / "versions" / version
    if not version.isdecimal() or not (older / "schema.json").is_file():
        raise DataError(f"{PREFIX}{bare} has no version {version}; the newest one is {newest.schema.version}.")
    return _read(bare, older)


@contextlib.contextmanager
def instead(name: str, given: Stored) -> Iterator[None]:
    """Inside, this data set has the name, whatever the library has."""
    token = _instead.set({**_instead.get(), name: given})
    try:
        yield
    finally:
        _instead.reset(token)


def versioned(name: str) -> str:
    """The name with the version that it stands for now: "own/titanic@2". DataError: there is none of that name."""
    found = stored(name)
    return f"{found.full_name}@{found.schema.version}"


def _read(name: str, folder: Path) -> Stored:
    try:
        facts = json.loads((folder / "source.json").read_text(encoding="utf-8"))
        source = Source(**{**facts, "left_out": tuple((what, why) for what, why in facts.get("left_out", ()))})
        schema = schemas.read(json.loads((folder / "schema.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"What is stored of {PREFIX}{name} is damaged ({str(error)[:200]}). Remove it, and add its file again."
        ) from None
    return Stored(name, folder, source, schema)


def free_name(wanted: str) -> str:
    """A name for the library like the wanted one, that no other data set has."""
    plain = unicodedata.normalize("NFKD", wanted).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:50] or "data"
    base = f"{base}_data" if base in RESERVED else base
    taken, name, number = {*_there(), *_unlisted, *_renamed()}, base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def checked_name(name: str) -> str:
    """A name that the user has chosen, without the prefix. DataError: it is none, or taken."""
    bare = name.removeprefix(PREFIX)
    if not NAME.fullmatch(bare) or bare in RESERVED:
        raise DataError(
            f"{name!r} cannot be the name of a data set: use small letters, digits, - and _, at most 64, a letter or a "
            f"digit first, such as {free_name(bare)}."
        )
    if bare in _there() or bare in _unlisted or bare in _renamed():
        raise DataError(f"There is a data set called {PREFIX}{bare} already. Choose another name, or remove it first.")
    return bare


def keep(
    name: str, files: Files, reader: str, samples: int, schema: Schema, copy: bool, kind_reason: str = ""
) -> Stored:
    """Add a data set to the library, completely or not at all. `copy`: keep a copy of the files, as of an upload."""
    place, copy = files.only or files.root, copy or files.archive
    ending = re.sub(r"[^a-z0-9.]", "", place.suffix.lower())[:10]
    kept = None if not copy else f"file{ending}" if files.single else "files"
    made: list[Source] = []

    def fill(folder: Path) -> None:
        mine = files
        if kept is not None:
            _copy(files, folder / kept)
            mine = brought(folder / kept, files.title)
        facts = (mine.digest(), mine.size(), time.time(), reader, samples)
        where = (kept, None if copy else str(place.resolve()), place.stat().st_mtime, kind_reason)
        left_out = tuple((each.what, each.reason) for each in files.left_out)
        made.append(Source(files.title[:200], *facts, *where, left_out))
        _write(folder, made[0], schema)
        stages.say("Keeping it")  # the last moment to cancel: then it is there

    make_folder(library() / name, fill)
    return Stored(name, library() / name, made[0], schema)


def _copy(files: Files, to: Path) -> None:
    """Copy the files; those of an archive were unpacked for this, and are moved."""
    if files.only is not None:
        with stages.HeardFile(files.only, "Copying the file") as opened, to.open("wb") as copy:
            shutil.copyfileobj(opened, copy, 1 << 20)
        return
    for name in stages.each(files.names, "Copying files", len(files.names), 100):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        if files.archive:
            files.path(name).replace(to / name)
        else:
            shutil.copy2(files.path(name), to / name)


def check_files(data: Stored) -> None:
    """DataError: the file or the folder of a data set is gone, or another one than was added."""
    if data.gone:
        raise DataError(data.gone)
    path = data.data_file
    if not path.exists():
        raise DataError(f"The file of {data.full_name} is not there any more: {path}. Bring it back, or add it again.")
    in_place = data.source.path is not None
    if in_place and path.is_file() and path.stat().st_mtime == data.source.modified:
        return
    if in_place and data.files().digest() != data.source.sha256:
        raise DataError(
            f"The file of {data.full_name} has changed: {path}. Read it again on the Data page, or add it as a new "
            "data set."
        )


def make_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder under a temporary name, and rename it when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.parent / f".{folder.name[:40]}.{uuid.uuid4().hex[:8]}"
    temporary.mkdir()
    try:
        fill(temporary)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write(folder: Path, source: Source, schema: Schema) -> None:
    write_text(folder / "source.json", json.dumps(asdict(source), indent=1))
    write_text(folder / "schema.json", json.dumps(schema.model_dump(mode="json"), indent=1, ensure_ascii=False))


def change(name: str, schema: Schema) -> Stored:
    """Give a data set another schema, as its next version; the version before stays for the runs that used it."""
    found = stored(name)
    if schema.model_copy(update={"version": found.schema.version}) == found.schema:
        return found
    older = found.folder / "versions" / str(found.schema.version)
    if not older.exists():
        make_folder(older, lambda folder: _write(folder, found.source, found.schema))
    schema = schema.model_copy(update={"version": found.schema.version + 1})
    _write(found.folder, found.source, schema)
    return Stored(found.name, found.folder, found.source, schema)


def rename(name: str, new: str) -> Stored:
    """Give a data set another name. Its old names stay names of it, for the documents and runs that use them.

    Raises:
        DataError: there is none, or the new name is none, or taken.
    """
    found = stored(name)
    earlier = _renamed()
    bare = new.removeprefix(PREFIX)
    if bare == found.name:
        return found
    if earlier.get(bare) != found.name:  # back to one of its own earlier names is possible
        bare = checked_name(new)
    (library() / found.name).rename(library() / bare)
    later = {old: bare if now == found.name else now for old, now in earlier.items() if old != bare}
    write_text(library() / RENAMED, json.dumps({**later, found.name: bare}, indent=1))
    return stored(bare)


def _renamed() -> dict[str, str]:
    """The earlier names of data sets, each with the name of now."""
    try:
        kept = json.loads((library() / RENAMED).read_text(encoding="utf-8"))
        return {str(old): str(new) for old, new in kept.items() if NAME.fullmatch(str(new))}
    except (OSError, ValueError, AttributeError):
        return {}


def replace_file(name: str, source: Source, schema: Schema) -> Stored:
    """Use another file, or the file as it is now, as the next version of a data set.

    The version before stays for the runs that used it, as far as its samples were prepared: they go with it.
    """
    found = stored(name)
    older = found.folder / "versions" / str(found.schema.version)
    if not older.exists():
        make_folder(older, lambda folder: _write(folder, found.source, found.schema))
    if (found.folder / "prepared").is_dir() and not (older / "prepared").exists():
        (found.folder / "prepared").rename(older / "prepared")
    schema = schema.model_copy(update={"version": found.schema.version + 1})
    _write(found.folder, source, schema)
    return Stored(found.name, found.folder, source, schema)


def absorb(name: str, other: str, source: Source, schema: Schema) -> Stored:
    """Make the file of another data set the next version of this one. The other's name is then a name of this one."""
    found, given = stored(name), stored(other)
    held = source.file and f"version{found.schema.version + 1}.{source.file}"
    if source.file and held:
        (given.folder / source.file).rename(found.folder / held)
    try:
        made = replace_file(name, replace(source, file=held), schema)
    except OSError:
        if source.file and held:
            (found.folder / held).rename(given.folder / source.file)
        raise
    shutil.rmtree(given.folder, ignore_errors=True)
    later = {old: found.name if now == given.name else now for old, now in _renamed().items()}
    write_text(library() / RENAMED, json.dumps({**later, given.name: found.name}, indent=1))
    return made


def remove(name: str) -> None:
    """Take a data set out of the library. It stays in a hidden folder, for `restore`, until another one is removed."""
    found = stored(name)
    gone = library() / ".removed"
    shutil.rmtree(gone, ignore_errors=True)
    gone.mkdir(parents=True)
    shutil.move(str(library() / found.name), str(gone / found.name))


def restore() -> str | None:
    """Bring back what was removed last; its name, or None: there is nothing, or its name is taken."""
    gone = library() / ".removed"
    for folder in gone.iterdir() if gone.is_dir() else ():
        if not (library() / folder.name).exists():
            folder.rename(library() / folder.name)
            return folder.name
    return None


def facts(name: str) -> dict[str, Any]:
    """A data set in a list: its title, kind, what is predicted, samples, size and when it was added."""
    found = stored(name)
    return {
        "name": found.full_name,
        "title": found.source.title,
        "kind": found.schema.kind,
        "task": found.schema.task,
        "rows": found.source.rows,
        "unit": found.schema.unit,
        "counted": found.schema.counted(found.source.rows),
        "bytes": found.source.size,
        "added": found.source.added,
        "version": found.schema.version,
    }
