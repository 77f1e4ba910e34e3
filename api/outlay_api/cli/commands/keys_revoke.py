"""`outlay keys revoke`: an API key that is refused from now on."""

from __future__ import annotations

from urllib.parse import quote

from outlay_api.cli.connection import connect
from outlay_api.cli.output import out
from outlay_api.cli.target import Target

_TARGET = Target()


async def revoke(key_id: str, /, *, target: Target = _TARGET) -> int:
    """Revoke an API key: whoever uses it is refused from now on.

    For example:

        outlay keys revoke key_0f1e2d3c4b5a6978

    Parameters
    ----------
    key_id
        Id of the key, as `outlay keys list` shows it.
    """
    async with connect(target) as connection:
        await connection.ask("DELETE", f"/v1/keys/{quote(key_id, safe='')}")
    out().print(f"revoked {key_id}", markup=False)
    return 0
