"""Logs: one JSON object a line on standard error, without secrets.

Standard output belongs to results. `configure` is for a program's main; libraries only call `structlog.get_logger`.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from outlay_infra.settings import LogSettings, masked

_SECRET_NAMES = frozenset({"authorization", "password", "secret", "token", "api_key", "body", "url_with_secret"})
_KEY = re.compile(r"out_live_([0-9A-Za-z]{6})[0-9A-Za-z]+")
_MASK = "***"


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask values named like secrets, API keys inside any text, and passwords of DSNs."""
    for name, value in event.items():
        if name in _SECRET_NAMES:
            event[name] = _MASK
        elif isinstance(value, str):
            event[name] = _without_secrets(value)
    return event


def _without_secrets(text: str) -> str:
    if "out_live_" in text:
        text = _KEY.sub(rf"out_live_\1{_MASK}", text)
    return masked(text) if "://" in text else text


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send this process's logs, those of libraries included, to `stream`, by default standard error."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    renderer: Processor
    if settings.format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        plain = structlog.dev.plain_traceback  # the others show local variables: events, addresses with passwords
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,  # so that a traceback is text when secrets are looked for
                without_secrets,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for chatty in ("httpx", "httpcore", "urllib3", "clickhouse_connect", "faust", "mode", "aiokafka"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
