"""Budgets: what a catalog declares, and what is known of them and of teams' spend as the stream goes on.

A state belongs to a row, whose key is `budget:ID` or `team:NAME`; on the compacted topic `budget.state` the record key
is org and row key joined by U+001F. In JSON amounts are decimal strings of USD, times RFC 3339 in UTC.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from outlay_schemas.calendar import QUARTER_HOUR, WEEKDAYS, Cadence, Calendar, Period
from outlay_schemas.dated import DatedDocument, Identifier, Zone
from outlay_schemas.dimensions import ROLLED_UP
from outlay_schemas.entry import AS_TEXT, Usd
from outlay_schemas.money import from_pico
from outlay_schemas.topics import KEY_SEPARATOR
from outlay_schemas.usage import Text

SCOPED = tuple(name for name in ROLLED_UP if name != "status")
"""The dimensions a budget's scope can name: those that cells keep."""

BUDGET, TEAM = "budget:", "team:"
"""What row keys begin with."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MONTH_DAY = re.compile(r"(\d{1,2})-(\d{1,2})")


class Budget(DatedDocument):
    """An amount for a scope over a calendar period.

    `scope` maps dimensions to a value, a list of values, or globs (`gpt-5*`); all must match, an empty scope is the
    whole organisation. `starts` says where periods start: a weekday for `week` (`monday` if absent), a day for `month`
    (`15`; beyond the end of a month its last day), month and day for `quarter` and `year` (`04-01`). `once` is one
    period, `from` to `to`; any other budget is cut short there.
    """

    id: Identifier
    scope: dict[str, Text | tuple[Text, ...]] = Field(default_factory=dict)
    amount: Annotated[Decimal, Field(ge=0, le=10**12, max_digits=38, decimal_places=12), AS_TEXT]
    """USD a period."""
    cadence: Cadence = Cadence.MONTH
    starts: Text | None = None
    zone: Zone | None = None
    """Whose days periods are of; the organisation's reporting zone when absent."""

    @model_validator(mode="after")
    def _has_periods(self) -> Self:
        _start(self.cadence, self.starts)
        if self.cadence is Cadence.ONCE and None in (self.effective_from, self.effective_to):
            raise ValueError("a budget with cadence 'once' needs both 'from' and 'to'")
        for name, edge in (("from", self.effective_from), ("to", self.effective_to)):
            if edge is not None and (edge - _EPOCH) % QUARTER_HOUR:
                raise ValueError(f"{name!r} of a budget lies on a quarter hour; {edge.isoformat()} does not")
        return self

    def calendar(self, zone: ZoneInfo) -> Calendar:
        """Return its periods; `zone` is the organisation's reporting zone."""
        return Calendar(
            cadence=self.cadence,
            zone=zone if self.zone is None else ZoneInfo(self.zone),
            begins=self.effective_from,
            ends=self.effective_to,
            **_start(self.cadence, self.starts),
        )

    def conditions(self) -> dict[str, tuple[str, ...]]:
        """Return the scope with every value in a list."""
        return {name: (value,) if isinstance(value, str) else value for name, value in self.scope.items()}


def _start(cadence: Cadence, starts: str | None) -> dict[str, int]:
    """Return where periods start, as fields of `Calendar`; raise `ValueError` when `starts` does not say it."""
    if starts is None:
        return {}
    match cadence:
        case Cadence.WEEK if starts.lower() in WEEKDAYS:
            return {"weekday": WEEKDAYS.index(starts.lower())}
        case Cadence.MONTH if starts.isascii() and starts.isdigit() and 1 <= int(starts) <= 31:
            return {"day": int(starts)}
        case Cadence.QUARTER | Cadence.YEAR if (found := _MONTH_DAY.fullmatch(starts)) is not None:
            month, day = int(found[1]), int(found[2])
            if 1 <= month <= 12 and 1 <= day <= 31:
                return {"month": month, "day": day}
    fixes = {
        Cadence.WEEK: "write a weekday, for example monday",
        Cadence.MONTH: "write a day of the month, 1 to 31",
        Cadence.QUARTER: "write a month and a day, for example 04-01",
        Cadence.YEAR: "write a month and a day, for example 04-01",
    }
    raise ValueError(f"starts {starts!r} does not fit cadence {cadence}; {fixes.get(cadence, 'leave it out')}")


