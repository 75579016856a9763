"""Archives that somebody brings: zip and tar (plain, gzip, bzip2, xz), and single files that are compressed.

An archive is untrusted. Nothing is written outside of the folder that it is unpacked into, whatever its names say; only
plain files are unpacked; size, number of files and ratio are limited while they are written, not by what headers claim.
See docs/decisions/028-archives-and-bytes.md.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import re
import shutil
import tarfile
import time
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from trainers import stages
from trainers.data.base import DataError
from trainers.data.own.bringing import foreign
from trainers.data.own.bringing.image_arrays import holds_images, unpack_images
from trainers.data.own.files import MOST_FILES, Files, LeftOut, brought, hidden
from trainers.data.own.library import library

LARGEST = 16 << 30  # bytes of all files in an archive
HIGHEST_RATIO = 250  # times as large as the archive, from SUSPICIOUS bytes on
SUSPICIOUS = 256 << 20
LONGEST = 240  # bytes of one part of a path
DEEPEST = 32  # folders in one another
MOST_LISTED = 1000  # files that were left out, with their reasons
COPIED = 1 << 20  # bytes at once
STALE = 24 * 3600.0  # seconds after which a folder of an unpacking that was killed is removed
ZIP, GZIP, BZIP2, XZ, TAR = b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"ustar"
OFFICE = frozenset(("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"))  # spreadsheets are zips, too
NPY = re.compile(r"[^/]+\.npy")  # all that is in a .npz
ABOUT = re.compile(  # the names of files that say something about the data beside them
    r"(read[-_ ]?me|licen[cs]e|copying|copyright|notice|citation|authors|contributors|changelog|index)([-_ ][\w-]*)?"
    r"(\.(txt|md|rst|html?|pdf|rtf|docx?|cff|bib))?|(md5|sha\d*|check)sums?(\.\w+)?"
    r"|.*\.(md5|sha1|sha256|sha512|asc|sig|names)|dataset-metadata\.json",
    re.IGNORECASE,
)
TABLES = r"\.(csv|tsv|txt|data|parquet|feather|jsonl?|xlsx?)(\.gz)?"
TRAINING = re.compile(rf"(.*[-_ ])?(train|training)([-_ ](set|data|csv))?{TABLES}", re.IGNORECASE)
BESIDE = re.compile(  # the names of tables that come with one to train on
    rf"(.*[-_ ])?(test|valid|val|validation|dev|eval|submissions?|solution|sample|description|dictionary|features)"
    rf"([-_ ].*)?{TABLES}",
    re.IGNORECASE,
)
OPENERS: dict[bytes, tuple[Any, str]] = {GZIP: (gzip.open, ".gz"), BZIP2: (bz2.open, ".bz2"), XZ: (lzma.open, ".xz")}
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError)
SEVERAL = "It is an archive in an archive. Unpack it, and add its files."


@contextlib.contextmanager
def unpacked(given: Path, title: str) -> Iterator[Files]:
    """The files at a path; those of an archive are in a temporary folder inside. DataError: it cannot be used."""
    foreign.refuse(given)
    images = given.is_file() and holds_images(given)
    if given.is_dir() or (_archive(given) is None and not images):
        yield narrowed(brought(given, title))
        return
    library().mkdir(parents=True, exist_ok=True)
    _remove_stale()
    folder = library() / f".unpacking.{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        if images:
            unpack_images(given, folder / "files")
            yield replace(brought(folder / "files", title), archive=True)
        else:
            yield narrowed(_unpack(given, title, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def narrowed(files: Files) -> Files:
    """A folder that holds one folder is that folder; one that holds a single file, beside those about it such as a
    README, is that file."""
    while not files.single:
        data = [name for name in files.names if not ABOUT.fullmatch(name.rpartition("/")[2])]
        if len(data) == 1:
            files = files.without([LeftOut(name, "It is about the data.") for name in files.names if name != data[0]])
        elif training := _training(data):
            why = f"It is beside {training}, which was taken. Predict a table of new rows with the trained network."
            files = files.without([LeftOut(name, why) for name in files.names if name != training])
        tops = {name.partition("/")[0] for name in files.names}
        if len(files.names) == 1:
            path = files.path(files.names[0])
            return replace(files, root=path.parent, names=(path.name,), title=path.name, single=True)
        if len(tops) != 1 or not files.archive:
            return files
        top = tops.pop()
        names = tuple(name.removeprefix(f"{top}/") for name in files.names)
        left_out = tuple(LeftOut(each.what.removeprefix(f"{top}/"), each.reason) for each in files.left_out)
        files = replace(files, root=files.root / top, names=names, left_out=left_out)
    return files


def _training(names: list[str]) -> str:
    """The table to train on, where all others are called as if they came with it ("test.csv"); "": none."""
    training = [name for name in names if TRAINING.fullmatch(name.rpartition("/")[2])]
    others = [name for name in names if name not in training]
    if len(training) != 1 or not all(BESIDE.fullmatch(name.rpartition("/")[2]) for name in others):
        return ""
    return training[0]


def _archive(path: Path) -> bytes | None:
    """What a file is packed with, by its first bytes; None: it is no archive."""
    with path.open("rb") as opened:
        head = opened.read(512)
    if head.startswith((ZIP, b"PK\x05\x06")):
        with contextlib.suppress(*DAMAGED), zipfile.ZipFile(path) as found:
            names = found.namelist()
            return None if OFFICE & set(names[:10]) or (names and all(map(NPY.fullmatch, names))) else ZIP
        return ZIP
    if head[257:262] == TAR:
        return TAR
    return next((magic for magic in OPENERS if head.startswith(magic)), None)


@dataclass
class _Unpacking:
    """One archive on its way to a folder: what may still be written, and what was left out."""

    folder: Path
    room: int  # bytes that may be written in all
    packed: int  # bytes of the archive
    written: int = 0
    count: int = 0
    total: int = 0  # bytes of all files in the archive, by its own account; 0: it gives none
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, name: str, reason: str) -> None:
        if len(self.left_out) < MOST_LISTED:
            self.left_out.append(LeftOut(name[:300], reason))

    def place(self, name: str) -> Path | None:
        """Where a member belongs; None: it is left out."""
        clean = unicodedata.normalize("NFC", name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        clean = clean.replace("\\", "/")
        parts = PurePosixPath(clean).parts
        if any(hidden(part) for part in parts if part not in ("..", ".")):
            return None  # macOS, Windows and editors leave these everywhere; nobody wants to read of them
        path = self.folder.joinpath(*parts)
        reason = ""
        if clean.startswith("/") or ".." in parts or clean[1:2] == ":" or not parts or "\0" in clean:
            reason = "Its path leads out of the archive."
        elif len(parts) > DEEPEST or any(len(part.encode()) > LONGEST for part in parts):
            reason = "Its path is too long."
        elif path.exists() or any(parent.is_file() for parent in path.parents):
            reason = "Another file of this name is in the archive, too."
        if reason:
            self.leave_out(clean, reason)
            return None
        self.count += 1
        if self.count > MOST_FILES:
            raise DataError(f"It holds more than {MOST_FILES:,} files.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, source: IO[bytes], path: Path) -> None:
        """Copy one member. DataError: it is too much."""
        with path.open("xb") as target:
            while piece := source.read(COPIED):
                self.written += len(piece)
                if self.written > self.room:
                    raise DataError(f"Unpacked it is larger than {self.room / 2**30:.1f} GB, the limit here.")
                if self.written > max(SUSPICIOUS, HIGHEST_RATIO * self.packed):
                    raise DataError(
                        f"Unpacked it is more than {HIGHEST_RATIO} times as large as the archive: it is not unpacked."
                    )
                target.write(piece)
                stages.say("Unpacking", self.written >> 20, self.total >> 20, "MB")


def _unpack(path: Path, title: str, folder: Path) -> Files:
    free = shutil.disk_usage(folder).free
    work = _Unpacking(folder / "files", min(LARGEST, int(0.9 * free)), path.stat().st_size)
    work.folder.mkdir()
    current, depth = path, 0
    while (magic := _archive(current)) is not None and depth < 3:
        _read(current, magic, work, PurePosixPath(title if depth == 0 else current.name).name)
        found = _files(work.folder)
        if len(found) != 1 or _archive(found[0]) is None:
            break
        current, depth = folder / f"inner{depth}", depth + 1  # it holds nothing but another archive
        found[0].rename(current)
        current = current.rename(folder / f"{depth}.{found[0].name}")
        shutil.rmtree(work.folder)
        work.folder.mkdir()
    for inner in _files(work.folder):
        if _archive(inner) is not None:
            work.leave_out(inner.relative_to(work.folder).as_posix(), SEVERAL)
            inner.unlink()
    if not _files(work.folder):
        why = f" {work.left_out[0].what}: {work.left_out[0].reason}" if work.left_out else ""
        raise DataError(f"The archive holds no file that can be used.{why}")
    return replace(brought(work.folder, title), left_out=tuple(work.left_out), archive=True)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _read(path: Path, magic: bytes, work: _Unpacking, title: str) -> None:
    """Unpack one archive. DataError: it is encrypted, cut off or damaged."""
    try:
        if magic == ZIP:
            _read_zip(path, work)
        elif magic == TAR or _holds_tar(path, magic):
            _read_tar(path, work)
        else:
            opener, ending = OPENERS[magic]
            name = title[: -len(ending)] if title.lower().endswith(ending) else title
            place = work.place(name)
            if place is not None:
                with opener(path) as source:
                    work.write(source, place)
    except DataError:
        raise
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        after = f" after {work.count:,} files" if work.count else ""
        raise DataError(f"The archive is cut off or damaged{after}. Pack or download it again.") from None


def _holds_tar(path: Path, magic: bytes) -> bool:
    with OPENERS[magic][0](path) as opened:
        head = opened.read(512)
    return bool(head[257:262] == TAR) or (len(head) == 512 and _is_old_tar(head))


def _is_old_tar(head: bytes) -> bool:
    """Whether it is the header of a tar without "ustar" (before 1988): its checksum is right."""
    with contextlib.suppress(ValueError, tarfile.TarError):
        return int(head[148:156].strip(b"\0 ") or b"x", 8) == 256 + sum(head[:148]) + sum(head[156:512])
    return False


def _read_zip(path: Path, work: _Unpacking) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if members and all(member.flag_bits & 1 for member in members):
            raise DataError("The archive is encrypted. Unpack it with its password, and add the folder.")
        work.total = sum(member.file_size for member in members)
        for member in members:
            name = _zip_name(member)
            if member.flag_bits & 1:
                work.leave_out(name, "It is encrypted.")
            elif (member.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                work.leave_out(name, "It is a link or a device, not a file.")
            elif (place := work.place(name)) is not None:
                try:
                    with archive.open(member) as source:
                        work.write(source, place)
                except NotImplementedError:
                    work.leave_out(name, "It is packed in a way that is not supported.")
                except (zipfile.BadZipFile, zlib.error, EOFError, lzma.LZMAError, RuntimeError):
                    place.unlink(missing_ok=True)
                    work.leave_out(name, "It is damaged in the archive.")


def _zip_name(member: zipfile.ZipInfo) -> str:
    """The name of a member. Many programs write UTF-8 without saying so, which Python reads as code page 437."""
    if member.flag_bits & 0x800:
        return member.filename
    with contextlib.suppress(UnicodeError):
        return member.filename.encode("cp437").decode("utf-8")
    return member.filename


def _read_tar(path: Path, work: _Unpacking) -> None:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if member.isdir():
                continue
            if not member.isfile():
                work.leave_out(member.name, "It is a link or a device, not a file.")
            elif (place := work.place(member.name)) is not None and (source := archive.extractfile(member)) is not None:
                before = work.written
                work.write(source, place)
                if work.written - before != member.size:
                    raise EOFError


def _remove_stale() -> None:
    for folder in library().glob(".unpacking.*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > STALE:
                shutil.rmtree(folder, ignore_errors=True)
