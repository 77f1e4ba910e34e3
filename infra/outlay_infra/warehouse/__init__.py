"""The warehouse: ClickHouse, embedded (chDB) or a server, behind one class."""

from outlay_infra.warehouse.warehouse import Warehouse

__all__ = ["Warehouse"]
