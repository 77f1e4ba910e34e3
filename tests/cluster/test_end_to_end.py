"""Events over HTTP to an answer over HTTP, through every topic and role, equal to sums made by hand."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.support.cluster import Cluster, Role, eventually

INPUT, OUTPUT = Decimal("0.000002"), Decimal("0.000007")
LONG_AGO, FAR_AHEAD = "2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z"
CATALOG = {
    "prices": [
        {
            "id": "own",
            "sku": {"provider": "house", "model": "*"},
            "rates": {"input_tokens": 2, "output_tokens": 7},
            "per": 1_000_000,
        }
    ],
    "budgets": [
        {"id": "house", "amount": "100", "cadence": "year"},
        {"id": "red", "scope": {"team": "red"}, "amount": "10", "cadence": "once", "from": LONG_AGO, "to": FAR_AHEAD},
    ],
}
PERIOD = {"from": "2026-01-01", "to": "2100-01-01"}


@pytest.fixture(scope="module")
def roles(cluster: Cluster) -> Iterator[tuple[Role, ...]]:
    roles = cluster.start("api", "loader", "budgets")
    answer = httpx.put(f"{roles[0].url}/v1/catalog", json=CATALOG, timeout=60)
    assert answer.is_success, answer.text
    yield (*roles, *cluster.start("meter"))
    assert [role.stop() for role in cluster.roles] == [0, 0, 0, 0]


@pytest.fixture(scope="module")
def api(roles: tuple[Role, ...]) -> str:
    return roles[0].url


def events(count: int, seed: int) -> list[dict[str, Any]]:
    """Events of this hour, some of ten days ago and some older than the meter remembers."""
    rng = random.Random(seed)
    now = datetime.now(UTC)
    return [
        {
            "id": f"{seed}-{number}",
            "source": rng.choice(["checkout", "search"]),
            "time": (now - rng.choice([timedelta(minutes=5), timedelta(days=10), timedelta(days=45)])).isoformat(),
            "provider": "house",
            "model": rng.choice(["small", "large"]),
            "team": rng.choice(["red", "green", "blue"]),
            "tags": {"tier": rng.choice(["gold", "free"])},
            "quantities": {"input_tokens": rng.randrange(1, 5000), "output_tokens": rng.randrange(1, 900)},
        }
        for number in range(count)
    ]


def amount(event: dict[str, Any]) -> Decimal:
    quantities = event["quantities"]
    return quantities["input_tokens"] * INPUT + quantities["output_tokens"] * OUTPUT


def post(api: str, batch: list[dict[str, Any]]) -> dict[str, Any]:
    answer = httpx.post(f"{api}/v1/events", json=batch, timeout=60)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def get(api: str, path: str, **parameters: Any) -> dict[str, Any]:
    answer = httpx.get(f"{api}{path}", params=parameters, timeout=60)
    assert answer.is_success, answer.text
    return dict(answer.json())


def received(api: str) -> dict[str, int]:
    return dict(get(api, "/v1/conservation", **PERIOD)["totals"])


def spent(api: str, budget: str) -> Decimal | None:
    """Return what a budget says was spent, None while it has not begun."""
    (found,) = [row for row in get(api, "/v1/budgets")["data"] if row["id"] == budget] or [{"spent": None}]
    return None if found["spent"] is None else Decimal(found["spent"])


def test_every_event_is_counted_once_and_every_sum_is_right(cluster: Cluster, api: str) -> None:
    good = events(1_500, seed=7)
    repeats = random.Random(8).sample(good, 200)
    conflicts = [{**event, "quantities": {"input_tokens": 1}} for event in good[:5]]
    sent = [*good, *repeats, *conflicts, {"id": "no-time"}, {"id": "no-model", "time": "2026-05-04T12:00:00Z"}]
    answers = Counter[str]()
    for start in range(0, len(sent), 400):
        answers.update({k: v for k, v in post(api, sent[start : start + 400]).items() if isinstance(v, int)})
    assert answers == {"accepted": 1_705, "rejected": 2, "duplicate": 0, "conflict": 0}

    eventually(lambda: received(api)["received"] == len(sent) and not received(api)["pending"])

    totals = received(api)
    expected = {"counted": 1_500, "duplicate": 200, "conflict": 5, "rejected": 2, "pending": 0, "balance": 0}
    assert {name: totals[name] for name in expected} == expected
    by_team = {row["team"]: Decimal(row["amount"]) for row in get(api, "/v1/spend", group_by="team", **PERIOD)["data"]}
    wanted: dict[str, Decimal] = {}
    for event in good:
        wanted[event["team"]] = wanted.get(event["team"], Decimal(0)) + amount(event)
    assert by_team == wanted
    eventually(lambda: spent(api, "red") == wanted["red"])
    assert sum(each["entries"] for each in get(api, "/v1/teams/windows")["data"][0]["hours"]) > 0
    refused = get(api, "/v1/rejects", **PERIOD)["data"]
    assert sorted(row["outcome"] for row in refused) == ["conflict"] * 5 + ["rejected"] * 2


def test_the_check_agrees(cluster: Cluster, api: str) -> None:
    for where in (("--server", api), ()):
        checked = cluster.outlay("check", *where, "--format", "json")

        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert json.loads(checked.stdout)["ok"] is True


def test_a_repair_waits_for_the_loaders_to_be_stopped(api: str) -> None:
    refused = httpx.post(f"{api}/v1/check/repair", json={"table": "days", "partition": "202611"}, timeout=60)

    assert refused.status_code == 422
    assert "1 loader(s) run" in refused.text


def test_the_settings_are_checked_against_the_services(cluster: Cluster, api: str) -> None:
    checked = cluster.outlay("config", "check", "--format", "json")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert {row["service"] for row in json.loads(checked.stdout)["found"]} == {"store", "brokers"}


def test_every_role_tells_of_its_health(roles: tuple[Role, ...]) -> None:
    for role in roles:
        assert httpx.get(f"{role.url}/livez").status_code == 200
        ready = httpx.get(f"{role.url}/readyz", timeout=60)
        assert ready.status_code == 200, ready.text
        name = "publish" if role.name == "api" else role.name
        assert f"outlay_{name}_" in httpx.get(f"{role.url}/metrics").text
