"""What is in chunks of records: decoded and identified at once, for many small batches cost more than a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from outlay_streams.decode.avro import AvroBatch, Writers, decode_avro
from outlay_streams.identity import Identities, identify
from outlay_streams.runtime.kafka_meter.records import Chunk, orgs


@dataclass(frozen=True, slots=True)
class Decoded:
    """A chunk and what is to be metered of it, row by row."""

    chunk: Chunk
    batch: AvroBatch
    identities: Identities
    times: npt.NDArray[np.int64]
    """When each record was produced, in ms since 1970."""

    def part(self, rows: range) -> Decoded:
        """Return the same of some of the records, by place; places stay those in the chunk."""
        if len(rows) == len(self.chunk.messages):
            return self
        return Decoded(self.chunk, *_part(self.batch, self.identities, rows), self.times)

    def without(self, left_out: npt.NDArray[np.bool_]) -> Decoded:
        """Return what remains once some events, by row of `usage`, are left out."""
        if not left_out.any():
            return self
        kept = ~left_out
        batch = AvroBatch(
            usage=self.batch.usage.filter(pa.array(kept)),
            rows=self.batch.rows[kept],
            rejects=self.batch.rejects,
            rejected=self.batch.rejected,
        )
        return Decoded(self.chunk, batch, _some(self.identities, kept), self.times)

    @property
    def empty(self) -> bool:
        """Whether nothing is to be metered."""
        return not len(self.batch.rows) and not len(self.batch.rejected)


def decoded(chunks: Sequence[Chunk], *, org: str, now: int, writers: Writers) -> list[Decoded]:
    """Return what is in each chunk.

    `org` is that of records that name none, `now` the time of those that do not say when they were produced, in ms.
    """
    messages = [message for chunk in chunks for message in chunk.messages]
    times = [chunk.times(otherwise=now) for chunk in chunks]
    if not messages:
        return []
    values = [message.value() for message in messages]
    batch = decode_avro(values, orgs(messages, org), now=np.concatenate(times), writers=writers)
    identities = identify(batch.usage)
    found, start = [], 0
    for chunk, produced in zip(chunks, times, strict=True):
        rows = range(start, start + len(chunk.messages))
        some, names = _part(batch, identities, rows)
        placed = AvroBatch(
            usage=some.usage, rows=some.rows - start, rejects=some.rejects, rejected=some.rejected - start
        )
        found.append(Decoded(chunk, placed, names, produced))
        start = rows.stop
    return found


def _part(batch: AvroBatch, identities: Identities, rows: range) -> tuple[AvroBatch, Identities]:
    usage = slice(*np.searchsorted(batch.rows, [rows.start, rows.stop]))
    rejects = slice(*np.searchsorted(batch.rejected, [rows.start, rows.stop]))
    some = AvroBatch(
        usage=batch.usage[usage],
        rows=batch.rows[usage],
        rejects=batch.rejects[rejects],
        rejected=batch.rejected[rejects],
    )
    return some, _some(identities, usage)


def _some(identities: Identities, rows: slice | npt.NDArray[np.bool_]) -> Identities:
    return Identities(identities.id_hash[rows], identities.content_hash[rows])
