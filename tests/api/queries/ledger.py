"""A small ledger with everything that makes questions hard, and the plain answer to any spend question about it.

The answer is computed entry by entry in `Decimal`, from the entries alone, so it stands as a second opinion on the SQL,
the planner and the shaping of answers.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import xxhash

from outlay_api.queries.calendar import Buckets, Interval, midnight
from outlay_api.queries.fields import Field
from outlay_api.queries.latency import lower_bound
from outlay_api.queries.measures import Measure
from outlay_api.queries.spend import SpendQuery
from outlay_infra.catalog_store import ROWS
from outlay_schemas.block import Block
from tests.builders import block, entries

Entry = Mapping[str, Any]

TURNS = (
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
)
"""When the clocks turn in Berlin (twice) and in New York."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One organisation's entries, and the zone whose days its day rows keep."""

    org: str
    zone: ZoneInfo
    rows: tuple[Entry, ...] = field(repr=False)

    def catalog(self) -> pa.Table:
        """Return the catalog rows that declare the zone, in force from the first entry on."""
        body = json.dumps({"reporting_zone": self.zone.key})
        row = {"org": self.org, "version": 0, "kind": "organisation", "id": "", "body": body, "deleted": False}
        return pa.Table.from_pylist([{**row, "actor": "test", "at": TURNS[0]}], ROWS)

    def blocks(self, count: int = 3) -> Iterator[Block]:
        """Yield the ledger cut into blocks."""
        for number in range(count):
            part = entries(*self.rows[number::count])
            yield block(part, partition=f"{self.org}/0", offset=number, zones={self.org: self.zone.key})


def random_ledger(org: str, zone: str, *, seed: int, count: int) -> Ledger:
    """Return a ledger whose entries crowd around clock changes and local midnights."""
    chance = random.Random(seed)
    return Ledger(org, ZoneInfo(zone), tuple(_entry(org, ZoneInfo(zone), number, chance) for number in range(count)))


def _entry(org: str, zone: ZoneInfo, number: int, chance: random.Random) -> Entry:
    unpriced = chance.random() < 0.2
    amount = None if unpriced else Decimal(chance.randrange(0, 10**15)).scaleb(-12)
    tags = {key: chance.choice(("chat", "search", "", "=1+1")) for key in ("feature", "tier") if chance.random() < 0.6}
    return {
        "org": org,
        "id": f"e{number}",
        "source": chance.choice(("api", "gateway")),
        "time": _time(zone, chance),
        "team": chance.choice(("search", "ads", "unallocated")),
        "project": chance.choice(("ranking", "bidding", "unallocated")),
        "env": chance.choice(("prod", "dev")),
        "user": chance.choice(("ann", "bob", "cé", "unallocated")),
        "provider": chance.choice(("openai", "anthropic")),
        "model": chance.choice(("gpt-5-mini", "claude-haiku-4-5")),
        "region": chance.choice(("", "eu")),
        "estimated": chance.random() < 0.2,
        "kind": "usage",
        "tags": tags,
        "status": "unpriced" if unpriced else "priced",
        "reason": "unknown model" if unpriced else "",
        "amount": amount,
        "calls": chance.randrange(0, 4),
        "input_tokens": chance.randrange(0, 10**6),
        "quantities": {"images": chance.randrange(0, 3)} if chance.random() < 0.3 else {},
        "latency_ms": chance.choice((None, 0, 5, 63, 64, 65, 700, 90_000)),
        "ttft_ms": chance.choice((None, 3, 129)),
    }


def _time(zone: ZoneInfo, chance: random.Random) -> datetime:
    near = chance.choice(TURNS) + timedelta(days=chance.randrange(-40, 40), milliseconds=chance.randrange(86_400_000))
    edge = midnight(near.astimezone(zone).date(), zone)
    return chance.choice((near, edge, edge - timedelta(milliseconds=1), edge + timedelta(minutes=15)))


def plain_answer(query: SpendQuery, ledger: Ledger) -> list[dict[str, Any]]:
    """Return the rows that answer `query`, in any order, as `SpendAnswer.rows` gives them."""
    kept = [row for row in ledger.rows if all(_passes(row, filtered) for filtered in query.filters)]
    present = [row for row in kept if any(_adds(row, measure) for measure in query.computed)]
    current = _cut(present, query.buckets, query)
    previous = _cut(present, query.matched, query) if query.matched is not None else {}
    top = _top(current, previous, query)
    groups: dict[tuple[Any, ...], tuple[list[Entry], list[Entry]]] = defaultdict(lambda: ([], []))
    for side, cells in enumerate((current, previous)):
        for (index, key), found in cells.items():
            groups[(index, *_shown(key, top))][side].extend(found)
    if not groups and not query.group_by and query.interval is Interval.NONE:
        groups[0, ()] = ([], [])
    return [_row(key, now, before, query) for key, (now, before) in groups.items()]


