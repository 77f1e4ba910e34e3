"""Values written long ago are read for ever: version 1 of the wire is pinned by bytes that nothing rewrites.

A change that cannot read them needs a new version beside the old. `python -m tests.streams.wire.test_golden` writes
files that do not exist yet, for a new version; zstd and Arrow may write other bytes later, which read alike.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from outlay_streams.wire import decode_block, decode_cells, encode_block, encode_cells
from tests.builders import NOON, block, entries

GOLDEN = Path(__file__).parents[2] / "golden" / "wire"
DIGESTS = {
    "block_v1.bin": "bda8ba2e02f5d703872499896fb498ba2dc107406861b32cb663c6d5685ed675",
    "cells_v1.bin": "ae6288d7aedbeb2567391729c59a5818bad4f2f092d9aed63f31c3034a9c2885",
}
TABLES = ("entries", "ids", "cells", "days", "tag_days", "receipts", "rejects")

BLOCK = block(
    entries(
        {
            "team": "search",
            "tags": {"a": "1", "é": ""},
            "input_tokens": 386,
            "quantities": {"images": Decimal("0.5"), "web_searches": 3},
            "latency_ms": 1200,
            "amount": Decimal("0.000000000001"),
            "content_hash": 1,
        },
        {"org": "globex", "team": "日本語", "amount": None, "status": "unpriced", "content_hash": 2},
        {
            "time": NOON + timedelta(days=40, milliseconds=1),
            "kind": "invoice",
            "calls": 0,
            "estimated": True,
            "amount": Decimal("-999999999999.999999999999"),
            "provider_cost": Decimal("12.5"),
            "content_hash": 2**32 - 1,
        },
    ),
    partition="spend/7",
    offset=41,
    rejects=[{"id": "e4", "pointer": "/model", "reason": "model is required", "event": '{"id":"e4"}'}],
    duplicates=2,
)


def read(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def test_the_files_are_those_that_were_pinned() -> None:
    assert {name: hashlib.sha256(read(name)).hexdigest() for name in DIGESTS} == DIGESTS


def test_a_block_of_version_1_is_read() -> None:
    found = decode_block(read("block_v1.bin"), "spend/7", 41)
    assert found.token == BLOCK.token
    for name in TABLES:
        assert getattr(found, name).equals(getattr(BLOCK, name)), name


def test_cells_of_version_1_are_read() -> None:
    assert decode_cells(read("cells_v1.bin")).equals(BLOCK.cells)


def main() -> None:
    for name, value in (("block_v1.bin", encode_block(BLOCK)), ("cells_v1.bin", encode_cells(BLOCK.cells))):
        if not (GOLDEN / name).exists():
            (GOLDEN / name).write_bytes(value)
            print(name, hashlib.sha256(value).hexdigest())


if __name__ == "__main__":
    main()
