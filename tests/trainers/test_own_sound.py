"""Sounds of one's own: folders of recordings, looked at, trained, exported, predicted."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trainers
from trainers import DataError
from trainers.data import dataset
from trainers.data.own import library
from trainers.data.own.kinds.sound import preparing
from trainers.data.own.kinds.sound.encoding import read_sound, resampled
from trainers.data.own.kinds.sound.guessing import head_of
from trainers.data.own.kinds.sound.preparing import numbered
from trainers.data.own.kinds.sound.warnings import sound_checks
from trainers.data.splits import also_in_training, parts_of, words_on_copies

DIGITS = Path(os.environ.get("NETLOOM_DATA") or "/nowhere") / "fsdd" / "recordings"


def write(path: Path, values: np.ndarray, rate: int = 8000, bits: int = 16) -> None:
    """A WAV file of values from -1 to 1, (values,) or (values, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.rint(values * (2 ** (bits - 1) - 1)).astype("<i4")
    content = whole.reshape(-1, 1).view("uint8")[:, : bits // 8].tobytes()
    with wave.open(str(path), "wb") as opened:
        opened.setnchannels(1 if values.ndim == 1 else values.shape[1])
        opened.setsampwidth(bits // 8)
        opened.setframerate(rate)
        opened.writeframes(content)


def tone(frequency: float, rate: int = 8000, seconds: float = 0.25) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """Low and high tones with noise, 40 of each."""
    random = np.random.default_rng(0)
    for label, frequency in (("low", 300), ("high", 1500)):
        for number in range(40):
            sound = tone(frequency * random.uniform(0.9, 1.1)) + random.normal(0, 0.05, 2000)
            write(tmp_path / "tones" / label / f"{number}.wav", sound * 0.8)
    return tmp_path / "tones"


def test_what_is_found(folder: Path) -> None:
    report = trainers.data_report(trainers.add_data(folder))
    assert (report.kind, report.rows, report.schema.classes) == ("sound", 80, ("high", "low"))
    assert (report.schema.sample_rate, report.schema.length, report.schema.hop) == (8000, 2048, 128)
    section = report.sections[0]
    assert [(each.label, each.count) for each in section.classes] == [("high", 40), ("low", 40)]
    assert section.classes[0].sounds[0].shape == (2000,) and section.classes[0].spectrograms[0].shape == (40, 16)
    assert "low: 40 recordings" in str(report) and not report.warnings


def test_it_trains(folder: Path) -> None:
    document = trainers.recommend(trainers.add_data(folder))
    assert trainers.check(document) == []
    run = trainers.start(trainers.Job.from_document(document, epochs=3))
    assert run.wait() == "finished" and run.scores()["accuracy"] > 0.8
    assert [len(sound) for sound in run.job.dataset.sounds(np.array([0, 50]))] == [2000, 2000]


@pytest.mark.parametrize("form", ["spectrogram", "waveform"])
def test_the_script_reads_the_same_sounds(folder: Path, form: str, tmp_path: Path, monkeypatch: Any) -> None:
    shutil.copy(folder / "low" / "1.wav", folder / "low" / "copy.wav")
    (folder / "low" / "empty.wav").touch()
    data = dataset({"name": trainers.add_data(folder, settings={"form": form, "copies": False, "sample_rate": 6000})})
    (tmp_path / "out").mkdir()
    shutil.copytree(folder, tmp_path / "out" / folder.name)
    monkeypatch.chdir(tmp_path / "out")
    names: dict[str, Any] = {}
    exec(compile(data.source(), "train.py", "exec"), names)
    arrays, (inputs, targets) = data.load(), names["load_data"]()
    np.testing.assert_array_equal(arrays.inputs[0], inputs)
    np.testing.assert_array_equal(arrays.targets, targets)
    assert len(targets) == 80 and isinstance(arrays.inputs[0], np.memmap)
    new, files, left_out = data.encode_files([folder / "low"])
    kept = [place for place, name in enumerate(files) if name != "copy.wav"]
    order = np.argsort([files[place] for place in kept])
    np.testing.assert_array_equal(new[0][kept][order], inputs[targets == 1])
    assert [name for name, _ in left_out] == ["empty.wav"]


@pytest.mark.parametrize(("rate", "bits", "channels"), [(8000, 24, 1), (44100, 16, 2), (22050, 32, 1), (4000, 16, 1)])
def test_other_forms_of_the_same_sound_are_the_same(tmp_path: Path, rate: int, bits: int, channels: int) -> None:
    values = tone(440, rate)
    write(tmp_path / "other.wav", values if channels == 1 else np.stack([values] * channels, 1), rate, bits)
    sound = read_sound(tmp_path / "other.wav", 8000, 1.0)
    assert abs(len(sound) - 2000) <= 2
    np.testing.assert_allclose(sound[100:1900], tone(440)[100:1900] * 2, atol=0.02)


SOUNDFILE = {
    "a.flac": ("FLAC", "PCM_24"), "a.ogg": ("OGG", "VORBIS"), "a.opus": ("OGG", "OPUS"), "a.mp3": ("MP3", None),
    "a.aiff": ("AIFF", "PCM_16"), "mulaw.wav": ("WAV", "ULAW"), "adpcm.wav": ("WAV", "IMA_ADPCM"),
    "float.wav": ("WAV", "FLOAT"), "double.wav": ("WAV", "DOUBLE"), "extensible.wav": ("WAVEX", "PCM_24"),
    "large.wav": ("RF64", "PCM_16"), "flac.wav": ("FLAC", "PCM_16"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUNDFILE)
def test_other_formats_hold_the_same_sound(tmp_path: Path, name: str) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is installed by `make test`")
    form, subtype = SOUNDFILE[name]
    values = np.stack([tone(440, 16_000)] * 2, 1)
    soundfile.write(tmp_path / name, values, 16_000, format=form, subtype=subtype)
    sound, head = read_sound(tmp_path / name, 8000, 1.0), head_of(tmp_path / name)
    assert abs(len(sound) - 2000) <= 150 and head.rate == 16_000 and head.channels == 2
    # a lossy format may shift the sound by some values
    found, wanted = sound[200:1600], tone(440, seconds=0.5)
    assert max(np.corrcoef(found, wanted[start : start + 1400])[0, 1] for start in range(100, 300)) > 0.99


def test_folders_of_other_formats_are_classes(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is installed by `make test`")
    for label, ending, frequency in (("low", "flac", 300), ("high", "ogg", 1500)):
        (tmp_path / "tones" / label).mkdir(parents=True)
        for number in range(6):
            soundfile.write(tmp_path / "tones" / label / f"{number}.{ending}", tone(frequency + 9 * number), 8000)
    whole = (tmp_path / "tones" / "low" / "0.flac").read_bytes()
    (tmp_path / "tones" / "low" / "cut.flac").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "tones" / "low" / "phone.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(range(200)))
    (tmp_path / "tones" / "notes.txt").write_text("no sound")
    name = trainers.add_data(tmp_path / "tones")
    report = trainers.data_report(name)
    assert {each.what for each in report.left_out} == {"low/cut.flac", "low/phone.m4a", "notes.txt"}
    arrays = dataset({"name": name}).load()
    assert len(arrays.targets) == 12 and np.isfinite(arrays.inputs[0]).all()


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF800])
def test_a_recording_from_a_pipe_and_odd_chunks_are_read(tmp_path: Path, size: int) -> None:
    write(tmp_path / "plain.wav", tone(440))
    plain = (tmp_path / "plain.wav").read_bytes()
    chunk = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # an odd size is followed by one byte more
    (tmp_path / "pipe.wav").write_bytes(plain[:12] + chunk + plain[12:40] + struct.pack("<I", size) + plain[44:])
    np.testing.assert_array_equal(
        read_sound(tmp_path / "pipe.wav", 8000, 9.0), read_sound(tmp_path / "plain.wav", 8000, 9.0)
    )
    assert head_of(tmp_path / "pipe.wav").seconds == 0.25


def test_without_soundfile_other_formats_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(range(99)))
    for read in (lambda path: read_sound(path, 8000, 1.0), head_of):
        with pytest.raises(ValueError, match="pip install soundfile"):
            read(tmp_path / "a.flac")


def test_what_a_lower_rate_cannot_hold_is_left_out() -> None:
    high = resampled(tone(6000, 44_100), 44_100, 8000)
    assert np.abs(high[100:-100]).max() < 0.01  # it would be a tone of 2,000 hertz otherwise


def test_hostile_files_are_left_out_with_a_reason(folder: Path) -> None:
    whole = (folder / "low" / "0.wav").read_bytes()
    bad = {
        "empty.wav": b"",
        "cut.wav": whole[:1000],
        "head.wav": whole[:30],
        "text.wav": b"no sound at all, but words" * 9,
        "broken.flac": b"fLaC" + bytes(range(256)),
        "none.wav": whole[:40] + struct.pack("<I", 0),
        "compressed.wav": whole[:20] + b"\x11\x00" + whole[22:],
    }
    for name, content in bad.items():
        (folder / "low" / name).write_bytes(content)
    write(folder / "low" / "silent.wav", np.zeros(500))
    (folder / "low" / "._0.wav").write_bytes(b"\0\5")
    report = trainers.data_report(trainers.add_data(folder))
    assert {each.what for each in report.left_out} == {f"low/{name}" for name in (*bad, "silent.wav")}
    assert all(each.reason.endswith(".") for each in report.left_out) and report.rows == 80
    assert [warning.code for warning in report.warnings] == ["D505"]


def test_warnings_and_their_fixes(folder: Path) -> None:
    for number in range(5):
        write(folder / "rare" / f"{number}.wav", tone(800 + number, 4000, 3.0), 4000)
    for number in range(400):
        write(folder / "low" / f"same{number}.wav", tone(250))
    name = trainers.add_data(folder, settings={"length": 1024})
    warnings = {warning.code: warning for warning in trainers.data_report(name).warnings}
    assert set(warnings) == {"D501", "D502", "D503", "D504", "D506"}
    data = dataset({"name": name})
    expected = words_on_copies(also_in_training(parts_of(data, data.load()), numbered(data.load().inputs[0])), True)
    assert warnings["D503"].message.endswith(expected) and "score is better" in expected
    library.change(name, warnings["D503"].fix)
    library.change(name, library.stored(name).schema.with_fields(length=24_000))
    assert {warning.code for warning in trainers.data_report(name).warnings} == {"D501", "D506"}


def test_preparing_goes_on_where_it_was_left(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "BLOCK", 20)
    read: list[Path] = []

    def once(path: Path, *options: Any) -> Any:
        if len(read) == 50:
            raise KeyboardInterrupt
        read.append(path)
        return read_sound(path, *options)

    monkeypatch.setattr(preparing, "WORKERS", 1)
    monkeypatch.setattr(preparing, "read_sound", once)
    data = dataset({"name": trainers.add_data(folder)})
    with pytest.raises(KeyboardInterrupt):
        data.load()
    later: list[Path] = []
    monkeypatch.setattr(
        preparing, "read_sound", lambda path, *options: (later.append(path), read_sound(path, *options))[1]
    )
    assert len(data.load().targets) == 80 and len(later) == 40
    assert not (data.stored.folder / "preparing").exists()


@pytest.mark.parametrize(
    ("names", "message"), [(("a/1.wav", "a/2.wav"), "two folders"), (("1.wav", "2.wav"), "two folders")]
)
def test_too_little_is_refused_in_a_sentence(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    for name in names:
        write(tmp_path / "sounds" / name, tone(300))
    with pytest.raises(DataError, match=message):
        trainers.add_data(tmp_path / "sounds")


def test_every_check_says_what_and_why() -> None:
    assert [check.code for check in sound_checks()] == [f"D50{number}" for number in range(1, 7)]
    assert all(len(type(check).__doc__ or "") > 60 for check in sound_checks())


@pytest.mark.slow
@pytest.mark.skipif(not DIGITS.is_dir(), reason="spoken digits are read from $NETLOOM_DATA/fsdd")
def test_the_floor_of_spoken_digits(tmp_path: Path) -> None:
    for path in sorted(DIGITS.glob("*.wav")):
        (tmp_path / "digits" / path.name[0]).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "digits" / path.name[0])
    document = trainers.recommend(trainers.add_data(tmp_path / "digits"))
    run = trainers.start(trainers.Job.from_document(document))
    assert run.wait() == "finished" and run.scores()["accuracy"] >= 0.93
