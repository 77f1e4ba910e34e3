"""Seeded traffic for a cluster under attack: fresh events with repeats, conflicts, late ones and poison among them.

The same seed and instant give the same parcels. One parcel is sent after the other, each until it is acknowledged, so
what becomes of every event is known beforehand: what came first counts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any

from outlay_schemas.codec import encode_single_object
from outlay_schemas.usage import UsageEvent

Fields = dict[str, Any]
Identity = tuple[str, str, str]
"""Org, source, id."""

HOME = "default"
"""The org of whoever sends over HTTP without a key."""
ORGS = (HOME, "acme", "globex")
TEAMS = ("search", "ads", "ops", "lab", "care", None)
USD = MappingProxyType(
    {
        "input_tokens": Decimal("0.000002"),
        "output_tokens": Decimal("0.000007"),
        "images": Decimal("0.04"),
        "audio_seconds": Decimal("0.0001"),
    }
)
"""What the provider `house` charges for a unit."""
CATALOG: Mapping[str, Any] = MappingProxyType(
    {
        "prices": [
            {
                "id": "own",
                "sku": {"provider": "house", "model": "*"},
                "rates": {unit: str(usd) for unit, usd in USD.items()},
            },
            {"id": "gift", "sku": {"provider": "gifts", "model": "*"}, "rates": dict.fromkeys(USD, 0)},
        ]
    }
)

_FRESH, _REPEAT, _CONFLICT, _REFUSED = "fresh", "repeat", "conflict", "refused"
_KINDS = {_FRESH: 88, _REPEAT: 8, _CONFLICT: 2, _REFUSED: 2}
_RECENT = 4_000
_LONGEST = 60
"""Most events of a parcel."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent at once: over HTTP, all of `HOME`, or as records of `usage`."""

    http: bool
    events: list[tuple[str, Fields | bytes]]
    """The org and the fields of each event, or bytes that are none."""

    def body(self) -> bytes:
        """Return it as the body of a request."""
        return json.dumps([fields for _, fields in self.events]).encode()


class Traffic:
    """Deals parcels, and remembers what came first under every identity."""

    def __init__(self, seed: int, now: datetime) -> None:
        """Events happen some hours before `now`, so that a server whose clock is slow takes them too."""
        self._dice = random.Random(seed)
        self._newest = now - timedelta(hours=6)
        self.first: dict[Identity, Fields] = {}
        self._order: list[Identity] = []
        self._homely: list[Identity] = []

    def parcel(self) -> Parcel:
        """Return what is sent next; repeats and conflicts are of parcels before it, which are known to have come."""
        dice = self._dice
        http = dice.random() < 0.5
        events: list[tuple[str, Fields | bytes]] = []
        for _ in range(dice.randrange(1, _LONGEST)):
            (kind,) = dice.choices(list(_KINDS), list(_KINDS.values()))
            events.append(self._event(kind, http=http))
        known = len(self._order)
        self._order += islice(self.first, known, None)
        self._homely += (identity for identity in self._order[known:] if identity[0] == HOME)
        return Parcel(http, events)

    def _event(self, kind: str, *, http: bool) -> tuple[str, Fields | bytes]:
        earlier = (self._homely if http else self._order)[-_RECENT:]
        if kind == _REFUSED:
            org = HOME if http else self._dice.choice(ORGS)
            return org, self._invalid() if http else self._poison()
        if kind == _FRESH or not earlier:
            return self._new(HOME if http else self._dice.choice(ORGS))
        identity = self._dice.choice(earlier)
        fields = self.first[identity]
        if kind == _CONFLICT:
            fields = {**fields, "quantities": {"input_tokens": self._dice.randrange(10_000, 20_000)}}
        return identity[0], fields

    def _new(self, org: str) -> tuple[str, Fields]:
        fields = self._fresh(len(self.first))
        identity = (org, fields["source"], fields["id"])
        self.first[identity] = fields
        return org, fields

    def _fresh(self, number: int) -> Fields:
        dice = self._dice
        provider = dice.choices(["house", "gifts", "nobody"], [94, 3, 3])[0]
        ago = dice.choices([timedelta(0), timedelta(days=10), timedelta(days=45)], [90, 7, 3])[0]
        quantities: dict[str, int | str] = {
            "input_tokens": dice.randrange(1, 5_000),
            "output_tokens": dice.randrange(1, 900),
        }
        if dice.random() < 0.2:
            quantities["images"] = dice.randrange(1, 4)
        if dice.random() < 0.2:
            quantities["audio_seconds"] = f"{dice.randrange(100)}.{dice.randrange(1, 100):02}"
        fields: Fields = {
            "id": f"e{number}",
            "source": dice.choice(["checkout", "search", "api"]),
            "time": (self._newest - ago - timedelta(milliseconds=dice.randrange(5 * 3_600_000))).isoformat(),
            "provider": provider,
            "model": dice.choice(["small", "large", "vision"]),
            "quantities": quantities,
            "tags": {"tier": dice.choice(["gold", "free"])},
        }
        team = dice.choice(TEAMS)
        return fields if team is None else {**fields, "team": team}

    def _invalid(self) -> Fields:
        fields = self._fresh(self._dice.randrange(10**9, 2 * 10**9))
        faults = ({"time": "yesterday"}, {"quantities": {"input_tokens": -1}}, {"input_tokens": 12})
        return fields | self._dice.choice(faults)

    def _poison(self) -> bytes:
        """Return bytes that are no event: noise, an event cut short, or one that has not happened yet."""
        fields = self._fresh(self._dice.randrange(10**9, 2 * 10**9))
        ahead = (self._newest + timedelta(days=3_650)).isoformat()
        choices = (b"\xff\xff" + self._dice.randbytes(20), encoded(fields)[:-4], encoded({**fields, "time": ahead}))
        return self._dice.choice(choices)


def encoded(fields: Mapping[str, Any]) -> bytes:
    """Return an event as the value of a record."""
    return encode_single_object(UsageEvent.model_validate(fields))


def charged(event: UsageEvent) -> tuple[str, Decimal | None]:
    """Return the status and the amount that an event has to have by `CATALOG`."""
    match event.provider:
        case "house":
            amounts = (quantity * USD[unit] for unit, quantity in event.quantities.items())
            return "priced", sum(amounts, Decimal(0))
        case "gifts":
            return "free", Decimal(0)
        case _:
            return "unpriced", None
