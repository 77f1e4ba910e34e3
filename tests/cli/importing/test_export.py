"""What a ledger exports comes back as the events it was made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outlay_api.cli.connection import connect
from outlay_api.cli.target import Target
from outlay_infra.warehouse import Warehouse
from tests.cli.conftest import Cli

WINDOW = {"from": "2026-11-01", "to": "2026-12-01", "limit": 1000}
EVENTS: list[dict[str, Any]] = [
    {"model": "gpt-4o", "app": "chat", "quantities": {"input_tokens": 1000, "cached_input_tokens": 20}},
    {"model": "gpt-4o", "team": "own", "service_tier": "batch", "quantities": {"output_tokens": 7, "requests": 12}},
    {"model": "gpt-4o", "tags": {"plan": 'a "b"', "none": ""}, "latency_ms": 12, "estimated": True, "outcome": "error"},
    {"model": "no-such-model", "quantities": {"input_tokens": 5, "pages": "0.000000001"}, "provider_cost": "0.5"},
    {"model": "h200", "provider": "own", "category": "personnel", "quantities": {"gpu_seconds": "1.25"}},
    {"model": "support", "kind": "invoice", "amount": "19.123456789012", "category": "tooling"},
    {"model": "credit", "kind": "adjustment", "amount": "-2", "request_id": "r", "trace_id": "t", "region": "eu"},
]  # fmt: skip


@pytest.fixture
def filled(cli: Cli, catalog_yaml: Path, tmp_path: Path) -> Cli:
    path = tmp_path / "events.jsonl"
    usual = {"source": "urn:a", "provider": "openai", "time": "2026-11-03T10:00:00.125Z"}
    lines = (json.dumps({**usual, "id": f"e{at}", **event}) + "\n" for at, event in enumerate(EVENTS))
    path.write_text("".join(lines))
    assert cli("apply", "-f", catalog_yaml).code == 0
    assert cli("import", path, "--format", "json").json["files"][0]["accepted"] == len(EVENTS)
    return cli


def exported(form: str, folder: Path) -> Path:
    async def fetched() -> bytes:
        async with connect(Target()) as connection:
            response = await connection.http.get("/v1/events", params={**WINDOW, "format": form})
            return response.raise_for_status().content

    path = folder / f"export.{ {'ndjson': 'jsonl'}.get(form, form) }"
    body = asyncio.run(fetched())
    if form == "json":
        path = folder / "document.jsonl"
        body = b"\n".join(json.dumps(entry).encode() for entry in json.loads(body)["data"])
    path.write_bytes(body)
    return path


def entries(folder: Path) -> list[dict[str, Any]]:
    left_out = {"received", "rule_id", "catalog_version"}
    rows = [json.loads(line) for line in exported("ndjson", folder).read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in left_out} for row in rows]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "json"])
def test_an_export_fills_another_ledger_and_adds_nothing_to_its_own(
    filled: Cli,
    form: str,
    tmp_path: Path,
    catalog_yaml: Path,
    open_warehouse: Callable[..., Warehouse],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = exported(form, tmp_path)
    before = entries(tmp_path)

    again = filled("import", path, "--format", "json")
    assert again.code == 0
    report = again.json["files"][0]
    assert (report["accepted"], report["duplicate"], report["conflict"]) == (0, len(EVENTS), 0)
    assert "entries of a ledger" in again.err

    monkeypatch.setenv("OUTLAY_DATABASE", open_warehouse().database)
    assert filled("apply", "-f", catalog_yaml).code == 0
    first = filled("import", path, "--format", "json").json["files"][0]
    assert (first["accepted"], first["rejected"]) == (len(EVENTS), 0)
    assert entries(tmp_path) == before


def test_what_no_catalog_completed_is_a_duplicate_to_the_ledger_itself(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    event = {"id": "a", "source": "s", "time": "2026-11-03T10:00:00Z", "provider": "openai", "model": "gpt-4o"}
    path.write_text(json.dumps({**event, "team": "own", "quantities": {"input_tokens": 5}}) + "\n")
    cli("import", path)
    cli("import", exported("parquet", tmp_path))
    account = json.loads(cli("check", "--format", "json").out)["conservation"]["totals"]
    assert (account["duplicate"], account["conflict"]) == (1, 0)


def test_what_is_set_wins_over_the_entry(filled: Cli, tmp_path: Path) -> None:
    path = exported("csv", tmp_path)
    ran = filled("import", path, "--set", "source=copy", "--set", "tags.origin=old", "--format", "json")
    assert ran.json["files"][0]["accepted"] == len(EVENTS)
    assert {entry["source"] for entry in entries(tmp_path)} == {"urn:a", "copy"}


def test_an_entry_that_cannot_be_read_is_refused(filled: Cli, tmp_path: Path) -> None:
    path = exported("ndjson", tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace('"quantities":{', '"quantities":7,"x":{'), "{", *lines[1:]]) + "\n")
    report = filled("import", path, "--set", "source=copy", "--format", "json").json["files"][0]
    assert (report["accepted"], report["rejected"]) == (len(EVENTS) - 1, 2)
