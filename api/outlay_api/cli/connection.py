"""One way to the ledger for every command: HTTP, over the network or into the application in this process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.failure import DEFAULT_SERVER, FAILED, USAGE, Failure
from outlay_api.cli.target import Target

if TYPE_CHECKING:
    from outlay_api.services import Services
    from outlay_infra.settings import Settings

TIMEOUT = httpx.Timeout(120.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Connection:
    """An open way to the API; `transport` carries other clients over the same way."""

    http: httpx.AsyncClient
    url: str
    transport: httpx.AsyncBaseTransport | None
    folder: Path | None
    """The data folder, unless a server is asked."""

    async def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON answer to GET; absent parameters are None. Raises `Failure` with the problem's detail."""
        return await self.ask("GET", path, params={k: v for k, v in parameters.items() if v is not None})

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """Return the JSON answer to any request, None when it has no body; raises `Failure`."""
        response = await self.http.request(method, path, **request)
        if response.is_success:
            return response.json() if response.content else None
        raise Failure(problem_text(response), USAGE if response.status_code in {400, 422} else FAILED)


def problem_text(response: httpx.Response) -> str:
    """Return what a problem document says, or the status when it is none."""
    try:
        problem = response.json()
        detail = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError):
        detail = None
    return str(detail or f"the server answered {response.status_code} {response.reason_phrase}")


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Connection]:
    """Open the way `target` names, and close it."""
    if target.server is None:
        async with _embedded(target) as connection:
            yield connection
        return
    if target.data is not None:
        raise Failure("--data and --server exclude each other; give one", USAGE)
    if not target.server.startswith(("http://", "https://")):
        raise Failure(f"--server {target.server!r} is not a URL; write for example {DEFAULT_SERVER}", USAGE)
    async with httpx.AsyncClient(base_url=target.server, headers=_headers(target.key), timeout=TIMEOUT) as http:
        yield Connection(http, target.server, None, None)


@asynccontextmanager
async def _embedded(target: Target) -> AsyncIterator[Connection]:
    """Compose the application over the data folder, or the cluster in the settings; whoever may open it may do all."""
    from outlay_api.app import create_app  # noqa: PLC0415 - a server's client never loads the engine
    from outlay_infra.logging import configure  # noqa: PLC0415
    from outlay_infra.settings import LogSettings  # noqa: PLC0415

    settings = ledger_settings(target.config, data=target.data, log=LogSettings(level="warning", format="console"))
    configure(settings.log, sys.stderr)
    with _composed(settings) as services:
        app = create_app(services, in_process=True)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        url = "http://localhost"
        async with httpx.AsyncClient(
            transport=transport, base_url=url, headers=_headers(None), timeout=TIMEOUT
        ) as http:
            yield Connection(http, url, transport, settings.data)


def _composed(settings: Settings) -> AbstractContextManager[Services]:
    if settings.clustered:
        from outlay_api.cluster import services_of  # noqa: PLC0415 - Kafka loads when it is needed

        return services_of(settings)
    from outlay_api.compose import embedded  # noqa: PLC0415

    return embedded(settings)


def _headers(key: str | None) -> dict[str, str]:
    headers = {"user-agent": f"outlay-cli/{metadata.version('outlay')}", "accept": "application/json"}
    return headers if key is None else {**headers, "authorization": f"Bearer {key}"}
