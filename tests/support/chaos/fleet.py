"""The processes of a cluster under attack: killed, started again with another clock, looked after like a supervisor."""

from __future__ import annotations

import sys
from datetime import timedelta

from tests.support.cluster import OUTLAY, Cluster, Role

_SHIFTED = """
import sys
from datetime import UTC, datetime, timedelta
import time_machine
time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(sys.argv.pop(1)))).start()
from outlay_api.cli import main
main()
"""
"""Only the clock that Python reads: shifted below it, the waits of the client library never end."""


class Fleet:
    """Processes by name, as `meter-1`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._roles: dict[str, Role] = {}
        self.falls: list[str] = []
        """Who ended without being told to."""

    def start(self, name: str) -> None:
        """Start one."""
        self._roles[name] = self._cluster.launch(name)

    def kill(self, name: str, clock: timedelta) -> None:
        """Kill one at once and start it again with its clock shifted so far."""
        role = self._roles[name]
        role.kill()
        role.program = (sys.executable, "-c", _SHIFTED, str(clock.total_seconds())) if clock else OUTLAY
        role.launch()

    def stop(self, name: str) -> int:
        """Stop one in good order and return its exit code."""
        return self._roles.pop(name).stop()

    def stop_all(self) -> dict[str, int]:
        """Stop everyone in good order and return the exit codes."""
        return {name: self.stop(name) for name in list(self._roles)}

    def works(self, name: str) -> bool:
        """Return whether one has come so far as to tell its URL."""
        return self.url(name) is not None

    def url(self, name: str) -> str | None:
        """Return the URL of one, None while it has not told it."""
        return self._roles[name].told_url()

    def revive(self) -> None:
        """Start again whoever ended by itself, as a supervisor would."""
        for name, role in self._roles.items():
            code = role.ended()
            if code is not None:
                self.falls.append(f"{name} ended with {code}: {role.last_words()}")
                role.launch()
