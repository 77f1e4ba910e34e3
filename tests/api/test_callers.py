"""Who may ask: the matrix of keys, scopes, expiry and the machine the caller is on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI

from outlay_api.auth.dependencies import Caller, require
from outlay_api.auth.keyring import FRESH, KeyRing
from outlay_api.auth.keys import ApiKey, Scope, digest, new_secret, shown
from outlay_api.http import problems
from outlay_infra.errors import StoreError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class ManualClock:
    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> datetime:
        return self.instant


class ListedKeys:
    """Keys in memory, counted as read."""

    def __init__(self) -> None:
        self.listed: dict[str, ApiKey] = {}
        self.changes = 0
        self.reads = 0
        self.asked = 0
        self.away = False

    def version(self) -> int:
        self.asked += 1
        if self.away:
            raise StoreError("the store does not answer")
        return self.changes

    def api_keys(self) -> Iterable[ApiKey]:
        self.reads += 1
        return list(self.listed.values())

    def make(self, *scopes: Scope, expires: datetime | None = None, org: str = "acme") -> str:
        secret = new_secret()
        key = ApiKey(
            id=f"key_{len(self.listed)}",
            name="test",
            org=org,
            scopes=scopes,
            prefix=shown(secret),
            sha256=digest(secret),
            created=NOW,
            expires=expires,
        )
        self.listed[key.id] = key
        self.changes += 1
        return secret

    def revoke_all(self) -> None:
        self.listed.clear()
        self.changes += 1


class Fake:
    """The services that callers need, and no others."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.documents = ListedKeys()
        self.keys = KeyRing(self.documents)
        self.settings = type("Settings", (), {"org": "default"})


@pytest.fixture
def services() -> Fake:
    return Fake()


@pytest.fixture
def app(services: Fake) -> FastAPI:
    app = FastAPI()
    app.state.services = services
    app.state.in_process = False
    problems.install(app)

    for scope in ("ingest", "read", "admin"):

        @app.get(f"/{scope}")
        async def route(caller: Caller = Depends(require(scope))) -> dict[str, Any]:  # noqa: B008
            return {"org": caller.org, "key": caller.key_id, "name": caller.name}

    return app


