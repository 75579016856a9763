"""Data sets in files that others publish: find, download, check and read them."""

from __future__ import annotations

import errno
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from trainers import disk
from trainers.data.base import Arrays, DataError, DataSet, Loaded
from trainers.data.fetch import Progress, RemoteFile, fetch, found, verify
from trainers.script.sources import print_functions

# what reading a file can raise when it is incomplete, another one, or of another format than expected
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
)


def locate(folder: str, files: Mapping[str, tuple[str, str]]) -> list[Path]:
    """The paths of the files: in a mirror at NETLOOM_DATA if they are there, else downloaded into data/."""
    import os
    from pathlib import Path

    import pooch

    paths = []
    for name, (url, sha256) in files.items():
        mirrored = Path(os.environ.get("NETLOOM_DATA", "")) / folder
        place = mirrored if (mirrored / name).is_file() else Path("data") / folder
        paths.append(Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=place)))
    return paths


class _Downloaded(DataSet):
    """A data set in files that are downloaded once. A subclass names the files and has a static `read_files`.

    `read_files` takes the paths of the files, in their order, and the options, and returns (inputs, targets). It
    stands on its own as `load_data` of other data sets does; functions that it calls are listed in `helpers`. What it
    raises for a damaged file (ValueError in a sentence that names the file) reaches the user as DataError.
    """

    downloaded: ClassVar[bool] = True
    folder: ClassVar[str]  # in the mirror and among the downloads
    files: ClassVar[tuple[RemoteFile, ...]]

    locator: ClassVar[Callable[..., list[Path]]] = locate  # how a script finds the files
    advice: ClassVar[str] = "Replace the file, or remove it to download it again."

    read_files: ClassVar[Callable[..., Loaded]]
    read_groups: ClassVar[Callable[..., NDArray[np.int64]]]  # of data sets whose samples belong to groups
    read_attributes: ClassVar[Callable[..., Mapping[str, NDArray[Any]]]]  # of those whose samples have attributes

    def ready(self) -> bool:
        return found(self.folder, self.files)

    def download(self, progress: Progress | None = None) -> None:
        """Download the missing files. DataError: there is no network, or a file is not the expected one."""
        fetch(self.name, self.folder, self.files, progress)

    def load(self) -> Arrays:
        return self.read(self.paths())

    def paths(self) -> list[Path]:
        """The paths of the files, downloaded where they are missing, with their checksums verified."""
        return fetch(self.name, self.folder, self.files)

    def read(self, paths: list[Path]) -> Arrays:
        """Read the files. DataError: they are damaged, or not those of this data set."""
        try:
            inputs, targets = self.called(type(self).read_files, paths)
            groups = self.called(type(self).read_groups, paths) if self.grouped else None
            attributes = self.called(type(self).read_attributes, paths) if self.has_attributes else {}
        except MemoryError:
            verify(self.name, paths, self.files)  # a damaged file may claim to hold more than there is memory
            raise
        except UNREADABLE as error:
            text = str(error).partition("\n")[0].rstrip(".:") or type(error).__name__
            advice = self.advice
            if isinstance(error, OSError) and error.errno == errno.ENOMEM:
                raise MemoryError(error.strerror) from None
            if isinstance(error, OSError) and disk.is_ours(error):
                text, advice = f"{error.strerror}: {error.filename or paths[0]}", "What it holds may be whole."
            raise DataError(
                f"The data set {self.name} cannot be read: {text} (looked at {paths[0].parent}). {advice}"
            ) from None
        return self.checked(inputs, targets, groups=groups, attributes=attributes)

    def source(self) -> str:
        """The code that downloads, checks and reads the same files; it also looks into a mirror at NETLOOM_DATA."""
        reading: list[Callable[..., Any]] = [type(self).read_files, *([type(self).read_groups] if self.grouped else [])]
        options = self.printed_options()
        functions = print_functions(
            (type(self).locator, {}),
            *((helper, {}) for helper in self.helpers),
            *((function, options) for function in reading),
            constants=_table(self.files),
        )
        place = f'{type(self).locator.__name__}("{self.folder}", FILES)'
        calls = [("load_data", "Inputs and targets of all samples.", "read_files")]
        if self.grouped:
            calls.append(("load_groups", "The number of every sample's group.", "read_groups"))
        return functions + "".join(
            f'\n\ndef {name}():\n    """{text}"""\n    return {reader}({place})\n' for name, text, reader in calls
        )


Downloaded = _Downloaded  # the underscore keeps it out of the data sets that are found: it is none itself


def _table(files: tuple[RemoteFile, ...]) -> str:
    """The constant FILES of a script: name, address and checksum of every file."""
    rows = "".join(f'    "{file.name}": (\n        "{file.url}",\n        "{file.sha256}",\n    ),\n' for file in files)
    return f"# where the files come from, and the SHA-256 of each\nFILES = {{\n{rows}}}"
