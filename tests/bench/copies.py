"""More events than blocks can be loaded of in minutes: copies of what is there, made inside the engine.

A copy of an entry has an id of its own and a time up to an hour later; everything derived is then rebuilt from the
ledger by the product's own repair. Receipts stay those of the blocks loaded.
"""

from __future__ import annotations

from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.partitions import partitions_present
from outlay_infra.warehouse.rollups import ROLLUPS
from outlay_infra.warehouse.stored import WRITTEN_AS
from outlay_schemas.arrow import ENTRIES

_PREFIX = "copy/"
_LATER = "toIntervalMillisecond(cityHash64(id, {copy:UInt8}) % 3600000)"
_COPIED = {
    "id": "toString(generateUUIDv4({copy:UInt8}))",
    "time": f"time + {_LATER}",
    "received": f"received + {_LATER}",
    "partition": f"concat('{_PREFIX}', toString({{copy:UInt8}}))",
}


def multiply(warehouse: Warehouse, times: int) -> None:
    """Make the ledger `times` as large, and derive the rest."""
    written = WRITTEN_AS["ledger"]
    names = ", ".join(f"`{written.get(name, name)}`" for name in ENTRIES.names)
    values = ", ".join(_COPIED.get(name, f"`{name}`") for name in ENTRIES.names)
    for month in list(partitions_present(warehouse, "ledger")):
        for copy in range(1, times):
            warehouse.command(
                f"INSERT INTO ledger ({names}) SETTINGS insert_deduplicate = 0, min_insert_block_size_rows = 1000000"
                f" SELECT {values} FROM ledger"
                f" WHERE toYYYYMM(time) = {{month:UInt32}} AND NOT startsWith(`partition`, '{_PREFIX}')",
                {"month": month, "copy": copy},
            )
    months = frozenset(partitions_present(warehouse, "ledger"))
    for rollup in ROLLUPS.values():
        reached = frozenset(partitions_present(warehouse, rollup.table)) | (frozenset() if rollup.weekly else months)
        for partition in sorted(reached):
            warehouse.repair(rollup.table, str(partition))
