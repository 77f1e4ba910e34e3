"""Rows without an id: whatever becomes of a file, each of them counts once."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay_api.importing import content
from outlay_api.importing.cursor import Tally
from outlay_api.importing.identity import RowIds
from tests.cli.importing.conftest import Importer

Row = tuple[int, int]
Save = Callable[[Path, Sequence[Row]], Path]

PLAIN = {"set": ["provider=p", "model=m"]}
NAMES = ["time", "input_tokens"]
BAD = -1
"""Tokens that no event may have."""


def _time(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}Z"


def _table(rows: Sequence[Row], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([NAMES, *((_time(second), tokens) for second, tokens in rows)])
    return text.getvalue()


def _csv(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "t.csv"
    path.write_text(_table(rows), newline="")
    return path


def _tsv_gz(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "t.tsv.gz"
    path.write_bytes(gzip.compress(_table(rows, "\t").encode()))
    return path


def _jsonl(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "t.jsonl"
    events = [{"time": _time(second), "quantities": {"input_tokens": tokens}} for second, tokens in rows]
    path.write_text("\n".join(map(json.dumps, events)))
    return path


def _parquet(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "t.parquet"
    times = [datetime.fromisoformat(_time(second)) for second, _ in rows]
    pl.DataFrame(
        {"time": times, "input_tokens": [tokens for _, tokens in rows]},
        schema={"time": pl.Datetime("ms", "UTC"), "input_tokens": pl.Int64},
    ).write_parquet(path)
    return path


every_format = pytest.mark.parametrize("save", [_csv, _tsv_gz, _jsonl, _parquet])
ROWS: list[Row] = [(n, 10 + n) for n in range(10)]


@every_format
class TestAFileImportedAgain:
    def test_under_another_name(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        path = save(tmp_path, ROWS)
        importer.run(path, **PLAIN)
        renamed = path.rename(tmp_path / f"other-{path.name}")
        assert importer.run(renamed, **PLAIN) == Tally(rows=10, duplicate=10)

    def test_with_a_row_in_the_middle_corrected(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        broken = [*ROWS[:4], (4, BAD), *ROWS[5:]]
        assert importer.run(save(tmp_path, broken), **PLAIN) == Tally(rows=10, accepted=9, rejected=1)
        assert importer.run(save(tmp_path, ROWS), **PLAIN) == Tally(rows=10, accepted=1, duplicate=9)

    def test_grown(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        importer.run(save(tmp_path, ROWS[:7]), **PLAIN)
        assert importer.run(save(tmp_path, ROWS), **PLAIN) == Tally(rows=10, accepted=3, duplicate=7)

    def test_sorted_otherwise(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        importer.run(save(tmp_path, ROWS), **PLAIN)
        assert importer.run(save(tmp_path, ROWS[::-1]), **PLAIN) == Tally(rows=10, duplicate=10)

    def test_as_a_window_that_slid(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        importer.run(save(tmp_path, ROWS[:7]), **PLAIN)
        assert importer.run(save(tmp_path, ROWS[4:]), **PLAIN) == Tally(rows=6, accepted=3, duplicate=3)

    def test_with_equal_rows(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        rows = [(n % 2, 7) for n in range(11)]
        assert importer.run(save(tmp_path, rows), **PLAIN) == Tally(rows=11, accepted=11)
        assert importer.run(save(tmp_path, sorted(rows)), size=4, **PLAIN) == Tally(rows=11, duplicate=11)
        more = [(0, 7), *rows, (1, 7)]
        assert importer.run(save(tmp_path, more), **PLAIN) == Tally(rows=13, accepted=2, duplicate=11)

    def test_after_an_interruption_between_equal_rows(self, importer: Importer, tmp_path: Path, save: Save) -> None:
        rows = [(n % 3, 7) for n in range(20)]
        whole = Importer(tmp_path)
        path = save(tmp_path, rows)
        whole.run(path, **PLAIN)
        importer.intake.fail_after = 2
        with pytest.raises(ConnectionError):
            importer.run(path, cursor=True, **PLAIN)
        importer.intake.fail_after = None
        assert importer.run(path, cursor=True, **PLAIN) == Tally(rows=20, accepted=20)
        assert importer.intake.events == whole.intake.events


def test_a_table_saved_by_another_program_is_the_same(importer: Importer, tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.tsv"
    first.write_text('time,app\n1700000000,"x"\n1700000000,"a, ""b"""\n', newline="")
    second.write_text('"time"\t"app"\r\n"1700000000"\tx\r\n1700000000\t"a, ""b"""\r\n', newline="")
    importer.run(first, **PLAIN)
    assert importer.run(second, **PLAIN) == Tally(rows=2, duplicate=2)


