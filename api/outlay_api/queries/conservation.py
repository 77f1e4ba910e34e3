"""What became of every event received, and the events that were refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from outlay_api.queries.calendar import Window
from outlay_api.queries.positions import Cursor, to_milliseconds
from outlay_api.queries.statement import Binder, Statement
from outlay_schemas.arrow import REJECTS

OUTCOMES = ("counted", "duplicate", "conflict", "rejected")
_PLACE = "hex(sipHash128(t.partition, t.block, t.source, t.id, t.pointer, t.reason, t.event))"
"""Orders refused events of one time; equal ones are told apart by how many were seen."""

SHOWN_REJECTS = tuple(name for name in REJECTS.names if name not in {"org", "partition", "block"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConservationQuery:
    """Receipts by source and UTC day received: `first <= day < last`."""

    org: str
    first: date
    last: date
    sources: tuple[str, ...] = ()

    def to_sql(self) -> Statement:
        """Return the statement over the receipts."""
        bind = Binder()
        conditions = [*self._conditions(bind), *self._days("t.day", bind)]
        sums = ", ".join(f"sum(t.{name}) AS {name}" for name in ("received", *OUTCOMES))
        return Statement(
            f"SELECT t.day AS day, t.source AS source, {sums}\nFROM receipts AS t\nWHERE {' AND '.join(conditions)}\n"
            "GROUP BY day, source\nORDER BY day DESC, source",
            bind.params,
        )

    def ledger_sql(self) -> Statement:
        """Return the statement that counts the ledger's own entries, those that retention removed included."""
        bind = Binder()
        org = self._conditions(bind)
        kept = " AND ".join([*org, *self._days("toDate32(t.received)", bind)])
        gone = " AND ".join([*org, *self._days("t.day", bind)])
        return Statement(
            "SELECT day, source, sum(counted) AS entries\nFROM (\n"
            "SELECT toDate32(t.received) AS day, t.source AS source, toInt64(count()) AS counted\nFROM ledger AS t\n"
            f"WHERE {kept}\nGROUP BY day, source\nUNION ALL\n"
            f"SELECT t.day AS day, t.source AS source, t.entries AS counted\nFROM expired AS t\nWHERE {gone}\n"
            ")\nGROUP BY day, source\nORDER BY day DESC, source",
            bind.params,
        )

    def _conditions(self, bind: Binder) -> list[str]:
        org = [f"t.org = {bind('org', 'String', self.org)}"]
        return [*org, bind.any_of("t.source", self.sources)] if self.sources else org

    def _days(self, column: str, bind: Binder) -> list[str]:
        first, last = (
            bind(name, "Date32", day.isoformat()) for name, day in (("first", self.first), ("last", self.last))
        )
        return [f"{column} >= {first}", f"{column} < {last}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectsQuery:
    """One page of the events an organisation sent that were refused, newest first, by time received."""

    org: str
    window: Window
    sources: tuple[str, ...] = ()
    outcome: str | None = None
    limit: int = 100
    after: Cursor | None = None

    def to_sql(self) -> Statement:
        """Return the statement; it yields one row more than `limit` when there are more."""
        bind = Binder()
        start, end = (
            f"fromUnixTimestamp64Milli({bind(name, 'Int64', to_milliseconds(instant))}, 'UTC')"
            for name, instant in (("start", self.window.start), ("end", self.window.end))
        )
        conditions = [f"t.org = {bind('org', 'String', self.org)}", f"t.received >= {start} AND t.received < {end}"]
        if self.sources:
            conditions.append(bind.any_of("t.source", self.sources))
        if self.outcome is not None:
            conditions.append(f"t.outcome = {bind('outcome', 'String', self.outcome)}")
        order, offset = f"t.received, {_PLACE}", ""
        if self.after is not None:
            place, seen = self.after.key
            time = f"fromUnixTimestamp64Milli({bind('received', 'Int64', to_milliseconds(self.after.time))}, 'UTC')"
            conditions.append(f"({order}) <= ({time}, {bind('place', 'String', place)})")
            offset = f" OFFSET {int(seen)}"
        columns = ", ".join(f"t.{name} AS {name}" for name in SHOWN_REJECTS)
        return Statement(
            f"SELECT {columns}, {_PLACE} AS place\nFROM rejects AS t\nWHERE {' AND '.join(conditions)}\n"
            f"ORDER BY t.received DESC, place DESC\nLIMIT {self.limit + 1}{offset}",
            bind.params,
        )
