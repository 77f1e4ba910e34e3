"""Times as files write them, to RFC 3339 in UTC with milliseconds.

Understood without being told: RFC 3339 with an offset, date and time without one (then in the given zone), and seconds,
milliseconds, microseconds or nanoseconds since 1970, told apart by their digits. Digits past
the millisecond are cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

import polars as pl

from outlay_api.importing.errors import MappingError

_OUT = "%Y-%m-%dT%H:%M:%S%.3fZ"
_LOCAL = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y/%m/%dT%H:%M:%S%.f", "%Y-%m-%d")
_DATETIME = pl.Datetime("ms", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How to read times: the zone of those without an offset (None: none may be), and their strptime format."""

    zone: str | None = None
    pattern: str | None = None

    @classmethod
    def of(cls, zone: str | None, pattern: str | None) -> Times:
        """Return the reader for a zone as people write it; raise `MappingError` when there is none of that name."""
        if zone is not None and zone not in available_timezones():
            raise MappingError(f"{zone!r} is not an IANA time zone; write for example UTC or Europe/Berlin")
        return cls(zone=zone, pattern=pattern)

    def read(self, cells: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the times as text, and a mask of those that are no instant in the zone.

        Cells that are no time at all are returned as they are, for the intake to refuse; empty cells are null.
        """
        if cells.dtype == pl.String:
            instant, local = self._parse(cells)
        else:
            instant, local = _typed(cells)
        placed = self._place(local)
        text = pl.select(pl.coalesce(instant, placed).dt.strftime(_OUT)).to_series()
        shown = cells.cast(pl.String, strict=False)
        return pl.select(pl.coalesce(text, shown)).to_series(), local.is_not_null() & placed.is_null()

    def naive(self, cells: pl.Series) -> str | None:
        """Return the first cell that needs a zone to be an instant, when no zone is given."""
        if self.zone is not None:
            return None
        local = self._parse(cells)[1] if cells.dtype == pl.String else _typed(cells)[1]
        found = cells.filter(local.is_not_null())
        return str(found[0]) if len(found) else None

    def leapt(self, cell: object) -> str:
        """Say why a local time is no instant."""
        return f"the local time {cell} does not exist in {self.zone}: clocks leap over it"

    def _parse(self, cells: pl.Series) -> tuple[pl.Series, pl.Series]:
        text = cells.str.strip_chars()
        if self.pattern is not None:
            zoned = "%z" in self.pattern or "%#z" in self.pattern or "%:z" in self.pattern
            parsed = text.str.to_datetime(
                self.pattern, time_unit="ms", strict=False, time_zone="UTC" if zoned else None
            )
            nothing = pl.Series([None], dtype=pl.Datetime("ms") if zoned else _DATETIME).new_from_index(0, len(text))
            return (parsed, nothing) if zoned else (nothing, parsed)
        iso = text.str.replace(" ", "T", literal=True)
        aware = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="ms", strict=False, time_zone="UTC")
        naive = [
            iso.str.to_datetime(pattern, time_unit="ms", strict=False)
            if "T" in pattern
            else iso.str.to_date(pattern, strict=False).cast(pl.Datetime("ms"))
            for pattern in _LOCAL
        ]
        return pl.select(pl.coalesce(aware, _epoch(text))).to_series(), pl.select(pl.coalesce(naive)).to_series()

    def _place(self, local: pl.Series) -> pl.Series:
        """Read local times in the zone: the earlier instant where a clock goes back, null where it leaps over them."""
        if self.zone is None:
            return local.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC").clear(len(local))
        placed = local.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
        return placed.dt.convert_time_zone("UTC")


def _epoch(text: pl.Series) -> pl.Series:
    whole = text.str.extract(r"^(-?\d{9,20})(?:\.\d+)?$").cast(pl.Int64, strict=False)
    fraction = (
        text.str.extract(r"\.(\d{1,3})").fill_null("").str.pad_end(3, "0").cast(pl.Int64, strict=False).fill_null(0)
    )
    return _since_1970(whole, fraction)


def _since_1970(whole: pl.Series, fraction: pl.Series | int) -> pl.Series:
    size = whole.abs()
    milliseconds = (
        pl.when(size < 10**11)
        .then(whole * 1000 + fraction)
        .when(size < 10**14)
        .then(whole)
        .when(size < 10**17)
        .then(whole // 1000)
        .otherwise(whole // 1_000_000)
    )
    return pl.select(milliseconds.cast(_DATETIME)).to_series()


def _typed(cells: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Split typed cells into instants and local times; one of the two is all null."""
    nothing = pl.Series([None], dtype=_DATETIME).new_from_index(0, len(cells))
    nowhere = pl.Series([None], dtype=pl.Datetime("ms")).new_from_index(0, len(cells))
    match cells.dtype:
        case pl.Datetime(time_zone=zone) if zone is not None:
            return cells.dt.convert_time_zone("UTC").dt.cast_time_unit("ms"), nowhere
        case pl.Datetime():
            return nothing, cells.dt.cast_time_unit("ms")
        case pl.Date:
            return nothing, cells.cast(pl.Datetime("ms"))
        case dtype if dtype.is_integer():
            return _since_1970(cells.cast(pl.Int64), 0), nowhere
        case dtype if dtype.is_numeric():
            return _epoch(cells.cast(pl.Decimal(38, 3)).cast(pl.String)), nowhere
        case _:
            return nothing, nowhere
