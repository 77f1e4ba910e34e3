"""Pages of ledger entries, newest first, within a window."""

from __future__ import annotations

from dataclasses import dataclass

from outlay_api.queries.calendar import Window
from outlay_api.queries.filters import Filter
from outlay_api.queries.grains import LEDGER_TICKS
from outlay_api.queries.positions import Cursor, to_milliseconds
from outlay_api.queries.statement import Binder, Statement
from outlay_schemas.arrow import ENTRIES

MAX_PAGE = 1000
DEFAULT_PERIOD = "last_7_days"

_INTERNAL = frozenset({"org", "partition", "block", "content_hash"})
SHOWN = tuple(name for name in ENTRIES.names if name not in _INTERNAL)
"""The columns of an entry that are shown; the others say where the ledger keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesQuery:
    """One page of an organisation's entries: those of `window` that pass the filters, after the cursor's."""

    org: str
    window: Window
    filters: tuple[Filter, ...] = ()
    limit: int = 100
    after: Cursor | None = None

    def to_sql(self) -> Statement:
        """Return the statement; it yields one row more than `limit` when there are more."""
        bind = Binder()
        conditions = [
            f"t.org = {bind('org', 'String', self.org)}",
            LEDGER_TICKS.within(self.window, bind),
            *(each.condition(bind, slot=f"filter_tag_{at}") for at, each in enumerate(self.filters)),
        ]
        if self.after is not None:
            time = f"fromUnixTimestamp64Milli({bind('time', 'Int64', to_milliseconds(self.after.time))}, 'UTC')"
            identity, source = (
                bind(name, "String", value) for name, value in zip(("id", "source"), self.after.key, strict=True)
            )
            conditions += [f"t.time <= {time}", f"(t.time, t.id, t.source) < ({time}, {identity}, {source})"]
        columns = ", ".join(f"t.{name} AS {name}" for name in SHOWN)
        sql = f"SELECT {columns}\nFROM ledger AS t\nWHERE {' AND '.join(conditions)}"
        order = "ORDER BY t.time DESC, t.id DESC, t.source DESC"
        return Statement(f"{sql}\n{order}\nLIMIT {self.limit + 1}", bind.params)
