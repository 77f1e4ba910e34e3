"""The JSON documents of the budget routes, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from outlay_api.queries.documents import Money, Time

Share = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["83.25"])]
"""A decimal string, rounded to two decimals."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, use_attribute_docstrings=True)


class BudgetStanding(_Document):
    """How a budget stands in the period that holds the present; outside its dates nothing is spent of it."""

    id: str
    scope: dict[str, list[str]]
    """Dimension to values and globs; all dimensions must match. Empty is the whole organisation."""
    cadence: str
    """How often a period starts: `day`, `week`, `month`, `quarter`, `year`, or `once`."""
    zone: str
    """The IANA zone of its periods."""
    start: Time | None = Field(alias="from")
    """Start of the period, inclusive."""
    end: Time | None = Field(alias="to")
    """End of the period, exclusive."""
    amount: Money
    """USD a period."""
    spent: Money | None
    """USD spent so far, the known amounts; exact, unless `starting`."""
    remaining: Money | None
    """Amount less spent; negative beyond it."""
    percent: Share | None
    """Spent in percent of the amount; null of an amount of 0."""
    elapsed: Share | None
    """How much of the period is over, in percent, by real seconds."""
    pace: Share | None
    """`percent` over `elapsed`: at 1 the amount lasts for the period, at 2 for half of it."""
    entries: int | None
    """Entries counted, unpriced ones among them."""
    unpriced: int | None
    """Entries without a known amount, which `spent` lacks."""
    starting: bool
    """Whether what was spent before the budget was declared is still to be added."""
    marks: dict[str, str]
    """Source partition to block offset: the blocks included; the ledger says the same up to there. Offsets are whole
    numbers up to 2^63, so text."""
    at: Time | None
    """The time reached: when the newest block included was received."""


class BudgetsDocument(_Document):
    """How every budget stands, by its id."""

    now: Time
    currency: str
    data: list[BudgetStanding]


class PastPeriod(_Document):
    """A period that is over, from the ledger's sums: late events are in it."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    spent: Money
    percent: Share | None
    """Spent in percent of the amount as it is today."""
    entries: int
    unpriced: int


class BudgetDocument(BudgetStanding):
    """How one budget stands, and what was spent in periods before."""

    now: Time
    currency: str
    periods: list[PastPeriod]
    """The newest first."""


class Bucket(_Document):
    """What was received in a minute or an hour."""

    start: Time
    amount: Money
    """The known amounts, in USD."""
    entries: int
    unpriced: int
    """Entries without a known amount."""


class TeamActivity(_Document):
    """What a team spent of late, by the time of receipt; a minute or hour in which nothing came is left out."""

    team: str
    minutes: list[Bucket]
    """The last two hours."""
    hours: list[Bucket]
    """The last two days."""
    marks: dict[str, str]
    """Source partition to block offset: the blocks included."""
    at: Time
    """When the newest of them was received."""


class WindowsDocument(_Document):
    """What every team spent of late, by its name."""

    now: Time
    currency: str
    data: list[TeamActivity]
