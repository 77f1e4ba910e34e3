"""Which failure of the engine is whose fault: one table from ClickHouse error codes to `outlay_infra.errors`."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError

from outlay_infra.errors import (
    QueryError,
    QueryLimit,
    StoreError,
    StoreFull,
    StoreInUse,
    StoreReadOnly,
    StoreUnavailable,
)

_FULL = frozenset({243})
_READ_ONLY = frozenset({164, 242, 481, 497})
_BUSY = frozenset({76, 202, 209, 210, 252, 279, 319, 373, 394, 425, 516})
_LIMIT = frozenset({158, 159, 160, 191, 241, 307, 396})
_CALLER = frozenset(
    {6, 8, 10, 16, 20, 26, 27, 33, 36, 38, 41, 42, 43, 44, 46, 47, 49, 50, 53, 60, 62, 69, 70, 72, 81, 117, 153, 179}
    | {184, 206, 215, 321, 349, 352, 386, 407, 432, 457, 456, 704}
)
_CODES: tuple[tuple[frozenset[int], type[StoreError]], ...] = (
    (_FULL, StoreFull),
    (_READ_ONLY, StoreReadOnly),
    (_LIMIT, QueryLimit),
    (_CALLER, QueryError),
    (_BUSY, StoreUnavailable),
)
_SIGNS: tuple[tuple[tuple[str, ...], type[StoreError]], ...] = (
    ((f"errno: {errno.ENOSPC},", "No space left"), StoreFull),
    (("Cannot lock file", "is already running", "already initialized with path"), StoreInUse),
    (("Error initializing EmbeddedServer",), StoreError),
    (
        (f"errno: {errno.EROFS},", f"errno: {errno.EACCES},", "Read-only file system", "Permission denied"),
        StoreReadOnly,
    ),
)
"""What the operating system said, which the engine wraps in codes of many meanings."""
_ADVICE: dict[type[StoreError], str] = {
    StoreFull: "free space on its disk and retry",
    StoreReadOnly: "grant the right to write, or choose another place",
    StoreUnavailable: "retry in a moment",
    QueryLimit: "ask for a shorter range or fewer groups",
}
_CODE = re.compile(r"Code: (\d+)")
_ENGINE_TEXT = re.compile(r"^.*Code: \d+\.\s*(?:DB::\w+:\s*)?", re.DOTALL)
_TRAILER = re.compile(r"\s*(?:\(version |Stack trace:|: while |\.?\s*In scope ).*", re.DOTALL)
_NAME = re.compile(r"\s*\([A-Z][A-Z0-9_]+\)\.?\s*$")
_LONGEST = 300


@contextmanager
def told_plainly(doing: str) -> Iterator[None]:
    """Turn whatever the engine raises while `doing` (an -ing phrase) into a `StoreError`."""
    try:
        yield
    except ClickHouseError as failure:
        raise _translate(str(failure), getattr(failure, "code", None), doing) from failure
    except OSError as failure:
        raise _translate(str(failure), None, doing) from failure
    except RuntimeError as failure:  # chDB's own error type derives from it
        raise _translate(str(failure), None, doing) from failure


def _translate(text: str, code: int | None, doing: str) -> StoreError:
    found = _CODE.search(text)
    kind = _kind(text, code or (int(found[1]) if found else None))
    told = plain(text)
    advice = _ADVICE.get(kind)
    return kind(f"{doing} failed: {told}" + (f"; {advice}" if advice else ""))


def _kind(text: str, code: int | None) -> type[StoreError]:
    for signs, kind in _SIGNS:
        if any(sign in text for sign in signs):
            return kind
    for codes, kind in _CODES:
        if code in codes:
            return kind
    return StoreUnavailable if code is None else StoreError


def plain(text: str) -> str:
    """Return the engine's sentence without its code, version, query text and stack."""
    told = _NAME.sub("", _TRAILER.sub("", _ENGINE_TEXT.sub("", text, count=1))).strip()
    told = " ".join(told.split()).rstrip(".")
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}..."
