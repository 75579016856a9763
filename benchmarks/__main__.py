"""`python -m benchmarks [NAME …]`: benchmarks as a table; exits with 1 if one misses what it must reach."""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
from types import ModuleType

import benchmarks

ALL = ["step", "paradigms", "run", "memory", "watching", "graph", "pages", "images", "mapped", "tables"]


def module(name: str) -> ModuleType:
    """The module of a benchmark, in whichever folder it is."""
    found = pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")
    names = [each.name for each in found if not each.ispkg and each.name.rpartition(".")[2] == name]
    if not names:
        sys.exit(f"There is no benchmark {name!r}. Those that run by themselves: {', '.join(ALL)}.")
    return importlib.import_module(names[0])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=ALL, help=f"which ones: {', '.join(ALL)}")
    parser.add_argument("--device", help="cpu or cuda, for those that can train on either")
    parser.add_argument("--templates", help="names of templates, separated by commas, for those that go through all")
    parser.add_argument("--rounds", type=int, help="how often each side is measured, for those that take turns")
    parser.add_argument("--samples", type=int, help="how many, to try one with large data")
    options = vars(parser.parse_args(arguments))
    missed = 0
    for name in options.pop("names"):
        rows = module(name).rows
        known = {key: value for key, value in options.items() if value and key in inspect.signature(rows).parameters}
        for row in rows(**known):
            print(row.line(), flush=True)
            missed += not row.holds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
