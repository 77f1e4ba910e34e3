"""The blocks of a chunk of records: decoded, metered and encoded, each within the broker's limit on a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from outlay_infra.kafka.delivery import Record
from outlay_infra.kafka.rejects import rejected
from outlay_schemas.arrow import PRICES
from outlay_schemas.block import Block
from outlay_schemas.prices import WITHOUT_RECORD
from outlay_streams.identity import Identities
from outlay_streams.runtime.errors import NotCounted
from outlay_streams.runtime.kafka_meter.decoding import Decoded
from outlay_streams.runtime.kafka_meter.errors import Unmeterable
from outlay_streams.runtime.kafka_meter.memory import Memory
from outlay_streams.runtime.kafka_meter.records import Chunk
from outlay_streams.runtime.metering import ISOLATED, Codes, Group
from outlay_streams.runtime.ports import OrgRules
from outlay_streams.verdicts import CONFLICT
from outlay_streams.wire import WireError, encode_block, encode_within

_KNOWN = ["id_hash", "content_hash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A block yet to be written: `value` holds it, `covered` tells of its records, `refused` are records beside it."""

    block: Block
    value: bytes
    covered: str
    received: datetime
    refused: Sequence[Record]
    prices: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Blocks:
    """Makes blocks of one partition for one transaction: ids of those made before count as known."""

    partition: str
    """As it stands in blocks, for example `spend/7`."""
    memory: Memory
    rules: Callable[[str], OrgRules]
    limit: int
    """Bytes a value may take."""
    _earlier: list[pa.Table] = field(default_factory=list)

    def made(self, decoded: Decoded, *, received: datetime, looked_up: pa.Table | None = None) -> Iterator[Made]:
        """Yield the blocks of a chunk; `looked_up` is what the store knows of ids older than memory.

        Raises `Unmeterable`.
        """
        orgs = pc.unique(decoded.batch.usage["org"]).to_pylist()
        rules = {org: self.rules(org) for org in orgs}
        attempt = _Attempt(self, decoded, rules, received, looked_up)
        try:
            for rows, block, value in encode_within(
                attempt.build, range(len(decoded.chunk.messages)), encode=attempt.encode, limit=self.limit
            ):
                self._earlier.append(block.ids.select(_KNOWN))
                yield Made(
                    block=block,
                    value=value,
                    covered=decoded.chunk.covered(rows),
                    received=received,
                    refused=attempt.refused(block),
                    prices=frozenset(attempt.prices["price_id"].to_pylist()),
                )
        except (NotCounted, WireError) as error:
            place = f"{decoded.chunk.topic}/{decoded.chunk.partition} from offset {decoded.chunk.first}"
            raise Unmeterable(f"{place}: {error}; the log says why; report it") from error

    def judge(self, identities: Identities, looked_up: pa.Table | None) -> Codes:
        """Return verdicts by memory, by what the store knows, and by the blocks made before."""
        known = [*self._earlier, *([] if looked_up is None else [looked_up.select(_KNOWN)])]
        return self.memory.deduper.judge(identities, pa.concat_tables(known) if known else None)


@dataclass(slots=True)
class _Attempt:
    """One chunk on its way to blocks; what it says of a part is that of the part built last."""

    blocks: Blocks
    decoded: Decoded
    rules: Mapping[str, OrgRules]
    received: datetime
    looked_up: pa.Table | None
    prices: pa.Table = field(default_factory=PRICES.empty_table)
    _part: Decoded | None = None
    _codes: Codes | None = None

    def build(self, rows: range) -> Block:
        part = self.decoded.part(rows)
        group = Group(
            usage=part.batch.usage,
            rejects=part.batch.rejects,
            identities=part.identities,
            judge=lambda some: self.blocks.judge(some, self.looked_up),
            rules=self.rules,
            received=self.received,
            partition=self.blocks.partition,
            offset=0,
        )
        self._part = part
        self._codes, block = group.metered()
        return block

    def encode(self, block: Block) -> bytes:
        self.prices = self._prices(block)
        return encode_block(block, self.prices)

    def _prices(self, block: Block) -> pa.Table:
        pairs = block.entries.select(["org", "price_id"]).group_by(["org", "price_id"]).aggregate([]).to_pylist()
        books = {pair["price_id"]: self.rules[pair["org"]].book for pair in pairs}
        fresh = [name for name in books if name not in WITHOUT_RECORD and name not in self.blocks.memory.sent_prices]
        return pa.table({"price_id": fresh, "body": [books[name].record(name).body for name in fresh]}, PRICES)

    def refused(self, block: Block) -> list[Record]:
        """Return the refused events as records, in the bytes they came in, with where they were read."""
        if not block.rejects.num_rows:
            return []
        assert self._part is not None  # noqa: S101 - set by `build`
        assert self._codes is not None  # noqa: S101 - likewise
        batch, chunk = self._part.batch, self.decoded.chunk
        places = [*batch.rejected, *batch.rows[self._codes == ISOLATED], *batch.rows[self._codes == CONFLICT]]
        return [self._record(told, chunk, place) for told, place in zip(block.rejects.to_pylist(), places, strict=True)]

    def _record(self, told: Mapping[str, str], chunk: Chunk, place: int) -> Record:
        message = chunk.messages[place]
        value = message.value() or b""
        origin = (chunk.topic, chunk.partition, message.offset())
        return rejected(told, value=value[: self.blocks.limit - _TOLD_BYTES], time=self.received, origin=origin)


_TOLD_BYTES = 16 * 1024
"""Room beside a refused event for its headers and key; longer bytes are cut, and the origin says where they are."""
