"""The command line of Netloom: check, train, export, runs, datasets, app.

Exit codes: 0 success; 1 the document has errors, or the run failed; 2 wrong arguments; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import builder
import trainers
from builder.exports.export import export_parts
from builder.problems import NetloomError, Problem, ProblemsError
from trainers import early_interrupt
from trainers.data.own import command as data_command
from trainers.data.own.files import LEFT_OUT
from trainers.disk import NOT_SAVED
from trainers.early_interrupt import INTERRUPTED as INTERRUPTED
from trainers.events import OVER, SplitName
from trainers.runs.files import write
from trainers.runs.predictions import data_change
from trainers.runs.queue import command as queue_command
from trainers.runs.queue.beginning import On
from trainers.runs.repair import repair, unlisted
from trainers.runs.store import Store
from trainers.runs.summaries import summaries
from trainers.trying.part_predictions import part_predictions, table, write_csv

SOME_LEFT_OUT = 3  # the exit code of `predict` where some files or lines could not be read


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    early_interrupt.end()
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        return code
    except ProblemsError as error:
        _print(options, {"problems": [_as_dict(problem) for problem in error.problems]}, str(error), sys.stderr)
    except (NetloomError, OSError) as error:
        _print(options, {"error": str(error)}, str(error), sys.stderr)
    except MemoryError:
        text = "There is not enough memory for this. Close other programs, or choose a smaller data set or network."
        _print(options, {"error": text}, text, sys.stderr)
    except KeyboardInterrupt:
        _print(options, {"error": "interrupted"}, "Interrupted.", sys.stderr)
        return INTERRUPTED
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="netloom", description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Any, help_text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_text, description=help_text)
        made.set_defaults(command=command)
        if name != "app":
            made.add_argument("--json", action="store_true", help="print JSON")
        return made

    app = add("app", _app, "Open the web app on http://127.0.0.1:8501.")
    app.add_argument("--port", type=int, default=8501)
    add("check", _check, "List the problems of a document.").add_argument(
        "file", help="a document, or the name of a template"
    )
    _add_training(add("train", _train, "Train a document and print its metrics."))
    export = add("export", _export, "Export the model of a run, and check that the export computes the same outputs.")
    export.add_argument("run", help="the id of a run, or last")
    export.add_argument(
        "--format",
        choices=list(builder.EXPORTS),
        default="zip",
        help="zip: weights, code, training script, ONNX and a README",
    )
    export.add_argument("--part", help="a part of the model, such as encoder or generator")
    export.add_argument("--output", type=Path, help="the file to write")
    resume = add("resume", _resume, "Continue a run that was paused or interrupted, and print its metrics.")
    resume.add_argument("run", help="the id of a run, or last: the newest one that is paused or interrupted")
    resume.add_argument("--other-data", action="store_true", help="go on although the data set has changed")
    runs = add("runs", _runs, "List the runs.")
    runs.add_argument(
        "--repair", action="store_true", help="set a damaged store aside, and read the folders of the runs in again"
    )
    add("datasets", _datasets, "List the data sets.")
    own = commands.add_parser("data", help="Add, list, show and remove data of your own.")
    own.set_defaults(command=_data)
    data_command.add_arguments(own)
    queue = commands.add_parser("queue", help="List the runs that wait, reorder them, or train them.")
    queue.set_defaults(command=_queue)
    queue_command.add_arguments(queue)
    predict = add("predict", _predict, "Predict new rows with a trained run.")
    predict.add_argument("run", help="the id of a run, or last")
    predict.add_argument("path", nargs="?", help="a table with the columns that the run was trained on, or new files")
    predict.add_argument("--part", choices=get_args(SplitName), help="instead of new samples: a part of the data")
    predict.add_argument("--out", type=Path, help="the CSV file to write; left out: print the rows")
    return parser


def _add_training(train: argparse.ArgumentParser) -> None:
    train.add_argument("file", help="a document, or the name of a template")
    train.add_argument("--data", help="the name of another data set")
    train.add_argument("--epochs", type=int, help="passes over the training samples")
    train.add_argument("--seed", type=int, help="seed of the random numbers")
    train.add_argument("--batch-size", help="a number, or full for full-batch gradient descent")
    train.add_argument("--device", help="auto, cpu, cuda, …")
    train.add_argument("--threads", type=int, help="CPU threads; left out: the number that is fastest here")
    train.add_argument("--on", choices=get_args(On), default="thread", help="process: in the queue of worker processes")
    train.add_argument("--lr", type=float, help="the optimizer's learning rate")


def _data(options: argparse.Namespace) -> int:
    _print(options, *data_command.run(options))
    return 0


def _queue(options: argparse.Namespace) -> int:
    _print(options, *queue_command.run(options))
    return 0


def _predict(options: argparse.Namespace) -> int:
    """Exit code 0, or 3 where some files or lines were left out."""
    run = _last_run() if options.run == "last" else trainers.open_run(options.run)
    if (options.path is None) == (options.part is None):
        raise trainers.RunError("Name either new samples (a file, a folder) or a part of the data (--part test).")
    if options.part is not None and options.out is not None:
        rows = write_csv(run, options.part, options.out)
        _print(options, {"rows": rows}, f"{rows:,} predictions are in {options.out}.")
        return 0
    found = run.predict(options.path) if options.part is None else table(part_predictions(run, options.part))
    has_names = found.index.name is not None  # of files, which have only names
    if options.out is not None:
        write(options.out, lambda temporary: found.to_csv(temporary, index=has_names))
    text = f"{len(found):,} rows are in {options.out}." if options.out is not None else found.to_string(index=has_names)
    left_out = found.attrs.get(LEFT_OUT, [])
    rows = json.loads((found.reset_index() if has_names else found).to_json(orient="records"))
    _print(options, {"rows": rows, "left_out": [{"file": name, "reason": why} for name, why in left_out]}, text)
    if warning := found.attrs.get("warning"):
        print(warning, file=sys.stderr)
    if left_out:
        lines = "".join(f"\n  {name}: {why}" for name, why in left_out)
        print(f"Left out, since {'it' if len(left_out) == 1 else 'they'} cannot be read:{lines}", file=sys.stderr)
    return SOME_LEFT_OUT if left_out else 0


def _document(name: str) -> builder.Document:
    """The document in a file, or the template of that name."""
    if not Path(name).exists() and name in builder.templates():
        return builder.template(name)
    return builder.load(Path(name))


def _check(options: argparse.Namespace) -> int:
    problems = trainers.check(_document(options.file))
    errors = sum(problem.severity == "error" for problem in problems)
    lines = [f"{problem.severity} {problem.code}  {problem}" for problem in problems]
    _print(options, {"problems": [_as_dict(p) for p in problems]}, "\n".join(lines) or "No problems.")
    return 1 if errors else 0


def _train(options: argparse.Namespace) -> int:
    overrides: dict[str, Any] = {key: getattr(options, key) for key in ("epochs", "seed", "device", "threads")}
    overrides = {key: value for key, value in overrides.items() if value is not None}
    data: dict[str, Any] = {"name": options.data} if options.data else {}
    if options.batch_size is not None:
        size = options.batch_size
        data["batch_size"] = int(size) if size.isdecimal() and len(size) < 20 else size
    if data:
        overrides["data"] = data
    if options.lr is not None:
        overrides["optimizer"] = {"lr": options.lr}
    document = _document(options.file)
    return _complete(options, trainers.start(trainers.Job.from_document(document, **overrides), on=options.on))


def _resume(options: argparse.Namespace) -> int:
    if options.run == "last":
        found = next((run for run in trainers.runs() if run.can_resume), None)
        if found is None:
            raise trainers.RunError("There is nothing to resume: no run is paused or interrupted.")
        run = found
    else:
        run = trainers.open_run(options.run)
    run.resume(other_data=options.other_data)
    return _complete(options, run)


def _complete(options: argparse.Namespace, run: trainers.Run) -> int:
    """Wait for the end of a run, and report on it. Ctrl-C pauses it and saves it; a second one leaves at once."""
    try:
        _follow(run, quiet=options.json)
    except KeyboardInterrupt:
        return _leave(options, run)
    return _report(options, run)


def _leave(options: argparse.Namespace, run: trainers.Run) -> int:
    """Pause a run and save it, then say how to resume it. Ctrl-C meanwhile: leave at once."""
    again = f"`netloom resume {run.id}` continues it."
    try:
        print("Pausing and saving the run … Ctrl-C again leaves at once.", file=sys.stderr)
        run.pause()
        last = ""
        while run.wait(0.5) == "running" or run.progress().message.startswith(NOT_SAVED):
            last = _say(run.progress().message, last)
            time.sleep(0.1)
    except KeyboardInterrupt:
        text = f"{run.id}: left at once, at step {run.progress().step:,}. From its last checkpoint, {again}"
        _print(options, {"run": run.id, "state": "interrupted", "message": text}, text, sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)  # the thread of the run is in the middle of a step, and torch would not end cleanly
    if run.state != "paused":
        return _report(options, run)
    text = f"{run.id}: paused at step {run.progress().step:,} and saved. {again}"
    _print(options, {"run": run.id, "state": "paused", "message": text}, text, sys.stderr)
    return INTERRUPTED


def _follow(run: trainers.Run, quiet: bool) -> None:
    """Wait until a run is over; print a line for every epoch, and what happens beside the training."""
    last_epoch, last = 0, ""
    while True:
        state = run.wait(0.5)
        progress = run.progress()
        if not quiet and progress.epoch != last_epoch and progress.step:
            last_epoch = progress.epoch
            left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
            print(
                f"epoch {progress.epoch}/{progress.epochs}  step {progress.step:,}/{progress.steps:,}  "
                f"{progress.samples_per_second:,.0f} samples/s{left}",
                file=sys.stderr,
            )
        if state in OVER or (state == "paused" and run.store.owner(run.id) is None):
            return  # a paused run without an owner could not be continued; its message says why
        if not quiet:
            last = _say(progress.message, last)
        if state == "paused":
            time.sleep(0.5)  # until it is resumed from a page


def _say(message: str, last: str) -> str:
    """Print a message about a run, unless it is the last one again."""
    without_numbers = re.sub(r"[\d,.]+", "", message)
    if message and without_numbers != last:
        print(message, file=sys.stderr)
    return without_numbers or last


def _report(options: argparse.Namespace, run: trainers.Run) -> int:
    progress, metrics = run.progress(), run.metrics()
    validation = metrics[metrics["split"] == "validation"]
    last = {str(name): float(values.iloc[-1]) for name, values in validation.groupby("metric")["value"]}
    scores: dict[str, dict[str, float]] = {"validation": last, "test": run.scores()}
    lines = [f"{run.id}: {progress.message or progress.state}"]
    lines += [f"{split} {name}: {value:.4f}" for split, values in scores.items() for name, value in values.items()]
    lines += [f"{verdict.message} {verdict.advice}" for verdict in run.verdicts()]
    _print(options, {"run": run.id, "state": progress.state, "message": progress.message, **scores}, "\n".join(lines))
    return 0 if progress.state in ("finished", "stopped") else 1


def _export(options: argparse.Namespace) -> int:
    run = _last_run() if options.run == "last" else trainers.open_run(options.run)
    suffix = {"python": "py"}.get(options.format, options.format)
    path = options.output or Path(f"{run.id}.{suffix}")
    wanted = [options.part] if options.part else list(run.parts())
    if options.format == "zip" and len(wanted) > 1:
        done = export_parts({name: (run.part(name), run.part_document(name)) for name in wanted}, path)
    else:
        done = builder.export(run.part(wanted[0]), run.part_document(wanted[0]), path, options.format)
    with contextlib.suppress(NetloomError, OSError):  # the export needs the weights only
        changed = data_change(run)
        if changed:
            print(changed, file=sys.stderr)
    _print(
        options,
        {"path": str(done.path), "difference": done.difference, "bytes": done.size},
        f"{done.path}\n{done.checked}",
    )
    return 0


def _last_run() -> trainers.Run:
    found = trainers.runs(1)
    if not found:
        raise trainers.RunError("There is no run yet. Start one with `netloom train FILE`.")
    return found[0]


def _runs(options: argparse.Namespace) -> int:
    if options.repair:
        print(repair(Store()), file=sys.stderr)
    else:
        _mention_unlisted()
    rows = [
        {
            "run": run.id,
            "name": run.name,
            **asdict(run.progress),
            "state": run.progress.state_in_words,
            "scores": dict(run.scores),
        }
        for run in summaries(seconds=math.inf)
    ]
    lines = [f"{row['run']}  {row['state']:<11} epoch {row['epoch']}/{row['epochs']}  {row['name']}" for row in rows]
    _print(options, {"runs": rows}, "\n".join(lines) or "No runs yet.")
    return 0


def _mention_unlisted() -> None:
    count = len(unlisted(Store()))
    if count:
        folders = "1 folder of a run is" if count == 1 else f"{count:,} folders of runs are"
        print(f"{folders} not in the store: `netloom runs --repair` reads them in.", file=sys.stderr)


def _datasets(options: argparse.Namespace) -> int:
    facts = trainers.datasets()
    lines = [f"{name:<20} {fact['task']:<15} {fact['title']}" for name, fact in facts.items()]
    _print(options, {"datasets": facts}, "\n".join(lines))
    return 0


def _app(options: argparse.Namespace) -> int:
    """Start streamlit in its own process: only the pages import it."""
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", "streamlit", "run", str(root / "app.py"), "--server.port", str(options.port)]
    threading.Thread(target=_open_browser, args=(options.port,), daemon=True).start()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server inherits it: Ctrl-C is answered by this process
    try:
        server = subprocess.Popen(command, cwd=root)
    finally:
        signal.signal(signal.SIGINT, handler)
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()  # at any moment, also while it is still importing, it ends without a traceback
        server.wait()
        return 0


def _open_browser(port: int) -> None:
    """Open the app in a browser as soon as the server answers, on machines with a screen."""
    if sys.platform not in ("darwin", "win32") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))):
        return
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            webbrowser.open(f"http://127.0.0.1:{port}")
            return


def _as_dict(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "node": problem.node,
        "message": problem.message,
        "fix": problem.fix_label or None,
    }


def _print(options: argparse.Namespace, data: dict[str, Any], text: str, stream: Any = None) -> None:
    if getattr(options, "json", False):
        print(json.dumps(data, ensure_ascii=False, default=str))
    elif text:
        print(text, file=stream or sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
