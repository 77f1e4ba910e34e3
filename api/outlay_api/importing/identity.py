"""Ids for rows that bring none: they follow from what a row says and how many equal rows came before it in the file.

So a file read again adds nothing, whatever its name and the order of its rows; a file that has grown, was corrected or
cut anew adds the rows that are new alone; and equal rows of one file are distinct events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

_CHUNK = 1 << 20
_DIGEST = 16
"""Bytes of a row's digest; the first half is what equal rows are counted by."""


def file_digest(path: Path) -> str:
    """Return a digest of the file's content (XXH3, 128 bits, hexadecimal)."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class RowIds:
    """Ids of the rows of one file; every row must pass through here, in order, those of no interest included.

    An id is the digest of the columns' names and the row's content (XXH3, 128 bits, hexadecimal); equal rows after the
    first add `-2`, `-3` and so on. Rows are counted by half of their digest: should two different ones ever share it,
    the later one gets another number, and no event is lost.
    """

    __slots__ = ("_seed", "_seen")

    def __init__(self, columns: Sequence[str]) -> None:
        """Start a file with these columns; none where rows name their own."""
        self._seed = xxhash.xxh3_64_intdigest(json.dumps(list(columns)).encode())
        self._seen = _Occurrences()

    def ids(self, contents: Iterable[bytes]) -> list[str]:
        """Return an id for each row, given its content as `content.py` writes it."""
        digest, seed = xxhash.xxh3_128_digest, self._seed
        packed = b"".join([digest(content, seed) for content in contents])
        keys = np.frombuffer(packed, np.uint64)[::2]
        text, width = packed.hex(), 2 * _DIGEST
        found = [text[at : at + width] for at in range(0, len(text), width)]
        before = self._seen.add(keys)
        for at in np.flatnonzero(before).tolist():
            found[at] = f"{found[at]}-{before[at] + 1}"
        return found


class _Occurrences:
    """How often each key came: 8 bytes a row, in ascending runs; runs of like size merge, so they stay few."""

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []

    def add(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Take in the keys; return for each how many equal ones came before it."""
        order = np.argsort(keys, kind="stable")
        run = keys[order]
        earlier = np.arange(len(run)) - np.searchsorted(run, run)
        for known in self._runs:
            earlier += np.searchsorted(known, run, "right") - np.searchsorted(known, run, "left")
        self._keep(run)
        before = np.empty_like(earlier)
        before[order] = earlier
        return before

    def _keep(self, run: npt.NDArray[np.uint64]) -> None:
        self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            later, earlier = self._runs.pop(), self._runs.pop()
            self._runs.append(np.sort(np.concatenate((earlier, later)), kind="stable"))
