"""What a request may use: one frozen value, built by a composition root and handed to the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Protocol

from outlay_schemas.outcome import Outcome
from outlay_streams.budgets.errors import BudgetsUnknown

if TYPE_CHECKING:
    from outlay_api.auth.keyring import KeyRing
    from outlay_infra.catalog_store import CatalogStore
    from outlay_infra.metrics import Metrics
    from outlay_infra.settings import Settings
    from outlay_infra.warehouse import Reader, Warehouse
    from outlay_infra.warehouse.check import Difference
    from outlay_schemas.budgets import BudgetState, TeamWindows
    from outlay_streams.catalog.rules import OrgRules
    from outlay_streams.decode import Decoded
    from outlay_streams.runtime.ports import Clock


class PendingUnknown(Exception):  # noqa: N818 - reads as what it is
    """What waits for the ledger cannot be told now; the message says why. Ask again in a while."""


class Publisher(Protocol):
    """Where decoded events go."""

    async def publish(self, org: str, decoded: Decoded, /) -> list[Outcome]:
        """Return the outcome of every event, in the order sent, once all are durable.

        Raises `IntakeError` (outlay_streams.runtime.errors) when busy or stopping and `StoreError` when the store is
        away; then nothing was acknowledged.
        """
        ...


class Budgets(Protocol):
    """What was spent of budgets, and by teams of late. Methods raise `BudgetsUnknown` (outlay_streams.budgets)."""

    def states(self, org: str, /) -> Sequence[BudgetState]:
        """Return the newest state of every budget of an organisation."""
        ...

    def windows(self, org: str, /) -> Sequence[TeamWindows]:
        """Return the newest windows of every team of an organisation."""
        ...


class NoBudgets:
    """Budgets nobody keeps."""

    def states(self, _org: str, /) -> Sequence[BudgetState]:
        """Raise `BudgetsUnknown`."""
        raise BudgetsUnknown("nothing keeps budgets here; run the role `budgets`")

    def windows(self, _org: str, /) -> Sequence[TeamWindows]:
        """Raise `BudgetsUnknown`."""
        raise BudgetsUnknown("nothing keeps teams' windows here; run the role `budgets`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the routes use; each part is safe to call from several threads."""

    settings: Settings
    clock: Clock
    warehouse: Warehouse
    """The whole store: what the ledger does for itself goes here."""
    reader: Reader
    """The store as callers' questions may use it, within limits."""
    catalog: CatalogStore
    publisher: Publisher
    keys: KeyRing
    metrics: Metrics
    rules: Callable[[str], OrgRules]
    """The rules an organisation's events are metered by now, its price book among them."""
    reload: Callable[[str], None]
    """Meter an organisation's events by its newest catalog from now on; called after every change of it."""
    budgets: Budgets = field(default_factory=NoBudgets)
    pending: Callable[[str], Mapping[tuple[date, str], int]] = lambda _org: {}
    """Events of an organisation that were accepted and are not in the ledger yet, by UTC day received and source.

    May raise `PendingUnknown`."""
    self_check: Callable[[], list[Difference]] = list
    """Returns where the topics of a cluster and its store differ; embedded there are none."""
    checks: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    """What must hold to be ready, by name: each returns when it does and raises with the reason when not."""
