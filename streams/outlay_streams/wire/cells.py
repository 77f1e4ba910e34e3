"""One org's cells of a block as one value of the `spend.cells` topic, and the mark that its headers carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from outlay_schemas.arrow import CELLS
from outlay_streams.wire import frames, tables
from outlay_streams.wire.errors import WireError

_NAME = "cells"


@dataclass(frozen=True, slots=True)
class Mark:
    """The block that cells were summed from: what a total has to remember to include it once."""

    source: str
    """Where blocks stand in one order, for example `spend/7`."""
    block: int
    """The offset of the block there."""

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the mark as record headers."""
        return [("source", self.source.encode()), ("block", str(self.block).encode())]

    @classmethod
    def of(cls, headers: Mapping[str, bytes | None] | Iterable[tuple[str, bytes | None]] | None) -> Mark:
        """Return the mark in a record's headers; raise `WireError` where it is missing or no mark."""
        found = dict(headers or ())
        source, block = found.get("source"), found.get("block")
        if not source or not source.isascii() or block is None or not block.isdigit():
            raise WireError(f"headers 'source' and 'block' name the block of cells; these are {source!r} and {block!r}")
        return cls(source.decode("ascii"), int(block))


def encode_cells(cells: pa.Table) -> bytes:
    """Return `CELLS`, of one org, as a value."""
    return frames.pack({_NAME: tables.write(cells.select(CELLS.names))})


def decode_cells(value: bytes) -> pa.Table:
    """Return the `CELLS` of a value; raise `WireError` unless it holds cells of this version."""
    found = frames.unpack(value, frozenset({_NAME}))
    if _NAME not in found:
        raise WireError("the value holds no cells")
    return tables.read(found[_NAME], CELLS, name=_NAME)
