"""Effective dates as whole milliseconds, the resolution of an event's time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
BEGINNING = -(2**63)
END = 2**63 - 1


class Dated(Protocol):
    """A document with an id that holds for a while."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def effective_from(self) -> datetime | None:
        """The first instant it holds; None: since ever."""
        ...

    @property
    def effective_to(self) -> datetime | None:
        """The first instant it holds no longer; None: for ever."""
        ...


D = TypeVar("D", bound=Dated)


def first_millisecond(instant: datetime) -> int:
    """Return the first whole millisecond since 1970 at or after `instant` (aware)."""
    return -((_EPOCH - instant) // _MILLISECOND)


@dataclass(frozen=True, slots=True)
class Holding(Generic[D]):
    """A document and the milliseconds it holds: `start <= time < end`."""

    document: D
    start: int
    end: int

    @classmethod
    def of(cls, document: D) -> Holding[D]:
        """Read a document's dates."""
        starts, ends = document.effective_from, document.effective_to
        return cls(
            document,
            BEGINNING if starts is None else first_millisecond(starts),
            END if ends is None else first_millisecond(ends),
        )

    def holds(self, at: int) -> bool:
        """Return whether the document holds at `at` (milliseconds since 1970)."""
        return self.start <= at < self.end


class Register(Generic[D]):
    """Documents of one kind by id, each id with its dated versions."""

    __slots__ = ("_by_id",)

    def __init__(self, documents: Iterable[D]) -> None:
        by_id: defaultdict[str, list[Holding[D]]] = defaultdict(list)
        for document in documents:
            by_id[document.id].append(Holding.of(document))
        self._by_id: Mapping[str, list[Holding[D]]] = dict(by_id)

    def get(self, document_id: str | None, at: int) -> D | None:
        """Return the version of `document_id` that holds at `at`, if any."""
        for holding in self._by_id.get(document_id, ()) if document_id is not None else ():
            if holding.holds(at):
                return holding.document
        return None


def boundaries(documents: Iterable[Dated]) -> list[int]:
    """Return the milliseconds at which some document begins or ceases to hold, in order."""
    holdings = [Holding.of(document) for document in documents]
    edges = {edge for holding in holdings for edge in (holding.start, holding.end)}
    return sorted(edges - {BEGINNING, END})
