"""Blocks from a log into a store that several processes write: each block once, whatever is repeated or cut short."""

from outlay_infra.warehouse.loading.loader import BlockLoader

__all__ = ["BlockLoader"]
