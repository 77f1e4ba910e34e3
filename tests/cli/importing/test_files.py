"""Files to events: CSV, JSONL, Parquet; ids, refusals, resume."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay_api.importing.cursor import Tally
from outlay_api.importing.dry_run import DryRun
from outlay_api.importing.errors import FileError, MappingError
from tests.cli.importing.conftest import Importer, Intake

Write = Callable[[str, str], Path]

HEADER = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
TRACE = HEADER + "2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8\r\n"
OPTIONS = {
    "map": ["time=TIMESTAMP", "input_tokens=ContextTokens", "quantities.output_tokens=GeneratedTokens"],
    "set": ["provider=openai", "model=gpt-4o", "tags.origin=trace"],
    "zone": "UTC",
}
PLAIN = {"set": ["provider=p", "model=m"]}


class TestCsv:
    def test_rows_become_events(self, importer: Importer, write: Write) -> None:
        assert importer.run(write("t.csv", TRACE), **OPTIONS) == Tally(rows=2, accepted=2)
        assert importer.events[0] == {
            "time": datetime(2023, 11, 16, 18, 17, 3, 979_000, tzinfo=UTC),
            "provider": "openai",
            "model": "gpt-4o",
            "quantities": {"input_tokens": Decimal(4808), "output_tokens": Decimal(10)},
            "tags": {"origin": "trace"},
        }

    def test_empty_cells_are_left_out(self, importer: Importer, write: Write) -> None:
        importer.run(write("t.csv", "time,team,input_tokens,tags.x\n2026-01-01,,,\n"), zone="UTC", **PLAIN)
        assert importer.events == [{"time": datetime(2026, 1, 1, tzinfo=UTC), "provider": "p", "model": "m"}]

    def test_text_of_every_kind_survives(self, importer: Importer, write: Write) -> None:
        text = 'time,app,tags.é\n2026-01-01Z,"a ""quoted"", \\ name",日本\n'.replace("Z", "T00:00:00Z")
        importer.run(write("t.csv", text), **PLAIN)
        assert importer.events[0]["app"] == 'a "quoted", \\ name'
        assert importer.events[0]["tags"] == {"é": "日本"}

    def test_no_digit_is_lost(self, importer: Importer, write: Write) -> None:
        importer.run(write("t.csv", "time,quantities.pages\n1700000000,123456789012345.123456789\n"), **PLAIN)
        assert importer.events[0]["quantities"]["pages"] == Decimal("123456789012345.123456789")

    def test_a_bad_row_stops_nothing_and_is_kept_with_its_line(self, importer: Importer, write: Write) -> None:
        text = 'time,app,input_tokens\n1700000000,"two\nlines",1\n1700000000,b,-4\n1700000000\n1700000000,c,2\n'
        assert importer.run(write("t.csv", text), **PLAIN) == Tally(rows=4, accepted=1, rejected=3)
        control, negative, ragged = sorted(importer.rejects, key=lambda row: row["row"])
        assert (control["row"], control["line"], control["pointer"]) == (1, 3, "/app")
        assert (negative["row"], negative["line"], negative["pointer"]) == (2, 4, "/quantities/input_tokens")
        assert negative["event"]["app"] == "b"
        assert (ragged["row"], ragged["line"], ragged["reason"]) == (3, 5, "1 cells in a table of 3 columns")

    def test_blank_lines_are_no_rows(self, importer: Importer, write: Write) -> None:
        assert importer.run(write("t.csv", "time,app\n\n1700000000,a\n\n\n"), **PLAIN) == Tally(rows=1, accepted=1)

    def test_tabs_and_gzip(self, importer: Importer, tmp_path: Path) -> None:
        path = tmp_path / "t.tsv.gz"
        path.write_bytes(gzip.compress(b"time\tapp\n1700000000\ta,b\n"))
        importer.run(path, **PLAIN)
        assert importer.events[0]["app"] == "a,b"

    def test_a_time_without_zone_asks_for_one(self, importer: Importer, write: Write) -> None:
        with pytest.raises(MappingError, match=r"TIMESTAMP holds times without an offset .*--zone UTC"):
            importer.run(write("t.csv", TRACE), **{**OPTIONS, "zone": None})

    def test_a_local_time_that_does_not_exist_is_refused(self, importer: Importer, write: Write) -> None:
        text = "time\n2026-03-29 02:30\n2026-03-29 03:30\n"
        assert importer.run(write("t.csv", text), zone="Europe/Berlin", **PLAIN) == Tally(
            rows=2, accepted=1, rejected=1
        )
        assert "does not exist in Europe/Berlin" in importer.rejects[0]["reason"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"time,app\n1700000000,\xff\n", "not utf-8"),
            (b"time,time\n1,2\n", "two columns named 'time'"),
            (b'time,app\n1700000000,"open\n', "line 2: unexpected end of data"),
        ],
    )
    def test_a_broken_file_is_a_clear_error(
        self, importer: Importer, tmp_path: Path, content: bytes, message: str
    ) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(content)
        with pytest.raises(FileError, match=message):
            importer.run(path, **PLAIN)

    def test_a_cut_gzip_file_is_a_clear_error(self, importer: Importer, tmp_path: Path) -> None:
        path = tmp_path / "t.csv.gz"
        path.write_bytes(gzip.compress(b"time,app\n" + b"1700000000,a\n" * 50)[:-10])
        with pytest.raises(FileError, match="not a whole gzip file"):
            importer.run(path, **PLAIN)

    def test_a_file_of_another_kind_or_none(self, importer: Importer, tmp_path: Path, write: Write) -> None:
        with pytest.raises(FileError, match=r"t\.xlsx is none of \.csv"):
            importer.run(write("t.xlsx", "x"), **PLAIN)
        with pytest.raises(FileError, match="cannot be read: No such file"):
            importer.run(tmp_path / "none.csv", **PLAIN)


class TestJsonLines:
    EVENT = '{"id":"a","time":"2026-01-01T00:00:00Z","provider":"p","model":"m","quantities":{"pages":1.123456789}}'

    def test_events_go_through_as_they_are(self, importer: Importer, write: Write) -> None:
        assert importer.run(write("t.jsonl", self.EVENT + "\n\n"), cursor=False) == Tally(rows=1, accepted=1)
        assert importer.intake.bodies == [self.EVENT.encode()]

    def test_what_they_lack_is_added_and_what_is_set_wins(self, importer: Importer, write: Write) -> None:
        quantities = '"quantities":{"pages":123456789012345.123456789}'
        line = f'{{"time":"2026-01-01T00:00:00Z","provider":"p","model":"m","team":"x",{quantities}}}'
        importer.run(write("t.jsonl", line), set=["team=search", "quantities.images=3", "tags.a=b"])
        (event,) = importer.events
        assert (event["team"], event["tags"]) == ("search", {"a": "b"})
        assert event["quantities"] == {"pages": Decimal("123456789012345.123456789"), "images": Decimal(3)}

    def test_paths_reach_into_other_documents(self, importer: Importer, write: Write) -> None:
        line = json.dumps(
            {"created": 1_700_000_000, "model": "gpt-4o", "usage": {"prompt": 5, "none": None}, "n": 7, "junk": [1]}
        )
        maps = ["time=created", "input_tokens=usage.prompt", "output_tokens=usage.none", "tags.n=n"]
        assert importer.run(write("t.ndjson", line), map=maps, set=["provider=openai"]).accepted == 1
        (event,) = importer.events
        assert event["time"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
        assert (event["model"], event["quantities"], event["tags"]) == (
            "gpt-4o",
            {"input_tokens": Decimal(5)},
            {"n": "7"},
        )

    def test_lines_that_are_no_objects_are_refused(self, importer: Importer, write: Write) -> None:
        assert importer.run(write("t.jsonl", '{"a":\n[1]\n' + self.EVENT)) == Tally(rows=3, accepted=1, rejected=2)
        assert [(row["line"], row["reason"][:8]) for row in importer.rejects] == [(1, "not JSON"), (2, "a JSON l")]

    def test_an_unknown_field_is_the_intakes_to_refuse(self, importer: Importer, write: Write) -> None:
        assert importer.run(write("t.jsonl", self.EVENT.replace('"p"', '"p","tokns":1'))).rejected == 1
        assert importer.rejects[0]["pointer"] == "/tokns"


class TestParquet:
    def test_typed_columns_become_events(self, importer: Importer, tmp_path: Path) -> None:
        moments = [datetime(2026, 1, 1, 0, 0, second, 500_000, tzinfo=UTC) for second in range(7)]
        frame = pl.DataFrame(
            {
                "time": pl.Series(moments),
                "input_tokens": list(range(7)),
                "cost": pl.Series([Decimal("0.000000001")] * 7, dtype=pl.Decimal(20, 9)),
                "cut": [True, None] * 3 + [False],
            }
        )
        frame.write_parquet(tmp_path / "t.parquet")
        options = {"map": ["provider_cost=cost", "estimated=cut"], **PLAIN}
        assert importer.run(tmp_path / "t.parquet", **options) == Tally(rows=7, accepted=7)
        assert importer.events[3]["quantities"] == {"input_tokens": Decimal(3)}
        assert importer.events[3]["time"] == moments[3]
        assert importer.events[3]["provider_cost"] == Decimal("0.000000001")
        assert importer.events[2]["estimated"] is True

    def test_members_of_structs_are_columns(self, importer: Importer, tmp_path: Path) -> None:
        frame = pl.DataFrame({"created": [1_700_000_000], "usage": [{"tokens": {"in": 5}, "model": "m"}]})
        frame.write_parquet(tmp_path / "t.parquet")
        maps = ["time=created", "model=usage.model", "input_tokens=usage.tokens.in"]
        assert importer.run(tmp_path / "t.parquet", map=maps, set=["provider=p"]).accepted == 1
        assert importer.events[0]["quantities"] == {"input_tokens": Decimal(5)}

    def test_what_is_no_parquet_is_a_clear_error(self, importer: Importer, write: Write) -> None:
        with pytest.raises(FileError, match="not readable as Parquet"):
            importer.run(write("t.parquet", "PAR0"), **PLAIN)


class TestIds:
    def test_importing_again_adds_nothing_whatever_the_name(self, importer: Importer, write: Write) -> None:
        importer.run(write("one.csv", TRACE), **OPTIONS)
        assert importer.run(write("two.csv", TRACE), **OPTIONS) == Tally(rows=2, duplicate=2)

    def test_equal_rows_are_distinct_events(self, importer: Importer, write: Write) -> None:
        assert importer.run(write("t.csv", HEADER + "1700000000,1,1\r\n" * 8), **OPTIONS).accepted == 8

    def test_a_file_that_has_grown_adds_its_new_rows(self, importer: Importer, write: Write) -> None:
        importer.run(write("t.csv", TRACE), **OPTIONS)
        grown = write("t.csv", TRACE + "2023-11-16 18:17:05,1,1\r\n")
        assert importer.run(grown, **OPTIONS) == Tally(rows=3, accepted=1, duplicate=2)

    def test_other_meaning_of_the_same_rows_is_a_conflict(self, importer: Importer, write: Write) -> None:
        path = write("t.csv", TRACE)
        importer.run(path, **OPTIONS)
        again = importer.run(path, **{**OPTIONS, "set": ["provider=openai", "model=gpt-5"]})
        assert again == Tally(rows=2, conflict=2)
        assert {row["outcome"] for row in importer.rejects} == {"conflict"}

    @pytest.mark.parametrize("size", [1, 2, 5, 100])
    def test_they_do_not_depend_on_the_size_of_batches(self, importer: Importer, write: Write, size: int) -> None:
        rows = "".join(f"{1_700_000_000 + n % 3},{n % 2},1\r\n" for n in range(20))
        path = write("t.csv", HEADER + rows)
        importer.run(path, size=7, **OPTIONS)
        assert importer.run(path, size=size, **OPTIONS).duplicate == 20

    def test_a_column_may_bring_them(self, importer: Importer, write: Write) -> None:
        importer.run(write("t.csv", "id,time\nx,1700000000\n,1700000000\n"), **PLAIN)
        first, second = importer.intake.events
        assert first == "x"
        assert len(second) == 32

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12), st.data())
    def test_any_prefix_first_then_the_whole_counts_each_row_once(
        self, tmp_path: Path, rows: list[tuple[int, int]], data: st.DataObject
    ) -> None:
        importer = Importer(tmp_path)
        lines = [f"{1_700_000_000 + a},{b},1\r\n" for a, b in rows]
        cut = data.draw(st.integers(0, len(lines)))
        path = tmp_path / "t.csv"
        path.write_text(HEADER + "".join(lines[:cut]), newline="")
        importer.run(path, **OPTIONS)
        path.write_text(HEADER + "".join(lines), newline="")
        tally = importer.run(path, **OPTIONS)
        assert (tally.accepted, tally.duplicate) == (len(lines) - cut, cut)


class TestResume:
    def broken(self, importer: Importer, path: Path) -> Intake:
        importer.intake.fail_after = 2
        with pytest.raises(ConnectionError):
            importer.run(path, cursor=True, **OPTIONS)
        importer.intake.fail_after = None
        importer.intake.bodies.clear()
        return importer.intake

    def test_it_goes_on_where_it_stopped_and_counts_everything(self, importer: Importer, write: Write) -> None:
        path = write("t.csv", HEADER + "".join(f"{1_700_000_000 + n},{n},1\r\n" for n in range(20)))
        intake = self.broken(importer, path)
        assert importer.run(path, cursor=True, **OPTIONS) == Tally(rows=20, accepted=20)
        assert sum(len(body.splitlines()) for body in intake.bodies) == 14
        assert len(intake.events) == 20

    def test_a_finished_import_leaves_no_cursor(self, importer: Importer, write: Write) -> None:
        path = write("t.csv", TRACE)
        importer.run(path, cursor=True, **OPTIONS)
        assert importer.run(path, cursor=True, **OPTIONS) == Tally(rows=2, duplicate=2)

    def test_a_cursor_that_cannot_be_read_starts_over(self, importer: Importer, write: Write) -> None:
        path = write("t.csv", HEADER + "".join(f"{1_700_000_000 + n},{n},1\r\n" for n in range(20)))
        self.broken(importer, path)
        for cursor in (importer.folder / "imports").iterdir():
            cursor.write_text("{")
        assert importer.run(path, cursor=True, **OPTIONS) == Tally(rows=20, accepted=14, duplicate=6)

    def test_rejects_of_both_parts_are_kept(self, importer: Importer, write: Write) -> None:
        path = write("t.csv", HEADER + "".join(f"{1_700_000_000 + n},{n - 1},1\r\n" for n in range(18)) + "x,1,1\r\n")
        self.broken(importer, path)
        assert importer.run(path, cursor=True, **OPTIONS).rejected == 2
        assert [row["row"] for row in importer.rejects] == [1, 19]


async def test_a_dry_run_judges_by_the_model() -> None:
    good, bad = TestJsonLines.EVENT, TestJsonLines.EVENT.replace("1.123456789", "-1")
    judge = DryRun()
    result = await judge.send_ndjson(f"{good}\n{bad}".encode())
    assert (result.accepted, result.rejected) == (1, 1)
    assert result.outcomes[1].pointer == "/quantities/pages"
    assert judge.first == good
