"""Where a page ended, as an opaque text: the next page goes on there, over the very same rows.

A cursor is bound to the question by a digest, so that it cannot go on with other filters, and keeps the window, so that
a window that is relative to the present stands still while pages are read.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from outlay_api.queries.calendar import Window
from outlay_api.queries.statement import InvalidQuery

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page (its time and what orders rows of one time) and the window it lies in."""

    window: Window
    time: datetime
    key: tuple[str, ...]

    def text(self, question: Sequence[object]) -> str:
        """Write the cursor for the page after it; `question` is everything that chooses rows, but not how many."""
        body = orjson.dumps(
            [*(to_milliseconds(each) for each in (self.window.start, self.window.end, self.time)), *self.key]
        )
        return urlsafe_b64encode(_digest(body, question) + body).decode().rstrip("=")


def read_cursor(text: str, question: Sequence[object]) -> Cursor:
    """Read what `Cursor.text` wrote; raise `InvalidQuery` when it is damaged or belongs to another question."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        start, end, time, *key = orjson.loads(body)
    except ValueError:
        raise InvalidQuery("cursor", "it is damaged; take it from next_cursor of the page before") from None
    if digest != _digest(body, question):
        raise InvalidQuery("cursor", "it belongs to other filters or another window; start again without it")
    return Cursor(Window(from_milliseconds(start), from_milliseconds(end)), from_milliseconds(time), tuple(key))


def to_milliseconds(instant: datetime) -> int:
    """Return an instant as the ledger keeps it."""
    return (instant - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the instant of so many milliseconds since 1970."""
    return _EPOCH + milliseconds * _MILLISECOND


def _digest(body: bytes, question: Sequence[object]) -> bytes:
    return hashlib.blake2b(orjson.dumps([list(question), body.decode()]), digest_size=_DIGEST_BYTES).digest()
