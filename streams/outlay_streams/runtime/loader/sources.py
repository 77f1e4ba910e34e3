"""What records hold: blocks of `spend`, and of `usage.rejected` the events that no meter ever saw.

An event refused over HTTP goes to `usage.rejected` alone, so its receipt is made here: a block of its own, without
entries. What a meter refused is in its block already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pyarrow as pa

from outlay_schemas.arrow import CELLS, DAYS, ENTRIES, IDS, PRICES, RECEIPTS, REJECTS, TAG_DAYS
from outlay_schemas.block import Block
from outlay_schemas.topics import RejectHeader
from outlay_streams.wire import WireError, decode_block, decode_prices, decode_receipts

_ONE = {"counted": 0, "duplicate": 0, "conflict": 0, "rejected": 0, "received": 1}


class Record(Protocol):
    """A record of a topic, as confluent-kafka gives it."""

    def offset(self) -> int:
        """Return where it stands."""
        ...

    def value(self) -> bytes | None:
        """Return its bytes."""
        ...

    def headers(self) -> Sequence[tuple[str, bytes]] | None:
        """Return what it says beside them."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A block, and the prices beside it."""

    block: Block
    prices: pa.Table


class Source(Protocol):
    """One partition of a topic that blocks are read from."""

    @property
    def place(self) -> str:
        """Topic and partition as the brokers call them."""
        ...

    @property
    def name(self) -> str:
        """The partition as blocks call it, whatever the prefix of topics."""
        ...

    @property
    def summed(self) -> bool:
        """Whether its blocks have entries, whose users and latencies are summed."""
        ...

    def block(self, record: Record, /) -> Found | None:
        """Return the block of a record, None when it has none; raise `WireError` when it cannot be read."""
        ...

    def receipts(self, record: Record, /) -> pa.Table:
        """Return the `RECEIPTS` of the block of a record; raise `WireError` likewise."""
        ...


@dataclass(frozen=True, slots=True)
class SpendSource:
    """A partition of `spend`."""

    topic: str
    partition: int
    summed: bool = True

    @property
    def place(self) -> str:
        """Topic and partition as the brokers call them."""
        return f"{self.topic}/{self.partition}"

    @property
    def name(self) -> str:
        """The partition as blocks call it, for example `spend/7`."""
        return f"spend/{self.partition}"

    def block(self, record: Record, /) -> Found | None:
        """Return the block that the value holds."""
        value = record.value() or b""
        return Found(decode_block(value, self.name, record.offset()), decode_prices(value))

    def receipts(self, record: Record, /) -> pa.Table:
        """Return its receipts, passing over the rest."""
        return decode_receipts(record.value() or b"", self.name, record.offset())


@dataclass(frozen=True, slots=True)
class RejectedSource:
    """A partition of `usage.rejected`."""

    topic: str
    partition: int
    summed: bool = False

    @property
    def place(self) -> str:
        """Topic and partition as the brokers call them."""
        return f"{self.topic}/{self.partition}"

    @property
    def name(self) -> str:
        """The partition as blocks call it, for example `usage.rejected/7`."""
        return f"usage.rejected/{self.partition}"

    def block(self, record: Record, /) -> Found | None:
        """Return the receipt of an event refused over HTTP; None for one that a meter refused."""
        told = _told(record)
        if RejectHeader.TOPIC.value in told:
            return None
        place = {"partition": self.name, "block": record.offset()}
        received = _received(told)
        row: dict[str, Any] = {
            **{name: told.get(name, "") for name in REJECTS.names},
            **place,
            "received": received,
            "event": (record.value() or b"").decode("utf-8", "replace"),
        }
        receipt = {**_ONE, **place, "org": row["org"], "source": row["source"], "day": received.date()}
        block = Block(
            partition=self.name,
            offset=record.offset(),
            entries=ENTRIES.empty_table(),
            ids=IDS.empty_table(),
            cells=CELLS.empty_table(),
            days=DAYS.empty_table(),
            tag_days=TAG_DAYS.empty_table(),
            receipts=pa.Table.from_pylist([{**receipt, row["outcome"]: 1}], RECEIPTS),
            rejects=pa.Table.from_pylist([row], REJECTS),
        )
        return Found(block, PRICES.empty_table())

    def receipts(self, record: Record, /) -> pa.Table:
        """Return its one receipt."""
        found = self.block(record)
        return RECEIPTS.empty_table() if found is None else found.block.receipts


def _told(record: Record) -> dict[str, str]:
    headers = record.headers() or ()
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in headers}
    if told.get(RejectHeader.OUTCOME.value) not in {"rejected", "conflict"} or not told.get(RejectHeader.ORG.value):
        raise WireError("the headers do not say whose refused event it is, and what became of it")
    return told


def _received(told: dict[str, str]) -> datetime:
    try:
        return datetime.fromisoformat(told[RejectHeader.TIME.value]).astimezone(UTC)
    except (KeyError, ValueError) as error:
        raise WireError("the headers do not say when the event was refused") from error
