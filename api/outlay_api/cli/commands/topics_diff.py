"""`outlay topics diff`: what differs between the cluster's topics and what they should be."""

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


def diff(
    *,
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None,
    output: Show = _SHOW,
) -> int:
    """Show what differs from what the topics should be; exit code 3 when something does.

    For example:

        OUTLAY_KAFKA__BOOTSTRAP=broker:9092 outlay topics diff

    Parameters
    ----------
    config
        Settings file (TOML), which names the brokers under [kafka].
    """
    from outlay_infra.kafka.topic_admin import TopicAdmin  # noqa: PLC0415 - Kafka loads when it is needed
    from outlay_infra.settings import Settings  # noqa: PLC0415

    settings = Settings.load(config)
    changes = TopicAdmin(settings.kafka).diff()
    rows = topics_table.rows(changes)
    show_result(output.format, document=rows, rows=lambda: rows, table=lambda: topics_table.shown(changes))
    if not changes:
        note(f"the topics on {settings.kafka.bootstrap} are what they should be")
    return DIFFERENT if changes else DONE
