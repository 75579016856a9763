"""Finds the files of a data set in the mirror, among the downloads or on the network, and verifies their checksums."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers import disk
from trainers.data.base import DataError
from trainers.home import home, mirror

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0


@dataclass(frozen=True)
class RemoteFile:
    """A file that others publish: its name, its address, and the SHA-256 of its content."""

    name: str
    url: str
    sha256: str
    size: int = 0  # bytes, to show how far a download is; 0 where it is not known


Progress = Callable[[int, int], None]  # called with the number of bytes received and the total number


def fetch(data_set: str, folder: str, files: Sequence[RemoteFile], progress: Progress | None = None) -> list[Path]:
    """The paths of the files, downloaded if they are not here; `folder` is their folder in the mirror and at home.

    Raises:
        DataError: a file is damaged, or cannot be downloaded; the text names the data set and says what to do.
    """
    return [_fetch_one(data_set, folder, file, progress) for file in files]


def found(folder: str, files: Sequence[RemoteFile]) -> bool:
    """Whether every file is already on this machine, so that fetch() needs no network. Does not read them."""
    return all(any(path.is_file() for path in _places(folder, file)) for file in files)


def _places(folder: str, file: RemoteFile) -> list[Path]:
    """The possible paths of the file, the preferred one first; the last one is for downloads."""
    at_home = home() / "data" / folder / file.name
    copies = mirror()
    return [at_home] if copies is None else [copies / folder / file.name, at_home]


def _fetch_one(data_set: str, folder: str, file: RemoteFile, progress: Progress | None) -> Path:
    *mirrored, at_home = _places(folder, file)
    for path in mirrored:
        if path.is_file():
            _verify(data_set, path, file)
            return path
    if at_home.is_file() and _sha256(at_home) == file.sha256:
        return at_home  # pooch would find the same, but importing it takes a third of a second
    _download(data_set, file, at_home, progress)
    return at_home


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(data_set: str, paths: Sequence[Path], files: Sequence[RemoteFile]) -> None:
    """DataError: one of the files is not the expected one."""
    expected = {file.name: file for file in files}
    for path in paths:
        if path.name in expected:
            _verify(data_set, path, expected[path.name])


def _verify(data_set: str, path: Path, file: RemoteFile) -> None:
    try:
        checksum = _sha256(path)
    except OSError as error:
        raise DataError(f"The data set {data_set} cannot read {path}: {error.strerror or error}.") from None
    if checksum != file.sha256:
        raise DataError(
            f"The data set {data_set} cannot use {path}: its SHA-256 is {checksum[:12]}…, expected "
            f"{file.sha256[:12]}…. The file is cut off or another one; replace it, or remove it to download it again."
        )


class _Bar:
    """A progress bar for pooch, which calls `progress`."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.total, self.done, self.progress = total, 0, progress

    def update(self, count: int) -> None:
        """`count` more bytes were received."""
        self.done += count
        self.progress(self.done, self.total)

    def reset(self) -> None:
        """pooch starts counting again when the file is complete."""
        self.done = 0

    def close(self) -> None:
        """Nothing to close."""


def _download(data_set: str, file: RemoteFile, target: Path, progress: Progress | None) -> None:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)  # it would print "Downloading data from ..." on the terminal
    try:
        pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                progressbar=_Bar(file.size, progress) if progress else False,
            ),
        )
    except (OSError, ValueError) as error:  # requests' own errors are OSErrors; a wrong checksum is a ValueError
        raise DataError(
            f"The data set {data_set} could not be downloaded from {file.url}: {_reason(error)}. Connect to the "
            f"network and try again, or put the file {file.name} into {target.parent}, or set NETLOOM_DATA to a "
            f"folder that holds {target.parent.name}/{file.name}."
        ) from None


def _reason(error: Exception) -> str:
    """Why a download failed, in a few words."""
    if isinstance(error, ValueError) and "hash" in str(error).lower():
        return "what arrived is not the file that was expected (its checksum differs)"
    if disk.is_full(error):
        return "the disk is full"
    if isinstance(error, PermissionError):
        return f"{error.filename} cannot be written to"
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code}"
    if "timeout" in type(error).__name__.lower():
        return "the server did not answer in time"
    return "no connection to the server"
