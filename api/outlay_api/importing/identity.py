"""Ids for rows that bring none: the same row of the same file always has the same one.

The id of a row is a digest of the text up to and including it. So a file read again adds nothing, whatever its name; a
file that has grown adds its new rows alone; and equal rows of one file are distinct events. Parquet files do not grow:
there the digest of the whole file and the row number make the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import xxhash

_CHUNK = 1 << 20
_SEPARATOR = b"\x1e"


def file_digest(path: Path) -> str:
    """Return a digest of the file's content (XXH3, 128 bits, hexadecimal)."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class GrowingIds:
    """Ids of the rows of a text file; every row must pass through here, in order."""

    __slots__ = ("_digest",)

    def __init__(self, header: str) -> None:
        """Start a file whose columns are named by `header`."""
        self._digest = xxhash.xxh3_128(header.encode())

    def ids(self, rows: Iterable[str]) -> list[str]:
        """Return an id for each row's text."""
        digest, found = self._digest, []
        for row in rows:
            digest.update(_SEPARATOR)
            digest.update(row.encode("utf-8", "surrogatepass"))
            found.append(digest.hexdigest())
        return found


def numbered_ids(digest: str, numbers: Iterable[int]) -> list[str]:
    """Return ids for rows of a file that never changes, from its digest and their numbers."""
    return [f"{digest}-{number}" for number in numbers]
