"""An upgrade in its order: tables first. Processes of the version before go on over them."""

from __future__ import annotations

import pytest

from outlay_api import cluster
from outlay_infra.errors import NewerSchema
from outlay_infra.warehouse import Warehouse


def test_an_api_stays_ready_over_newer_tables_and_none_of_its_version_starts_over_them(warehouse: Warehouse) -> None:
    cluster._not_behind(warehouse)
    warehouse.command("INSERT INTO migrations (version, name, checksum) VALUES (9999, 'of_the_next_version', '')")
    cluster._not_behind(warehouse)
    with pytest.raises(NewerSchema, match=r"9999_of_the_next_version.*install the newer version"):
        cluster._up_to_date(warehouse)
