"""Logs of the client libraries: they tell the same fault many times a second while brokers are away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from outlay_infra.kafka.client import LOG

_SECONDS = 30.0
_LOUD = ("aiokafka", "faust", "mode", LOG)
_TELLING = 24
"""Characters of a message that tell its kind, beside where in the library it is from."""


class Seldom(logging.Filter):
    """Lets each kind of message through once in a while."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        """Wait so many seconds before the same kind is told again."""
        super().__init__()
        self._seconds = seconds
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be told."""
        now, kind = monotonic(), f"{record.name}:{record.lineno}:{record.getMessage()[:_TELLING]}"
        if now - self._told.get(kind, -self._seconds) < self._seconds:
            return False
        self._told[kind] = now
        return True


@contextmanager
def quieter() -> Iterator[None]:
    """Have the libraries, once loaded, tell each kind of fault seldom while the context is open."""
    seldom = Seldom()
    loud = [name for name in logging.root.manager.loggerDict if name in _LOUD or name.split(".")[0] in _LOUD]
    for name in loud:
        logging.getLogger(name).addFilter(seldom)
    try:
        yield
    finally:
        for name in loud:
            logging.getLogger(name).removeFilter(seldom)
