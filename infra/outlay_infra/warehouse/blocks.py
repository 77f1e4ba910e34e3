"""A block into its tables: the ledger first, the receipts last, the rest at once, each under the block's token.

Whatever is cut short is finished by doing it again: a table that has the block ignores it, the others take it.
Receipts say that a block is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, wait

import pyarrow as pa

from outlay_schemas.block import Block

Insert = Callable[[str, pa.Table, str], None]
"""Insert rows into a table under a token."""


def insert_block(block: Block, *, insert: Insert, workers: Executor) -> None:
    """Store `block`; it is complete when this returns."""
    if block.entries.num_rows:
        insert("ledger", block.entries, block.token)
    # Costly ones first, so that the last to finish starts early.
    between = {
        "tag_days": block.tag_days,
        "cells": block.cells,
        "days": block.days,
        "event_ids": block.ids,
        "rejects": block.rejects,
    }
    waiting = [workers.submit(insert, table, rows, block.token) for table, rows in between.items() if rows.num_rows]
    wait(waiting)
    for done in waiting:
        done.result()
    if block.receipts.num_rows:
        insert("receipts", block.receipts, block.token)
