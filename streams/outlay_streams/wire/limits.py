"""Blocks within the broker's limit on a message.

Sums of a block are no sums of its halves, so a block that is too large is not cut: its events are, and built again.
A row takes 150 to 300 bytes on the wire, so batches of 10,000 events stay far below the limit and halving is rare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from outlay_schemas.block import Block
from outlay_streams.wire.block import encode_block
from outlay_streams.wire.errors import WireError

MAX_BLOCK_BYTES = 8 * 1024 * 1024
"""What a value may take by default; a topic's `max.message.bytes` must leave room above it for the batch around it."""


def encode_within(
    build: Callable[[range], Block],
    rows: range,
    *,
    encode: Callable[[Block], bytes] = encode_block,
    limit: int = MAX_BLOCK_BYTES,
) -> Iterator[tuple[range, Block, bytes]]:
    """Yield the blocks of consecutive parts of `rows`, as few as halving finds, each with its value of at most `limit`.

    `build` returns the block of some of the rows, once all before them were yielded. Raises `WireError` when one row
    alone is above the limit.
    """
    block = build(rows)
    value = encode(block)
    if len(value) <= limit:
        yield rows, block, value
        return
    if len(rows) < 2:
        raise WireError(f"one event makes a block of {len(value)} bytes, above the limit of {limit}; raise the limit")
    middle = len(rows) // 2
    yield from encode_within(build, rows[:middle], encode=encode, limit=limit)
    yield from encode_within(build, rows[middle:], encode=encode, limit=limit)
