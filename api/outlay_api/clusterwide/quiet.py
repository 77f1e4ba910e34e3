"""Whether a cluster stands still enough for what must not be done beside its workers."""

from __future__ import annotations

from outlay_api.clusterwide.pending import PendingEvents
from outlay_infra.kafka import BrokerError
from outlay_infra.kafka.groups import members
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse


def who_loads(settings: Settings) -> str | None:
    """Return which loaders run, None when none does."""
    return _running(settings, "loader")


def what_may_follow(settings: Settings, warehouse: Warehouse) -> str | None:
    """Return why blocks metered by an earlier catalog may still come, None when none can.

    A meter may not have heard of the newest catalog yet, and what it wrote by an earlier one may wait in the log.
    Raises `StoreError`.
    """
    meters = _running(settings, "meter")
    if meters is not None:
        return meters
    try:
        waiting = sum(row["received"] for row in PendingEvents(settings, warehouse).unloaded_receipts())
    except BrokerError as error:
        return f"the brokers do not tell what waits ({error})"
    return f"{waiting:,} events wait to be stored" if waiting else None


def _running(settings: Settings, role: str) -> str | None:
    try:
        names = members(settings.kafka, role)
    except BrokerError as error:
        return f"the brokers do not tell whether a {role} runs ({error})"
    return f"{len(names)} {role}(s) run ({', '.join(names[:3])})" if names else None