async def ask(
    app: FastAPI, path: str, *, key: str | None = None, client: str = "127.0.0.1", **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app, client=(client, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8321") as http:
        return await http.get(
            path, headers={**sent, **{name.replace("_", "-"): value for name, value in headers.items()}}
        )


@pytest.mark.parametrize("client", ["127.0.0.1", "127.1.2.3", "::1"])
async def test_without_keys_this_machine_may_do_everything(app: FastAPI, client: str) -> None:
    for scope in ("ingest", "read", "admin"):
        answer = await ask(app, f"/{scope}", client=client)
        assert answer.json() == {"org": "default", "key": None, "name": "local"}


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("10.0.0.7", {}),
        ("127.0.0.1", {"x_forwarded_for": "203.0.113.9"}),
        ("127.0.0.1", {"forwarded": "for=203.0.113.9"}),
        ("127.0.0.1", {"host": "rebound.example.com"}),
        ("127.0.0.1", {"host": "rebound:8321"}),
        ("127.0.0.1", {"host": "[bad"}),
        ("127.0.0.1", {"sec_fetch_site": "cross-site"}),
        ("127.0.0.1", {"sec_fetch_site": "same-site"}),
        ("127.0.0.1", {"origin": "https://example.com"}),
        ("127.0.0.1", {"origin": "null"}),
    ],
)
async def test_without_keys_nobody_else_is_served(app: FastAPI, client: str, headers: dict[str, str]) -> None:
    answer = await ask(app, "/read", client=client, **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "urn:outlay:problem:missing-key"
    assert "outlay keys create" in answer.json()["detail"]


async def test_the_own_page_of_a_local_browser_is_served(app: FastAPI) -> None:
    answer = await ask(app, "/read", origin="http://localhost:8321", sec_fetch_site="same-origin")
    assert answer.status_code == 200


async def test_once_a_key_exists_this_machine_needs_one_too(app: FastAPI, services: Fake) -> None:
    services.documents.make("read")
    answer = await ask(app, "/read")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:outlay:problem:missing-key")


@pytest.mark.parametrize(
    ("scopes", "served"),
    [
        (("ingest",), {"ingest"}),
        (("read",), {"read"}),
        (("ingest", "read"), {"ingest", "read"}),
        (("admin",), {"ingest", "read", "admin"}),
    ],
)
async def test_scopes(app: FastAPI, services: Fake, scopes: tuple[Scope, ...], served: set[str]) -> None:
    key = services.documents.make(*scopes)
    for scope in ("ingest", "read", "admin"):
        answer = await ask(app, f"/{scope}", key=key, client="203.0.113.9")
        if scope in served:
            assert answer.json() == {"org": "acme", "key": "key_0", "name": "key_0"}
        else:
            assert answer.status_code == 403
            assert f'scope="{scope}"' in answer.headers["www-authenticate"]
            assert repr(scope) in answer.json()["detail"]


async def test_a_key_counts_until_it_expires(app: FastAPI, services: Fake) -> None:
    key = services.documents.make("read", expires=NOW + timedelta(hours=1))
    services.clock.instant = NOW + timedelta(minutes=59, seconds=59)
    assert (await ask(app, "/read", key=key)).status_code == 200
    services.clock.instant = NOW + timedelta(hours=1)
    answer = await ask(app, "/read", key=key)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:outlay:problem:expired-key")
    assert key not in answer.text


@pytest.mark.parametrize(
    "authorization",
    ["Bearer nonsense", "Basic YTpi", "Bearer out_live_", "Token x", "x" * 5000, "Bearer " + "\xe9" * 58],
)
async def test_unknown_keys_and_schemes(app: FastAPI, services: Fake, authorization: str) -> None:
    services.documents.make("read")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/read", headers={"authorization": authorization.encode("latin-1")})
    assert answer.status_code == 401
    assert len(answer.text) < 600


async def test_a_wrong_key_is_refused_even_when_none_is_needed(app: FastAPI) -> None:
    assert (await ask(app, "/read", key=new_secret())).status_code == 401


async def test_keys_of_two_orgs_stay_apart(app: FastAPI, services: Fake) -> None:
    first, second = services.documents.make("read", org="acme"), services.documents.make("read", org="umbrella")
    assert (await ask(app, "/read", key=first)).json()["org"] == "acme"
    assert (await ask(app, "/read", key=second)).json()["org"] == "umbrella"


async def test_changes_elsewhere_are_noticed_soon_and_reading_is_rare(app: FastAPI, services: Fake) -> None:
    key = services.documents.make("read")
    for _ in range(5):
        assert (await ask(app, "/read", key=key)).status_code == 200
    assert services.documents.reads == 1
    services.documents.revoke_all()
    other = services.documents.make("admin")
    services.clock.instant = NOW + FRESH
    assert (await ask(app, "/read", key=key)).status_code == 401
    assert (await ask(app, "/read", key=other)).status_code == 200
    assert services.documents.reads == 2


async def test_keys_known_last_serve_while_the_store_is_away(app: FastAPI, services: Fake) -> None:
    key = services.documents.make("ingest")
    assert (await ask(app, "/ingest", key=key)).status_code == 200
    services.documents.away = True
    services.documents.revoke_all()
    services.clock.instant = NOW + FRESH
    asked = services.documents.asked
    for _ in range(3):
        assert (await ask(app, "/ingest", key=key)).status_code == 200
        assert (await ask(app, "/ingest", key=new_secret())).status_code == 401
    assert services.documents.asked == asked + 1, "one request in a while waits for the store, not each"
    services.documents.away = False
    services.clock.instant = NOW + 2 * FRESH
    assert (await ask(app, "/ingest", key=key)).status_code == 401


async def test_last_use_is_remembered_to_the_minute(app: FastAPI, services: Fake) -> None:
    key = services.documents.make("read")
    assert services.keys.last_use("key_0") is None
    await ask(app, "/read", key=key)
    services.clock.instant = NOW + timedelta(seconds=59)
    await ask(app, "/read", key=key)
    assert services.keys.last_use("key_0") == NOW
    services.clock.instant = NOW + timedelta(seconds=60)
    await ask(app, "/read", key=key)
    assert services.keys.last_use("key_0") == NOW + timedelta(seconds=60)
