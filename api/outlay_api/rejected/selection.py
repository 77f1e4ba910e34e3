"""Which refused events are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from outlay_api.rejected.refused import Refused

_PLACE = re.compile(r"(\d+)/(\d+)")


class SelectionError(ValueError):
    """A selection says something that cannot be; the message names it and what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Refused events that have all of it; what is None or empty selects nothing away."""

    outcome: str | None = None
    reason: str | None = None
    """Part of the reason, as `list` shows it or as `show` does; capitals make no difference."""
    org: str | None = None
    source: str | None = None
    ids: frozenset[str] = frozenset()
    places: frozenset[tuple[int, int]] = frozenset()
    """Partition and offset in the topic."""
    since: datetime | None = None
    until: datetime | None = None
    """Received at or after `since` and before `until`; both aware."""

    def takes(self, event: Refused) -> bool:
        """Return whether the event is meant."""
        wanted = (self.reason or "").lower()
        return (
            self.outcome in (None, event.outcome)
            and self.org in (None, event.org)
            and self.source in (None, event.source)
            and (wanted in event.reason.lower() or wanted in event.kind.lower())
            and (not self.ids or event.id in self.ids)
            and (not self.places or read_place(event.place) in self.places)
            and (self.since is None or event.received >= self.since)
            and (self.until is None or event.received < self.until)
        )


def read_place(text: str) -> tuple[int, int]:
    """Return partition and offset of `partition/offset`. Raises `SelectionError`."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise SelectionError(f"{text!r} is no place in the topic; write partition/offset, for example 3/1200")
    return int(match[1]), int(match[2])


def read_instant(text: str) -> datetime:
    """Return the instant of a date (its first, in UTC) or of RFC 3339. Raises `SelectionError`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise SelectionError(f"{text!r} is no time; write 2026-11-24 or 2026-11-24T10:15:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
