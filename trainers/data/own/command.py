"""The command `netloom data`: add, list, show and remove data sets of one's own."""

from __future__ import annotations

import argparse
import json
from typing import Any

from trainers.data.own import library
from trainers.data.own.adding import add_data
from trainers.data.own.kind import kinds
from trainers.data.own.kinds.table.tasks import tasks_of_tables
from trainers.data.own.report import data_report

Answer = tuple[Any, str]  # as JSON, and in words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments behind `netloom data`."""
    commands = parser.add_subparsers(required=True, metavar="what", dest="what")
    add = commands.add_parser("add", help="add a file, a folder or an archive: a table, images, sounds, texts, …")
    add.add_argument("path")
    add.add_argument("--name", help="what to call it; by default like the file")
    add.add_argument("--target", help="the column to predict")
    add.add_argument("--task", choices=list(tasks_of_tables()))
    add.add_argument("--kind", choices=list(kinds()), help="the kind of data; found by looking by default")
    add.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of images, sounds, …: size=64")
    add.add_argument("--ignore", action="append", default=[], metavar="COLUMN", help="leave this column out")
    add.add_argument("--group", metavar="COLUMN", help="rows with the same value stay in one part of the data")
    add.add_argument("--type", action="append", default=[], metavar="COLUMN=TYPE", help="number, category, yes_no, …")
    add.add_argument("--copy", action="store_true", help="keep a copy; by default the file is read where it lies")
    commands.add_parser("list", help="list them")
    for name, what in (("show", "say what was found in one, and what looks wrong"), ("remove", "remove one")):
        commands.add_parser(name, help=what).add_argument("name")
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> Answer:
    """Do what was asked. DataError: that is not possible."""
    answers = {"add": _add, "list": _list, "show": _show, "remove": _remove}
    return answers[options.what](options)


def _add(options: argparse.Namespace) -> Answer:
    roles = dict.fromkeys(options.ignore, "ignored") | ({options.group: "group"} if options.group else {})
    types = dict(pair.rpartition("=")[::2] for pair in options.type)

    settings = {key: _value(value) for key, _, value in (pair.partition("=") for pair in options.set)}
    chosen = (options.name, options.target, options.task, roles, types)
    name = add_data(options.path, *chosen, kind=options.kind, settings=settings, copy=options.copy)
    return {"name": name}, f"{name}\n{data_report(name)}"


def _value(text: str) -> Any:
    """A value of a setting as JSON reads it (64, true, [32, 32]); else the text as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _list(options: argparse.Namespace) -> Answer:
    facts = [library.facts(name) for name in library.names()]
    lines = [
        f"{fact['name']:<30} {fact['task'] or 'no target':<15} {fact['rows']:>10,} {fact['unit']:<8} {fact['title']}"
        for fact in facts
    ]
    return facts, "\n".join(lines) or "You have not added any data yet: netloom data add FILE."


def _show(options: argparse.Namespace) -> Answer:

    found = data_report(options.name)
    warnings = [{"code": w.code, "column": w.column, "message": w.message, "fix": w.fix_label} for w in found.warnings]
    return {"rows": found.rows, "schema": found.schema.model_dump(mode="json"), "warnings": warnings}, str(found)


def _remove(options: argparse.Namespace) -> Answer:
    library.remove(options.name)
    return {"removed": options.name}, f"{options.name} is removed."
