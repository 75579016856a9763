"""Spoken digits: recordings as waveforms and as spectrograms."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trainers.data.base import Arrays, DataError, Kind, Loaded
from trainers.data.downloaded import Downloaded
from trainers.data.fetch import RemoteFile
from trainers.data.sets.images import DIGITS
from trainers.home import home, mirror

ARCHIVE = RemoteFile(
    "free-spoken-digit-dataset-1.0.10.zip",
    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
    "c680098f5d2355ba7cc4bd8b0ca9e0a24c00ebe3b4c552208889a4d28d4fbc2b",
    16_419_872,
)


def find_recordings(folder: str, files: dict[str, tuple[str, str]]) -> list[Path]:
    """The path of the recordings: a folder of a mirror at NETLOOM_DATA, else the published archive in data/."""
    import os
    from pathlib import Path

    import pooch

    mirrored = Path(os.environ.get("NETLOOM_DATA", "")) / folder
    if (mirrored / "recordings").is_dir():
        return [mirrored / "recordings"]
    ((name, (url, sha256)),) = files.items()
    place = mirrored if (mirrored / name).is_file() else Path("data") / folder
    return [Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=place))]


def recordings(paths: list[Path]) -> list[tuple[str, bytes]]:
    """Name and content of every recording in a folder or an archive, by name: {digit}_{speaker}_{index}.wav."""
    import zipfile
    from fnmatch import fnmatchcase

    if paths[0].is_dir():
        found = {path.name: path.read_bytes() for path in paths[0].iterdir() if path.suffix == ".wav"}
    else:
        with zipfile.ZipFile(paths[0]) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".wav")]
            found = {name.rpartition("/")[2]: archive.read(name) for name in inside}
    named = sorted((name, content) for name, content in found.items() if fnmatchcase(name, "[0-9]_*_*.wav"))
    if not named:
        raise ValueError(f"{paths[0]} holds no recording with a name like 0_george_0.wav")
    return named


def read_wav(name: str, content: bytes) -> NDArray[np.float32]:
    """The samples of a 16-bit recording at 8 kHz with one channel, from -1 to 1, its loudest sample at 1 or -1."""
    import io
    import wave

    import numpy as np

    try:
        with wave.open(io.BytesIO(content)) as sound:
            form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            promised, frames = sound.getnframes(), sound.readframes(sound.getnframes())
    except (wave.Error, EOFError) as error:  # what a file of another form raises
        raise ValueError(f"{name} is no recording ({str(error) or 'it is cut off'})") from None
    if form != (1, 2, 8000):
        raise ValueError(
            f"{name} has {form[0]} channels of {8 * form[1]} bits at {form[2]} Hz, expected 1, 16 and 8000"
        )
    if not frames or len(frames) != 2 * promised:
        raise ValueError(f"{name} is cut off: of {promised:,} samples, {len(frames) // 2:,} are there")
    samples = np.frombuffer(frames, "<i2").astype("float32")
    samples /= max(1.0, np.abs(samples).max())
    return samples


def read_waveforms(paths: list[Path], length: int, silence: str) -> Loaded:
    """Recordings of shape (1, length), the short ones after or before silence, and the spoken digit of each."""
    import numpy as np

    found = recordings(paths)
    inputs = np.zeros((len(found), 1, length), "float32")
    for row, (name, content) in zip(inputs, found, strict=True):
        samples = read_wav(name, content)[:length]
        start = length - len(samples) if silence == "before" else 0
        row[0, start : start + len(samples)] = samples
    return inputs, np.array([int(name[0]) for name, _ in found])


def _verify(data_set: str, folder: Path) -> None:
    """Compare the recordings in a folder with the list of checksums beside it, if there is one."""
    listed = folder.parent / "SHA256SUMS"
    if not listed.is_file():
        return
    rows = (line.split(maxsplit=1) for line in listed.read_text("utf-8").splitlines() if line.count(" "))
    wanted = {name: sha256 for sha256, name in rows}
    for path in sorted(folder.glob("*.wav")):
        sha256 = wanted.get(f"./{folder.name}/{path.name}")
        if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise DataError(
                f"The data set {data_set} cannot use {path}: its SHA-256 is not the one in {listed}. The recording is "
                "cut off or another one; replace it, or remove it: the data set also works without it."
            )


class _SpokenDigits(Downloaded):
    """Facts and options of both forms of the recordings."""

    task: ClassVar[str] = "classification"
    kind: ClassVar[Kind] = "sound"
    origin: ClassVar[str] = "Z. Jackson et al., v1.0.10; https://github.com/Jakobovski/free-spoken-digit-dataset"
    licence: ClassVar[str] = "CC BY-SA 4.0"
    folder: ClassVar[str] = "fsdd"
    files: ClassVar[tuple[RemoteFile, ...]] = (ARCHIVE,)
    sample_rate: ClassVar[int] = 8000
    locator: ClassVar[Callable[..., list[Path]]] = find_recordings
    advice: ClassVar[str] = "Replace that recording, or remove it: the data set also works without it."

    split: Literal["random", "speaker"] = Field(
        "random", description="random: each speaker is in each part. speaker: the test part has other speakers."
    )
    length: int = Field(
        6400, ge=800, le=32_000, description="Samples kept of each recording, 8,000 a second; longer ones are cut off."
    )
    silence: Literal["before", "after"] = Field(
        "before",
        description="Position of the silence that is added to short recordings; before: the word is at the end.",
    )

    @property
    def classes(self) -> tuple[str, ...]:
        return DIGITS

    @property
    def samples(self) -> int:
        return 3000

    @property
    def grouped(self) -> bool:
        return self.split == "speaker"

    def ready(self) -> bool:
        return self._folder() is not None or super().ready()

    def paths(self) -> list[Path]:
        held = self._folder()
        return super().paths() if held is None else [held]

    def read(self, paths: list[Path]) -> Arrays:
        if paths[0].is_dir():
            _verify(self.name, paths[0])
        return super().read(paths)

    def sounds(self, indices: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        found = recordings(self.paths())
        return [read_wav(*found[index])[: self.length] for index in indices]

    def _folder(self) -> Path | None:
        """A folder of recordings in the mirror or among the downloads."""
        places = [place for place in (mirror(), home() / "data") if place is not None]
        found = (place / self.folder / "recordings" for place in places)
        return next((place for place in found if place.is_dir()), None)

    @staticmethod
    def read_groups(paths: list[Path]) -> NDArray[np.int64]:
        """The number of each recording's speaker."""
        import numpy as np

        speakers = [name.split("_")[1] for name, _ in recordings(paths)]
        return np.unique(speakers, return_inverse=True)[1]


