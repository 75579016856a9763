"""Writes docs/checks.md: every check and every verdict, from their docstrings. `make docs` runs it.

A docstring has a line that says what is found, then why it matters, then "Example:" and "Fix:".
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import builder.checks
import trainers.paradigms
import trainers.verdicts
from builder.checks.base import Check, Reporter
from builder.registry import discover
from trainers.checks import job_checks
from trainers.paradigms import PARADIGMS
from trainers.verdicts.rules import VerdictRule

PAGE = Path(__file__).with_name("checks.md")
HEAD = """# Checks and verdicts

`make docs` writes this page from the docstrings of the classes.

A **check** looks at a document before the training. An error must be fixed before the network can be trained; a warning
can be ignored. Most problems have a fix that one click applies. `netloom check FILE` prints the problems of a document,
each with its number. N001 is a file that is not a valid document, T100 a setting with a wrong name or value.

A **verdict** looks at a run while it trains. It is reported when it holds for some time, with advice what to try. Of
several, a cause comes first, and its effects are withheld; nothing is reported of a network that does well. The steps
at which a run is measured for verdicts follow from its job, so the same job gives the same verdicts.
"""


def page() -> str:
    """The text of docs/checks.md."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    general = [check for check in job_checks() if not check.paradigms]
    document_checks = discover(builder.checks, Check, lambda check: check.code)
    yield from _checks("Checks of the document", [document_checks[code]() for code in sorted(document_checks)])
    yield from _checks("Checks of the data set and the training", general)
    for name, paradigm in PARADIGMS.items():
        own = [check for check in job_checks() if check.paradigms and check.paradigms[0] == name]
        if own:
            yield from _checks(f"Checks of the paradigm “{paradigm.label}”", own)
    yield "## Verdicts\n"
    for package in (trainers.verdicts, trainers.paradigms):
        for rule in discover(package, VerdictRule, lambda rule: rule.__name__).values():
            if hasattr(rule, "title"):  # the others are base classes
                yield _entry(rule, rule.title, rule.severity)


def _checks(title: str, checks: Iterable[Reporter]) -> Iterator[str]:
    yield f"## {title}\n"
    for check in checks:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(check).__name__).capitalize()
        yield _entry(type(check), f"{check.code} {words}", check.severity)


def _entry(kind: type, heading: str, severity: str) -> str:
    """One check or verdict: its heading, what it finds, why that matters, an example and its fix."""
    text, *labelled = re.split(r"^(Example|Fix):\s", inspect.getdoc(kind) or "", flags=re.MULTILINE)
    parts = [*re.split(r"\n\s*\n", text.strip())]
    parts += [f"**{label}:** {_upper_first(part)}" for label, part in zip(labelled[::2], labelled[1::2], strict=True)]
    return "\n\n".join([f"### {heading} · {severity}", *map(_filled, parts)]) + "\n"


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
