"""One refused event, wherever it is kept: in `usage.rejected` on a cluster, else in the ledger's own table."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_VALUES = re.compile(r"'[^']*'|(?<= is )-?\d[\d.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refused event. `place` is `partition/offset` in the topic, empty where a table keeps it."""

    place: str
    org: str
    """Empty where it is the caller's."""
    source: str
    id: str
    outcome: str
    """`rejected` or `conflict`."""
    pointer: str
    reason: str
    received: datetime
    """Aware."""
    origin: str
    """Topic, partition and offset it was read from; empty for one that came over HTTP."""
    value: bytes
    """The event's bytes as they came, or what may be kept of one that came over HTTP."""

    @property
    def kind(self) -> str:
        """The reason without the values in it, so that alike faults are told together."""
        return _VALUES.sub(lambda found: "'...'" if found[0].startswith("'") else "...", self.reason)

    @property
    def row(self) -> dict[str, Any]:
        """Everything about it as plain values: text where the bytes are text, else `bytes` in base64."""
        told = {
            "place": self.place or None,
            "org": self.org or None,
            "source": self.source,
            "id": self.id or None,
            "outcome": self.outcome,
            "pointer": self.pointer,
            "reason": self.reason,
            "received": instant(self.received),
            "origin": self.origin or None,
        }
        text = _text(self.value)
        if text is None:
            return told | {"event": None, "bytes": base64.b64encode(self.value).decode()}
        return told | {"event": text, "bytes": None}


@dataclass(slots=True)
class Group:
    """Refused events of one org, source, outcome and kind of reason."""

    org: str
    source: str
    outcome: str
    reason: str
    events: int
    first: datetime
    last: datetime
    example: str
    """Where one of them is: its place, or its id."""

    @property
    def row(self) -> dict[str, Any]:
        """The group as plain values."""
        return {
            "events": self.events,
            "outcome": self.outcome,
            "reason": self.reason,
            "org": self.org or None,
            "source": self.source,
            "first": instant(self.first),
            "last": instant(self.last),
            "example": self.example,
        }


class Grouping:
    """Events told together by kind of reason. It keeps none of them, so it may be given a batch at a time."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str, str], Group] = {}

    def add(self, events: Iterable[Refused]) -> None:
        """Count more events."""
        for one in events:
            key = (one.org, one.source, one.outcome, one.kind)
            group = self._groups.get(key)
            if group is None:
                self._groups[key] = Group(*key, 1, one.received, one.received, one.place or one.id)
            else:
                group.events += 1
                group.first, group.last = min(group.first, one.received), max(group.last, one.received)

    def groups(self) -> list[Group]:
        """Return the groups so far, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: (-group.events, group.reason, group.source))


def instant(time: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, to the millisecond."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() or text.lstrip().startswith("{") else None
