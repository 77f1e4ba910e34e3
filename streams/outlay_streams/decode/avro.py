"""The values of usage records to columns of valid events, and a reason for each record that holds none. Pure.

Avro in any framing, or one JSON event a record; events of one writer schema are decoded together by column. What the
columns are not certain of is read again, one by one, by the reference decoder, so a poison record costs its neighbours
nothing, and what is decoded and refused is exactly what `UsageDecoder` and `UsageEvent` say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from outlay_schemas.arrow import USAGE
from outlay_schemas.codec import CodecError
from outlay_schemas.usage import MAX_EVENT_BYTES, MAX_TEXT, UsageEvent
from outlay_streams.decode.avro_arrow import batches
from outlay_streams.decode.avro_columns import Columns
from outlay_streams.decode.avro_framing import JSON, by_mark
from outlay_streams.decode.avro_layout import Layout
from outlay_streams.decode.avro_reference import read
from outlay_streams.decode.avro_writers import Writers
from outlay_streams.decode.batch import refusal, verdict
from outlay_streams.decode.columns import usage_table
from outlay_streams.decode.json_text import Fault
from outlay_streams.decode.redaction import text
from outlay_streams.refusals import refused

Ints = npt.NDArray[np.int64]

_ORG = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{MAX_TEXT}}}")

_LAST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""A producer may date its record as it likes; what lies beyond is no instant to reckon with."""

FEW = 32
"""Events of one writer schema below which the reference decoder is as quick as columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AvroBatch:
    """A decoded batch: each record is a row of `usage` or of `rejects`, in the order of the records."""

    usage: pa.Table
    """`USAGE`: the valid events."""
    rows: Ints
    """The record of each row of `usage`."""
    rejects: pa.Table
    """`REJECTS`: the other records; received, partition and block are null until a block stamps them."""
    rejected: Ints
    """The record of each row of `rejects`."""


@dataclass(slots=True)
class _Found:
    """What columns were certain of, with the records it came from, and what was refused before it was read."""

    tables: list[pa.Table] = field(default_factory=list)
    rows: list[Ints] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)


def decode_avro(
    values: Sequence[bytes | None],
    orgs: Sequence[str] | str,
    *,
    now: datetime | Sequence[int] | Ints,
    writers: Writers,
    few: int = FEW,
) -> AvroBatch:
    """Decode the values of usage records; `orgs` is the org of each, or of all.

    `now` bounds event times: the milliseconds of the epoch at which each record was produced, or one aware instant for
    all; not the clock, for a replay must decide alike. Raises nothing for any bytes, and what the writers' resolver
    raises when it cannot ask the registry.
    """
    times = _instants(now, len(values))
    found = _Found(faults=_strange_orgs(orgs, len(values)))
    events = [b"" if value is None or at in found.faults else value for at, value in enumerate(values)]
    for mark, members in by_mark(events).items():
        rows = np.asarray(members, np.int64)
        try:
            layout = writers.layout(mark) if mark != JSON else None
        except CodecError as error:
            found.faults.update(dict.fromkeys(members, Fault("", str(error))))
            continue
        if layout is not None and len(rows) >= few:
            _by_column(events, rows, layout, times, found)
    return _joined(values, orgs, times, writers, found)


def _by_column(events: list[bytes], rows: Ints, layout: Layout, times: Ints, found: _Found) -> None:
    """Decode the events of one writer schema, as far as columns are certain."""
    alike = events if len(rows) == len(events) else [events[row] for row in rows]
    lengths = np.fromiter(map(len, alike), np.int64, len(alike))
    fit = lengths <= MAX_EVENT_BYTES + layout.framing
    if not fit.all():
        alike, rows, lengths = [alike[at] for at in np.flatnonzero(fit)], rows[fit], lengths[fit]
    for table, good in _certain(alike, layout, lengths, times[rows]):
        found.tables.append(table)
        found.rows.append(rows[good])


def _certain(events: list[bytes], layout: Layout, lengths: Ints, times: Ints) -> Iterator[tuple[pa.Table, Ints]]:
    for rows, batch in batches(events, layout.schema):
        usage, good = Columns(batch, layout, lengths=lengths[rows], now=times[rows]).usage()
        yield usage if good.all() else usage.filter(pa.array(good)), rows[good]


def _joined(
    values: Sequence[bytes | None], orgs: Sequence[str] | str, times: Ints, writers: Writers, found: _Found
) -> AvroBatch:
    """Read what is left one by one, and put everything in the order of the records."""
    left = np.ones(len(values), np.bool_)
    for rows in found.rows:
        left[rows] = False
    valid: dict[int, UsageEvent] = {}
    refusals: dict[int, dict[str, str]] = {}
    for at in np.flatnonzero(left).tolist():
        event = found.faults.get(at) or read(values[at], writers, now=int(times[at]))
        if isinstance(event, Fault):
            org = text(orgs if isinstance(orgs, str) else orgs[at])
            refusals[at] = refusal(org, event, verdict(event))
        else:
            valid[at] = event
    if valid or not found.tables:
        found.tables.append(usage_table(list(valid.values()), org=""))
        found.rows.append(np.array(list(valid), np.int64))
    rows = np.concatenate(found.rows)
    usage = pa.concat_tables(found.tables)
    if (np.diff(rows) < 0).any():
        order = np.argsort(rows)
        rows, usage = rows[order], usage.take(pa.array(order))
    return AvroBatch(
        usage=usage.set_column(0, USAGE.field("org"), _orgs(orgs, rows)),
        rows=rows,
        rejects=refused(list(refusals.values())),
        rejected=np.array(list(refusals), np.int64),
    )


def _orgs(orgs: Sequence[str] | str, rows: Ints) -> pa.Array:
    if isinstance(orgs, str):
        return pa.repeat(orgs, len(rows))
    return pa.array(orgs if len(rows) == len(orgs) else [orgs[row] for row in rows.tolist()], pa.string())


def _strange_orgs(orgs: Sequence[str] | str, count: int) -> dict[int, Fault]:
    """Refuse every record whose org no store could keep: a producer may write any header."""
    strange = {org for org in ([orgs] if isinstance(orgs, str) else set(orgs)) if not _ORG.fullmatch(org)}
    if not strange:
        return {}
    fault = Fault("", f"the org of a record is 1 to {MAX_TEXT} characters, none of them a control character")
    return {at: fault for at in range(count) if (orgs if isinstance(orgs, str) else orgs[at]) in strange}


def _instants(now: datetime | Sequence[int] | Ints, count: int) -> Ints:
    if isinstance(now, datetime):
        return np.full(count, int(now.timestamp() * 1000), np.int64)
    return np.clip(np.asarray(now, np.int64), 0, _LAST)


__all__ = ["AvroBatch", "Writers", "decode_avro"]
