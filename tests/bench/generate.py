"""Spend entries as a mid-sized company makes them, columnar and seeded: any number, in order of time, fast.

400 teams, 2,000 projects, 1,200 apps, 60 models, 50,000 users, 4,000 keys, 2-4 tags, 400 days. A *workload* is one app
at one project with its key, models and tags; traffic over workloads is heavy-tailed, as is use within a team. Ids are
random UUIDs, arrival lags behind use by seconds, weekdays and working hours are busier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import xxhash

from outlay_schemas import arrow
from outlay_schemas.block import Block
from outlay_schemas.dimensions import ATTRIBUTION, ROLLED_UP
from outlay_schemas.units import FREQUENT

Ints = npt.NDArray[np.int64]

START = datetime(2025, 10, 20, tzinfo=UTC)
DAYS = 400
TEAMS, PROJECTS, APPS, MODELS, USERS, KEYS, WORKLOADS = 400, 2_000, 1_200, 60, 50_000, 4_000, 4_000
PROVIDERS = ("openai", "anthropic", "google", "azure", "aws", "mistral", "deepseek", "groq")
_DAY_MS = 86_400_000
_HOURS = np.array([2, 1, 1, 1, 1, 2, 3, 6, 10, 13, 14, 14, 12, 13, 14, 14, 13, 11, 8, 6, 5, 4, 3, 3], dtype=float)
_HEX = np.frombuffer("".join(f"{number:02x}" for number in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
_DASHED = np.array([at for at in range(36) if at not in {8, 13, 18, 23}])


@dataclass(frozen=True, slots=True)
class Company:
    """What does not change from event to event: one row a workload, and its share of the traffic."""

    share: npt.NDArray[np.float64]
    team: Ints
    project: Ints
    app: Ints
    models: Ints
    tag_mix: Ints
    rates: Ints
    """Pico-USD per unit, by model and frequent unit."""

    @classmethod
    def seeded(cls, seed: int) -> Company:
        """Return the company of this seed."""
        random = np.random.default_rng(seed)
        project = np.concatenate([np.arange(PROJECTS), random.integers(0, PROJECTS, WORKLOADS - PROJECTS)])
        share = 1 / (np.arange(WORKLOADS) + 5.0)
        rates = random.integers(5, 300, (MODELS, 1)) * 50_000 * np.array([[20, 2, 25, 25, 40, 80, 80]]) // 20
        return cls(
            share=random.permutation(share / share.sum()),
            team=project % TEAMS,
            project=project,
            app=random.integers(0, APPS, WORKLOADS),
            models=random.integers(0, MODELS, (WORKLOADS, 3)),
            tag_mix=random.integers(0, 4, WORKLOADS),
            rates=rates,
        )


def entries(
    events: int, *, days: int = DAYS, block_rows: int = 10_000, seed: int = 7, partition: str = "embedded/0"
) -> Iterator[pa.Table]:
    """Yield `events` ENTRIES over `days` in tables of `block_rows`, each of a stretch of time after the one before."""
    company = Company.seeded(seed)
    random = np.random.default_rng(seed + 1)
    edges = _moments(events, block_rows, days)
    for number in range(-(-events // block_rows)):
        rows = min(block_rows, events - number * block_rows)
        times = np.sort(random.integers(edges[number], max(edges[number + 1], edges[number] + 1), rows))
        yield _table(company, random, times, partition, (1 << 32) + number)


def blocks(
    events: int, *, days: int = DAYS, block_rows: int = 10_000, seed: int = 7, partition: str = "embedded/0"
) -> Iterator[Block]:
    """Yield the same entries as whole blocks."""
    for number, table in enumerate(entries(events, days=days, block_rows=block_rows, seed=seed, partition=partition)):
        yield _block(table, partition, (1 << 32) + number)


def _moments(events: int, block_rows: int, days: int) -> Ints:
    """Return the instants, in milliseconds, that cut `days` of uneven traffic into equal shares."""
    hours = np.arange(days * 24)
    weekday = ((hours // 24 + START.weekday()) % 7 < 5) * 3.0 + 1.0
    traffic = np.concatenate([[0.0], np.cumsum(_HOURS[hours % 24] * weekday * (1 + hours / hours.size))])
    cuts = np.minimum(np.arange(-(-events // block_rows) + 1) * block_rows / events, 1.0)
    at = np.interp(cuts, traffic / traffic[-1], np.arange(hours.size + 1) * 3_600_000)
    return at.astype(np.int64) + int(START.timestamp() * 1000)


def _named(prefix: str, numbers: Ints) -> pa.Array:
    distinct, where = np.unique(numbers, return_inverse=True)
    return pa.DictionaryArray.from_arrays(
        where.astype(np.int32), [f"{prefix}{number:05d}" for number in distinct]
    ).cast(pa.string())


def _chosen(values: tuple[str, ...], where: Ints) -> pa.Array:
    return pa.DictionaryArray.from_arrays(where.astype(np.int32), pa.array(values)).cast(pa.string())


def _all(value: str, rows: int) -> pa.Array:
    return pa.repeat(value, rows)


def _uuids(random: np.random.Generator, rows: int) -> pa.Array:
    raw = random.integers(0, 256, (rows, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((rows, 36), ord("-"), dtype=np.uint8)
    text[:, _DASHED] = _HEX[raw].reshape(rows, 32)
    offsets = np.arange(rows + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def _decimals(pico: Ints) -> pa.Array:
    return (
        pl.Series(pico)
        .cast(pl.Decimal(38, 0))
        .to_arrow()
        .cast(pa.decimal128(38, 0))
        .cast(pa.decimal128(38, 0))
        .view(arrow.AMOUNT)
    )


def _tokens(random: np.random.Generator, rows: int) -> Ints:
    counts = np.zeros((rows, len(FREQUENT)), dtype=np.int64)
    counts[:, 0] = random.lognormal(6.5, 1.1, rows)
    cached = random.random(rows) < 0.35
    counts[:, 1] = np.where(cached, random.lognormal(7, 0.8, rows) // 128 * 128, 0)
    counts[:, 3] = np.where(random.random(rows) < 0.05, random.lognormal(7, 0.5, rows), 0)
    counts[:, 5] = random.lognormal(5.3, 0.9, rows)
    counts[:, 6] = np.where(random.random(rows) < 0.2, random.lognormal(6, 0.8, rows), 0)
    return counts


def _tags(random: np.random.Generator, work: Ints, mix: Ints) -> pa.Array:
    """Two tags of the workload's own, and for some workloads the customer and the experiment behind a call."""
    rows = work.size
    keys = np.array(["customer", "experiment", "feature", "tier"], dtype=object)
    present = np.stack([mix >= 2, mix == 3, np.ones(rows, bool), np.ones(rows, bool)], axis=1)
    customer = (work * 31 + random.zipf(1.6, rows).clip(max=60)) % 3_000
    values = np.stack([customer, work % 40, work * 3 % 500 + random.integers(0, 3, rows), work % 3], axis=1)
    texts = [
        f"{name}-{number:04d}" for name in ("customer", "experiment", "feature", "tier") for number in range(4_000)
    ]
    codes = values + np.arange(4) * 4_000
    flat = present.ravel()
    offsets = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32)
    names = pa.DictionaryArray.from_arrays(
        np.tile(np.arange(4, dtype=np.int32), rows)[flat], pa.array(list(keys))
    ).cast(pa.string())
    items = pa.DictionaryArray.from_arrays(codes.ravel()[flat].astype(np.int32), pa.array(texts)).cast(pa.string())
    return pa.MapArray.from_arrays(pa.array(offsets), names, items)


