"""`outlay explain`: one amount, worked out."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from outlay_api.cli.connection import connect
from outlay_api.cli.explanation_view import explanation_view
from outlay_api.cli.output import show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def explain(
    event_id: str, /, *, source: str | None = None, target: Target = _TARGET, output: Show = _SHOW
) -> int:
    """Explain why an amount is what it is.

    Quantities times rates, context and service tier, discounts, where the price is from, rounding, and who says whose
    it is. The amount is computed again on the way.

    For example:

        outlay explain call-0001
        outlay explain call-0001 --source urn:example:search-api --format json

    Parameters
    ----------
    event_id
        Id of the event.
    source
        What sent it; needed only when several sources used the same id.
    """
    async with connect(target) as connection:
        document = await connection.get(f"/v1/events/{quote(event_id, safe='/')}", source=source)
    show(
        output.format,
        document=document,
        rows=lambda: [_row(document, line) for line in document["explanation"]["lines"]],
        table=lambda: explanation_view(document),
    )
    return 0


def _row(document: dict[str, Any], line: dict[str, Any]) -> dict[str, Any]:
    rate = line["rate"] or {}
    return {
        "id": document["data"]["id"],
        "unit": line["unit"],
        "quantity": line["quantity"],
        **{f"rate_{name}": rate.get(name) for name in ("unit", "usd", "per", "list_usd", "discount", "contract")},
        "amount": line["amount"],
        "price_id": document["data"]["price_id"],
    }
