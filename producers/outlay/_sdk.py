"""The SDK of this process: one recorder, begun by `init` and ended with the process.

Nothing here raises into, blocks or slows the code it meters, but for `init`, which refuses arguments that make no
sense, and `flush`, which waits as long as it is told.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Unpack

from outlay._fields import Fields
from outlay._recorder import Recorder
from outlay._settings import Mode, SdkSettings, Way, read_settings
from outlay._spool import Spool
from outlay._stats import Notices, Stats
from outlay._transport import HttpTransport, MemoryTransport, SpoolTransport, Transport


class _Process:
    """What is in force in this process."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.notices = Notices()
        self.hooked = False

    def put(self, recorder: Recorder | None) -> Recorder | None:
        """Put a recorder in force and return the one it takes the place of."""
        before, self.recorder = self.recorder, recorder
        if recorder is not None and not self.hooked:
            self.hooked = True
            atexit.register(self.end)
            os.register_at_fork(after_in_child=self.after_fork)
            self.end_with_multiprocessing()
        return before

    def end(self) -> None:
        """Deliver or keep what is left."""
        if self.recorder is not None:
            self.recorder.close(self.recorder.settings.exit_seconds)

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        if self.recorder is not None:
            self.recorder.after_fork()
        if (children := sys.modules.get("multiprocessing.util")) is not None:
            # It forgets its finalizers in a child, and then calls what asked to be called.
            children.register_after_fork(self, _Process.end_with_multiprocessing)

    def end_with_multiprocessing(self) -> None:
        """Be told of the end of a child of multiprocessing, which runs its own finalizers and no others."""
        if (children := sys.modules.get("multiprocessing.util")) is not None:
            children.Finalize(None, self.end, exitpriority=0)


PROCESS = _Process()


def init(
    *,
    server: str | None = None,
    api_key: str | None = None,
    mode: Mode | None = None,
    source: str | None = None,
    spool: str | Path | None = None,
    transport: Transport | Way | None = None,
    **labels: str | None,
) -> None:
    """Begin metering in this process; called again, it replaces what was begun before.

    Arguments win over `OUTLAY_*` variables (OUTLAY_SDK, OUTLAY_SERVER, OUTLAY_KEY, OUTLAY_APP, OUTLAY_TEAM, ...).
    `labels` (app, env, team, project, or any tag) hold for everything this process tracks. `spool` is a folder for what
    the server cannot take now; `spool="off"` keeps it in memory alone. `transport` is `"http"`, `"spool"` (to the
    folder alone, from where a process with the same server, key and folder sends it on) or one of your own. Raises
    `ValueError` for arguments that make no sense.
    """
    given = {"server": server, "api_key": api_key, "mode": mode, "source": source, "labels": labels}
    named = transport if isinstance(transport, str) else None
    settings = read_settings(os.environ, spool=spool, transport=named, **given)
    own = None if transport is None or isinstance(transport, str) else transport
    before = PROCESS.put(None if settings.mode == "off" else _recorder(settings, own))
    if before is not None:
        before.close(settings.exit_seconds)


def track(provider: str, model: str, quantities: Mapping[str, Any], **fields: Unpack[Fields]) -> None:
    """Note that so much of something was used, now and in the scope in force; return at once.

    Quantities are disjoint, by unit: `input_tokens` leaves out cached input, `output_tokens` leaves out reasoning.
    Before `init`, or with the SDK off, nothing happens. A field that is no event's is counted as invalid and logged.

    >>> outlay.track("openai", "gpt-5-mini", {"input_tokens": 386, "output_tokens": 92})  # doctest: +SKIP
    """
    recorder = PROCESS.recorder
    if recorder is None:
        return
    try:
        recorder.note({"provider": provider, "model": model, "quantities": dict(quantities), **fields})
    except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
        PROCESS.notices.tell(f"track {type(error).__name__}", "usage cannot be tracked: %r", error)


def flush(timeout: float = 10.0) -> bool:
    """Wait until everything tracked before is delivered or safe on disk; False when that takes longer.

    For the end of a function that is frozen or killed after it returns, as serverless ones are.
    """
    recorder = PROCESS.recorder
    return recorder is None or recorder.flush(timeout)


async def aflush(timeout: float = 10.0) -> bool:  # noqa: ASYNC109 - it bounds a thread, not the coroutine
    """Do the same as `flush` without blocking the event loop."""
    import asyncio  # noqa: PLC0415 - a service without it need not load it

    return await asyncio.to_thread(flush, timeout)


def stats() -> Stats:
    """Return what became of everything tracked in this process."""
    recorder = PROCESS.recorder
    return Stats() if recorder is None else recorder.stats()


def _recorder(settings: SdkSettings, transport: Transport | None) -> Recorder:
    for module in ("outlay._shape", "outlay._client"):
        import_module(module)  # here and now, rather than in the way of the first call
    if settings.mode == "test":
        return Recorder(settings, transport or MemoryTransport())
    folder = settings.spool_folder()
    spool = None if folder is None else Spool(folder, settings.spool_bytes)
    if transport is None and settings.transport == "spool" and spool is not None:
        return Recorder(settings, SpoolTransport(spool))
    return Recorder(settings, transport or HttpTransport(settings.server, settings.api_key, settings.timeout), spool)
