"""Usage events as a producer would send them: say what matters, the rest has a plain default."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from outlay_streams.decode import Decoded, Limits, decode

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DEFAULT = Limits()


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


def event(**fields: Any) -> dict[str, Any]:
    """Return a valid event; a field given as `...` is left out."""
    defaults = {
        "id": "e1",
        "time": "2026-05-04T11:59:00.250Z",
        "provider": "openai",
        "model": "gpt-5-mini",
        "quantities": {"input_tokens": 100, "output_tokens": 20},
    }
    return {name: value for name, value in (defaults | fields).items() if value is not ...}


def body(events: Any) -> bytes:
    return json.dumps(events, ensure_ascii=False).encode()


def decoded(events: Iterable[dict[str, Any]], *, org: str = "acme", now: datetime = NOW) -> Decoded:
    """Return events as the intake decodes them."""
    return decode(body(list(events)), content_type="application/json", org=org, now=now, limits=DEFAULT)
