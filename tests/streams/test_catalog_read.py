"""A catalog file is read exactly, or refused with every problem, its place and its fix."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from outlay_schemas.catalog import Catalog
from outlay_streams.catalog import MAX_CATALOG_BYTES, CatalogError, read_catalog


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(CatalogError) as refused:
        read_catalog(text.encode() if isinstance(text, str) else text)
    return [str(problem) for problem in refused.value.problems]


def test_scalars_keep_what_was_written() -> None:
    catalog = read_catalog(b"""
        organisation: {name: no, defaults: {env: 1e3, use_case: 2026-07-01}}
        teams: [{id: 0042, department: 12:30, business_unit: null, from: 2026-07-01T00:00:00+02:00}]
        prices:
          - {id: p, sku: {provider: x}, discount: 12.50, rates: {seats: 0.1, gpu_seconds: 1e-6}, per: 1000}
    """)
    assert (catalog.organisation.name, catalog.organisation.defaults) == (
        "no",
        {"env": "1e3", "use_case": "2026-07-01"},
    )
    team, price = catalog.teams[0], catalog.prices[0]
    assert (team.id, team.department, team.business_unit) == ("0042", "12:30", None)
    assert team.effective_from == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert (str(price.discount), price.rates, price.per) == (
        "12.50",
        {"seats": Decimal("0.1"), "gpu_seconds": Decimal("1E-6")},
        1000,
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "teams:\norganisation:\n", "{}"])
def test_nothing_is_the_empty_catalog(text: str) -> None:
    assert read_catalog(text.encode()) == Catalog()


def test_what_a_catalog_writes_as_json_reads_back() -> None:
    catalog = Catalog.model_validate(
        {"organisation": {"name": 'Größe 😀 \\ud83d "x"'}, "teams": [{"id": "a", "owners": ["😀"]}]}
    )
    for ascii_only in (True, False):
        text = json.dumps(catalog.model_dump(mode="json", by_alias=True), ensure_ascii=ascii_only)
        assert read_catalog(text.encode()) == catalog


def test_every_problem_is_reported_at_once_with_line_pointer_and_fix() -> None:
    text = """\
organisation: {reporting_zone: Europe/Berln}
teams:
  - {id: search, departmnt: x}
  - {id: search}
  - {id: growth, from: 2026-07-01}
  - id: support
    zone: Asia/Kolkata
    zone: Asia/Calcutta
projects:
  - {id: ranking, team: serch}
  - {id: ads, team: growth}
apps: [{project: ranking}]
rule: []
prices:
  - {id: p, sku: {provider: x, tier: batch}, discount: 101, rates: {Seats: 1}}
"""
    zone = "'Europe/Berln' is not an IANA time zone; write for example 'Europe/Berlin'"
    instant = "input should have timezone info; write the offset too, for example 2026-07-01T00:00:00Z"
    unit = "string should match pattern '^[a-z][a-z0-9_]{0,63}$'; a unit has lower-case letters, digits and _"
    assert problems(text) == [
        f"line 1: /organisation/reporting_zone: {zone}",
        "line 3: /teams/0/departmnt: unknown field 'departmnt'; did you mean 'department'?",
        f"line 5: /teams/2/from: {instant}",
        "line 8: /teams/3/zone: the key 'zone' is there twice (first on line 7); keep one",
        "line 10: /projects/0/team: unknown team 'serch'; did you mean 'search'?",
        "line 12: /apps/0/id: field required",
        "line 13: /rule: a catalog has no section 'rule'; did you mean 'rules'?",
        "line 15: /prices/0/sku/tier: unknown field 'tier'; known: model, provider, region, service_tier",
        "line 15: /prices/0/discount: input should be less than or equal to 100",
        f"line 15: /prices/0/rates/Seats/[key]: {unit}",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("teams: [", "not YAML: "),
        ("teams:\n\t- {id: x}", "line 2: the catalog: not YAML: found character that cannot start any token"),
        (b"\xff\xfe", "byte 0 is not UTF-8; save the file as UTF-8"),
        ("a\x00b", "not YAML: "),
        ("--- {}\n--- {}", "not YAML: but found another document"),
        ("[]", "a catalog is a mapping with organisation, teams, projects, ..."),
        ("teams: {id: x}", "line 1: /teams: teams is a list; start each item with '- id: ...'"),
        ("teams: [x]", "/teams/0: input should be a valid dictionary"),
        ("teams: [{id: -x}]", "an id starts with a letter or digit; space and . _ : / @ + - may follow"),
        ('teams: [{id: x, department: "a\\nb"}]', "control characters are not allowed"),
        ("<<: {teams: []}", "merge keys (<<) are not supported"),
        ("? [a]\n: b", "keys are plain text"),
        ("organisation: !!python/object/apply:os.getcwd []", "input should be a valid dictionary"),
        ("a: &a [*a]", "nested more than 32 levels deep"),
        ("[" * 5000, "not YAML: "),
        (b"#" * (MAX_CATALOG_BYTES + 1), "4,194,305 bytes; a catalog has at most 4,194,304"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str | bytes, problem: str) -> None:
    assert problem in "\n".join(problems(text))


def test_a_reader_gets_as_many_problems_as_can_be_used_at_once() -> None:
    projects = "".join(f"  - {{id: p{number}, team: teem-{number}}}\n" for number in range(500))
    reported = problems(f"teams: [{{id: team-1}}]\nprojects:\n{projects}")
    assert len(reported) == 100
    assert reported[0] == "line 3: /projects/0/team: unknown team 'teem-0'; did you mean 'team-1'?"


def test_aliases_share_text_but_cannot_explode() -> None:
    assert [team.owners for team in read_catalog(b"teams: [{id: a, owners: &o [x]}, {id: b, owners: *o}]").teams] == [
        ("x",)
    ] * 2
    layers = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9))]
    assert problems("\n".join(layers)) == ["line 1: the catalog: more than 200,000 values; aliases count each time"]
