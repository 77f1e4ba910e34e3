"""The JSON documents of the operational routes, keys and intake, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from outlay_api.auth.keys import ApiKey, Scope
from outlay_api.http.instant import Instant
from outlay_schemas.outcome import Verdict
from outlay_schemas.usage import Text


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Alive(_Document):
    """The process runs."""

    status: Literal["ok"]


class Readiness(_Document):
    """Whether requests can be served."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str]
    """Each check: `ok`, or what is wrong."""


class Running(_Document):
    """What runs."""

    name: Literal["outlay"]
    version: str


class EventOutcome(_Document):
    """What became of one event."""

    index: int
    """Position in the request, from 0."""
    id: str | None = None
    """The event's id, when it could be read."""
    outcome: Verdict
    pointer: str | None = None
    """Where in the event the fault is (RFC 6901)."""
    reason: str | None = None
    """What is wrong and what to change."""


class IntakeAnswer(_Document):
    """What became of the events of a request. All of them are durable: do not send any of them again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "accepted": 498,
                    "duplicate": 1,
                    "conflict": 0,
                    "rejected": 1,
                    "events": [
                        {"index": 17, "id": "call-0017", "outcome": "duplicate"},
                        {
                            "index": 204,
                            "id": "call-0204",
                            "outcome": "rejected",
                            "pointer": "/quantities/input_tokens",
                            "reason": "Input should be greater than or equal to 0",
                        },
                    ],
                }
            ]
        }
    )

    accepted: int
    """Counted now."""
    duplicate: int
    """Counted before, with the same content."""
    conflict: int
    """Not counted: the id was used before for other content."""
    rejected: int
    """Not counted: invalid."""
    events: list[EventOutcome]
    """The events that were not accepted, in the order sent; every event with `detail=all`."""


class KeyRequest(_Document):
    """A key to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "search-api production", "scopes": ["ingest"]}]},
    )

    name: Text
    """What or who will use it."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=3)] = ("ingest",)
    """`ingest` sends events, `read` asks, `admin` changes catalog and keys and includes the other two."""
    expires: AwareDatetime | None = None
    """From this instant on the key is refused; absent means never."""


class ShownKey(_Document):
    """A key, without its secret."""

    id: str
    name: str
    org: str
    scopes: tuple[Scope, ...]
    prefix: str
    """The first characters of the secret, to recognise it by."""
    created: Instant
    expires: Instant | None
    last_used: Instant | None
    """When this server last saw it, to the minute; forgotten at a restart."""


class NewKey(ShownKey):
    """A key just made. The secret is shown this once."""

    secret: str


class KeyList(_Document):
    """Every key of the organisation."""

    data: list[ShownKey]


def shown_key(key: ApiKey, last_used: AwareDatetime | None) -> ShownKey:
    """Return what may be shown of `key`."""
    return ShownKey(**key.model_dump(exclude={"sha256"}), last_used=last_used)
