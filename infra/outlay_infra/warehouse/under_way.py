"""Inserts that a server still carries out for a writer that has ended: waited for before anything is mended."""

from __future__ import annotations

import time

from outlay_infra.errors import StoreUnavailable
from outlay_infra.warehouse.database import Queries

PAUSE_SECONDS = 0.2
LOOKS = 300

_INSERTS = """
SELECT count() AS n FROM system.processes
WHERE query_kind = 'Insert' AND current_database = currentDatabase()
"""


def wait_for_inserts(database: Queries) -> None:
    """Return once the server carries out no insert into the database; raise `StoreUnavailable` if that takes long.

    A server goes on with an insert whose client is gone, and a block it stores after recovery would be nobody's.
    """
    for _ in range(LOOKS):
        if not database.query(_INSERTS)["n"][0].as_py():
            return
        time.sleep(PAUSE_SECONDS)
    raise StoreUnavailable("the store still works on inserts of an earlier writer; try again once it is less busy")
