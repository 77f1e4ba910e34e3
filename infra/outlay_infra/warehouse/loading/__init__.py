"""Blocks into a store, alone or among several writers: each block once, whatever is repeated or cut short."""

from outlay_infra.warehouse.loading.loader import BlockLoader
from outlay_infra.warehouse.loading.store import LoaderStore

__all__ = ["BlockLoader", "LoaderStore"]
