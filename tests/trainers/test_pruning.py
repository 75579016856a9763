"""What can never run is taken out of generated scripts, and what is left does the same."""

from __future__ import annotations

import pytest

from trainers.script.assembling import import_lines
from trainers.script.pruning import pruned

SCRIPT = '''"""A script."""

import csv
import json
import os

MODE = "fit"
SIZE = 3
# what each column is
COLUMNS = [{"type": "number", "log": True}, {"type": "category", "log": False}]
UNUSED = [1, 2]


def resized(values, size, mode, smooth=True):
    """The values in a size."""
    kind: str = "smooth" if smooth else "rough"
    if mode == "stretch":
        return [kind]
    elif mode == "fit":
        # with borders
        return [kind, *values[:size]]
    else:
        return os.sep
    return None


def encoded(column, values):
    """One column."""
    if column["type"] == "date":
        return json.dumps(values)
    if column["type"] == "category" and not column["log"]:
        return values
    scaled = [value + (0.5 if MODE == "crop" else 1.5) for value in values]
    return scaled if values or MODE == "crop" else []


def never():
    """Nobody calls it."""
    return csv.reader


def main():
    """All of it."""
    return [encoded(column, resized([1, 2, 3, 4], SIZE, MODE)[1:]) for column in COLUMNS]
'''
LEFT = '''"""A script."""

SIZE = 3
# what each column is
COLUMNS = [{"type": "number", "log": True}, {"type": "category", "log": False}]


def resized(values, size):
    """The values in a size."""
    kind = "smooth"
    # with borders
    return [kind, *values[:size]]


def encoded(column, values):
    """One column."""
    if column["type"] == "category" and not column["log"]:
        return values
    scaled = [value + 1.5 for value in values]
    return scaled if values else []


def main():
    """All of it."""
    return [encoded(column, resized([1, 2, 3, 4], SIZE)[1:]) for column in COLUMNS]
'''


def test_what_can_never_run_is_taken_out() -> None:
    found = pruned(SCRIPT.replace('"""All of it."""', '"""All of it."""') + "\n\nmain()\n")
    assert found.replace("\n\n\n", "\n\n") == (LEFT + "\n\nmain()\n").replace("\n\n\n", "\n\n")
    results = []
    for script in (SCRIPT, found):
        space: dict[str, object] = {}
        exec(script, space)
        results.append(space["main"]())  # type: ignore[operator]
    assert results[0] == results[1] == [[2.5, 3.5, 4.5], [1, 2, 3]]


@pytest.mark.parametrize(
    "body",
    [
        "    mode = str(mode)\n    return 1 if mode == 'a' else 2",  # the name is given another value
        "    return [1 if mode == 'a' else 2 for mode in 'ab']",
        "    def inner(mode):\n        return 1 if mode == 'a' else 2\n    return inner('b')",
        "    return 1 if mode == chosen() else 2",
        "    found = (lambda mode: 1 if mode == 'a' else 2)\n    return found('b')",
    ],
)
def test_what_is_not_certain_stays(body: str) -> None:
    script = f"def made(mode):\n{body}\n\n\ndef chosen():\n    return input()\n\n\nprint(made('a'), chosen, made)\n"
    assert pruned(script) == script
    script = script.replace(", made)", ")")
    assert pruned(script).count("if") == 1


def test_a_default_that_can_be_changed_is_not_known() -> None:
    script = (
        "def made(kept=[]):\n    if not kept:\n        kept.append(1)\n    return kept\n\n\nprint(made(), made())\n"
    )
    assert pruned(script) == script


def test_a_block_keeps_a_statement() -> None:
    body = "    for each in 'ab':\n        if mode == 'b':\n            print(each)\n"
    found = pruned(f"def made(mode):\n{body}\n\nprint(made('a'))\n")
    assert "if" not in found and "        pass\n" in found
    compile(found, "script", "exec")


def test_imports_are_on_one_line_for_each_module() -> None:
    given = ["from PIL import Image, ImageOps", "import numpy as np", "from PIL import Image", "import sys"]
    assert import_lines([*given, "from model import load"]) == [
        "import sys",
        "",
        "import numpy as np",
        "from PIL import Image, ImageOps",
        "",
        "from model import load",
    ]
