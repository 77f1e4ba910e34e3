"""`outlay budgets`, the same over a folder as the API says it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from outlay_api.cli.budgets_table import budget_view, budgets_table, warnings
from outlay_api.cli.output import put
from tests.cli.conftest import Cli

STANDING: dict[str, Any] = {
    "id": "search-monthly",
    "scope": {"team": ["search"], "model": ["gpt-5*", "o3"]},
    "cadence": "month",
    "zone": "Europe/Berlin",
    "from": "2026-10-31T23:00:00Z",
    "to": "2026-11-30T23:00:00Z",
    "amount": "1200",
    "spent": "1043.123456789012",
    "remaining": "156.876543210988",
    "percent": "86.93",
    "elapsed": "78.47",
    "pace": "1.11",
    "entries": 1234,
    "unpriced": 2,
    "starting": True,
    "marks": {"embedded/0": "7"},
    "at": "2026-11-24T12:00:00Z",
}
PAST = {
    "from": "2026-09-30T22:00:00Z",
    "to": "2026-10-31T23:00:00Z",
    "spent": "12.5",
    "percent": "1.04",
    "entries": 3,
    "unpriced": 0,
}


def test_budgets_are_declared_applied_and_shown(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(
        "budgets:\n  - {id: all, amount: 100, cadence: once, from: 2020-01-01T00:00Z, to: 2090-01-01T00:00Z}\n"
    )
    applied = cli("apply", "-f", path)
    assert "+ budget all" in applied.out
    events = tmp_path / "usage.jsonl"
    events.write_text(
        "".join(
            json.dumps(
                {
                    "id": str(n),
                    "source": "s",
                    "time": "2026-01-01T00:00:00Z",
                    "provider": "acme",
                    "model": "m",
                    "kind": "invoice",
                    "amount": "0.1",
                }
            )
            + "\n"
            for n in range(3)
        )
    )
    assert cli("import", events).code == 0
    shown = cli("budgets", "--format", "json").json
    assert [(each["id"], each["spent"], each["remaining"]) for each in shown["data"]] == [("all", "0.3", "99.7")]
    assert "everything" in cli("budgets").out
    one = cli("budgets", "all", "--format", "csv")
    assert [row["spent"] for row in csv.DictReader(io.StringIO(one.out))] == ["0.3"]


def test_an_unknown_budget_is_said(cli: Cli) -> None:
    ran = cli("budgets", "none")
    assert (ran.code, ran.err) == (1, "outlay: there is no budget 'none'; GET /v1/budgets lists them\n")


def test_without_budgets_it_says_how_to_declare_one(cli: Cli) -> None:
    assert "outlay apply" in cli("budgets").err


def test_a_table_shows_spend_beside_time_in_the_budgets_own_zone(capsys: Any) -> None:
    put(
        budgets_table(
            [
                STANDING,
                {
                    **STANDING,
                    "id": "later",
                    "spent": None,
                    "remaining": None,
                    "percent": None,
                    "elapsed": None,
                    "pace": None,
                    "entries": None,
                    "unpriced": None,
                },
            ]
        )
    )
    first, second = capsys.readouterr().out.splitlines()[1:]
    assert "team search, model gpt-5* or o3  2026-11-01 to before 2026-12-01  1,200.00  1,043.12     156.88" in first
    assert first.split()[-4:] == ["86.9%", "78.5%", "1.11x", "2"]
    assert "not now" in second


def test_one_budget_shows_the_periods_before(capsys: Any) -> None:
    put(budget_view({**STANDING, "periods": [PAST]}))
    assert "2026-10-01 to before 2026-11-01  12.50" in capsys.readouterr().out


def test_what_a_reader_must_know_is_said() -> None:
    assert [line.split()[0] for line in warnings([STANDING])] == ["what", "entries"]
