"""Small data of one's own of each kind, written into a folder, with names that a page must not take for HTML."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def sounds(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("low", "high<b>"):
        (folder / "sounds" / name).mkdir(parents=True)
        for number in range(12):
            with wave.open(str(folder / "sounds" / name / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes((random.normal(size=2000) * 3000).astype("<i2").tobytes())
    return folder / "sounds"


def texts(folder: Path) -> Path:
    for name in ("good", "bad<b>"):
        (folder / "texts" / name).mkdir(parents=True)
        for number in range(12):
            words = f"<script>{number}</script> it was {name} and so on"
            (folder / "texts" / name / f"{number}.txt").write_text(words)
    return folder / "texts"


def series(folder: Path) -> Path:
    days = pd.date_range("2020-01-01", periods=300).strftime("%Y-%m-%d")
    rows = pd.DataFrame({"day": days, "wind<b>": np.arange(300) % 7, "heat": np.sin(np.arange(300) / 9).round(3)})
    rows.to_csv(folder / "weather.csv", index=False)
    return folder / "weather.csv"


def images(folder: Path) -> Path:
    random = np.random.default_rng(0)
    for name, colour in (("red<b>", (200, 30, 30)), ("blue", (30, 60, 200))):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = (np.array(colour) + random.integers(-30, 30, (16, 16, 3))).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / "images" / name / f"{number}.png")
    return folder / "images"
