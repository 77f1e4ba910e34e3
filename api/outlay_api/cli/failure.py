"""Failures as people read them: one message, one exit code, no traceback for what is not a fault of the program."""

from __future__ import annotations

import sys
from typing import Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
DIFFERENT: Final = 3
"""Differences were found (`outlay check`, `outlay prices diff`, `outlay apply --dry-run`)."""

DEFAULT_SERVER = "http://127.0.0.1:8321"
"""Where `outlay serve` listens unless told otherwise."""

_EXTRAS = {"chdb": "embedded", "confluent_kafka": "kafka"}


class Failure(Exception):  # noqa: N818 - it ends a command, it is not a defect
    """A command cannot do what was asked; the message names the thing, the value and the fix."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        """Keep the message and the exit code."""
        super().__init__(message)
        self.code = code


def explained(error: BaseException) -> Failure | None:
    """Return what to tell the user about `error`; None when it is a defect that deserves its traceback."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("outlay"):
        extra = _EXTRAS.get(error.name or "", "embedded")
        return Failure(f"{error.name} is not installed; pip install 'outlay[{extra}]'", USAGE)
    return _known(error)


def _known(error: BaseException) -> Failure | None:
    """Judge by modules that are loaded already: an error of a module that is not cannot be here."""
    for module, name, code in _KNOWN:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return Failure(f"{error}{_ADVICE.get(name, '')}", code)
    httpx = sys.modules.get("httpx")
    if httpx is not None and isinstance(error, httpx.TransportError):
        return Failure(
            f"the server cannot be reached: {error or type(error).__name__}; is `outlay serve` running there?"
        )
    return None


_KNOWN = (
    ("outlay_infra.settings", "SettingsError", USAGE),
    ("outlay_api.importing.errors", "MappingError", USAGE),
    ("outlay_api.importing.errors", "ImportStoppedError", FAILED),
    ("outlay_api.server", "StartError", FAILED),
    ("outlay_streams.runtime.lock", "DataDirectoryInUse", FAILED),
    ("outlay_streams.runtime.lock", "DataDirectoryError", FAILED),
    ("outlay_api.cluster", "NotACluster", USAGE),
    ("outlay_api.compose", "NotReady", FAILED),
    ("outlay_streams.runtime.kafka_meter.errors", "MeterError", FAILED),
    ("outlay_infra.errors", "StoreError", FAILED),
    ("outlay_infra.kafka.errors", "BrokerError", FAILED),
    ("outlay", "OutlayError", FAILED),
)
_ADVICE = {"DataDirectoryInUse": f" (if it is a server: --server {DEFAULT_SERVER})"}
