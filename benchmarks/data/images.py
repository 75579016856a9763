"""A folder of images: Netloom from the path to the last batch, against a loop as with ImageFolder and a DataLoader.

The other side is what people write: the folders are listed, a DataLoader with two workers opens each image with
pillow, makes it a tensor, scales it and batches it. Both sides read batches alone, no network is trained. The first
epoch of Netloom has everything in it: looking through the folder, preparing, splitting, mean and standard deviation.
Each side has a process of its own; they take turns.

    python -m benchmarks images                       50,000 images of 64 x 64: some minutes, 1 GB of disk
    python -m benchmarks images --samples 5000        to try it
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.table import Row

SAMPLES, SIDE, CLASSES, BATCH, WORKERS = 50_000, 64, 10, 64, 2
OURS, LOADER = "Netloom", "with a DataLoader"


def rows(samples: int = SAMPLES, rounds: int = 3) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="netloom-bench-") as folder:
        root = Path(folder) / "images"
        write_images(root, samples)
        found: dict[str, list[list[float]]] = {OURS: [], LOADER: []}
        for number in range(rounds):
            home = Path(folder) / f"home{number}"
            for how in (OURS, LOADER) if number % 2 else (LOADER, OURS):
                found[how].append(_measured(how, root, home))
    pairs = list(zip(found[OURS], found[LOADER], strict=True))
    for what, place, limit in (("first epoch, with preparing", 0, 1.0), ("later epochs", 1, 4.0)):
        ratios = [theirs[place] / ours[place] for ours, theirs in pairs]
        seconds = [statistics.median(side[place] for side in found[how]) for how in (OURS, LOADER)]
        note = f"{min(ratios):.2f} to {max(ratios):.2f}; {seconds[0]:.1f} s against {seconds[1]:.1f} s"
        title = f"{samples:,} images, {what}: speed against a DataLoader"
        yield Row(title, statistics.median(ratios), "at least", limit, note)


def write_images(root: Path, samples: int) -> None:
    """JPEG files with shapes and noise, in a folder for each class."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    grid = np.mgrid[:SIDE, :SIDE] / SIDE
    for number in range(samples):
        place = root / f"class{number % CLASSES}"
        if number < CLASSES:
            place.mkdir(parents=True)
        across, down = random.uniform(2, 30, 2)
        wave = np.sin(grid[0] * across + grid[1] * down)[..., None]
        pixels = wave * random.uniform(20, 90, 3) + random.integers(90, 160, 3) + random.normal(0, 8, (SIDE, SIDE, 1))
        Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(place / f"{number}.jpg", quality=90)


def _measured(how: str, root: Path, home: Path) -> list[float]:
    """Seconds of the first epoch and of a later one, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.data.images", how, str(root)]
    environment = os.environ | {"NETLOOM_HOME": str(home)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: list[float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _epochs(first: Iterator[Any], later: Any) -> list[float]:
    begun = time.perf_counter()
    count = sum(1 for _ in first)
    seconds = [time.perf_counter() - begun]
    begun = time.perf_counter()
    assert sum(1 for _ in later()) == count
    return [*seconds, time.perf_counter() - begun]


def _ours(root: str) -> list[float]:
    import pandas  # noqa: F401  (both sides have what they import before the clock starts)
    import torch  # noqa: F401

    import trainers
    from trainers.data import dataset
    from trainers.data.batches import Batches
    from trainers.data.splits import prepare

    made: list[Batches] = []

    def first() -> Iterator[Any]:
        name = trainers.add_data(root)
        made.append(Batches(prepare(dataset({"name": name}), 0.0, 0.0).training, BATCH, 0, "cpu"))
        yield from made[0].epoch(0)

    return _epochs(first(), lambda: made[0].epoch(1))


def _loader(root: str) -> list[float]:
    import numpy as np
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset

    class Folder(Dataset[Any]):
        def __init__(self) -> None:
            classes = sorted(entry.name for entry in os.scandir(root))
            self.files = [
                (entry.path, number) for number, name in enumerate(classes) for entry in os.scandir(f"{root}/{name}")
            ]

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, place: int) -> Any:
            path, number = self.files[place]
            with Image.open(path) as opened:
                pixels = np.asarray(opened.convert("RGB"))
            image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous().float().div(255)
            return image.sub_(0.5).div_(0.25), number

    made: list[Any] = []

    def first() -> Iterator[Any]:
        made.append(DataLoader(Folder(), BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True))
        yield from made[0]

    return _epochs(first(), lambda: made[0])


if __name__ == "__main__":
    print(json.dumps((_ours if sys.argv[1] == OURS else _loader)(sys.argv[2])))
