"""Records of topics as the meter takes them: consecutive ones of a partition."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from outlay_schemas.topics import ORG_HEADER


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one partition of one topic, in order of offset; never empty."""

    topic: str
    partition: int
    messages: Sequence[Message]

    @property
    def first(self) -> int:
        """The offset of the first record."""
        return int(self.messages[0].offset())

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return int(self.messages[-1].offset()) + 1

    def covered(self, rows: range) -> str:
        """Return the header that says which offsets some of the records, by place, cover."""
        start = self.messages[rows.start].offset()
        end = self.end if rows.stop == len(self.messages) else self.messages[rows.stop].offset()
        return json.dumps({"topic": self.topic, "partition": self.partition, "from": start, "to": end})

    def times(self, otherwise: int) -> npt.NDArray[np.int64]:
        """Return when each record was produced, in ms since 1970; `otherwise` for one that does not say."""
        stamps = [message.timestamp() for message in self.messages]
        told = (at if kind != TIMESTAMP_NOT_AVAILABLE and at >= 0 else otherwise for kind, at in stamps)
        return np.fromiter(told, np.int64, len(stamps))


def chunks(messages: Iterable[Message]) -> list[Chunk]:
    """Return the records by topic and partition, in the order in which each first comes."""
    by_place: dict[tuple[str, int], list[Message]] = {}
    for message in messages:
        by_place.setdefault((message.topic(), message.partition()), []).append(message)
    return [Chunk(topic, partition, found) for (topic, partition), found in by_place.items()]


def orgs(messages: Iterable[Message], otherwise: str) -> list[str] | str:
    """Return the org of each record, or of all; `otherwise` for one that names none.

    Bytes that are no text come out as text that no org can have.
    """
    names: dict[bytes | None, str] = {None: otherwise}
    found = []
    for message in messages:
        raw = _org(message)
        if raw not in names:
            assert raw is not None  # noqa: S101 - None is there from the start
            names[raw] = raw.decode("utf-8", "surrogateescape")
        found.append(names[raw])
    return found[0] if len(set(found)) == 1 else found


def _org(message: Message) -> bytes | None:
    headers: Iterable[tuple[str, bytes | str | None]] = message.headers() or ()
    for name, value in headers:
        if name == ORG_HEADER and value is not None:
            return value.encode() if isinstance(value, str) else value
    return None
