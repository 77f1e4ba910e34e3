"""The warehouse: ClickHouse, embedded (chDB) or a server, behind one class, and its limited reader."""

from outlay_infra.warehouse.lease import Lease
from outlay_infra.warehouse.reader import Reader, ReadLimits
from outlay_infra.warehouse.warehouse import Warehouse

__all__ = ["Lease", "ReadLimits", "Reader", "Warehouse"]
