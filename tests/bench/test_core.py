"""The core is measured with a ledger that stores nothing and is one all the same."""

from pathlib import Path

import pytest

from tests.bench import core
from tests.bench.report import Plan


def test_events_pass_through_a_ledger_that_stores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "GROUPS", 1)
    found = core.run(Plan(events=0, seconds=0, folder=tmp_path, store=tmp_path / "store"))
    assert all(figure.value > 0 for figure in found)
