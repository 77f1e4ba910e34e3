"""The command line over the run's one embedded engine, each test with a database and a folder of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from outlay_api.cli.app import run
from outlay_infra.warehouse import Warehouse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Ran:
    """How one command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def cli(
    warehouse: Warehouse,
    engine_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """Run `outlay` in this process, over a fresh store, in an empty folder."""
    for name, value in {
        "OUTLAY_STORE": engine_dsn,
        "OUTLAY_DATABASE": warehouse.database,
        "OUTLAY_DATA": str(tmp_path / "data"),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        try:
            code = run([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran


@pytest.fixture
def usage_csv(tmp_path: Path) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text(
        "id,time,model,app,input_tokens,output_tokens\n"
        "a,2026-11-02T10:00:00Z,gpt-4o,chat,1000,100\n"
        "b,2026-11-03T10:00:00Z,gpt-4o,chat,2000,0\n"
        "c,2026-11-03T11:00:00Z,no-such-model,,5,5\n"
    )
    return path


@pytest.fixture
def catalog_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.yaml"
    path.write_text(
        "teams: [{id: assistants, business_unit: consumer}]\n"
        "apps: [{id: chat, team: assistants}]\n"
        "prices: [{id: deal, sku: {provider: openai}, discount: 10}]\n"
    )
    return path
