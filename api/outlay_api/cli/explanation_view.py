"""Why an amount is what it is, worked out line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from outlay_api.cli.money import UNKNOWN, MoneyFormat, count
from outlay_api.cli.tables import Column, Tabulated
from outlay_schemas.dimensions import UNALLOCATED

Document = Mapping[str, Any]


def explanation_view(document: Document) -> RenderableType:
    """Return the answer of `/v1/events/{id}` to be read from top to bottom."""
    entry, explanation = document["data"], document["explanation"]
    parts: list[RenderableType] = [_headline(entry), _subject(entry, explanation), Text()]
    if explanation["lines"]:
        parts += [_sum(explanation), Text()]
    parts += [Padding(Text(sentence), (0, 0, 0, 2)) for sentence in _sentences(explanation)]
    parts += [Text(), Text("Whose it is", style="bold"), _attribution(explanation["attribution"]["steps"])]
    return Group(*parts)


def _headline(entry: Document) -> Text:
    amount = entry["amount"]
    if amount is None:
        return Text.assemble((str(entry["id"]), "bold"), "  ", (f"{UNKNOWN} {entry['kind']}", "bold yellow"))
    shown = (f"{Decimal(amount):,f} USD", "bold green")
    return Text.assemble((str(entry["id"]), "bold"), "  ", shown, f"  {entry['status']} {entry['kind']}")


def _subject(entry: Document, explanation: Document) -> Text:
    sku = explanation["sku"]
    names = " ".join(str(part) for part in (sku["provider"], sku["model"]) if part)
    more = [f"{sku['service_tier']} service" if sku["service_tier"] else "", sku["region"] or ""]
    facts = ", ".join(filter(None, [names, *more]))
    return Text(f"{facts}\nused {entry['time']}, received {entry['received']}, sent by {entry['source']}", style="dim")


def _sum(explanation: Document) -> Tabulated:
    lines, amount = explanation["lines"], explanation["amount"]
    per = {line["rate"]["per"] for line in lines if line["rate"] is not None}
    common = per.pop() if len(per) == 1 else None
    money = MoneyFormat.fitting([line["amount"] for line in lines] + [amount], exact=True)
    return Tabulated(
        columns=[
            Column(heading="unit", whole=True),
            Column(heading="quantity", number=True),
            Column(heading="rate in USD" if common is None else f"USD per {common:,}", number=True),
            Column(heading="amount in USD", number=True),
            Column(heading="because"),
        ],
        rows=[
            [
                line["unit"],
                count(line["quantity"]),
                _rate(line["rate"], common),
                money.cell(line["amount"]),
                _because(line),
            ]
            for line in lines
        ],
        total=["total", "", "", money.cell(amount), _rounding(explanation)],
    )


def _rate(rate: Document | None, common: int | None) -> str:
    if rate is None:
        return "no charge"
    return str(rate["usd"]) if common is not None else f"{rate['usd']} per {rate['per']:,}"


def _because(line: Document) -> str:
    rate = line["rate"]
    return "; ".join(_reasons(line, rate)) if rate is not None else ""


def _reasons(line: Document, rate: Document) -> Iterator[str]:
    if rate["unit"] != line["unit"]:
        yield f"priced as {rate['unit']}"
    if rate["tier_over"] is not None:
        yield f"call over {rate['tier_over']:,} input tokens"
    if rate["variant"]:
        yield "rate of this service tier or route"
    if rate["discount"] is not None:
        yield f"{rate['discount']} % off {rate['list_usd']}"
    if rate["contract"] is not None:
        yield f"contract price {rate['contract']}"
    if line["minimum"]:
        yield "least that a call is billed"


def _rounding(explanation: Document) -> str:
    rounding = explanation["rounding"]
    if not rounding or explanation["amount"] is None:
        return ""
    checked = "" if explanation["recomputed"] else ", BUT COMPUTED AGAIN IT IS NOT WHAT WAS BOOKED"
    return (rounding["method"] if rounding["rounded"] else "exact") + checked


def _sentences(explanation: Document) -> Iterator[str]:
    """Yield the sentences that the tables do not already show."""
    told = {f"{line['text']}." for line in explanation["lines"]}
    dimensions = tuple(f"{step['dimension']} is " for step in explanation["attribution"]["steps"])
    for sentence in explanation["text"]:
        if sentence not in told and not sentence.startswith(dimensions):
            yield sentence


def _attribution(steps: Sequence[Document]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for step in steps:
        value = step["value"]
        shown = Text(f"({value})", style="bold magenta") if value == UNALLOCATED else Text(value)
        table.add_row(step["dimension"].replace("_", " "), shown, Text(_giver(step), style="dim"))
    return table


def _giver(step: Document) -> str:
    match step["by"]:
        case "event":
            return "the event says so"
        case "nobody":
            return "nothing says"
        case "default":
            return "the organisation's default"
        case by:
            return f"{step['kind'] or by} {step['id'] or ''}".strip()
