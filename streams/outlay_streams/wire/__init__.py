"""Blocks and cells as the values of records: framed, compressed Arrow. Pure."""

from outlay_streams.wire.block import decode_block, decode_ids, decode_prices, decode_receipts, encode_block
from outlay_streams.wire.cells import Mark, decode_cells, encode_cells
from outlay_streams.wire.errors import WireError
from outlay_streams.wire.limits import MAX_BLOCK_BYTES, encode_within

__all__ = [
    "MAX_BLOCK_BYTES",
    "Mark",
    "WireError",
    "decode_block",
    "decode_cells",
    "decode_ids",
    "decode_prices",
    "decode_receipts",
    "encode_block",
    "encode_cells",
    "encode_within",
]