class _State(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Spent(_State):
    """What was spent in some time: `amount` sums what is known, `unpriced` counts the entries whose amount is not."""

    start: AwareDatetime
    """Start of the time, inclusive."""
    end: AwareDatetime
    """End of the time, exclusive."""
    amount: Usd
    """USD, exact."""
    entries: int
    """Entries counted, unpriced ones among them."""
    unpriced: int
    """Entries without a known amount."""

    @classmethod
    def of(cls, period: Period, amount: int = 0, entries: int = 0, unpriced: int = 0) -> Spent:
        """Return the sums of a period, the amount given in pico-USD."""
        return cls.model_construct(
            start=period.start, end=period.end, amount=from_pico(amount), entries=entries, unpriced=unpriced
        )

    @property
    def period(self) -> Period:
        """The time."""
        return Period(self.start, self.end)


class BudgetState(_State):
    """A budget as far as `marks`: its current period, up to two before it and, once spent in, later ones."""

    org: str
    budget: Budget
    """As the catalog declares it."""
    zone: str
    """The IANA zone of its periods."""
    version: int
    """The version of that catalog."""
    periods: tuple[Spent, ...]
    """In order of time; by the time of use, so that late events change earlier ones."""
    marks: dict[str, int]
    """Source partition to block offset: the blocks included, up to which the ledger says the same."""
    starting: bool
    """Whether what was spent before the budget was declared is still to be added."""
    at: AwareDatetime | None = None
    """The time reached, by which a period is current: when the newest block was received. None before any."""

    def spent(self, instant: datetime) -> Spent | None:
        """Return what was spent in the period that holds `instant`, nothing in one that the stream has not reached.

        None when the budget has no period then, and for periods that are no longer kept.
        """
        found = next((each for each in self.periods if instant in each.period), None)
        period = self.budget.calendar(ZoneInfo(self.zone)).period_of(instant)
        if found is not None or period is None or (self.periods and period < self.periods[-1].period):
            return found
        return Spent.of(period)


class TeamWindows(_State):
    """What a team spent in the last two hours by minute and the last two days by hour, by the time of receipt.

    Minutes and hours in which nothing was received are left out.
    """

    org: str
    team: str
    minutes: tuple[Spent, ...]
    hours: tuple[Spent, ...]
    marks: dict[str, int]
    """Source partition to block offset: the blocks included."""
    at: AwareDatetime
    """When the newest block counted was received."""


def row_key(*, budget: str | None = None, team: str | None = None) -> str:
    """Return the key of the row of a budget or of a team."""
    return f"{BUDGET}{budget}" if budget is not None else f"{TEAM}{team}"


def record_key(org: str, row: str) -> bytes:
    """Return the key of a record of `budget.state`."""
    return f"{org}{KEY_SEPARATOR}{row}".encode()


def read_record_key(key: bytes) -> tuple[str, str]:
    """Return org and row key; raise `ValueError` for any other key."""
    org, separator, row = key.decode().partition(KEY_SEPARATOR)
    if not separator or not row.startswith((BUDGET, TEAM)):
        raise ValueError(f"{key!r} is no key of a budget state; write ORG U+001F budget:ID or team:NAME")
    return org, row


def encode_state(state: BudgetState | TeamWindows) -> bytes:
    """Return a state as the value of a record."""
    return state.model_dump_json(by_alias=True, exclude_none=True).encode()


def decode_state(row: str, value: bytes) -> BudgetState | TeamWindows:
    """Return the state of a row, without fields a newer writer added; raise `ValueError` when the value is none."""
    model: type[BudgetState | TeamWindows] = BudgetState if row.startswith(BUDGET) else TeamWindows
    return model.model_validate_json(value, extra="ignore")
