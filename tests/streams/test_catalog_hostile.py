"""Whatever is sent as a catalog, the answer is a catalog or a list of problems, never another error."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.catalog import Catalog
from outlay_schemas.catalog_documents import assemble, documents
from outlay_streams.attribution import Attributor
from outlay_streams.catalog import CatalogError, diff, read_catalog
from tests.builders import usage

words = st.sampled_from(
    [
        "a",
        "search",
        "team",
        "tags.a",
        "${tags.a}",
        "${",
        "a*",
        "[",
        "",
        " ",
        "2026-07-01T00:00:00Z",
        "2026-07-01",
        "1e999999",
        "NaN",
    ]
)
names = st.sampled_from(
    [
        "id",
        "team",
        "project",
        "set",
        "fill",
        "match",
        "from",
        "to",
        "sku",
        "rates",
        "discount",
        "zone",
        "owners",
        "defaults",
        "a/b~c",
    ]
)
scalars = words | st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.none()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | words | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
sections = st.sampled_from(["organisation", "teams", "projects", "apps", "keys", "rules", "prices", "budget"])
documents_of_a_kind = st.lists(st.dictionaries(names, values, max_size=5), max_size=3)
files = st.dictionaries(sections, documents_of_a_kind | values, max_size=5) | values


def read(content: bytes) -> Catalog | None:
    try:
        return read_catalog(content)
    except CatalogError as error:
        refused = error
    assert refused.problems
    assert str(refused).encode()
    return None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_any_bytes(content: bytes) -> None:
    read(content)


@given(files, st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_structure(content: Any, as_json: bool) -> None:
    text = json.dumps(content) if as_json else yaml.safe_dump(content, allow_unicode=True)
    catalog = read(text.encode(errors="surrogatepass"))
    if catalog is not None:
        assert assemble(documents(catalog)) is not None
        assert not diff(catalog, catalog)
        Attributor(catalog).resolve(usage({"team": "search", "tags": {"a": "x"}}))
