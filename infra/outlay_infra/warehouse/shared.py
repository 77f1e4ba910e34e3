"""A warehouse that other processes write: it is read and checked beside them, and mended only while they are away."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from outlay_infra.errors import QueryError
from outlay_infra.warehouse import retention, shared_retention
from outlay_infra.warehouse.check import Difference
from outlay_infra.warehouse.engine import Engine
from outlay_infra.warehouse.warehouse import Warehouse

LOOKS = 4
PAUSE_SECONDS = 1.0
"""How often, and how far apart, a difference is looked at: blocks under way make some that pass."""

Writers = Callable[[], str | None]


def _none() -> str | None:
    return None


def lasting(look: Callable[[], list[Difference]]) -> list[Difference]:
    """Return the differences that stay by as much however often it is looked."""
    found = look()
    for _ in range(LOOKS - 1):
        if not found:
            break
        time.sleep(PAUSE_SECONDS)
        known = {_gap(each) for each in found}
        found = [each for each in look() if _gap(each) in known]
    return found


def _gap(each: Difference) -> tuple[Hashable, ...]:
    """Return what stays the same of a lasting difference while both sides grow."""
    where = (each.table, each.partition, tuple(sorted(each.key.items())), each.measure)
    expected, found = each.expected, each.found
    if isinstance(expected, int | Decimal) and isinstance(found, int | Decimal):
        return (*where, Decimal(found) - Decimal(expected))
    return (*where, expected, found)


class SharedWarehouse(Warehouse):
    """One database of a cluster. Its loaders alone write blocks and sum users and latencies."""

    writers: Writers = staticmethod(_none)
    """Returns who writes at the moment, for a person to read; None when nobody does."""
    earlier: Writers = staticmethod(_none)
    """Returns whose blocks of an earlier catalog may still come, likewise; None when none can."""

    @classmethod
    def over(cls, dsn: str, *, database: str, writers: Writers, earlier: Writers = _none) -> SharedWarehouse:
        """Open the store `dsn` names, as `Warehouse.open` does."""
        warehouse = cls(Engine(dsn, database=database))
        warehouse.writers, warehouse.earlier = writers, earlier
        return warehouse

    def catch_up(self) -> None:
        """Leave it to the loaders, each of which sums its own partitions."""

    def check(
        self,
        org: str | None = None,
        since: date | None = None,
        until: date | None = None,
        *,
        zones: Mapping[str, str] | None = None,
    ) -> list[Difference]:
        """Compare as `Warehouse.check` does; a difference counts when it stays the same however often it is looked at.

        Blocks that are being stored make differences that pass within moments.
        """
        look = super().check
        return lasting(lambda: look(org, since, until, zones=zones))

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Do nothing: `check` looks several times, and what changes tables asks for the writers first."""
        with self._writing:
            yield

    def repair(self, table: str, partition: str, *, zones: Mapping[str, str] | None = None) -> str:
        """Rebuild one partition of a derived table; raise `QueryError` while a loader writes."""
        self._alone(f"partition {partition} of {table} cannot be rebuilt")
        return super().repair(table, partition, zones=zones)

    def rebuilding_days(self, org: str) -> Iterator[str]:
        """Rebuild the local days of `org`; raise `QueryError` as soon as blocks of an earlier zone may follow."""
        self._still_enough(org)
        for line in super().rebuilding_days(org):
            yield line
            self._still_enough(org)

    def _still_enough(self, org: str) -> None:
        self._alone(f"the days of {org} cannot be rebuilt")
        coming = self.earlier()
        if coming is not None:
            raise QueryError(
                f"the days of {org} cannot be rebuilt while {coming}; stop the meters, let the loaders store "
                "everything, stop them, and try again: intake goes on, and nothing is lost"
            )

    def retention(
        self,
        today: date,
        *,
        raw_days: int | None = None,
        rollup_days: int | None = None,
        rejects_days: int | None = retention.REJECTS_DAYS,
    ) -> list[str]:
        """Forget as `Warehouse.retention` does, beside loaders and others that do the same."""
        lines = shared_retention.forget(self._engine, today, raw_days)
        limits = retention.Limits(rollup_days=rollup_days, rejects_days=rejects_days)
        return [*lines, *retention.apply(self._engine, today, limits)]

    def _alone(self, what: str) -> None:
        busy = self.writers()
        if busy is not None:
            raise QueryError(f"{what} while {busy}; stop the loaders, which loses nothing, and try again")