def _cut(rows: list[Entry], buckets: Buckets, query: SpendQuery) -> dict[tuple[int, tuple[str, ...]], list[Entry]]:
    cells: dict[tuple[int, tuple[str, ...]], list[Entry]] = defaultdict(list)
    for row in rows:
        if buckets.bounds[0] <= row["time"] < buckets.bounds[-1]:
            key = tuple(_value(row, each) for each in query.group_by)
            cells[bisect_right(buckets.bounds, row["time"]) - 1, key].append(row)
    return cells


def _top(
    current: Mapping[Any, list[Entry]], previous: Mapping[Any, list[Entry]], query: SpendQuery
) -> set[tuple[str, ...]] | None:
    if query.top is None:
        return None
    weights: dict[tuple[str, ...], Any] = dict.fromkeys((key for _, key in (*current, *previous)), 0)
    for (_, key), found in current.items():
        weights[key] += _sum(found, Measure(query.order.name)) or 0
    sign = -1 if query.order.descending else 1
    return set(sorted(weights, key=lambda key: (sign * weights[key], key))[: query.top])


def _shown(key: tuple[str, ...], top: set[tuple[str, ...]] | None) -> tuple[Any, ...]:
    if top is None:
        return (key,)
    return (key, False) if key in top else ((None,) * len(key), True)


def _row(key: tuple[Any, ...], now: list[Entry], before: list[Entry], query: SpendQuery) -> dict[str, Any]:
    index, group, *other = key
    row: dict[str, Any] = {}
    if query.interval is not Interval.NONE:
        row |= {"start": query.buckets.bounds[index], "end": query.buckets.bounds[index + 1]}
    row |= dict(zip((each.name for each in query.group_by), group, strict=True))
    row |= {"other": other[0]} if other else {}
    for measure in query.measures:
        row[measure.name] = value = _measured(now, measure)
        if query.matched is not None:
            base = _measured(before, measure) if index < len(query.matched) else None
            delta = None if value is None or base is None else value - base
            row[f"{measure.name}_previous"], row[f"{measure.name}_delta"] = base, delta
            row[f"{measure.name}_percent"] = _percent(delta, base)
    return row


def _percent(delta: Any, base: Any) -> Decimal | None:
    if delta is None or not base:
        return None
    return (Decimal(delta) * 100 / Decimal(base)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def _measured(rows: list[Entry], measure: Measure) -> Any:
    if measure.name == "users":
        known = {row["user"] for row in rows} - {"unallocated"}
        return len({xxhash.xxh3_64_intdigest(user.encode()) & 0xFFFFFFFF for user in known})
    if not measure.additive:
        name, level = measure.name.split("_p")
        values = sorted(row[f"{name}_ms"] for row in rows if row[f"{name}_ms"] is not None)
        if not values:
            return None
        place = next(n for n in range(1, len(values) + 1) if n * 100 >= int(level) * len(values))
        return lower_bound(values[place - 1], is_bucket=False)
    return _sum(rows, measure)


def _sum(rows: list[Entry], measure: Measure) -> Any:
    match measure.name:
        case "entries":
            return len(rows)
        case "unpriced":
            return sum(row["status"] == "unpriced" for row in rows)
        case "amount":
            known = [row["amount"] for row in rows if row["amount"] is not None]
            return None if rows and not known else sum(known, Decimal(0))
        case _ if measure.unit is not None:
            return sum((Decimal(row["quantities"].get(measure.unit, 0)) for row in rows), Decimal(0))
        case name:
            return sum(row.get(name, 0) for row in rows)


def _adds(row: Entry, measure: Measure) -> bool:
    if measure.name == "users":
        return bool(row["user"] != "unallocated")
    return measure.additive or row[f"{measure.name.split('_p')[0]}_ms"] is not None


def _passes(row: Entry, each: Any) -> bool:
    return (_value(row, each.field) in each.values) is not each.negated


def _value(row: Entry, each: Field) -> str:
    if each.tag is not None:
        return str(row["tags"].get(each.tag, "unallocated"))
    value = row.get(each.name, "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def comparable(rows: list[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    """Return rows in one order and form, so that equal answers are equal."""
    return sorted(tuple((name, _text(value)) for name, value in row.items()) for row in rows)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return repr(value)


def as_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return an answer's rows."""
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
