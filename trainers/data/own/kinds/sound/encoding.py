"""What a schema does to recordings: one channel, one rate, one length, and the energy of each frequency over time.

The functions stand on their own: training, new recordings and the exported train.py use the same ones. They need numpy
only, and soundfile for files that are no plain WAV files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def resampled(values: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """A sound (values,) at another rate: what is above the highest frequency of the lower rate is left out first.

    Each new value is a mean of the old ones around it, weighted by a sinc in a Hann window of 32 zero crossings, as J.
    O. Smith describes it, https://ccrma.stanford.edu/~jos/resample.
    """
    import numpy as np

    if rate == wanted or not len(values):
        return values
    ratio = wanted / rate
    scale, reach = min(1.0, ratio), 16 / min(1.0, ratio)
    places = np.arange(int(np.ceil(len(values) * ratio))) / ratio
    offsets = np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 1)
    padded = np.pad(values, len(offsets))
    found = np.empty(len(places))
    for start in range(0, len(places), 8192):
        some = places[start : start + 8192]
        near = np.rint(some).astype("int64")[:, None] + offsets
        apart = some[:, None] - near
        weights = np.sinc(apart * scale) * np.where(np.abs(apart) < reach, np.cos(np.pi * apart / (2 * reach)) ** 2, 0)
        weights /= weights.sum(axis=1, keepdims=True)
        found[start : start + 8192] = (padded[near + len(offsets)] * weights).sum(axis=1)
    return found


def wave_head(path: Any) -> dict[str, int]:
    """What a WAV file says of itself: `code` (1: whole numbers, 3: floats), `channels`, `rate`, `bits`, and where its
    values `start` and how many `bytes` they have.

    Raises:
        ValueError: it is none, or it is compressed.
    """
    import struct

    with open(path, "rb") as opened:  # noqa: PTH123
        head = opened.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise ValueError("it is no WAV file")
        found: dict[str, int] = {}
        while len(chunk := opened.read(8)) == 8:
            name, size = chunk[:4], int.from_bytes(chunk[4:], "little")
            if name == b"fmt " and 16 <= size <= 4096:
                content = opened.read(size).ljust(40, b"\0")
                code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
                code = int.from_bytes(content[24:26], "little") if code == 0xFFFE else code
                found = {"code": code, "channels": channels, "rate": rate, "bits": bits}
            elif name == b"data" and found:
                start = opened.tell()
                rest = opened.seek(0, 2) - start
                # a program that writes into a pipe does not know how much will come
                found |= {"start": start, "bytes": rest if size >= 0x7FFFF000 and rest < size else size}
                break
            else:
                opened.seek(size, 1)
            opened.seek(opened.tell() % 2, 1)
    known = (found.get("code"), found.get("bits")) in ((1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64))
    if "start" not in found or not known or not found["channels"] or not found["rate"]:
        raise ValueError("it is a WAV file that is damaged or compressed")
    return found


def wave_values(path: Any, seconds: float) -> tuple[NDArray[np.float64], int]:
    """The first seconds of a WAV file, (values, channels) from -1 to 1, and how many a second has.

    Raises:
        ValueError: it is none, it is compressed, or it is cut off.
    """
    import numpy as np

    head = wave_head(path)
    size = head["channels"] * head["bits"] // 8
    wanted = min(head["bytes"] // size, int(np.ceil(seconds * head["rate"])) + 64)
    with open(path, "rb") as opened:  # noqa: PTH123
        opened.seek(head["start"])
        content = opened.read(wanted * size)
    if len(content) < wanted * size:
        raise ValueError("it is cut off")
    if head["code"] == 3:
        values = np.frombuffer(content, f"<f{head['bits'] // 8}").astype("float64")
    elif head["bits"] == 8:
        values = (np.frombuffer(content, "uint8").astype("float64") - 128) / 128
    else:
        # the upper bytes of numbers of four: three bytes are no type of numpy
        width = head["bits"] // 8
        whole = np.zeros((wanted * head["channels"], 4), "uint8")
        whole[:, 4 - width :] = np.frombuffer(content, "uint8").reshape(-1, width)
        values = whole.reshape(-1).view("<i4").astype("float64") / 2**31
    return values.reshape(-1, head["channels"]), head["rate"]


def soundfile_values(path: Any, seconds: float) -> tuple[NDArray[np.float64], int]:
    """The first seconds of a recording that soundfile reads, (values, channels) from -1 to 1, and its rate.

    Raises:
        ValueError: it is none, or soundfile is not installed.
    """
    import numpy as np

    try:
        import soundfile
    except (ImportError, OSError):  # OSError: libsndfile, which it needs, is not there
        raise ValueError("it is no plain WAV file, and soundfile is not installed (pip install soundfile)") from None
    try:
        with soundfile.SoundFile(path) as opened:
            rate = opened.samplerate
            wanted = min(opened.frames, int(np.ceil(seconds * rate)) + 64)
            values = opened.read(wanted, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError):
        raise ValueError("it is damaged, or no recording of a format that soundfile reads") from None
    if len(values) < wanted:
        raise ValueError("it is cut off")
    return values, rate


def read_sound(path: Any, sample_rate: int, seconds: float) -> NDArray[np.float32]:
    """The first seconds of a recording: the mean of its channels at one rate, its loudest value at 1 or -1.

    Plain WAV files need nothing else, others are read by soundfile, where that is installed.

    Raises:
        ValueError: it is none, it is empty, silent or cut off, or it holds values that are no numbers.
    """
    import numpy as np

    with open(path, "rb") as opened:  # noqa: PTH123
        head = opened.read(12)
    if not head:
        raise ValueError("it is empty")
    try:
        plain = bool(wave_head(path))
    except ValueError:
        plain = False
    values, rate = wave_values(path, seconds) if plain else soundfile_values(path, seconds)
    if not len(values):
        raise ValueError("it is empty")
    values = values.mean(axis=1)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    if np.abs(values).max() < 1e-6:
        raise ValueError("it is silent")
    values = resampled(values, rate, sample_rate)
    loudest: NDArray[np.float32] = (values / np.abs(values).max()).astype("float32")
    return loudest


def padded_sound(values: NDArray[np.float32], length: int, silence: str) -> NDArray[np.float32]:
    """A sound of this length: cut off, or with silence before or after it."""
    import numpy as np

    found = np.zeros(length, "float32")
    some = values[:length]
    start = length - len(some) if silence == "before" else 0
    found[start : start + len(some)] = some
    return found


def spectrogram_of(sound: NDArray[np.float32], sample_rate: int, mels: int, hop: int) -> NDArray[np.float32]:
    """The logarithmic mel spectrogram (mels, length // hop) of a sound: the energy of each frequency band over time."""
    import numpy as np

    size = 2 * hop
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    # the mel scale: steps that sound equally wide (O'Shaughnessy, 1987)
    highest = 2595 * np.log10(1 + sample_rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(2595 * np.log10(1 + 60 / 700), highest, mels + 2) / 2595) - 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bands = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)).clip(0)
    bands /= np.maximum(bands.sum(axis=1, keepdims=True), 1e-9)  # the mean over each band
    window = np.hanning(size) / np.hanning(size).sum()
    padded = np.concatenate([sound, np.zeros(size)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: len(sound) // hop]
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    found: NDArray[np.float32] = np.log(bands @ power.T + 1e-7).astype("float32")
    return found


def is_sound(name: str) -> bool:
    """Whether a file is a recording, by its ending."""
    endings = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".mp3")
    return name.lower().endswith(endings)


def encoded_sound(values: NDArray[np.float32], schema: dict[str, Any]) -> NDArray[np.float32]:
    """A recording as a sample: (1, mels, length // hop), or (1, length)."""
    sound = padded_sound(values, schema["length"], schema["silence"])
    if schema["form"] == "waveform":
        return sound[None]
    return spectrogram_of(sound, schema["sample_rate"], schema["mels"], schema["hop"])[None]
