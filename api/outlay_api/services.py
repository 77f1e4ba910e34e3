"""What a request may use: one frozen value, built by a composition root and handed to the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from outlay_schemas.outcome import Outcome

if TYPE_CHECKING:
    from outlay_api.keyring import KeyRing
    from outlay_infra.catalog_store import CatalogStore
    from outlay_infra.metrics import Metrics
    from outlay_infra.settings import Settings
    from outlay_infra.warehouse import Warehouse
    from outlay_streams.decode import Decoded
    from outlay_streams.runtime.ports import Clock


class Busy(Exception):  # noqa: N818 - back pressure is not an error
    """Nothing was taken in because too much waits already; send the same events again after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        """Say how long to wait, in seconds."""
        super().__init__(f"the intake queue is full; retry after {retry_after:g} s")
        self.retry_after = retry_after


class Publisher(Protocol):
    """Where decoded events go."""

    async def publish(self, org: str, decoded: Decoded, /) -> list[Outcome]:
        """Return the outcome of every event, in the order sent, once all are durable.

        Raises `Busy` when the queue is full and `StoreError` when the store is away; then nothing was acknowledged.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the routes use; each part is safe to call from several threads."""

    settings: Settings
    clock: Clock
    warehouse: Warehouse
    catalog: CatalogStore
    publisher: Publisher
    keys: KeyRing
    metrics: Metrics
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    """What must hold to be ready, by name: each returns when it does and raises with the reason when not."""
