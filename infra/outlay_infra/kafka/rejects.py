"""Refused events as records of `usage.rejected`: the bytes as they came, and beside them what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pyarrow as pa

from outlay_infra.kafka.delivery import Header, Record
from outlay_schemas.topics import IDENTITY_KEY, KEY_SEPARATOR, RejectHeader

_TOLD = ("org", "source", "id", "outcome", "pointer", "reason")


def rejected(told: Mapping[str, str], *, value: bytes, time: datetime, origin: tuple[str, int, int] | None) -> Record:
    """Return the record of a refused event.

    `told` has the text columns of `outlay_schemas.arrow.REJECTS` by name; `value` is the event as it came, `time` when
    (aware), and `origin` the topic, partition and offset it was read from, None where it came over HTTP.
    """
    headers: list[Header] = [(RejectHeader(name).value, told[name].encode()) for name in _TOLD]
    headers.append((RejectHeader.TIME.value, time.astimezone(UTC).isoformat(timespec="milliseconds").encode()))
    if origin is not None:
        places = (RejectHeader.TOPIC, RejectHeader.PARTITION, RejectHeader.OFFSET)
        headers += [(name.value, str(place).encode()) for name, place in zip(places, origin, strict=True)]
    return Record(key=KEY_SEPARATOR.join(told[name] for name in IDENTITY_KEY).encode(), value=value, headers=headers)


def rejected_over_http(rejects: pa.Table, *, time: datetime) -> Iterator[Record]:
    """Yield the records of the refused events of a decoded batch, whose JSON is in the rows."""
    for row in rejects.select([*_TOLD, "event"]).to_pylist():
        yield rejected(row, value=row["event"].encode(), time=time, origin=None)
