"""What the commands about refused events share: which are meant, and where they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from outlay_api.cli.connection import connect
from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.failure import USAGE, Failure
from outlay_api.cli.target import Target

if TYPE_CHECKING:
    from outlay_api.rejected.draining import Rejects
    from outlay_api.rejected.selection import Selection

_WHICH = Group("Which", sort_key=80)


@Parameter(name="*", group=_WHICH)
@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which refused events are meant: those that have all of it."""

    reason: str | None = None
    """Part of the reason; capitals make no difference."""
    source: str | None = None
    """What sent them."""
    outcome: Literal["rejected", "conflict"] | None = None
    """`rejected` for invalid ones, `conflict` for ids that were used for other content."""
    id: Annotated[list[str], Parameter(consume_multiple=False)] = field(default_factory=list)
    """Id of an event; may be given several times."""
    at: Annotated[list[str], Parameter(consume_multiple=False)] = field(default_factory=list)
    """Place in the topic of a cluster, as partition/offset; may be given several times."""
    org: str | None = None
    """Organisation, of the several of a cluster."""
    start: Annotated[str | None, Parameter(name="--from")] = None
    """Received at or after this day or instant (UTC)."""
    end: Annotated[str | None, Parameter(name="--to")] = None
    """Received before this day or instant (UTC)."""


def selection(which: Which) -> Selection:
    """Return what is meant; raise `Failure` for what cannot be."""
    from outlay_api.rejected.selection import (  # noqa: PLC0415 - loads when it is needed
        Selection,
        SelectionError,
        read_instant,
        read_place,
    )

    try:
        return Selection(
            outcome=which.outcome,
            reason=which.reason,
            org=which.org,
            source=which.source,
            ids=frozenset(which.id),
            places=frozenset(map(read_place, which.at)),
            since=None if which.start is None else read_instant(which.start),
            until=None if which.end is None else read_instant(which.end),
        )
    except SelectionError as error:
        raise Failure(str(error), USAGE) from None


@asynccontextmanager
async def opened(target: Target, which: Which) -> AsyncIterator[Rejects]:
    """Reach what keeps refused events: the topic of the cluster in the settings, else a ledger over its API."""
    if target.server is None:
        settings = ledger_settings(target.config, data=target.data)
        if settings.clustered:
            from outlay_api.rejected.topic import RejectedTopic  # noqa: PLC0415 - Kafka loads when it is needed

            with RejectedTopic.opened(settings) as topic:
                yield topic
            return
    if which.at or which.org:
        raise Failure("--at and --org are about a cluster's topic; set OUTLAY_STORE and OUTLAY_KAFKA__BOOTSTRAP", USAGE)
    from outlay_api.rejected.ledger import RejectedLedger  # noqa: PLC0415

    async with connect(target) as connection:
        yield RejectedLedger(connection)
