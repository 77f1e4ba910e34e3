"""The core alone: bodies to blocks in one thread, with a ledger that stores nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from outlay_api.demo.world import catalog_text
from outlay_schemas.arrow import IDS
from outlay_schemas.block import Block
from outlay_schemas.prices import PriceRecord
from outlay_streams.catalog import CatalogSnapshot, build_rules, read_catalog
from outlay_streams.decode import Decoded, decode
from outlay_streams.dedupe import Deduper
from outlay_streams.runtime.committer import Committer
from tests.bench.load import Bodies
from tests.bench.report import Figure, Plan
from tests.bench.traffic import write_template

ORG = "bench"
BATCH = 500
GROUP = 8
"""Batches a block, as many as the intake section has connections."""
GROUPS = 60


@dataclass(slots=True)
class Nowhere:
    """A ledger that forgets; counts what it was given."""

    entries: int = 0
    rollups: int = 0
    prices: set[str] = field(default_factory=set)

    def insert_block(self, block: Block, /, *, durable: Callable[[], bool] = lambda: False) -> bool:
        """Count, and leave nothing for later."""
        self.entries += block.entries.num_rows
        self.rollups += block.cells.num_rows + block.days.num_rows + block.tag_days.num_rows
        return False

    def complete_blocks(self) -> None:
        """Have left nothing."""

    def finish_blocks(self, _blocks: Sequence[Block], /) -> None:
        """Have confirmed every block."""

    def recover(self, _prefix: str, /) -> list[str]:
        """Have nothing to mend."""
        return []

    def find_ids(self, _hashes: pa.Array, /) -> pa.Table:
        """Know no one."""
        return IDS.empty_table().select(["id_hash", "content_hash"])

    def recent_ids(self, _since: datetime, _limit: int, /) -> Iterator[pa.Table]:
        """Yield nothing."""
        return iter(())

    def save_prices(self, records: Iterable[PriceRecord], /) -> None:
        """Keep the ids."""
        self.prices.update(record.price_id for record in records)


@dataclass(frozen=True, slots=True)
class Wall:
    """The time."""

    def now(self) -> datetime:
        """Return it."""
        return datetime.now(UTC)


def run(plan: Plan) -> Sequence[Figure]:
    """Return rates of decoding, of everything after it, and of both."""
    template = plan.folder / "events.ndjson"
    write_template(template, count=20_000)
    bodies = Bodies(template)
    rules = build_rules(CatalogSnapshot(ORG, 1, read_catalog(catalog_text().encode())))
    ledger = Nowhere()
    deduper = Deduper(horizon=timedelta(days=30), most=10_000_000)
    committer = Committer(ledger=ledger, clock=Wall(), rules=lambda _org: rules, deduper=deduper, generation=1)
    decoding = metering = busy = 0.0
    _group(committer, [_decoded(bodies.batch(BATCH)) for _ in range(GROUP)])
    warm = ledger.entries
    for _ in range(GROUPS):
        raw = [bodies.batch(BATCH) for _ in range(GROUP)]
        began, spent = time.perf_counter(), time.process_time()
        decoded = [_decoded(body) for body in raw]
        between = time.perf_counter()
        _group(committer, decoded)
        decoding += between - began
        metering += time.perf_counter() - between
        busy += time.process_time() - spent
    events = ledger.entries - warm
    return [
        Figure(name="decode and validate JSON", value=events / decoding, unit="events/s", note=f"batches of {BATCH}"),
        Figure(name="dedupe to block", value=events / metering, unit="events/s", note=f"blocks of {BATCH * GROUP}"),
        Figure(name="both", value=events / (decoding + metering), unit="events/s", note="one thread"),
        Figure(name="processor time", value=busy / events * 1e6, unit="us/event", note="all threads"),
        Figure(name="rollup rows an event", value=ledger.rollups / ledger.entries, unit="rows"),
        Figure(name="memory of an id", value=deduper.nbytes / len(deduper), unit="bytes", goal=16),
    ]


def _decoded(body: bytes) -> Decoded:
    return decode(body, content_type="application/json", org=ORG, now=datetime.now(UTC))


def _group(committer: Committer, batches: Sequence[Decoded]) -> None:
    for result in committer.commit([(ORG, decoded) for decoded in batches]):
        if isinstance(result, Exception):
            raise result
