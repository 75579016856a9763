"""The schema of sounds: their rate, their length, and how they become spectrograms."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from trainers.data.own.schema import Schema

ENDINGS = (
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".mp3", ".w64", ".rf64", ".caf", ".snd",
    ".m4a", ".aac", ".wma",  # of the last three none is read, but they are named, and left out with the reason
)  # fmt: skip


class SoundSchema(Schema):
    """Recordings of classes. A sample is a logarithmic mel spectrogram, (1, mels, length // hop), or the waveform."""

    unit: ClassVar[str] = "sounds"

    kind: Literal["sound"] = "sound"
    classes: tuple[str, ...] = Field(min_length=2, max_length=100_000)
    form: Literal["spectrogram", "waveform"] = "spectrogram"
    sample_rate: int = Field(16_000, ge=1000, le=96_000)
    length: int = Field(16_000, ge=64, le=10_000_000)  # values of a sound that are used
    silence: Literal["before", "after"] = "before"
    mels: int = Field(40, ge=8, le=128)
    hop: int = Field(256, ge=16, le=8192)
    copies: bool = True  # use the same recording more than once
    given_parts: bool = False  # folders say which part each sound is in
    form_reason: str = Field("", max_length=500)
    rate_reason: str = Field("", max_length=500)
    length_reason: str = Field("", max_length=500)


SCHEMA = SoundSchema
