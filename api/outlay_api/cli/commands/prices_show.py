"""`outlay prices show`: what a model costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.connection import connect
from outlay_api.cli.failure import DONE, FAILED, USAGE, Failure
from outlay_api.cli.output import show as show_result
from outlay_api.cli.rates_table import rates_table
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def show(
    sku: str,
    /,
    *,
    service_tier: str | None = None,
    region: str | None = None,
    at: datetime | None = None,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Print the prices of a model, contract prices included. Discounts are off the rates shown.

    For example:

        outlay prices show openai/gpt-4o
        outlay prices show anthropic/claude-sonnet-4-5 --service-tier batch --at 2026-06-01

    Parameters
    ----------
    sku
        PROVIDER/MODEL; any name the provider uses for the model.
    service_tier
        standard, batch, flex, priority, ...
    region
        As the provider names it.
    at
        The moment of use (local time unless it has an offset); now when not given.
    """
    provider, slash, model = sku.partition("/")
    if not (provider and slash and model):
        raise Failure(f"{sku!r} is not PROVIDER/MODEL; write for example openai/gpt-4o", USAGE)
    instant = None if at is None else at.astimezone().isoformat()
    async with connect(target) as connection:
        document = await connection.get(
            "/v1/prices", provider=provider, model=model, service_tier=service_tier, region=region, at=instant
        )
    rates = (document["price"] or {}).get("rates", [])
    show_result(output.format, document=document, rows=lambda: rates, table=lambda: _shown(document, rates))
    return DONE if document["price"] is not None else FAILED


def _shown(document: Mapping[str, Any], rates: list[dict[str, Any]]) -> RenderableType:
    name = f"{document['provider']} {document['model']}, {document['service_tier']} service"
    if document["price"] is None:
        return Text.assemble((name, "bold"), "  ", ("unpriced", "bold yellow"), f"  {document['reason']}")
    source = document["price"]["source"]
    listed = f"{source['list']} {source.get('version', '')}".strip() if source.get("list") else "the catalog"
    dates = "".join(f", {word} {source[word]}" for word in ("from", "until") if source.get(word))
    free = [Text("every unit is free of charge")] if document["price"]["no_charge"] else []
    heading = Text.assemble((name, "bold"), f"  {document['price_id']}, from {listed}{dates}")
    return Group(heading, *free, rates_table(rates))
