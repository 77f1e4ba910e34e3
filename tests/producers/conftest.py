"""A far end, and the SDK of this process put back as it was after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outlay._recorder import Recorder
from outlay._retry import Retry
from outlay._sdk import PROCESS
from outlay._settings import SdkSettings
from outlay._spool import Spool
from outlay._transport import HttpTransport, Transport
from tests.producers.far_end import FarEnd

AT_ONCE = Retry(first=0.01, longest=0.02, draw=lambda: 1.0)


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    with FarEnd().serving() as served:
        yield served


@pytest.fixture(autouse=True)
def sdk_as_it_was() -> Iterator[None]:
    before = PROCESS.recorder
    yield
    recorder = PROCESS.put(before)
    if recorder is not None and recorder is not before:
        recorder.close(1.0)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Callable[..., Recorder]]:
    """Make recorders that look again at once for a far end that is away."""
    made: list[Recorder] = []

    def make(
        far_end: FarEnd | str | Transport, *, spool: bool = True, spool_bytes: int = 1 << 20, **settings: Any
    ) -> Recorder:
        chosen = SdkSettings(**{"interval": 0.005, "timeout": 30.0, "spool": tmp_path / "spool", **settings})
        url = far_end.url if isinstance(far_end, FarEnd) else far_end
        transport = HttpTransport(url, None, chosen.timeout) if isinstance(url, str) else url
        disk = Spool(tmp_path / "spool", spool_bytes) if spool else None
        made.append(Recorder(chosen, transport, disk, retry=AT_ONCE))
        return made[-1]

    yield make
    for each in made:
        each.close(0.0)


def noted(model: str, **more: Any) -> dict[str, Any]:
    """The fields of an event."""
    return {"provider": "openai", "model": model, "quantities": {"input_tokens": 1}, **more}
