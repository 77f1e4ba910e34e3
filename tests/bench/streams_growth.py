"""How the meter's core grows: with teams and skus, and with ids in its memory; without a broker."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from outlay_schemas.block import Block
from outlay_schemas.catalog import Catalog
from outlay_streams.catalog import CatalogSnapshot, OrgRules, build_rules
from outlay_streams.dedupe import Deduper
from outlay_streams.identity import Identities, identify
from outlay_streams.meter import build_block
from outlay_streams.refusals import refused
from outlay_streams.wire import encode_block
from tests.bench.report import Figure

ORG = "bench"
BATCH = 10_000
MILLION = 1_000_000


def growth(template: pa.Table) -> Iterator[Figure]:
    """Yield rates from columns to encoded blocks as teams and skus become more, without a broker."""
    some = template.slice(0, BATCH)
    for teams, skus in ((1, 10), (10, 10), (100, 10), (1000, 10), (10, 5000)):
        numbers = np.arange(some.num_rows)
        varied = {
            "team": [f"team{number}" for number in numbers % teams],
            "provider": ["flat"] * len(numbers),
            "model": [f"model{number}" for number in numbers % skus],
        }
        grown = some
        for name, values in varied.items():
            place = grown.schema.get_field_index(name)
            grown = grown.set_column(place, grown.schema.field(place), pa.array(values))
        prices = [
            {
                "id": f"p{sku}",
                "sku": {"provider": "flat", "model": f"model{sku}"},
                "rates": {"input_tokens": "0.000001"},
            }
            for sku in range(skus)
        ]
        rules = build_rules(CatalogSnapshot(ORG, 1, Catalog.model_validate({"prices": prices})))
        spent = []
        for _ in range(4):
            began = time.perf_counter()
            encode_block(block_of(grown, rules))
            spent.append(time.perf_counter() - began)
        name = f"columns to block, {teams:,} teams, {skus:,} skus"
        yield Figure(name=name, value=some.num_rows / min(spent), unit="events/s", note="one thread")


def block_of(table: pa.Table, rules: OrgRules) -> Block:
    """Return the block of events that are all new."""
    return build_block(
        table,
        identities=identify(table),
        verdicts=np.zeros(table.num_rows, np.int8),
        rules={ORG: rules},
        received=datetime.now(UTC),
        partition="spend/0",
        offset=0,
        rejects=refused([]),
    )


def memory() -> Iterator[Figure]:
    """Yield what ids take in memory, each number of them in a process of its own."""
    for millions in (1, 10):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            held, resident = alone.submit(_remembered, millions * MILLION).result()
        name = f"memory of {millions} M ids"
        note = f"{held / (millions * MILLION):.1f} bytes an id, {resident / 2**20:.0f} MiB resident at most"
        yield Figure(name=name, value=held / 2**20, unit="MiB", goal=millions * MILLION * 16 / 2**20, note=note)


def _remembered(count: int) -> tuple[int, int]:
    random = np.random.default_rng(1)
    began = _resident()
    deduper = Deduper(horizon=timedelta(days=30), most=2 * count)
    now = datetime.now(UTC)
    for number in range(count // BATCH):
        some = Identities(
            random.integers(2**64, size=BATCH, dtype=np.uint64), random.integers(2**32, size=BATCH, dtype=np.uint32)
        )
        deduper.remember(some, now + number * timedelta(seconds=1))
    return deduper.nbytes, _resident() - began


def _resident() -> int:
    """Return the most memory this process ever had, in bytes."""
    told = Path("/proc/self/status").read_text()
    return int(told.split("VmHWM:")[1].split()[0]) * 1024
