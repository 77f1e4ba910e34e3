"""Which events were counted before: a bounded memory of identities in sorted columns.

12 bytes an id (8 of identity, 4 of content) in runs ordered by time received; runs of like size merge into few.
Past the bound the oldest run leaves and `covered_since` moves: from there on memory knows every id received.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from outlay_schemas.usage import MAX_FUTURE
from outlay_streams.identity import Identities
from outlay_streams.verdicts import CONFLICT, DUPLICATE, NEW

ALWAYS = datetime.min.replace(tzinfo=UTC)
"""The mark of a memory that knows every id there ever was."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
_PARTS = 8
"""A run is at most one part in this many of the bound and of the horizon: the most that leaves at once."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Ids in ascending order, their contents alongside, received from `first` to `last`."""

    ids: npt.NDArray[np.uint64]
    contents: npt.NDArray[np.uint32]
    first: datetime
    last: datetime

    def find(self, wanted: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint32]]:
        """Return which of `wanted` (ascending) are here, and the content at each (of no meaning where not here)."""
        at = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        return self.ids[at] == wanted, self.contents[at]

    def merged(self, later: _Run) -> _Run:
        """Return both as one run; linear, as both are sorted."""
        size = len(self.ids) + len(later.ids)
        at = np.searchsorted(self.ids, later.ids) + np.arange(len(later.ids))
        kept = np.ones(size, np.bool_)
        kept[at] = False
        ids, contents = np.empty(size, np.uint64), np.empty(size, np.uint32)
        ids[at], ids[kept] = later.ids, self.ids
        contents[at], contents[kept] = later.contents, self.contents
        return _Run(ids, contents, min(self.first, later.first), max(self.last, later.last))


class Deduper:
    """Judges events against the ids of a horizon bounded by time and by count. Not safe for several threads at once."""

    def __init__(self, *, horizon: timedelta, most: int, covered_since: datetime = ALWAYS) -> None:
        """Remember at most `most` ids, received within `horizon`; nothing is known from before `covered_since`."""
        self._horizon = horizon
        self._most = most
        self._runs: list[_Run] = []
        self._size = 0
        self.covered_since = covered_since

    @classmethod
    def rebuilt(cls, recent: Iterable[pa.Table], *, now: datetime, horizon: timedelta, most: int) -> Deduper:
        """Return a memory of `recent` tables (`id_hash`, `content_hash`, `received`): the newest `most` of all ids.

        With fewer than `most` rows it holds everything, and no older id exists to be looked up.
        """
        deduper = cls(horizon=horizon, most=most)
        runs = sorted(map(_run_of, _parts(recent, max(1, most // _PARTS))), key=lambda run: run.last)
        if sum(len(run.ids) for run in runs) >= most:
            deduper.covered_since = min(run.first for run in runs) + _TICK
        for run in runs:
            deduper._add(run)
        deduper._evict(now)
        return deduper

    def __len__(self) -> int:
        return self._size

    @property
    def nbytes(self) -> int:
        """Bytes held for ids."""
        return sum(run.ids.nbytes + run.contents.nbytes for run in self._runs)

    def needs_lookup(self, times: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
        """Return which event times are so old that the event may have been received before memory begins.

        An event is received at most `MAX_FUTURE` before its time, so anything later than that past `covered_since` is
        answered from memory alone.
        """
        if self.covered_since == ALWAYS:
            return np.zeros(len(times), np.bool_)
        mark = np.datetime64((self.covered_since + MAX_FUTURE).replace(tzinfo=None), "ms")
        return times < mark

    def judge(self, identities: Identities, looked_up: pa.Table | None = None) -> npt.NDArray[np.int8]:
        """Return a verdict for each event (`outlay_streams.verdicts`); of repeats within the batch the first counts.

        `looked_up` (`id_hash`, `content_hash`) is what the store knows of old ids.
        """
        ids, first, place = np.unique(identities.id_hash, return_index=True, return_inverse=True)
        content = identities.content_hash[first]
        known = np.zeros(len(ids), np.bool_)
        runs = self._runs if looked_up is None or not looked_up.num_rows else [_run_of_known(looked_up), *self._runs]
        for run in runs:
            here, contents = run.find(ids)
            np.copyto(content, contents, where=here)
            known |= here
        same = identities.content_hash == content[place]
        verdicts = np.where(same, DUPLICATE, CONFLICT).astype(np.int8)
        verdicts[first[~known]] = NEW
        return verdicts

    def remember(self, identities: Identities, received: datetime) -> None:
        """Keep ids that are now durable, received at `received` (aware, not before the last one)."""
        if len(identities):
            order = np.argsort(identities.id_hash)
            self._add(_Run(identities.id_hash[order], identities.content_hash[order], received, received))
        self._evict(received)

    def _add(self, run: _Run) -> None:
        self._size += len(run.ids)
        self._runs.append(run)
        while len(self._runs) > 1 and self._alike(*self._runs[-2:]):
            self._runs[-2:] = [self._runs[-2].merged(self._runs[-1])]

    def _alike(self, earlier: _Run, later: _Run) -> bool:
        """Return whether two runs are one: of like size, and together still a small part of the bound and horizon."""
        within = len(earlier.ids) + len(later.ids) <= max(1, self._most // _PARTS)
        brief = later.last - earlier.first <= self._horizon / _PARTS
        return within and brief and len(earlier.ids) <= 2 * len(later.ids)

    def _evict(self, now: datetime) -> None:
        while self._runs and (self._size > self._most or self._runs[0].last < now - self._horizon):
            oldest = self._runs.pop(0)
            self._size -= len(oldest.ids)
            self.covered_since = max(self.covered_since, oldest.last + _TICK)


def _parts(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the same rows in tables of at least `rows`, the last one aside; none is empty."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(part.num_rows for part in waiting) >= rows:
            yield pa.concat_tables(waiting)
            waiting.clear()
    if any(part.num_rows for part in waiting):
        yield pa.concat_tables(waiting)


def _run_of(table: pa.Table) -> _Run:
    received = table["received"].to_numpy()
    return replace(_run_of_known(table), first=_aware(received.min()), last=_aware(received.max()))


def _run_of_known(table: pa.Table) -> _Run:
    ids = table["id_hash"].to_numpy()
    order = np.argsort(ids)
    return _Run(ids[order], table["content_hash"].to_numpy()[order], ALWAYS, ALWAYS)


def _aware(instant: np.datetime64) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(instant.astype("datetime64[ms]").astype(int)))
