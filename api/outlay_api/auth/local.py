"""Whether a request comes from a program on this machine, when no key protects the server.

The address alone is not proof: a page in a local browser can make the browser ask (cross-site requests, DNS rebinding),
and a proxy on this machine passes on the requests of others. So the host asked for must be this machine's own name for
itself, and no browser may say that another site asks.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from outlay_infra.settings import is_loopback

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_OWN_SITES = frozenset({"same-origin", "none"})


def is_local(request: Request) -> bool:
    """Return whether the request was made on this machine, for this machine."""
    client = request.client
    headers = request.headers
    if client is None or not is_loopback(client.host) or any(name in headers for name in _FORWARDED):
        return False
    if not _own_name(headers.get("host", "")) or headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _own_name(authority: str) -> bool:
    """Return whether `authority` (host or host:port) is this machine's own name for itself.

    Any other name, one without a dot too (a network names its search domain), is resolved by somebody else.
    """
    try:
        host = urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return False
    return is_loopback(host)
