"""Columns that hold many tags or quantities at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay_api.importing.errors import MappingError
from tests.cli.importing.conftest import Importer

Write = Callable[[str, str], Path]
PLAIN = {"set": ["provider=p", "model=m", "time=2026-01-01T00:00:00Z"]}


def map_file(path: Path, rows: list[tuple[dict[str, str] | None, dict[str, Decimal] | None]]) -> Path:
    tags = pa.array([each and list(each.items()) for each, _ in rows], pa.map_(pa.string(), pa.string()))
    amounts = pa.map_(pa.string(), pa.decimal128(25, 9))
    quantities = pa.array([each and list(each.items()) for _, each in rows], amounts)
    pq.write_table(pa.table({"tags": tags, "quantities": quantities}), path)
    return path


def test_maps_in_parquet_become_tags_and_quantities(importer: Importer, tmp_path: Path) -> None:
    rows = [({"client": "a", "plan": ""}, {"pages": Decimal("1.5"), "input_tokens": Decimal(3)}), (None, None)]
    importer.run(map_file(tmp_path / "m.parquet", rows), **PLAIN)
    first, second = importer.events
    assert first["tags"] == {"client": "a", "plan": ""}
    assert first["quantities"] == {"pages": Decimal("1.5"), "input_tokens": Decimal(3)}
    assert {"tags", "quantities"}.isdisjoint(second)


def test_a_named_column_wins_over_the_map(importer: Importer, tmp_path: Path) -> None:
    path = map_file(tmp_path / "m.parquet", [({"client": "a", "plan": "x"}, {"pages": Decimal(1)})])
    importer.run(path, set=[*PLAIN["set"], "tags.client=b", "quantities.pages=2"])
    assert importer.events[0]["tags"] == {"client": "b", "plan": "x"}
    assert importer.events[0]["quantities"] == {"pages": Decimal(2)}


def test_objects_in_csv_become_tags_and_quantities(importer: Importer, write: Write) -> None:
    path = write("t.csv", 'tags,quantities\n"{""a"": ""1"", ""b"": null}","{""pages"": 0.000000001}"\n,\n')
    importer.run(path, **PLAIN)
    assert importer.events[0]["tags"] == {"a": "1"}
    assert importer.events[0]["quantities"] == {"pages": Decimal("0.000000001")}
    assert "tags" not in importer.events[1]


@pytest.mark.parametrize("cell", ["search", "[1]", '{"a": {"b": 1}}', '{"a": "b"'])
def test_a_cell_that_is_no_object_is_refused(importer: Importer, write: Write, cell: str) -> None:
    quoted = cell.replace('"', '""')
    path = write("t.csv", f'tags\n"{quoted}"\n')
    assert importer.run(path, **PLAIN).rejected == 1
    assert "tags is no JSON object" in importer.rejects[0]["reason"]
    assert importer.run(path, map=["tags.label=tags"], **PLAIN).accepted == 1
    assert importer.events[0]["tags"] == {"label": cell}


def test_a_column_that_cannot_hold_objects_is_said(importer: Importer, tmp_path: Path) -> None:
    pq.write_table(pa.table({"tags": [1, 2]}), tmp_path / "t.parquet")
    with pytest.raises(MappingError, match="tags is taken from 'tags', which holds Int64"):
        importer.run(tmp_path / "t.parquet", **PLAIN)


def test_any_column_can_be_the_map(importer: Importer, write: Write) -> None:
    importer.run(write("t.csv", 'labels\n"{""a"": ""1""}"\n'), map=["tags=labels"], **PLAIN)
    assert importer.events[0]["tags"] == {"a": "1"}


def test_objects_in_jsonl_are_taken_by_path_and_merged(importer: Importer, write: Write) -> None:
    line = json.dumps({"meta": {"labels": {"a": "1"}}, "tags": {"b": "2"}, "quantities": {"pages": 1}})
    importer.run(write("t.jsonl", line + "\n"), map=["tags=meta.labels"], **PLAIN)
    assert importer.events[0]["tags"] == {"a": "1", "b": "2"}
    assert importer.events[0]["quantities"] == {"pages": Decimal(1)}


def test_a_whole_map_is_not_set_from_the_command_line(importer: Importer, write: Write) -> None:
    with pytest.raises(MappingError, match=r"tags is set by name: write tags\.NAME=x"):
        importer.run(write("t.csv", "time\n"), set=["tags=x"])


KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)

VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), min_size=1, max_size=8))
def test_any_names_and_values_survive(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    importer = Importer(tmp_path)
    importer.run(map_file(tmp_path / "m.parquet", [(row, None) for row in rows]), size=100, **PLAIN)
    found: list[dict[str, Any]] = importer.events
    assert [event.get("tags", {}) for event in found] == rows
