"""The command `netloom queue`: what waits and what trains; reorder it; work through it."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from typing import Any

import trainers
from trainers.events import OVER
from trainers.runs.queue.settings import WORKERS
from trainers.runs.queue.supervisor import Supervisor, most_workers
from trainers.runs.queue.waiting import PRIORITIES, Queue
from trainers.runs.run import Run, RunError

LOOK_SECONDS = 0.5
Answer = tuple[Any, str]  # as JSON, and in words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments behind `netloom queue`."""
    low, high = PRIORITIES
    commands = parser.add_subparsers(metavar="what", dest="what")
    work = commands.add_parser("work", help="train what waits, in worker processes, until nothing waits")
    work.add_argument("--workers", type=int, help="at the same time; by default one per accelerator, or half the cores")
    work.add_argument("--keep", action="store_true", help="go on waiting for further runs")
    move = commands.add_parser("move", help="give a run another position")
    move.add_argument("run")
    move.add_argument("position", type=int, help="1: it is next")
    priority = commands.add_parser("priority", help="give a run another priority: the highest one is next")
    priority.add_argument("run")
    priority.add_argument("priority", type=int, help=f"from {low} to {high}")
    commands.add_parser("cancel", help="take a run out of the queue").add_argument("run")
    for command in (parser, *commands.choices.values()):
        command.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> Answer:
    """Do what was asked. NetloomError: that is not possible."""
    queue = Queue()
    if options.what == "work":
        return _work(queue, options)
    if options.what == "move":
        queue.move(options.run, options.position)
    elif options.what == "priority":
        queue.set_priority(options.run, options.priority)
    elif options.what == "cancel":
        found = trainers.open_run(options.run)
        if found.state != "queued":
            raise RunError(f"Run {found.id} does not wait in the queue: it is {found.state}.")
        found.stop()
    return _listed(queue)


def _listed(queue: Queue) -> Answer:
    """The worker processes and the runs that wait."""
    workers = queue.workers()
    training = [{"run": each.run, "process": each.owner.process} for each in workers if each.run is not None]
    waiting = [
        {"run": each.run, "name": each.name, "position": each.position, "priority": each.priority}
        for each in queue.waiting()
    ]
    lines = [f"{each['run']}  trains in process {each['process']}" for each in training]
    lines += [
        f"{each['run']}  {each['position']:>3}  {each['name']}"
        + (f"  (priority {each['priority']})" if each["priority"] else "")
        for each in waiting
    ]
    if waiting and not workers:
        lines.append("No process trains them: open Netloom, or call `netloom queue work`.")
    return {"training": training, "waiting": waiting}, "\n".join(lines) or "No run waits."


def _work(queue: Queue, options: argparse.Namespace) -> Answer:
    """Supervise worker processes until nothing waits. Ctrl-C: each run is saved and waits again."""
    most = most_workers() if options.workers is None else options.workers
    if most < 1:
        raise RunError(f"At least one worker process is needed, got {most}. Give --workers 1, or change {WORKERS}.")
    watched = Supervisor(queue.store.folder, most=lambda: most)
    said: dict[str, str] = {}
    try:
        while True:
            watched.look()
            _report(queue, said)
            if watched.trouble and not watched.has_children:
                raise RunError(watched.trouble)
            if not options.keep and not queue.count() and not any(each.run for each in queue.workers()):
                break
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        print("Saving the runs …", file=sys.stderr)
        watched.stop_workers()
        _report(queue, said)
        raise
    watched.stop_workers()
    _report(queue, said)
    ended = {run: state for run, state in said.items() if state in OVER}
    return ended, f"{len(ended)} {'run was' if len(ended) == 1 else 'runs were'} trained; nothing waits."


def _report(queue: Queue, said: dict[str, str]) -> None:
    """Print which runs have begun and ended since the last report."""
    training = {worker.run: worker.owner.process for worker in queue.workers() if worker.run is not None}
    for run_id, process in training.items():
        if said.get(run_id) != "running":
            said[run_id] = "running"
            print(f"{run_id}: begins, in process {process}", file=sys.stderr)
    for run_id, before in list(said.items()):
        if before != "running" or run_id in training:
            continue
        with contextlib.suppress(trainers.StoreError):  # deleted meanwhile
            progress = Run(run_id, queue.store).progress()
            said[run_id] = progress.state
            print(f"{run_id}: {progress.message or progress.state}", file=sys.stderr)
