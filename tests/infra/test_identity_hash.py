"""The identity hash is one number, whoever computes it: the core, the warehouse, the engine."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay_infra.warehouse import Warehouse
from outlay_schemas.identity import id_hash

text = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.tuples(text, text, text), min_size=1, max_size=50))
def test_the_engine_and_python_agree(warehouse: Warehouse, keys: list[tuple[str, str, str]]) -> None:
    joined = "\x1f"
    found = warehouse.query(
        "SELECT arrayMap(name -> xxh3(name), {names:Array(String)}) AS hashes",
        {"names": [joined.join(key) for key in keys]},
    )

    assert found["hashes"][0].as_py() == [id_hash(*key) for key in keys]


def test_large_hashes_survive_the_way_in_and_out(warehouse: Warehouse) -> None:
    top = pa.array([2**64 - 1, 0, 2**63], pa.uint64())

    assert warehouse.find_ids(top).num_rows == 0
    found = warehouse.query("SELECT {hashes:Array(UInt64)} AS hashes", {"hashes": top.to_pylist()})
    assert found["hashes"][0].as_py() == top.to_pylist()
