"""How much memory data of one's own need while they are prepared and loaded: what stays in its file needs none."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainers import add_data
from trainers.data.own import library
from trainers.data.own.kinds.text.preparing import encoded
from trainers.data.own.kinds.text.reading import Texts
from trainers.data.own.kinds.text.schema import TextSchema

STATUS = Path("/proc/self/status")
# Of each data set: bytes of its arrays, and the highest anonymous memory, beyond that before, while it is prepared,
# loaded, split and read for an epoch.
MEASURED = """
import gc, sys
from trainers.data import dataset, mapped
from trainers.data.batches import Batches
from trainers.data.own.kinds.images import preparing
from trainers.data.own.kinds.sound import preparing as recordings
from trainers.data.splits import prepare
from benchmarks.data.anonymous import Peak
import trainers.data.splits as splits
mapped.HELD, mapped.BLOCK, splits.MANY = 0, 1 << 20, 1 << 20
preparing.COPIED, recordings.BLOCK = 1 << 20, 16
names = sys.argv[1:]
for name in [names[0], *names]:  # the first time it imports what it needs
    gc.collect()
    with Peak() as peak:
        data = dataset({"name": name})
        arrays = data.load()
        size = sum(array.nbytes for array in arrays.inputs)
        few = max(2, (1 << 20) // (size // len(arrays.targets)))  # the batches themselves need little
        for batch in Batches(prepare(data).training, few, 0, "cpu").epoch(0):
            pass
        del arrays, batch
    print(name, size, peak.highest - peak.before)
"""


def images(folder: Path) -> Path:
    for number in range(200):
        path = folder / f"class{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (256, 256), (number % 256, number // 256, 90 * (number % 2))).save(path, compress_level=1)
    return folder


def sounds(folder: Path) -> Path:
    for number in range(500):
        path = folder / f"class{number % 2}" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes((np.sin(np.arange(16000) / (3 + number)) * 9000).astype("<i2").tobytes())
    return folder


@pytest.mark.slow  # data sets that are large enough to be seen in the memory of a process
@pytest.mark.skipif(not STATUS.exists() or "RssAnon" not in STATUS.read_text(), reason="the system does not say")
def test_what_stays_in_its_file_is_never_held(tmp_path: Path) -> None:
    names = [
        add_data(images(tmp_path / "images"), settings={"width": 256, "height": 256}),
        add_data(sounds(tmp_path / "sounds"), settings={"form": "waveform", "length": 16000}),
    ]
    ended = subprocess.run([sys.executable, "-c", MEASURED, *names], capture_output=True, text=True, timeout=540)
    assert ended.returncode == 0, ended.stderr
    found = {name: (int(size), int(peak)) for name, size, peak in map(str.split, ended.stdout.splitlines())}
    assert set(found) == set(names) and not any(library.stored(name).schema.ready for name in names)
    for name, (size, peak) in found.items():
        assert size > 10 << 20, f"{name} is too small to say anything"
        assert peak < size / 2, f"{name} has {size >> 20} MB, and {peak >> 20} MB were held"


@pytest.mark.parametrize("form", ["folders", "running"])
def test_tokens_are_never_objects_all_at_once(form: str) -> None:
    """Texts are held as they are, and what is made of them; a list of their tokens would need ten times as much."""
    words = np.char.add("word", np.random.default_rng(0).integers(0, 500, 100_000).astype("str"))
    texts = [" ".join(some) for some in np.array_split(words, 500)]
    if form == "running":
        texts = ["\n".join(texts)]
    labels = np.arange(len(texts)) % 2
    found = Texts(texts, labels, np.full(len(texts), -1), [str(place) for place in labels], ())
    schema = TextSchema.model_validate({"form": form, "classes": ("a", "b"), "length": 20})
    size = sum(map(len, texts))
    tracemalloc.start()
    try:
        arrays = encoded(found, schema)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    made = sum(array.nbytes for array in arrays.values())
    assert peak < made + 4 * size, f"texts {size:,}, made {made:,}, held {peak:,} bytes"
