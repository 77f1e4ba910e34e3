"""What would become of refused events if they were sent now: the meter's own decoder, in this version, decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from outlay_api.rejected.refused import Refused
from outlay_streams.decode.avro import Writers, decode_avro

_CALLER = "caller"
_REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Events that are valid now, row by row with their `USAGE` table, and the reasons of the others."""

    valid: Sequence[Refused]
    usage: pa.Table
    reasons: Sequence[str]


def judge(events: Sequence[Refused], *, now: datetime, writers: Writers) -> Judged:
    """Judge events as records read at `now`. Raises `BrokerError` when a registry is needed and cannot be asked.

    One whose org was no text stays refused: nobody can tell any more whose it is.
    """
    named = [event for event in events if _REPLACED not in event.org]
    orgs = [event.org or _CALLER for event in named]
    batch = decode_avro([event.value for event in named], orgs, now=now, writers=writers)
    nameless = [event.reason for event in events if _REPLACED in event.org]
    return Judged(
        valid=[named[row] for row in batch.rows.tolist()],
        usage=batch.usage,
        reasons=[*batch.rejects["reason"].to_pylist(), *nameless],
    )
