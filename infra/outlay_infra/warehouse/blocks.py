"""A block into its tables: the ledger first, the receipts last, the rest at once, each under the block's token.

Whatever is cut short is finished by doing it again: a table that has the block ignores it, the others take it.
Receipts say that a block is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor

import pyarrow as pa

from outlay_infra.warehouse.states import day_latency, day_users, with_local_day
from outlay_schemas.block import Block

Insert = Callable[[str, pa.Table, str], None]
"""Insert rows into a table under a token."""

Zones = Callable[[set[tuple[str, int]]], Mapping[tuple[str, int], str]]
"""The reporting zone at each (org, catalog version)."""


def insert_block(block: Block, *, insert: Insert, zones: Zones, workers: Executor) -> None:
    """Store `block`; it is complete when this returns."""
    if block.entries.num_rows:
        insert("ledger", block.entries, block.token)
    waiting = [
        workers.submit(insert, table, rows, block.token)
        for table, rows in derived(block, zones).items()
        if rows.num_rows
    ]
    for done in waiting:
        done.result()
    if block.receipts.num_rows:
        insert("receipts", block.receipts, block.token)


def derived(block: Block, zones: Zones) -> dict[str, pa.Table]:
    """Return the rows of every table between the ledger and the receipts, costly ones first."""
    states: dict[str, pa.Table] = {}
    if block.entries.num_rows:
        rows = with_local_day(block.entries, zones(catalog_versions(block.entries)))
        states = {"day_users": day_users(rows), "day_latency": day_latency(rows)}
    return {
        "tag_days": block.tag_days,
        "cells": block.cells,
        "days": block.days,
        "event_ids": block.ids,
        **states,
        "rejects": block.rejects,
    }


def catalog_versions(entries: pa.Table) -> set[tuple[str, int]]:
    """Return the (org, catalog version) pairs that the entries name."""
    pairs = entries.select(["org", "catalog_version"]).group_by(["org", "catalog_version"]).aggregate([])
    return set(zip(pairs["org"].to_pylist(), pairs["catalog_version"].to_pylist(), strict=True))
