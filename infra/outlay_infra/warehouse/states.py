"""Distinct users and latencies of a block by local day: not money, so derived as the block is written."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import xxhash

from outlay_schemas.dimensions import UNALLOCATED

_HASH_BITS = 0xFFFFFFFF
FINE = 64
"""Milliseconds below this have a bucket each; above, 32 buckets to every doubling."""

_USERS = pa.schema(
    [
        ("org", pa.string()),
        ("day", pa.date32()),
        ("team", pa.string()),
        ("project", pa.string()),
        ("users", pa.list_(pa.uint32())),
    ]
)
_LATENCY = pa.schema(
    [
        ("org", pa.string()),
        ("day", pa.date32()),
        ("provider", pa.string()),
        ("model", pa.string()),
        ("measure", pa.string()),
        ("bucket", pa.uint16()),
        ("entries", pa.int64()),
    ]
)
_COLUMNS = ["org", "catalog_version", "time", "team", "project", "provider", "model", "user", "latency_ms", "ttft_ms"]


def with_local_day(entries: pa.Table, zones: Mapping[tuple[str, int], str]) -> pl.DataFrame:
    """Return the columns states need, with `day` in the zone of each row's (org, catalog version)."""
    frame = pl.DataFrame(entries.select(_COLUMNS))
    by_zone: dict[str, list[tuple[str, int]]] = {}
    for version, zone in zones.items():
        by_zone.setdefault(zone, []).append(version)
    if len(by_zone) == 1:
        return frame.with_columns(day=_day(next(iter(by_zone))))
    parts = [
        frame.filter(
            pl.any_horizontal(
                *((pl.col("org") == org) & (pl.col("catalog_version") == number) for org, number in versions)
            )
        ).with_columns(day=_day(zone))
        for zone, versions in by_zone.items()
    ]
    return pl.concat(parts)


def _day(zone: str) -> pl.Expr:
    return pl.col("time").dt.convert_time_zone(zone).dt.date()


def day_users(rows: pl.DataFrame) -> pa.Table:
    """Return the sets of user hashes by org, day, team and project; entries without a user are left out."""
    seen = rows.filter(pl.col("user") != UNALLOCATED).select("org", "day", "team", "project", "user").unique()
    users = seen["user"].unique()
    hashes = pl.DataFrame(
        {"user": users, "hash": [xxhash.xxh3_64_intdigest(user.encode()) & _HASH_BITS for user in users]},
        schema={"user": pl.String, "hash": pl.UInt32},
    )
    sets = (
        seen.join(hashes, on="user").group_by("org", "day", "team", "project").agg(users=pl.col("hash").unique().sort())
    )
    return sets.to_arrow().cast(_USERS)


def day_latency(rows: pl.DataFrame) -> pa.Table:
    """Return how many entries fell in each bucket, for `latency` and `ttft`."""
    measured = pl.concat(
        rows.select("org", "day", "provider", "model", measure=pl.lit(name), ms=pl.col(column)).drop_nulls("ms")
        for name, column in (("latency", "latency_ms"), ("ttft", "ttft_ms"))
    )
    counted = measured.with_columns(bucket=_bucket()).group_by("org", "day", "provider", "model", "measure", "bucket")
    return counted.agg(entries=pl.len().cast(pl.Int64)).to_arrow().cast(_LATENCY)


def _bucket() -> pl.Expr:
    """Integers only, so that the same number always falls in the same bucket, here and in ClickHouse."""
    ms = pl.col("ms").cast(pl.Int64)
    doubling = pl.lit(0, pl.Int64)
    for power in range(6, 31):
        doubling = doubling + (ms >= (1 << power)).cast(pl.Int64)
    return (doubling * 32 + ms // pl.lit(2, pl.Int64).pow(doubling).cast(pl.Int64)).cast(pl.UInt16)


__all__ = ["FINE", "day_latency", "day_users", "with_local_day"]
