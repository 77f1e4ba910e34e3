"""Every format says the same, exactly; a request gets the one it prefers."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outlay_api.http import encoders
from outlay_api.http.formats import FORMATS, FormatName, answer, document, negotiate
from outlay_api.http.problems import Problem

SCHEMA = pa.schema(
    [
        pa.field("start", pa.timestamp("ms", "Europe/Berlin")),
        pa.field("seen", pa.timestamp("ms", "UTC")),
        pa.field("day", pa.date32()),
        pa.field("team", pa.string()),
        pa.field("other", pa.bool_()),
        pa.field("amount", pa.decimal128(38, 12)),
        pa.field("calls", pa.int64()),
        pa.field("tags", pa.map_(pa.string(), pa.string())),
        pa.field("quantities", pa.map_(pa.string(), pa.decimal128(38, 9))),
    ]
)
ROWS: list[dict[str, Any]] = [
    {
        "start": datetime(2026, 10, 24, 22, tzinfo=UTC),
        "seen": datetime(2026, 10, 24, 22, 0, 0, 250_000, tzinfo=UTC),
        "day": date(2026, 10, 25),
        "team": '=cmd|"a",\r\nb',
        "other": False,
        "amount": Decimal("99999999999999999999999999.999999999999"),
        "calls": 2**60,
        "tags": [("a", "é")],
        "quantities": [("images", Decimal("1.500000000"))],
    },
    {
        "start": datetime(2026, 10, 25, 23, tzinfo=UTC),
        "seen": None,
        "day": None,
        "team": "",
        "other": True,
        "amount": Decimal("-0.000000000001"),
        "calls": 0,
        "tags": [],
        "quantities": [],
    },
    {"team": None, "amount": None, "tags": [], "quantities": []},
]
TABLE = pa.Table.from_pylist(ROWS, SCHEMA)


def written(name: FormatName, *, spreadsheet: bool = False) -> bytes:
    encode = FORMATS[name].encode
    assert encode is not None
    batches = [batch for chunk in (TABLE[:1], TABLE[1:]) for batch in chunk.combine_chunks().to_batches()]
    more = {"spreadsheet": True} if spreadsheet else {}
    return b"".join(encode(SCHEMA, batches, **more))


def test_csv_is_rfc_4180_with_plain_decimals() -> None:
    text = written("csv").decode()
    assert text.count("\r\n") == 5
    first, second, third = csv.DictReader(io.StringIO(text, newline=""))
    assert first == {
        "start": "2026-10-25T00:00:00+02:00",
        "seen": "2026-10-24T22:00:00.250Z",
        "day": "2026-10-25",
        "team": '=cmd|"a",\r\nb',
        "other": "false",
        "amount": "99999999999999999999999999.999999999999",
        "calls": str(2**60),
        "tags": '{"a":"é"}',
        "quantities": '{"images":"1.5"}',
    }
    assert (second["amount"], second["start"]) == ("-0.000000000001", "2026-10-26T00:00:00+01:00")
    assert '2026-10-26T00:00:00+01:00,,,"",true' in text  # empty text is not null
    assert third["team"] == third["amount"] == ""


def test_spreadsheets_are_kept_from_running_text() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", spreadsheet=True).decode(), newline="")))
    assert rows[0]["team"].startswith("'=cmd")
    assert rows[1]["amount"] == "-0.000000000001"


def test_ndjson_is_an_object_a_line() -> None:
    lines = [json.loads(line) for line in written("ndjson").splitlines()]
    assert lines[0]["amount"] == "99999999999999999999999999.999999999999"
    assert (lines[0]["tags"], lines[0]["quantities"]) == ({"a": "é"}, {"images": "1.5"})
    assert (lines[1]["amount"], lines[1]["team"], lines[2]["amount"]) == ("-0.000000000001", "", None)


def test_parquet_and_arrow_keep_types() -> None:
    parquet = pq.read_table(pa.BufferReader(written("parquet")))
    stream = pa.ipc.open_stream(written("arrow")).read_all()
    assert stream.schema == SCHEMA
    assert stream.to_pylist() == TABLE.to_pylist() == parquet.to_pylist()
    assert parquet.schema.field("amount").type == pa.decimal128(38, 12)


@pytest.mark.parametrize("name", ["csv", "ndjson", "parquet", "arrow"])
def test_no_rows_are_still_a_file(name: FormatName) -> None:
    encode = FORMATS[name].encode
    assert encode is not None
    content = b"".join(encode(SCHEMA, []))
    assert content.startswith(b"start,seen") if name == "csv" else (content == b"") is (name == "ndjson")


def test_json_documents_write_decimals_and_times() -> None:
    body = {"amount": Decimal("1E-12"), "at": datetime(2026, 1, 1, tzinfo=UTC), "day": date(2026, 1, 1)}
    assert json.loads(bytes(document(body).body)) == {
        "amount": "0.000000000001",
        "at": "2026-01-01T00:00:00Z",
        "day": "2026-01-01",
    }
    with pytest.raises(TypeError):
        encoders.write_json({"amount": object()})


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("application/x-ndjson", "ndjson"),
        ("application/jsonl", "ndjson"),
        ("application/vnd.apache.parquet", "parquet"),
        ("application/vnd.apache.arrow.stream", "arrow"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/json;q=0, text/csv;q=0.1", "csv"),
    ],
)
def test_accept_chooses(accept: str | None, name: str) -> None:
    assert negotiate(accept).name == name


def test_format_goes_before_accept() -> None:
    assert negotiate("text/csv", "parquet").name == "parquet"


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "application/json;q=x"])
def test_what_is_not_offered_is_told_with_what_is(accept: str) -> None:
    with pytest.raises(Problem, match=r"application/vnd\.apache\.parquet") as refused:
        negotiate(accept)
    assert refused.value.status_code == 406


def test_a_file_has_a_name_and_a_type() -> None:
    found = answer(FORMATS["csv"], SCHEMA, [], name="spend")
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''spend.csv"
    assert found.headers["content-type"] == "text/csv; charset=utf-8; header=present"


def test_a_failing_query_fails_before_the_answer_starts() -> None:
    def failing() -> Any:
        raise LookupError("no such table")
        yield

    with pytest.raises(LookupError):
        answer(FORMATS["csv"], SCHEMA, failing(), name="spend")
