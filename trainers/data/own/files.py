"""What somebody brings: one file, or a folder with all that lies in it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainers.data.base import DataError
from trainers.runs.files import file_digest

LEFT_OUT = "left_out"  # the attribute of a table of predictions that lists what could not be read
MOST_FILES = 2_000_000
HIDDEN = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"})


@dataclass(frozen=True)
class LeftOut:
    """Something that could not be used: the file, or the line of one, and why."""

    what: str
    reason: str


@dataclass(frozen=True)
class Files:
    """The files that somebody brings.

    `root`: the folder that they lie in; `names`: their paths in it, with "/", in natural order (2 before 10);
    `title`: what the user calls it, such as the name of the uploaded file, with its ending; `single`: it is one file,
    not a folder; `left_out`: files that are not among them, and why; `archive`: they were unpacked from one.
    """

    root: Path
    names: tuple[str, ...]
    title: str
    single: bool = False
    left_out: tuple[LeftOut, ...] = ()
    archive: bool = False

    def path(self, name: str) -> Path:
        """Where one of the files is."""
        return self.root / name

    @property
    def only(self) -> Path | None:
        """The file, if it is one."""
        return self.root / self.names[0] if self.single else None

    def ending(self, *endings: str) -> tuple[str, ...]:
        """The files whose names end so, in any case; endings have their dot."""
        return tuple(name for name in self.names if name.lower().endswith(endings))

    def others(self, used: Iterable[str], reason: str) -> list[tuple[str, str]]:
        """The files that are not used, with that reason, and those that were left out before, with theirs."""
        known = set(used)
        left_out = [(name, reason) for name in self.names if name not in known]
        return left_out + [(each.what, each.reason) for each in self.left_out]

    def digest(self) -> str:
        """SHA-256 of the file; of a folder, of the names, sizes and times of change of its files."""
        if self.only is not None:
            return file_digest(self.only)
        found = hashlib.sha256()
        for name in self.names:
            facts = os.stat(f"{self.root}/{name}")  # noqa: PTH116 (a Path for each of a million files takes seconds)
            found.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        return found.hexdigest()

    def size(self) -> int:
        """Bytes of all of them."""
        return sum(os.stat(f"{self.root}/{name}").st_size for name in self.names)  # noqa: PTH116

    def without(self, left_out: list[LeftOut]) -> Files:
        """The files without some that cannot be used, which are listed with the reason."""
        gone = {each.what for each in left_out}
        names = tuple(name for name in self.names if name not in gone)
        return replace(self, names=names, left_out=(*self.left_out, *left_out))


def brought(path: Path, title: str | None = None) -> Files:
    """The files at a path, without hidden files and links that lead out of the folder. DataError: there are none."""
    if path.is_file():
        return Files(path.parent, (path.name,), title or path.name, single=True)
    if not path.is_dir():
        raise DataError(f"There is no file {path}.")
    names: list[str] = []
    left_out: list[LeftOut] = []
    root = path.resolve()
    for name, entry in _entries(str(root)):
        if _is_inside(entry, root):
            names.append(name)
        else:
            left_out.append(LeftOut(name, "It is not a file, or a link that leads out of the folder."))
        if len(names) > MOST_FILES:
            raise DataError(f"{path} holds more than {MOST_FILES:,} files.")
    if not names:
        raise DataError(f"{title or path} holds no file.")
    return Files(root, tuple(sorted(names, key=natural)), title or root.name, left_out=tuple(left_out))


def _entries(root: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All that lies in a folder and its folders, but for what is hidden and links to folders, with its path in it."""
    folders = [""]
    while folders:
        inside = folders.pop()
        try:
            with os.scandir(f"{root}/{inside}") as found:
                entries = [entry for entry in found if not hidden(entry.name)]
        except OSError:  # a folder that may not be read holds nothing, as for os.walk
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{inside}{entry.name}/")
            elif not entry.is_dir():
                yield f"{inside}{entry.name}", entry


def _is_inside(entry: os.DirEntry[str], root: Path) -> bool:
    """Whether it is a file, and no link that leads out of the folder."""
    if not entry.is_symlink():
        return entry.is_file()
    return entry.is_file() and Path(entry.path).resolve().is_relative_to(root)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts names as people do: "10.png" after "9.png", whatever their case."""
    pieces = re.split(r"(\d+)", name.lower())
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece)


def hidden(name: str) -> bool:
    """Whether a file or folder is one that systems and editors leave about."""
    return name.startswith(".") or name.lower() in HIDDEN
