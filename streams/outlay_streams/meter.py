"""The meter: a judged batch of usage events becomes a block of priced, attributed entries and their sums.

A pure function of its arguments: it reads no clock and no store, so a replay yields the very same block.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import ENTRIES, IDS, RECEIPTS, REJECTS
from outlay_schemas.block import Block
from outlay_streams.cells import cells, days, tag_days
from outlay_streams.identity import Identities
from outlay_streams.refusals import conflicts
from outlay_streams.verdicts import CONFLICT, DUPLICATE, NEW


class Attributor(Protocol):
    """Resolves whose each event is."""

    def resolve(self, usage: pa.Table, /) -> pa.Table:
        """Return the attribution dimensions, none null, and `rule_id`."""
        ...


class Book(Protocol):
    """Prices events."""

    def price(self, usage: pa.Table, /) -> pa.Table:
        """Return canonical sku columns, `category`, `status`, `reason`, `amount` and `price_id`."""
        ...


class Rules(Protocol):
    """What one org's catalog says, at one version."""

    @property
    def version(self) -> int:
        """The catalog version."""
        ...

    @property
    def zone(self) -> ZoneInfo:
        """The reporting zone."""
        ...

    @property
    def attributor(self) -> Attributor:
        """Whose each event is."""
        ...

    @property
    def book(self) -> Book:
        """What each event costs."""
        ...


def build_block(
    usage: pa.Table,
    *,
    identities: Identities,
    verdicts: npt.NDArray[np.int8],
    rules: Mapping[str, Rules],
    received: datetime,
    partition: str,
    offset: int,
    rejects: pa.Table,
) -> Block:
    """Return the block of a batch.

    `verdicts` judges `usage` row by row (`outlay_streams.verdicts`); only new rows become entries. `rejects` are the
    events that decoding refused (`REJECTS` columns; their received, partition and block are set here). `rules` holds
    every org of the batch.
    """
    stamp = {
        "received": pa.scalar(received, ENTRIES.field("received").type),
        "partition": pa.scalar(partition),
        "block": pa.scalar(offset, pa.uint64()),
    }
    fresh = _by_org(usage, np.flatnonzero(verdicts == NEW))
    new = usage if np.array_equal(fresh, np.arange(usage.num_rows)) else usage.take(pa.array(fresh))
    hashes = Identities(identities.id_hash[fresh], identities.content_hash[fresh])
    entries = _entries(new, hashes, rules, stamp)
    refused = pa.concat_tables([rejects, conflicts(usage.filter(pa.array(verdicts == CONFLICT)))])
    summed = cells(entries)
    zones = {org: rule.zone for org, rule in rules.items()}
    return Block(
        partition=partition,
        offset=offset,
        entries=entries,
        ids=_ids(entries, hashes),
        cells=summed,
        days=days(summed, zones),
        tag_days=tag_days(entries, zones),
        receipts=_receipts(usage, verdicts, rejects, received.astimezone(UTC).date(), stamp),
        rejects=_stamped(_columns(refused), REJECTS, stamp, rows=refused.num_rows),
    )


def _by_org(usage: pa.Table, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    orgs = usage["org"].combine_chunks().dictionary_encode().indices.to_numpy()
    return rows[np.argsort(orgs[rows], kind="stable")]


def _entries(new: pa.Table, hashes: Identities, rules: Mapping[str, Rules], stamp: Mapping[str, pa.Scalar]) -> pa.Table:
    parts = []
    orgs = pc.unique(new["org"]).to_pylist()
    if len(orgs) == 1:
        return _org_entries(new, rules[orgs[0]], hashes.content_hash, stamp)
    for org in orgs:
        mask = pc.equal(new["org"], org)
        parts.append(_org_entries(new.filter(mask), rules[org], hashes.content_hash[np.asarray(mask)], stamp))
    return pa.concat_tables(parts) if parts else ENTRIES.empty_table()


def _org_entries(
    usage: pa.Table, rules: Rules, content_hash: npt.NDArray[np.uint32], stamp: Mapping[str, pa.Scalar]
) -> pa.Table:
    derived = {
        **_columns(usage),
        "reported_provider": usage["provider"],
        "reported_model": usage["model"],
        **_columns(rules.attributor.resolve(usage)),
        **_columns(rules.book.price(usage)),
        "content_hash": pa.array(content_hash),
        "catalog_version": pa.repeat(pa.scalar(rules.version, pa.uint32()), usage.num_rows),
    }
    return _stamped(derived, ENTRIES, stamp, rows=usage.num_rows)


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _stamped(
    columns: Mapping[str, pa.Array], schema: pa.Schema, stamp: Mapping[str, pa.Scalar], *, rows: int
) -> pa.Table:
    """Lay `columns` out as `schema`, with the same `stamp` on every row; absent text becomes empty."""
    arrays = []
    for field in schema:
        column = pa.repeat(stamp[field.name], rows) if field.name in stamp else columns[field.name]
        if pa.types.is_string(field.type) and column.null_count:
            column = pc.fill_null(column, "")
        arrays.append(column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _ids(entries: pa.Table, hashes: Identities) -> pa.Table:
    columns = {**_columns(entries), "id_hash": pa.array(hashes.id_hash), "content_hash": pa.array(hashes.content_hash)}
    return pa.Table.from_arrays([columns[name].cast(IDS.field(name).type) for name in IDS.names], schema=IDS)


def _receipts(
    usage: pa.Table, verdicts: npt.NDArray[np.int8], rejects: pa.Table, day: date, stamp: Mapping[str, pa.Scalar]
) -> pa.Table:
    judged = pl.DataFrame(pl.from_arrow(usage.select(["org", "source"]))).with_columns(pl.Series("verdict", verdicts))
    refused = pl.DataFrame(pl.from_arrow(rejects.select(["org", "source"]))).with_columns(verdict=pl.lit(-1, pl.Int8))
    verdict = pl.col("verdict")
    counts = (
        pl.concat([judged, refused])
        .group_by("org", "source", maintain_order=True)
        .agg(
            received=pl.len().cast(pl.Int64),
            counted=(verdict == NEW).sum().cast(pl.Int64),
            duplicate=(verdict == DUPLICATE).sum().cast(pl.Int64),
            conflict=(verdict == CONFLICT).sum().cast(pl.Int64),
            rejected=(verdict == -1).sum().cast(pl.Int64),
        )
        .with_columns(day=pl.lit(day))
    )
    only = {name: stamp[name] for name in ("partition", "block")}
    return _stamped(_columns(counts.to_arrow()), RECEIPTS, only, rows=counts.height)
