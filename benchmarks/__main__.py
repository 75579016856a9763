"""`python -m benchmarks`: every benchmark, as a table; exits with 1 if one misses what it must reach."""

from __future__ import annotations

import importlib
import sys


def main(names: list[str]) -> int:
    missed = 0
    for name in names or ["step", "paradigms", "run", "memory", "graph"]:
        for row in importlib.import_module(f"benchmarks.{name}").rows():
            print(row.line(), flush=True)
            missed += not row.holds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
