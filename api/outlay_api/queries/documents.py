"""The JSON documents of the reading routes, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Money = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["12.503416"])]
"""USD as a decimal string, exact to 12 decimals, without exponent."""

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]

ENTRY_EXAMPLE: dict[str, Any] = {
    "source": "urn:outlay:sdk:search-api",
    "id": "call-0017",
    "time": "2026-11-24T09:30:12.250Z",
    "received": "2026-11-24T09:30:13Z",
    "kind": "usage",
    "category": "model_api",
    "status": "priced",
    "reason": None,
    "provider": "openai",
    "model": "gpt-5-mini",
    "service_tier": "standard",
    "team": "search",
    "project": "ranking",
    "tags": {"feature": "chat"},
    "quantities": {"input_tokens": "386", "cached_input_tokens": "1920", "output_tokens": "412"},
    "calls": 1,
    "amount": "0.0009685",
    "price_id": "p_4b1f0c6de5a2a3b79d10",
}


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Span(_Document):
    """Time: `from <= instant < to`."""

    model_config = ConfigDict(populate_by_name=True)

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")


class SpendDocument(_Document):
    """Spend by group and bucket."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11-01T00:00:00+01:00",
                    "to": "2026-11-25T00:00:00+01:00",
                    "zone": "Europe/Berlin",
                    "interval": "none",
                    "currency": "USD",
                    "source": "days",
                    "previous": {"from": "2026-10-01T00:00:00+02:00", "to": "2026-10-25T00:00:00+02:00"},
                    "data": [
                        {
                            "team": "search",
                            "amount": "1204.118302",
                            "amount_previous": "1003.4",
                            "amount_delta": "200.718302",
                            "amount_percent": "20.0038",
                            "unpriced": 0,
                            "unpriced_previous": 0,
                            "unpriced_delta": 0,
                            "unpriced_percent": None,
                        }
                    ],
                    "totals": {"amount": "1204.118302", "unpriced": 0},
                    "has_more": False,
                }
            ]
        },
    )

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    zone: str
    interval: str
    currency: Literal["USD"]
    source: str
    """The table that answered: `days`, `cells`, `tag_days`, `day_users`, `day_latency` or `ledger`. All agree."""
    previous: Span | None
    """The period compared with, if any."""
    data: list[dict[str, Any]]
    """A row for each bucket (`start`, `end`) and group: the dimensions by name, `other` with `top`, then the measures.
    `amount` is the sum of the known amounts, null when none of the row's entries has one; `unpriced` counts the
    entries without. Compared measures have `_previous`, `_delta` and `_percent` beside them; what cannot be known is
    null."""
    totals: dict[str, Any]
    """The measures over everything, rows beyond `limit` included."""
    has_more: bool
    """Whether rows were cut off at `limit`."""


class EntriesDocument(_Document):
    """A page of ledger entries, newest first."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "from": "2026-11-18T00:00:00Z",
                    "to": "2026-11-25T00:00:00Z",
                    "data": [ENTRY_EXAMPLE],
                    "has_more": False,
                    "next_cursor": None,
                }
            ]
        },
    )

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    """The window that was searched; nothing outside it is listed."""
    data: list[dict[str, Any]]
    """Entries with all their fields; absent text is null, `quantities` holds every unit above zero."""
    has_more: bool
    next_cursor: str | None
    """Send it as `cursor` for the next page; null at the end."""


class EntryDocument(_Document):
    """A ledger entry and why its amount is what it is."""

    data: dict[str, Any]
    explanation: dict[str, Any]


class AccountDocument(_Document):
    """What became of the events of one source received on one UTC day: the balance of a true ledger is 0."""

    day: str | None = None
    """Absent from rows by source."""
    source: str | None = None
    """Absent from rows by day."""
    received: int
    counted: int
    duplicate: int
    conflict: int
    rejected: int
    pending: int
    """Accepted and durable, not yet in the ledger."""
    balance: int
    """received - counted - duplicate - conflict - rejected - pending."""
    entries: int | None = None
    """With `verify=true`: entries in the ledger itself and those that retention removed; equals `counted`."""


class ConservationDocument(_Document):
    """The account of every event received."""

    model_config = ConfigDict(populate_by_name=True)

    first: str = Field(alias="from")
    last: str = Field(alias="to")
    balanced: bool
    """Whether every balance is 0 and, with `verify=true`, every count is found in the ledger."""
    data: list[AccountDocument]
    totals: dict[str, Any]
    """The counts over everything, rows beyond `limit` included."""
    has_more: bool
    """Whether rows were cut off at `limit`."""


class RejectDocument(_Document):
    """An event that was refused."""

    source: str
    id: str | None
    received: Time
    outcome: Literal["rejected", "conflict"]
    pointer: str
    """Where in the event the fault is (RFC 6901)."""
    reason: str
    event: str
    """The event as it was sent, in JSON; values of unknown fields are left out."""


class RejectsDocument(_Document):
    """A page of refused events, newest first."""

    model_config = ConfigDict(populate_by_name=True)

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    data: list[RejectDocument]
    has_more: bool
    next_cursor: str | None
