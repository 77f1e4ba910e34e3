"""A batch is resolved once per distinct combination of what the catalog looks at, however it is laid out in memory."""

from __future__ import annotations

import pyarrow as pa

from outlay_schemas.arrow import USAGE
from outlay_schemas.catalog import App, Catalog, Rule
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_streams.attribution import Attributor
from tests.builders import usage

CATALOG = Catalog(
    apps=(App(id="api", team="search"),),
    rules=(
        Rule(id="bots", match={"user": "bot-*"}, set={"env": "bots"}),
        Rule(id="tag", match={"tags.t": "1"}, fill={"env": "one"}),
    ),
)


def count_resolutions(attributor: Attributor) -> int:
    return len(attributor._answers)


def test_values_the_catalog_cannot_tell_apart_are_one_combination() -> None:
    attributor = Attributor(CATALOG)
    rows = [{"user": f"user-{number}", "app": f"app-{number}", "tags": {"other": str(number)}} for number in range(500)]
    resolved = attributor.resolve(usage(*rows))
    assert count_resolutions(attributor) == 1
    assert resolved["user"].to_pylist() == [row["user"] for row in rows]
    assert resolved["app"].to_pylist() == [row["app"] for row in rows]


def test_a_glob_tells_values_apart() -> None:
    attributor = Attributor(CATALOG)
    rows = [{"user": f"{'bot' if number % 2 else 'user'}-{number}"} for number in range(100)]
    assert attributor.resolve(usage(*rows))["env"].to_pylist() == ["unallocated", "bots"] * 50
    assert count_resolutions(attributor) == 2


def test_what_is_remembered_is_bounded_and_forgetting_changes_nothing() -> None:
    catalog = Catalog(rules=(Rule(id="r", match={"tags.t": "*"}, fill={"team": "${tags.t}"}),))
    attributor = Attributor(catalog, cache_size=10)
    batch = usage(*({"tags": {"t": f"squad-{number}"}} for number in range(200)))
    for _ in range(2):
        assert attributor.resolve(batch)["team"].to_pylist() == [f"squad-{number}" for number in range(200)]
        assert count_resolutions(attributor) <= 10


def test_slices_and_chunks_resolve_as_the_whole() -> None:
    batch = usage(
        *({"app": "api" if number % 3 else None, "tags": {"t": str(number % 4), "a": "x"}} for number in range(40))
    )
    whole = Attributor(CATALOG).resolve(batch)
    assert Attributor(CATALOG).resolve(batch.slice(7, 20)) == whole.slice(7, 20)
    assert Attributor(CATALOG).resolve(pa.concat_tables([batch.slice(0, 13), batch.slice(13)])) == whole


def test_dictionary_encoded_text_resolves_as_plain_text() -> None:
    plain = usage({"app": "api", "user": "bot-1"}, {"user": "u"}, {"app": "api", "env": "x"})
    encoded = plain
    for place, field in enumerate(plain.schema):
        if field.type == pa.string():
            encoded = encoded.set_column(place, field.name, plain.column(place).dictionary_encode())
    assert Attributor(CATALOG).resolve(encoded) == Attributor(CATALOG).resolve(plain)


def test_rules_run_once_for_values_they_cannot_tell_apart_even_where_a_template_copies_each() -> None:
    catalog = Catalog(rules=(Rule(id="r", match={"tags.t": "s*"}, fill={"team": "${tags.t}"}),))
    attributor = Attributor(catalog)
    attributor.resolve(usage(*({"tags": {"t": f"squad-{number}"}} for number in range(200))))
    assert (count_resolutions(attributor), len(attributor._applied)) == (200, 1)


def test_no_rows_give_no_rows_of_the_same_columns() -> None:
    resolved = Attributor(CATALOG).resolve(USAGE.empty_table())
    assert (resolved.num_rows, resolved.column_names) == (0, [*ATTRIBUTION, "rule_id"])


def test_more_combinations_than_an_index_can_count_are_still_told_apart() -> None:
    tags = [f"t{number}" for number in range(12)]
    catalog = Catalog(rules=[Rule(id=tag, fill={"team": f"${{tags.{tag}}}"}) for tag in tags])
    rows = [{"tags": {tags[number % 12]: f"v{number}"}} for number in range(1200)]
    assert Attributor(catalog).resolve(usage(*rows))["team"].to_pylist() == [f"v{number}" for number in range(1200)]