def test_a_line_that_was_repaired_adds_one_event(importer: Importer, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = ['{"time":"2026-01-01T00:00:00Z","app":"a"}', '{"time":', '{"time":"2026-01-01T00:00:00Z","app":"c"}']
    path.write_text("\n".join(lines))
    assert importer.run(path, **PLAIN) == Tally(rows=3, accepted=2, rejected=1)
    lines[1] = '{"app": "b", "time": "2026-01-01T00:00:00Z"}'
    lines[2] = '{"app": "c", "time": "2026-01-01T00:00:00Z"}'
    path.write_text("\n".join(lines))
    assert importer.run(path, **PLAIN) == Tally(rows=3, accepted=1, duplicate=2)


def test_a_ragged_row_that_was_repaired_adds_one_event(importer: Importer, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,app\n1700000000,a\n1700000000\n1700000000,a\n")
    assert importer.run(path, **PLAIN) == Tally(rows=3, accepted=2, rejected=1)
    path.write_text("time,app\n1700000000,a\n1700000000,b\n1700000000,a\n")
    assert importer.run(path, **PLAIN) == Tally(rows=3, accepted=1, duplicate=2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=9),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=9),
)
def test_any_file_after_any_other_adds_what_it_has_more_of(
    tmp_path: Path, earlier: list[Row], later: list[Row]
) -> None:
    importer = Importer(tmp_path)
    importer.run(_csv(tmp_path, earlier), **PLAIN)
    more = (Counter(later) - Counter(earlier)).total()
    tally = importer.run(_csv(tmp_path, later), **PLAIN)
    assert (tally.accepted, tally.duplicate) == (more, len(later) - more)


class TestRowIds:
    def test_they_follow_from_names_content_and_number(self) -> None:
        first, second, third = RowIds(["a"]).ids([b"x", b"y", b"x"])
        assert (len(first), third) == (32, f"{first}-2")
        assert RowIds(["a"]).ids([b"y"]) == [second]
        assert RowIds(["b"]).ids([b"y"]) != [second]

    def test_they_stay_what_they_are(self) -> None:
        frame = pl.DataFrame({"time": ["2026-01-01T00:00:00Z"], "input_tokens": ["5"]})
        assert RowIds(frame.columns).ids(content.of_frame(frame)) == ["2221a981622a31c672f57ec76c8eaf82"]
        assert RowIds([]).ids([content.of_line('{"b": 1.50, "a": "é"}')]) == ["695710f63d124016d64bb1e06ca65c89"]

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.lists(st.integers(0, 20), max_size=30), max_size=12))
    def test_numbers_do_not_depend_on_batches(self, batches: list[list[int]]) -> None:
        contents = [[str(row).encode() for row in batch] for batch in batches]
        known, whole = RowIds([]), RowIds([])
        apart = [found for batch in contents for found in known.ids(batch)]
        assert apart == whole.ids([row for batch in contents for row in batch])
        assert len(set(apart)) == len(apart)

    def test_many_batches_are_remembered_in_few_runs(self) -> None:
        known = RowIds([])
        for number in range(200):
            known.ids([f"{number}-{row}".encode() for row in range(50)])
        runs = known._seen._runs
        assert len(runs) <= 9
        assert sum(run.nbytes for run in runs) == 8 * 200 * 50
        assert all(np.all(run[:-1] <= run[1:]) for run in runs)


class TestContent:
    @given(st.lists(st.lists(st.text(st.sampled_from("a\x1e\x1fn"), max_size=3) | st.none(), min_size=3, max_size=3)))
    @settings(max_examples=100, deadline=None)
    def test_different_rows_are_never_alike(self, rows: list[list[str | None]]) -> None:
        frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")
        assert len(set(content.of_frame(frame))) == len(set(map(tuple, rows)))

    def test_typed_cells_have_one_text(self) -> None:
        moment = datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
        frame = pl.DataFrame(
            {
                "whole": pl.Series([5, None], dtype=pl.UInt8),
                "part": [0.1, 1e22],
                "exact": pl.Series([Decimal("0.10")] * 2, dtype=pl.Decimal(9, 2)),
                "yes": [True, False],
                "at": pl.Series([moment] * 2, dtype=pl.Datetime("ms", "UTC")),
                "day": [date(2026, 1, 1)] * 2,
                "tags": [[{"key": "a", "value": "b"}], []],
                "raw": [b"\x00", None],
            }
        )
        first, second = (row.decode().split("\x1f") for row in content.of_frame(frame))
        assert first[:5] == ["5", "0.1", "\"Decimal('0.10')\"", "true", "1767225600500000"]
        assert first[5:] == ['"datetime.date(2026, 1, 1)"', '[{"key": "a", "value": "b"}]', "\"b'\\\\x00'\""]
        assert second[:2] + second[-2:] == ["\x1en", "1e+22", "[]", "\x1en"]
        again = frame.with_columns(pl.col("whole").cast(pl.Int64), pl.col("at").cast(pl.Datetime("us", "UTC")))
        assert content.of_frame(again) == content.of_frame(frame)

    def test_objects_are_alike_however_they_are_written(self) -> None:
        assert content.of_line('{"b": [1, 2], "a": "\\u00e9"}') == content.of_line('{"a":"é","b":[1,2]}')
        assert content.of_line('{"a":1}') != content.of_line('{"a":"1"}')

    @pytest.mark.parametrize("line", ['{"a":', '{"a":NaN}', '{"a":"\\ud800"}', '{"a":' * 300 + "1" + "}" * 300])
    def test_what_cannot_be_written_anew_is_its_own_text(self, line: str) -> None:
        assert json.loads(content.of_line(line)) == line

    def test_no_rows_and_no_columns(self) -> None:
        assert content.of_frame(pl.DataFrame()) == []
        assert content.of_frame(pl.DataFrame(schema={"a": pl.String, "b": pl.Float64})) == []
        assert RowIds([]).ids([]) == []
