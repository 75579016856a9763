"""`python -m benchmarks [NAME …]`: benchmarks as a table; exits with 1 if one misses what it must reach."""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys

ALL = ["step", "paradigms", "run", "memory", "watching", "graph", "pages"]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=ALL, help=f"which ones: {', '.join(ALL)}")
    parser.add_argument("--device", help="cpu or cuda, for those that can train on either")
    parser.add_argument("--templates", help="names of templates, separated by commas, for those that go through all")
    parser.add_argument("--rounds", type=int, help="how often each side is measured, for those that take turns")
    options = vars(parser.parse_args(arguments))
    missed = 0
    for name in options.pop("names"):
        rows = importlib.import_module(f"benchmarks.{name}").rows
        known = {key: value for key, value in options.items() if value and key in inspect.signature(rows).parameters}
        for row in rows(**known):
            print(row.line(), flush=True)
            missed += not row.holds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