def _table(company: Company, random: np.random.Generator, times: Ints, partition: str, number: int) -> pa.Table:
    rows = times.size
    work = random.choice(WORKLOADS, rows, p=company.share)
    team, project, app = company.team[work], company.project[work], company.app[work]
    model = company.models[work, random.choice(3, rows, p=[0.8, 0.15, 0.05])]
    tokens = _tokens(random, rows)
    lag = random.lognormal(7.5, 0.8, rows).astype(np.int64)
    user = team * (USERS // TEAMS) + random.zipf(1.4, rows).clip(max=USERS // TEAMS) - 1
    latency = random.lognormal(7.2, 0.7, rows).astype(np.int32)
    unpriced = model == MODELS - 1
    amount = _decimals((tokens * company.rates[model]).sum(axis=1))
    provider = _chosen(PROVIDERS, model % len(PROVIDERS))
    columns = {
        "org": _all("acme", rows),
        "source": _named("urn:outlay:sdk:app-", app),
        "id": _uuids(random, rows),
        "time": pa.array(times).cast(arrow.TIME),
        "received": pa.array(times + lag).cast(arrow.TIME),
        "partition": _all(partition, rows),
        "block": pa.array(np.full(rows, number, np.uint64)),
        "content_hash": pa.array(random.integers(0, 1 << 32, rows, dtype=np.uint32)),
        "kind": _all("usage", rows),
        "category": _all("model_api", rows),
        "status": _chosen(("priced", "unpriced"), unpriced.astype(np.int64)),
        "reason": _chosen(("", "unknown model"), unpriced.astype(np.int64)),
        "provider": provider,
        "model": _named("model-", model),
        "service_tier": _chosen(("standard", "batch"), (work % 10 == 0).astype(np.int64)),
        "region": _chosen(("", "eu"), (work % 7 == 0).astype(np.int64)),
        "operation": _chosen(("chat", "embeddings"), (work % 9 == 0).astype(np.int64)),
        "reported_provider": provider,
        "reported_model": _named("model-2026-", model),
        "business_unit": _named("unit-", team % 6),
        "department": _named("department-", team % 40),
        "team": _named("team-", team),
        "project": _named("project-", project),
        "app": _named("app-", app),
        "env": _chosen(("prod", "staging"), (work % 5 == 0).astype(np.int64)),
        "key": _named("key-", work % KEYS),
        "user": _named("user-", user),
        "use_case": _named("use-case-", project % 30),
        "tags": _tags(random, work, company.tag_mix[work]),
        **{name: pa.array(np.ascontiguousarray(tokens[:, at])) for at, name in enumerate(FREQUENT)},
        "calls": pa.array(np.ones(rows, np.int64)),
        "quantities": pa.MapArray.from_arrays(
            pa.array(np.zeros(rows + 1, np.int32)), pa.array([], pa.string()), pa.array([], arrow.QUANTITY)
        ),
        "latency_ms": pa.array(latency),
        "ttft_ms": pa.array(latency // 5),
        "outcome": _chosen(("ok", "error"), (random.random(rows) < 0.01).astype(np.int64)),
        "estimated": pa.array(np.zeros(rows, bool)),
        "request_id": _all("", rows),
        "trace_id": _all("", rows),
        "amount": pl.DataFrame({"amount": amount, "unknown": unpriced})
        .select(pl.when(~pl.col("unknown")).then(pl.col("amount")))["amount"]
        .to_arrow()
        .cast(arrow.AMOUNT),
        "provider_cost": pa.nulls(rows, arrow.AMOUNT),
        "price_id": _named("p_0123456789abcdef", model),
        "rule_id": _named("rule-", team % 50),
        "catalog_version": pa.array(np.ones(rows, np.uint32)),
    }
    return pa.table([columns[name] for name in arrow.ENTRIES.names], schema=arrow.ENTRIES)


def _block(table: pa.Table, partition: str, offset: int) -> Block:
    frame = pl.DataFrame(table.drop_columns(["tags", "quantities"])).with_columns(
        quarter=pl.col("time").dt.truncate("15m").cast(pl.Datetime("ms", "UTC")), day=pl.col("time").dt.date()
    )
    tags = _exploded(table, frame)
    keys = zip(table["org"].to_pylist(), table["source"].to_pylist(), table["id"].to_pylist(), strict=True)
    hashes = np.fromiter(
        (xxhash.xxh3_64_intdigest("\x1f".join(key).encode()) for key in keys), np.uint64, table.num_rows
    )
    day = frame["received"].dt.date().alias("day")
    receipts = (
        frame.select("org", "source")
        .with_columns(day)
        .group_by("org", "source", "day")
        .agg(received=pl.len().cast(pl.Int64))
    )
    zero = pl.lit(0, pl.Int64)
    receipts = receipts.with_columns(
        partition=pl.lit(partition),
        block=pl.lit(offset, pl.UInt64),
        counted="received",
        duplicate=zero,
        conflict=zero,
        rejected=zero,
    )
    return Block(
        partition=partition,
        offset=offset,
        entries=table,
        ids=table.append_column("id_hash", pa.array(hashes)).select(arrow.IDS.names).cast(arrow.IDS),
        cells=_summed(frame, ["org", "quarter", *ROLLED_UP], arrow.CELLS),
        days=_summed(frame, ["org", "day", *ROLLED_UP], arrow.DAYS),
        tag_days=_summed(tags, ["org", "day", "tag", "value", "team", "status"], arrow.TAG_DAYS),
        receipts=receipts.select(arrow.RECEIPTS.names).to_arrow().cast(arrow.RECEIPTS),
        rejects=arrow.REJECTS.empty_table(),
    )


def _exploded(table: pa.Table, frame: pl.DataFrame) -> pl.DataFrame:
    tags = table["tags"].combine_chunks()
    rows = np.repeat(np.arange(table.num_rows), np.diff(tags.offsets.to_numpy()))
    return frame[rows].with_columns(tag=pl.from_arrow(tags.keys), value=pl.from_arrow(tags.items))


def _summed(frame: pl.DataFrame, keys: list[str], schema: pa.Schema) -> pa.Table:
    sums = [
        pl.col("amount").sum(),
        pl.len().cast(pl.Int64).alias("entries"),
        pl.col("calls").sum(),
        *(pl.col(unit).sum() for unit in FREQUENT),
    ]
    return frame.group_by(keys).agg(sums).sort(keys).to_arrow().select(schema.names).cast(schema)


__all__ = ["ATTRIBUTION", "Company", "blocks", "entries"]