class Fsdd(_SpokenDigits):
    """3,000 recordings of spoken digits as spectrograms: the energy of each frequency band over time."""

    name: ClassVar[str] = "fsdd"
    title: ClassVar[str] = "Spoken digits, spectrograms"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (recordings, read_wav, read_waveforms)

    mels: int = Field(40, ge=8, le=64, description="Rows: frequency bands, equally wide on the mel scale.")
    hop: int = Field(128, ge=32, le=800, description="Samples between two columns: 128 are 16 milliseconds.")

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1, self.mels, self.length // self.hop)

    @staticmethod
    def read_files(paths: list[Path], length: int, silence: str, mels: int, hop: int) -> Loaded:
        """Logarithmic mel spectrograms of shape (1, mels, length // hop), and the spoken digit of each."""
        import numpy as np

        sounds, targets = read_waveforms(paths, length, silence)
        size = 256  # samples in the window of one column: 32 milliseconds
        frequencies = np.fft.rfftfreq(size, 1 / 8000)
        # the mel scale: steps that sound equally wide (O'Shaughnessy, 1987), from 60 to 4,000 Hz
        corners = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + 4000 / 700), mels + 2)
        corners = 700 * (10 ** (corners / 2595) - 1)
        low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
        bands = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)).clip(0)
        bands /= np.maximum(bands.sum(axis=1, keepdims=True), 1e-9)  # the mean over each band
        window = np.hanning(size) / np.hanning(size).sum()
        columns = length // hop
        inputs = np.empty((len(sounds), 1, mels, columns), "float32")
        for sound, spectrogram in zip(sounds, inputs, strict=True):
            padded = np.concatenate([sound[0], np.zeros(size)])
            frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:columns]
            power = np.abs(np.fft.rfft(frames * window)) ** 2
            spectrogram[0] = np.log(bands @ power.T + 1e-7)
        return inputs, targets


class FsddWaveform(_SpokenDigits):
    """3,000 recordings of spoken digits as waveforms: the air pressure, 8,000 times a second."""

    name: ClassVar[str] = "fsdd_waveform"
    title: ClassVar[str] = "Spoken digits, waveforms"
    helpers: ClassVar[tuple[Callable[..., Any], ...]] = (recordings, read_wav, read_waveforms)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (1, self.length)

    @staticmethod
    def read_files(paths: list[Path], length: int, silence: str) -> Loaded:
        """Recordings of shape (1, length) with values from -1 to 1, and the spoken digit of each."""
        return read_waveforms(paths, length, silence)
