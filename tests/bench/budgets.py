"""Books of budgets: what a block of 10,000 events costs, and states and rows after it. Processor time of one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa

from outlay_schemas.arrow import CELLS
from outlay_schemas.budgets import Budget
from outlay_streams.budgets import OrgBook
from tests.bench.report import Figure, Plan

BUDGETS, TEAMS, MODELS, PROJECTS = 10_000, 400, 50, 5
ROWS = 10_000
"""Cells of a block: as many as events, so that summing saved nothing before."""
BLOCKS, WARM = 24, 8
AT = datetime(2026, 5, 4, 12, 20, tzinfo=UTC)
_ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "UTC")


def run(plan: Plan) -> Sequence[Figure]:
    """Return the cost of a block for budgets by team, and for budgets that name models and projects as well."""
    by_team = [_budget(number, {"team": _team(number)}) for number in range(BUDGETS)]
    mixed = [_budget(number, _mixed(number)) for number in range(BUDGETS)]
    return [*_measured("by team", by_team, goal=20), *_measured("mixed", mixed)]


def _measured(name: str, budgets: Sequence[Budget], goal: float | None = None) -> list[Figure]:
    book = OrgBook("bench", budgets, zone=ZoneInfo("Europe/Berlin"), version=1)
    blocks = [_cells(seed) for seed in range(4)]
    taken, changed = [], list[str]()
    for offset in range(BLOCKS):
        began = time.process_time()
        changed = book.apply(blocks[offset % len(blocks)], source="spend/0", offset=offset, at=AT)
        taken.append((time.process_time() - began) * 1000)
    note = f"{BUDGETS:,} budgets, {TEAMS} teams, {ROWS:,} cells; {len(changed):,} rows changed"
    began = time.process_time()
    states = [book.state(key) for key in changed]
    shown = time.process_time()
    rows = [book.row(key) for key in changed]
    kept = time.process_time()
    return [
        Figure(name=f"a block, {name}", value=median(taken[WARM:]), unit="ms", goal=goal, note=note),
        Figure(name="its states", value=(shown - began) / len(states) * 1e6, unit="us/state"),
        Figure(name="its rows as JSON", value=(kept - shown) / len(rows) * 1e6, unit="us/row"),
    ]


def _budget(number: int, scope: dict[str, Any]) -> Budget:
    cadence = ("day", "week", "month", "quarter", "year")[number % 5]
    zone = _ZONES[number // 5 % len(_ZONES)]
    return Budget.model_validate({"id": f"b{number}", "scope": scope, "amount": 1000, "cadence": cadence, "zone": zone})


def _mixed(number: int) -> dict[str, Any]:
    team = {"team": _team(number)}
    match number % 4:
        case 0:
            return {**team, "model": f"model-{number % MODELS}"}
        case 1:
            return {**team, "project": f"project-{number % TEAMS}-{number % PROJECTS}"}
        case _:
            return team


def _team(number: int) -> str:
    return f"team-{number % TEAMS}"


def _cells(seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    teams, projects = random.integers(0, TEAMS, ROWS), random.integers(0, PROJECTS, ROWS)
    quarters = AT.replace(minute=0).timestamp() + 900 * random.integers(0, 2, ROWS)
    amounts = pl.Series(random.integers(1, 10**12, ROWS)).cast(pl.Decimal(38, 12)) / 10**9
    columns: dict[str, Any] = {
        "quarter": pl.Series(quarters).cast(pl.Int64) * 1000,
        "team": [_team(int(team)) for team in teams],
        "project": [f"project-{team}-{project}" for team, project in zip(teams, projects, strict=True)],
        "model": [f"model-{model}" for model in random.integers(0, MODELS, ROWS)],
        "amount": amounts,
    }
    rest = {
        field.name: pl.repeat("x" if pa.types.is_string(field.type) else 1, ROWS, eager=True)
        for field in CELLS
        if field.name not in columns
    }
    frame = pl.DataFrame({**columns, **rest}).with_columns(pl.col("quarter").cast(pl.Datetime("ms", "UTC")))
    return frame.select(CELLS.names).to_arrow().cast(CELLS)
