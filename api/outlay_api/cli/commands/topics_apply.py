"""`outlay topics apply`: the cluster's topics, made what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from outlay_api.cli import topics_table
from outlay_api.cli.failure import DIFFERENT, DONE
from outlay_api.cli.output import note
from outlay_api.cli.output import show as show_result
from outlay_api.cli.target import Show

_SHOW = Show()


def apply(
    *,
    raise_partitions: Annotated[bool, Parameter(negative=())] = False,
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None,
    output: Show = _SHOW,
) -> int:
    """Make the cluster's topics what they should be, and show what changed. The same again changes nothing.

    Topics that are not Outlay's are left alone, and none is ever deleted. Exit code 3 when something stays different.

    For example:

        OUTLAY_KAFKA__BOOTSTRAP=broker:9092 outlay topics apply

    Parameters
    ----------
    raise_partitions
        Also raise the number of partitions. Keys move: repeats of events sent before and after it are not told apart
        any more, so stop the producers, let the meter finish, raise, and start them again.
    config
        Settings file (TOML), which names the brokers under [kafka].
    """
    from outlay_infra.kafka.plan import doable  # noqa: PLC0415 - Kafka loads when it is needed
    from outlay_infra.kafka.topic_admin import TopicAdmin  # noqa: PLC0415
    from outlay_infra.settings import Settings  # noqa: PLC0415

    settings = Settings.load(config)
    changes = TopicAdmin(settings.kafka).apply(raise_partitions=raise_partitions)
    rows = topics_table.rows(changes)
    show_result(output.format, document=rows, rows=lambda: rows, table=lambda: topics_table.shown(changes))
    made = len(doable(changes, raise_partitions=raise_partitions))
    note(f"{made} change(s) made on {settings.kafka.bootstrap}, {len(changes) - made} left as they are")
    return DIFFERENT if made < len(changes) else DONE
