"""A Parquet table of 10 million rows and 10 columns, given by its path; and reading a CSV file.

What is measured: seconds until the Data page of the table is drawn with what was found in it, steps of training on the
file against the same steps on tensors in memory (in turn, in one process), the highest anonymous memory (Linux) of
a process that adds, prepares and trains it, and reading a CSV file against pandas with pyarrow.

    python -m benchmarks tables                       some minutes, 1.5 GB of disk
    python -m benchmarks tables --samples 2000000     to try it (more than a million, so that it counts as large)
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
from benchmarks.timing import ratio

SAMPLES, PIECE, LINES, BATCH = 10_000_000, 500_000, 1_000_000, 1024
STEPS, ROUNDS = 40, 15
PAGE, TRAINED, MEMORY = "page", "trained", "memory"


def rows(samples: int = SAMPLES, rounds: int = ROUNDS) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="netloom-bench-") as folder:
        path = Path(folder) / "large.parquet"
        write_parquet(path, samples)
        peak = _process(MEMORY, path, Path(folder) / "home", rounds)
        yield Row(f"{samples:,} rows, added and trained: anonymous memory in GB", peak["gigabytes"], "at most", 2.0)
        page = _process(PAGE, path, Path(folder) / "home", rounds)
        yield Row(f"{samples:,} rows: seconds until the Data page shows them", page["seconds"], "at most", 5.0)
        trained = _process(TRAINED, path, Path(folder) / "home", rounds)
        what = f"{samples:,} rows from a file: throughput against a tensor in memory"
        yield Row(what, trained["median"], "at least", 0.9, f"{trained['least']:.2f} to {trained['most']:.2f}")
        yield _csv_row(Path(folder) / "table.csv", min(samples, LINES), rounds)


def write_parquet(path: Path, samples: int) -> None:
    """Eight numbers, a category and a target that follows from two of the numbers, piece by piece."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as parquet

    writer = None
    for start in range(0, samples, PIECE):
        count = min(PIECE, samples - start)
        random = np.random.default_rng(start)
        numbers = random.normal(size=(8, count)).round(3)
        kinds = np.array(["red", "green", "blue", "grey"])[random.integers(0, 4, count)]
        target = 2 * numbers[0] - numbers[1] + random.normal(0, 0.1, count)
        columns = {f"x{place}": column for place, column in enumerate(numbers)}
        piece = pa.table({**columns, "kind": kinds, "y": target})
        writer = writer or parquet.ParquetWriter(path, piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


def _csv_row(path: Path, lines: int, rounds: int) -> Row:
    import numpy as np
    import pandas as pd

    from trainers.data.own.reading import reader_for

    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(lines, 6)).round(4), columns=[f"x{place}" for place in range(6)])
    frame["count"] = random.integers(0, 1000, lines)
    frame["kind"] = random.choice(["red", "green", "blue"], lines)
    frame["town"] = random.choice([f"town {number}" for number in range(50)], lines)
    frame["y"] = random.normal(size=lines).round(3)
    frame.to_csv(path, index=False)
    reader = reader_for(path)
    value, ours, theirs = ratio(
        lambda: reader.read(path), lambda: pd.read_csv(path, engine="pyarrow"), max(3, rounds // 2)
    )
    what = f"reading a CSV file of {path.stat().st_size / 1e6:.0f} MB: seconds against pandas with pyarrow"
    return Row(what, value, "at most", 1.3, f"{ours:.2f} s against {theirs:.2f} s")


def _process(what: str, path: Path, home: Path, rounds: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.data.tables", what, str(path), str(rounds)]
    environment = os.environ | {"NETLOOM_HOME": str(home)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _memory(path: str) -> dict[str, float]:
    """The highest anonymous memory while the table is added, prepared and trained for some steps."""
    import trainers
    from benchmarks.data.anonymous import Peak

    with Peak() as peak:
        document = trainers.recommend(trainers.add_data(path))
        run = trainers.start(trainers.Job.from_document(document, epochs=1, max_steps=200))
        run.wait()
    assert run.state == "finished", run.message
    return {"gigabytes": peak.bytes / 1e9}


def _page() -> dict[str, float]:
    """Seconds from asking for the Data page to its report, in a server that has imported what it needs."""
    import torch  # noqa: F401
    from streamlit.testing.v1 import AppTest

    from pages.parts.theme import theme

    theme.kind = lambda: "light"
    app = Path(__file__).parents[2]

    def opened(page: str, shows: str) -> float:
        begun = time.perf_counter()
        test = AppTest.from_file(str(app / "app.py"), default_timeout=120)
        test.switch_page(str(app / "pages" / page))
        while not any(shows in str(item.proto.body) for item in test.run().get("html")):
            time.sleep(0.05)
        return time.perf_counter() - begun

    opened("learn.py", "")  # another page: what pages import is there, and nothing of the table is known
    return {"seconds": opened("data.py", "nl-split")}  # it shows the only data set that there is


def _trained(path: str, rounds: int) -> dict[str, float]:
    """Throughput of training on the file by that on tensors in memory, in turn."""
    import dataclasses

    import trainers
    from trainers.data.batches import Batches
    from trainers.data.own import library

    job = trainers.Job.from_document(trainers.recommend(f"own/{library.names()[0]}"))
    prepared = job.prepare()
    held = dataclasses.replace(prepared.training, inputs=tuple(given[:] for given in prepared.training.inputs))
    streams = []
    for split in (prepared.training, held):
        learner = job.paradigm.learner(job, prepared, "cpu", 10**6, 1000)
        streams.append((learner, _endless(Batches(split, BATCH, 0, "cpu"))))
    ratios = []
    for number in range(rounds + 1):
        seconds = [0.0, 0.0]
        for place in (0, 1) if number % 2 else (1, 0):
            learner, batches = streams[place]
            begun = time.perf_counter()
            for _ in range(STEPS):
                learner.step(next(batches))
            seconds[place] = time.perf_counter() - begun
        ratios.append(seconds[1] / seconds[0])
    ratios = ratios[1:]  # the first round warms up
    return {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}


def _endless(batches: Any) -> Iterator[Any]:
    for number in range(10**6):
        yield from batches.epoch(number)


if __name__ == "__main__":
    how, file, turns = sys.argv[1:]
    found = {PAGE: _page, TRAINED: lambda: _trained(file, int(turns)), MEMORY: lambda: _memory(file)}[how]()
    print(json.dumps(found))
