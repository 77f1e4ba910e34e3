"""What routes ask FastAPI for: the services, and the caller with the scope the route needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from outlay_api.auth.keys import SCOPES, Scope
from outlay_api.auth.local import is_local
from outlay_api.http.problems import Problem
from outlay_api.services import Services

_CHALLENGE = 'Bearer realm="outlay"'
_HEADER_SCHEME = HTTPBearer(
    scheme_name="apiKey",
    bearerFormat="out_live_...",
    description="An API key (`outlay keys create`). Without any key, callers on the same machine need none.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: their organisation, and the key they used (None on loopback without keys)."""

    org: str
    key_id: str | None
    scopes: frozenset[Scope]

    @property
    def name(self) -> str:
        """The actor as the audit log keeps it."""
        return "local" if self.key_id is None else self.key_id

    def may(self, scope: Scope) -> bool:
        """Return whether the caller has `scope`; `admin` includes the others."""
        return scope in self.scopes or "admin" in self.scopes


async def get_services(request: Request) -> Services:
    """Return the services of the app that serves the request; asynchronous, since others are run in a thread."""
    services: Services = request.app.state.services
    return services


Provided = Annotated[Services, Depends(get_services)]
"""A route parameter that receives the services."""


async def caller(request: Request, services: Provided) -> Caller:
    """Return who is asking; raise a 401 problem that says how to get a key."""
    now, keys = services.clock.now(), services.keys
    if not keys.fresh(now):
        await run_in_threadpool(keys.renew, now)
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not secret:
        if request.app.state.in_process:
            return Caller(services.settings.org, None, frozenset(SCOPES))
        if not keys.empty:
            raise _unauthorised("missing-key", "send an API key: 'Authorization: Bearer out_live_...'")
        if is_local(request):
            return Caller(services.settings.org, None, frozenset(SCOPES))
        message = "no API key exists, so only the server's own machine is served; make a key there: outlay keys create"
        raise _unauthorised("missing-key", message)
    if scheme.lower() != "bearer":
        raise _unauthorised("invalid-key", f"the Authorization scheme {scheme[:32]!r} is not known; use Bearer")
    key = keys.find(secret.strip(), now)
    if key is None:
        raise _unauthorised(
            "invalid-key", "this API key is not known; it was mistyped or revoked", error="invalid_token"
        )
    if key.expired(now):
        message = f"the API key {key.prefix}... expired; make a new one: outlay keys create"
        raise _unauthorised("expired-key", message, error="invalid_token")
    return Caller(key.org, key.id, frozenset(key.scopes))


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that gives the caller when it has `scope`, and raises a 403 problem when not."""

    async def allowed(
        found: Annotated[Caller, Depends(caller)], _documented: Annotated[object, Depends(_HEADER_SCHEME)]
    ) -> Caller:
        if not found.may(scope):
            have = ", ".join(sorted(found.scopes)) or "none"
            raise Problem(
                403,
                "missing-scope",
                f"this needs an API key with the scope {scope!r}; this key has: {have}",
                headers={"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'},
            )
        return found

    return allowed


def _unauthorised(kind: str, detail: str, *, error: str | None = None) -> Problem:
    challenge = _CHALLENGE if error is None else f'{_CHALLENGE}, error="{error}"'
    return Problem(401, kind, detail, headers={"WWW-Authenticate": challenge})
