"""The usage event: an immutable fact from a producer, who used how much of what, when.

Identity is (org, source, id), as in CloudEvents; the org comes from the caller's key, never from the body.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from outlay_schemas.units import QUANTITY_SCALE, UNIT_NAME

MAX_TEXT = 256
MAX_TAGS = 32
MAX_UNITS = 64
MAX_EVENT_BYTES = 64 * 1024
MAX_FUTURE = timedelta(minutes=10)
MAX_QUANTITY = 10**15
MAX_COUNT = 10**12
"""Largest quantity of a unit with a 64-bit column of its own (`units.FREQUENT`, `units.CALLS`): nine million entries at
the limit still sum without wrapping, more use than there is."""

CLOUDEVENT_TYPE = "dev.outlay.usage.recorded.v1"


def _as_a_date(value: object) -> object:
    """Refuse numbers, also as text: whether they are seconds or milliseconds, only their sender knows."""
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise PydanticCustomError("datetime_number", "write RFC 3339 with an offset")


_NUMBER_TEXT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _as_plain_digits(value: object) -> object:
    """Refuse texts that are a number to Python alone: with underscores, spaces or the digits of other scripts."""
    if isinstance(value, str) and not _NUMBER_TEXT.fullmatch(value):
        raise PydanticCustomError("decimal_text", "write a number in plain digits, such as 37.5")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_as_a_date)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00-\x1f\x7f]*$")]
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=r"^[^\x00-\x1f\x7f]*$")]
TagValue = Annotated[str, StringConstraints(max_length=MAX_TEXT, pattern=r"^[^\x00-\x1f\x7f]*$")]
UnitName = Annotated[str, StringConstraints(pattern=f"^{UNIT_NAME.pattern}$")]
Quantity = Annotated[
    Decimal,
    Field(ge=0, le=MAX_QUANTITY, max_digits=16 + QUANTITY_SCALE, decimal_places=QUANTITY_SCALE),
    BeforeValidator(_as_plain_digits),
]
Amount = Annotated[
    Decimal,
    Field(max_digits=38, decimal_places=12, ge=-(10**12), le=10**12),
    BeforeValidator(_as_plain_digits),
]
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]

Kind = Literal["usage", "invoice", "adjustment"]
Category = Literal["compute", "model_api", "data", "personnel", "tooling", "governance"]
Outcome = Literal["ok", "error"]


class UsageEvent(BaseModel):
    """One usage event as it is sent over any wire.

    Quantities are disjoint: `input_tokens` excludes cached and cache-writing tokens, `output_tokens` excludes
    reasoning. Unknown fields are refused, so a misspelt count is never silently lost; free values belong in `tags`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False, use_attribute_docstrings=True)

    id: Text
    """Unique within `source`; a retry carries the same id."""
    source: Text = "api"
    """What produced the event, for example `urn:outlay:sdk:search-api`."""
    time: Moment
    """The moment of use, RFC 3339 with an offset. Kept to the millisecond."""
    provider: Text
    """The vendor, for example `openai`; resolved to its canonical name by pricing."""
    model: Text
    """The model or product the provider says it used, as in its response."""
    quantities: Annotated[dict[UnitName, Quantity], Field(max_length=MAX_UNITS)] = Field(default_factory=dict)
    """Unit to quantity, for example `{"input_tokens": 386, "cached_input_tokens": 1920, "output_tokens": 412}`."""
    service_tier: Text | None = None
    """`standard`, `batch`, `flex`, `priority`, ...: the tier the provider really used."""
    region: Text | None = None
    """Where it was served, in the provider's own words."""
    operation: Text | None = None
    """`chat`, `embeddings`, `image_generation`, ..."""
    business_unit: Text | None = None
    """The unit of the business that pays."""
    department: Text | None = None
    """The department inside the business unit."""
    team: Text | None = None
    """The team that pays."""
    project: Text | None = None
    """The project inside the team."""
    app: Text | None = None
    """The application that made the call."""
    env: Text | None = None
    """`production`, `staging`, `development`, ..."""
    key: Text | None = None
    """The name or id of the provider or virtual key used; never the secret."""
    user: Text | None = None
    """The end user on whose behalf the call was made; a pseudonym will do."""
    use_case: Text | None = None
    """What the call was for, for example `summarise-ticket`."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=MAX_TAGS)] = Field(default_factory=dict)
    """Free keys and values to group spend by."""
    latency_ms: Milliseconds | None = None
    """Duration of the whole call, in milliseconds."""
    ttft_ms: Milliseconds | None = None
    """Time to the first token, in milliseconds."""
    outcome: Outcome = "ok"
    """Whether the call succeeded; a failed call may still cost money."""
    estimated: StrictBool = False
    """Whether the quantities are a lower bound, as after a cut stream."""
    request_id: Text | None = None
    """The provider's own id of the call, to match invoices."""
    trace_id: Text | None = None
    """The trace the call belongs to."""
    kind: Kind = "usage"
    """`usage`, or a billed line without events: `invoice`, `adjustment`."""
    category: Category | None = None
    """One of the six cost categories; derived from the unit when absent."""
    amount: Amount | None = None
    """USD as billed. Required for `invoice` and `adjustment`; refused for `usage`, which is priced by quantity."""
    provider_cost: Amount | None = None
    """USD the provider itself reported for this call; kept beside our amount, never used for it."""

    @model_validator(mode="after")
    def _amount_belongs_to_billed_lines(self) -> Self:
        if (self.kind == "usage") is not (self.amount is None):
            raise ValueError(
                "amount is set by pricing for kind 'usage'; leave it out, or send it as provider_cost"
                if self.kind == "usage"
                else f"amount is required for kind {self.kind!r}"
            )
        return self


def too_far_ahead(time: datetime, now: datetime) -> bool:
    """Return whether an event time lies further in the future than clocks may drift."""
    return time - now > MAX_FUTURE
