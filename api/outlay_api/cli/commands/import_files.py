"""`outlay import`: usage in files, brought into the ledger."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from outlay_api.cli.connection import connect
from outlay_api.cli.failure import DONE, FAILED, USAGE, Failure
from outlay_api.cli.money import count
from outlay_api.cli.output import err, note, show
from outlay_api.cli.tables import Column, Tabulated
from outlay_api.cli.target import Show, Target

if TYPE_CHECKING:
    from outlay_api.importing.cursor import Cursor, Tally
    from outlay_api.importing.rejects import RejectsFile
    from outlay_api.importing.running import Plan, Sender

_TARGET = Target()
_SHOW = Show()
_SOURCE = "import"


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the files are read."""

    map: Annotated[tuple[str, ...], Parameter(alias="-m", show_default=False)] = ()
    """FIELD=COLUMN, repeated: a field of the event, quantities.UNIT or tags.KEY, or all tags or quantities at once; in
    JSONL a dotted path. Columns that carry a field's own name need none."""
    set: Annotated[tuple[str, ...], Parameter(alias="-s", show_default=False)] = ()
    """FIELD=VALUE, repeated: the same for every row; wins over a column."""
    zone: str | None = None
    """IANA time zone of times that have no offset, such as UTC or Europe/Berlin."""
    time_format: str | None = None
    """strptime format of the times, where they are neither RFC 3339, date and time, nor seconds since 1970."""
    delimiter: str | None = None
    """What separates CSV columns; by default a comma, a tab in .tsv."""
    encoding: str = "utf-8-sig"
    """Encoding of text files."""


_READING = Reading()


