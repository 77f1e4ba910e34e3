"""No parameter, whatever it holds, is worse than a 400; any text is a value like any other."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay_api.queries.fields import Field
from outlay_api.queries.filters import Filter
from outlay_api.queries.statement import Binder
from outlay_infra.warehouse import Warehouse

NASTY = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "\x00",
            "\t",
            "\\",
            "\\N",
            "'",
            "'; DROP TABLE ledger --",
            "{org:String}",
            "%s",
            "`",
            "\n",
            "\r\n",
            "é",
            "😀",
            "]",
            '"',
            "\x1f",
        ]
    ),
)
WORDS = st.sampled_from(
    [
        "team",
        "user",
        "tags.",
        "tags.a",
        "-team",
        "amount",
        "users",
        "latency_p95",
        "quantities.",
        "last_",
        "2026-11-",
        "Z",
        ",",
        ":",
    ]
)
VALUES = st.lists(st.one_of(NASTY, WORDS), max_size=4).map("".join)
NAMES = [
    "from",
    "to",
    "period",
    "zone",
    "interval",
    "group_by",
    "filter",
    "measures",
    "order",
    "top",
    "compare",
    "limit",
    "format",
    "cursor",
    "source",
    "outcome",
    "verify",
]
PATHS = ["/v1/spend", "/v1/events", "/v1/rejects", "/v1/conservation", "/v1/events/x"]

shared = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(values=st.lists(NASTY, min_size=1, max_size=3, unique=True), key=NASTY)
def test_any_text_is_a_value(warehouse: Warehouse, values: list[str], key: str) -> None:
    bind = Binder()
    tag = Field(f"tags.{key}", tag=key)
    kept = Filter(tag, tuple(values)).condition(bind, slot="key")
    dropped = Filter(Field("team"), tuple(values), negated=True).condition(bind, slot="none")
    stored = ", ".join(bind(*each) for each in (("k", "String", key), ("v", "String", values[-1])))
    row = f"SELECT map({stored}) AS tags, {bind('team', 'String', values[0])} AS team"
    found = warehouse.query(f"SELECT {kept} AS kept, {dropped} AS dropped FROM ({row}) AS t", bind.params)
    assert found.to_pylist() == [{"kept": 1, "dropped": 0}]


@pytest.mark.parametrize("path", PATHS)
async def test_no_parameter_is_worse_than_a_400(http: httpx.AsyncClient, path: str) -> None:
    asked: list[list[tuple[str, str]]] = []

    @settings(max_examples=80, deadline=None, database=None)
    @given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), min_size=1, max_size=4))
    def collect(params: list[tuple[str, str]]) -> None:
        asked.append(params)

    collect()
    for params in asked:
        answer = await http.get(f"{path}?{urlencode(params, errors='surrogatepass')}")
        assert answer.status_code in {200, 400, 404}, (params, answer.text)


@pytest.mark.parametrize(
    "params",
    [
        {"filter": "tags.a'b`:x\\\\y"},
        {"filter": "team:" + ",".join(f"{n:0200d}" for n in range(200))},
        {"group_by": "tags.a,tags.b`,tags.c'd"},
        {"from": "1900-01-02", "to": "2299-12-30", "interval": "month"},
        {"from": "2026-11-01T00:00:00.001Z", "to": "2026-11-01T00:00:00.002Z"},
        {"from": "1969-12-31T23:59:59.999Z", "to": "1970-01-01T00:00:00Z", "interval": "day", "compare": "previous"},
        {"from": "1960-01-01", "to": "1971-01-01", "interval": "year", "group_by": "team", "top": "1"},
        {"period": "last_9999_days", "interval": "day"},
    ],
)
async def test_extremes_are_answered(http: httpx.AsyncClient, params: dict[str, Any]) -> None:
    answer = await http.get("/v1/spend", params=params)
    assert answer.status_code == 200, answer.text
