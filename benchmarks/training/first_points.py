"""From the start of a run to the first points of its curves, for every template.

What the processes of Netloom import when they are started (torch, torchmetrics) is loaded before.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator

import builder
from benchmarks.table import Row

POINTS, LIMIT, PATIENCE = 3, 2.0, 60.0


def rows(templates: str = "") -> Iterator[Row]:
    import trainers
    from trainers.engine.session import warm_up

    warm_up()
    with tempfile.TemporaryDirectory() as home:
        os.environ["NETLOOM_HOME"] = home
        for name in templates.split(",") if templates else builder.templates():
            document = builder.template(name)
            try:
                job = trainers.Job.from_document(document)
            except builder.GraphError as error:
                print(f"{name} is left out: {error}")
                continue
            begun, used = time.perf_counter(), time.process_time()
            run = trainers.start(job)
            while len(run.store.metrics(run.id)) < POINTS and time.perf_counter() - begun < PATIENCE:
                if run.state == "failed":
                    raise RuntimeError(run.progress().message)
                time.sleep(0.02)
            seconds, used = time.perf_counter() - begun, time.process_time() - used
            run.stop()
            run.wait()
            yield Row(
                f"start → {POINTS} points, {name}: seconds", seconds, "at most", LIMIT, f"{used:.2f} s of CPU time"
            )