async def import_files(
    files: Annotated[tuple[Path, ...], Parameter(name="FILE")],
    /,
    *,
    reading: Reading = _READING,
    rejects: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    resume: bool = True,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Bring usage in CSV, TSV, JSONL or Parquet files into the ledger.

    Rows without an id get one from what they say, so importing a file again adds nothing, whatever its name, and one
    that has grown, was corrected or sorted adds its new rows. Equal rows of one file are distinct events; give files
    whose equal rows are not the same events a source each (--set source=NAME). An interrupted import goes on where it
    stopped. Rows that are refused go to a file of their own, and the exit code is 1.

    Columns `tags` and `quantities` may be maps, structs or JSON objects. Entries that `GET /v1/events` exported (CSV,
    NDJSON as .jsonl, Parquet) are recognised by their columns: they come back as usage events and are priced anew;
    those that are in the ledger already are duplicates.

    For example:

        outlay import calls.csv -m time=TIMESTAMP -m input_tokens=ContextTokens -m output_tokens=GeneratedTokens
        -s provider=openai -s model=gpt-4o -s app=chat --zone UTC


        outlay import events.jsonl --dry-run
        outlay import export.parquet --map tags.client=customer --server http://127.0.0.1:8321

    Parameters
    ----------
    files
        .csv, .tsv, .jsonl, .ndjson (each also .gz) or .parquet.
    rejects
        Where refused rows go; by default beside each file, as FILE.rejects.jsonl.
    dry_run
        Only say what each row would become; nothing is sent or written.
    resume
        Go on where an interrupted import of the same file stopped.
    """
    if not files:
        raise Failure("no file was named; write outlay import FILE", USAGE)
    plans = [_plan(file, reading) for file in files]
    reports: list[dict[str, Any]] = []
    async with _sender(target, dry_run=dry_run) as (sender, folder):
        for number, plan in enumerate(plans):
            cursor = _cursor(plan, reading, target, folder) if resume else None
            path = None if dry_run else rejects or plan.path.with_name(f"{plan.path.name}.rejects.jsonl")
            with _rejects(path, again=rejects is not None and number > 0, cursor=cursor) as refused:
                reports.append(await _import(plan, sender, refused, cursor))
    show(output.format, document={"files": reports}, rows=lambda: reports, table=lambda: _table(reports))
    return FAILED if any(report["rejected"] or report["conflict"] for report in reports) else DONE


def _plan(file: Path, reading: Reading) -> Plan:
    from outlay_api.importing.mapping import Field, FieldMap  # noqa: PLC0415 - polars loads when it is needed
    from outlay_api.importing.reading import Source  # noqa: PLC0415
    from outlay_api.importing.running import BATCH, Plan  # noqa: PLC0415
    from outlay_api.importing.times import Times  # noqa: PLC0415

    fields = FieldMap.parse(reading.map, reading.set).default(Field("", "source"), _SOURCE)
    plan = Plan(
        source=Source(path=file, size=BATCH, delimiter=reading.delimiter, encoding=reading.encoding),
        fields=fields,
        times=Times.of(reading.zone, reading.time_format),
    )
    plan.check()
    if plan.exported:
        note(f"{file.name}: entries of a ledger; amounts are computed again by the prices here")
    if ignored := plan.ignored():
        note(f"{file.name}: ignoring {', '.join(ignored)} (take one with --map tags.NAME=COLUMN)")
    return plan


@asynccontextmanager
async def _sender(target: Target, *, dry_run: bool) -> AsyncIterator[tuple[Sender, Path | None]]:
    """Open what judges the events, and say where cursors are kept: with the data, or by server in the user's state."""
    if dry_run:
        from outlay_api.importing.dry_run import DryRun  # noqa: PLC0415

        judge = DryRun()
        yield judge, None
        if judge.first:
            note(f"the first event would be {judge.first}")
        return
    import platformdirs  # noqa: PLC0415

    import outlay  # noqa: PLC0415

    async with connect(target) as connection:
        state = connection.folder or platformdirs.user_state_path("outlay", appauthor=False)
        patient = outlay.Retry(attempts=12)
        async with outlay.AsyncClient(
            connection.url, target.key, retry=patient, transport=connection.transport
        ) as client:
            yield client, state / "imports"


def _cursor(plan: Plan, reading: Reading, target: Target, folder: Path | None) -> Cursor | None:
    from outlay_api.importing.cursor import Cursor  # noqa: PLC0415
    from outlay_api.importing.identity import file_digest  # noqa: PLC0415

    if folder is None:
        return None
    terms = {**{name: str(value) for name, value in asdict(reading).items()}, "server": target.server or ""}
    cursor = Cursor(folder=folder, digest=file_digest(plan.path), terms=terms)
    done, _ = cursor.load()
    if done:
        note(f"{plan.path.name}: going on after row {done:,} (start over with --no-resume)")
    return cursor


def _rejects(path: Path | None, *, again: bool, cursor: Cursor | None) -> RejectsFile:
    from outlay_api.importing.rejects import RejectsFile  # noqa: PLC0415

    return RejectsFile(path, again=again or (cursor is not None and cursor.load()[0] > 0))


async def _import(plan: Plan, sender: Sender, refused: RejectsFile, cursor: Cursor | None) -> dict[str, Any]:
    from outlay_api.importing.running import Import  # noqa: PLC0415

    before = cursor.load()[1].rows if cursor is not None else 0
    started = time.monotonic()
    with _progress() as bar:
        progress = _advance(bar, plan.path.name)
        tally = await Import(plan=plan, sender=sender, rejects=refused, cursor=cursor, progress=progress).run()
    seconds = time.monotonic() - started
    for refusal in refused.first:
        note(f"{plan.path.name}, {_place(refusal)}: {refusal['outcome']}: {_why(refusal)}")
    where = refused.path if refused.first else None
    if where is not None:
        note(f"{tally.rejected + tally.conflict:,} row(s) refused; they are in {where}")
    rate = round((tally.rows - before) / seconds) if seconds else None
    return {"file": str(plan.path), **asdict(tally), "events_per_second": rate, "rejects": where and str(where)}


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"))
    return Progress(*columns, TimeRemainingColumn(), console=err(), transient=True, disable=not err().is_terminal)


def _advance(bar: Progress, name: str) -> Callable[[float, Tally], None]:
    task = bar.add_task(name, total=1.0, told="")
    return lambda done, tally: bar.update(task, completed=done, told=f"{tally.rows:,} rows")


def _place(refusal: Mapping[str, Any]) -> str:
    return f"line {refusal['line']}" if refusal["line"] is not None else f"row {refusal['row']}"


def _why(refusal: Mapping[str, Any]) -> str:
    return f"{refusal['pointer']}: {refusal['reason']}" if refusal["pointer"] else str(refusal["reason"])


def _table(reports: Sequence[Mapping[str, Any]]) -> Tabulated:
    counted = ("rows", "accepted", "duplicate", "conflict", "rejected")
    return Tabulated(
        columns=[Column(heading="file"), *(Column(heading=name, number=True) for name in (*counted, "events/s"))],
        rows=[
            [
                str(report["file"]),
                *(_cell(name, report[name]) for name in counted),
                count(report["events_per_second"]),
            ]
            for report in reports
        ],
    )


def _cell(name: str, number: int) -> Text:
    return Text(count(number), style="bold red" if number and name in {"conflict", "rejected"} else "")
