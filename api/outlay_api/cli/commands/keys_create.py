"""`outlay keys create`: a new API key."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from outlay_api.cli.connection import connect
from outlay_api.cli.output import note, show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def create(
    name: str,
    /,
    *,
    scope: tuple[Literal["ingest", "read", "admin"], ...] = ("ingest",),
    expires: datetime | None = None,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Make an API key. Its secret is printed once and kept nowhere.

    The first key must have the scope admin: from then on every caller needs a key.

    For example:

        outlay keys create operations --scope admin
        outlay keys create search-api --scope ingest --scope read --expires 2027-01-01T00:00:00Z

    Parameters
    ----------
    name
        What or who will use it.
    scope
        What it may do: ingest sends events, read asks, admin changes catalog and keys and includes the others.
    expires
        When it stops working (local time unless it has an offset); never, when not given.
    """
    instant = None if expires is None else expires.astimezone().isoformat()
    body = {"name": name, "scopes": list(scope), **({"expires": instant} if instant else {})}
    async with connect(target) as connection:
        key = await connection.ask("POST", "/v1/keys", json=body)
    note(f"key {key['id']} ({', '.join(key['scopes'])}); keep the secret, it is not shown again:")
    show(output.format, document=key, rows=lambda: [key], table=lambda: key["secret"])
    return 0
