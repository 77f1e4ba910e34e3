"""Time as each table counts it: conditions and bucket expressions without a time zone function per row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from outlay_api.queries.calendar import Buckets, Window
from outlay_api.queries.statement import Binder
from outlay_api.queries.tables import Grain

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Ticks:
    """How rows of one grain count time since 1970-01-01: local days of the reporting zone, seconds, or milliseconds."""

    grain: Grain
    reporting_zone: ZoneInfo

    @property
    def column(self) -> str:
        """The tick of a row `t`, Int64."""
        if self.grain is Grain.DAY:
            return "toInt64(toInt32(t.day))"
        unit = "Second" if self.grain is Grain.QUARTER else "Milli"
        return f"toUnixTimestamp64{unit}(t.{self.grain.value})"

    def of(self, instant: datetime) -> int:
        """Return the tick of an instant."""
        if self.grain is Grain.DAY:
            return instant.astimezone(self.reporting_zone).date().toordinal() - _EPOCH_DAY
        return (instant - _EPOCH) // (_SECOND if self.grain is Grain.QUARTER else _MILLISECOND)

    def starts(self, buckets: Buckets) -> list[int]:
        """Return the tick at which each bucket starts."""
        return [self.of(start) for start in buckets.starts]

    def within(self, window: Window, bind: Binder, *, prefix: str = "") -> str:
        """Return the condition that a row `t` lies in the window, in the terms of the order key."""
        column = f"t.{self.grain.value}"
        start = self._literal(window.start, bind, f"{prefix}start")
        return f"{column} >= {start} AND {column} < {self._literal(window.end, bind, f'{prefix}end')}"

    def bucket(self, buckets: Buckets, bind: Binder) -> str:
        """Return the expression for the tick at which the bucket of a row `t` starts.

        Where all steps are equal it is arithmetic, and may lie before the start of a first bucket cut short.
        """
        if self.grain is Grain.DAY or buckets.step is None:
            return self.floor(self.starts(buckets), buckets.window.end, bind)
        step = buckets.step // (_SECOND if self.grain is Grain.QUARTER else _MILLISECOND)
        origin = bind("origin", "Int64", self.of(buckets.bounds[1]) - step)
        return f"intDiv({self.column} - {origin}, {bind('step', 'Int64', step)}) * {{step:Int64}} + {{origin:Int64}}"

    def floor(self, ticks: list[int], end: datetime, bind: Binder) -> str:
        """Return the expression for the last of `ticks` (ascending) at or before a row `t` that lies before `end`."""
        if self.grain is Grain.DAY and ticks == list(range(ticks[0], self.of(end))):
            return self.column
        return f"roundDown({self.column}, {bind('bounds', 'Array(Int64)', ticks)})"

    def _literal(self, instant: datetime, bind: Binder, name: str) -> str:
        if self.grain is Grain.DAY:
            return bind(name, "Date32", instant.astimezone(self.reporting_zone).date().isoformat())
        unit = "Second" if self.grain is Grain.QUARTER else "Milli"
        return f"fromUnixTimestamp64{unit}({bind(name, 'Int64', self.of(instant))}, 'UTC')"


LEDGER_TICKS = Ticks(Grain.INSTANT, ZoneInfo("UTC"))
"""How the ledger counts time, in every zone."""
