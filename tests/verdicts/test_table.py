"""The quick part of the table of verdicts, with one seed; `make verdicts` runs all of it with three."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainers.conftest import MIRROR
from tests.verdicts.row import Row
from tests.verdicts.rows import ILL, rows
from tests.verdicts.table import judged

QUICK = [row for row in rows() if row.quick]


@pytest.mark.parametrize("row", QUICK, ids=lambda row: row.name.replace(" ", "_"))
def test_the_verdict_is_right(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "rnn_forgets" in row.name and MIRROR is None:
        pytest.skip("the mirror of real data sets (NETLOOM_DATA) is not here")
    monkeypatch.setenv("NETLOOM_HOME", str(tmp_path))
    if MIRROR is not None:
        monkeypatch.setenv("NETLOOM_DATA", str(MIRROR))
    wrong, found = judged(row, 0)
    assert not wrong, f"{'; '.join(wrong)}. Said: {[(verdict.kind, verdict.message) for verdict in found]}"


def test_the_table_has_healthy_and_ill_networks_and_all_templates() -> None:
    every = rows()
    assert len(every) >= 60 and len({row.name for row in every}) == len(every)
    assert sum(bool(row.expected) for row in every) >= 30
    assert sum(row.name.startswith("template ") for row in every) > len(ILL)
