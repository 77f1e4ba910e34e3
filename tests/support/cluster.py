"""The roles of a cluster as processes, over a broker and a store: started, killed and started again.

with Cluster(kafka, store.dsn, folder) as cluster:
    api = cluster.start("api")
    cluster.start("meter"), cluster.start("loader")
    httpx.post(f"{api.url}/v1/events", ...)
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse.shared import SharedWarehouse

OUTLAY = (sys.executable, "-c", "from outlay_api.cli import main; main()")
PATIENCE = 120.0

_QUICK = {
    "OUTLAY_METER__SESSION_SECONDS": "6",
    "OUTLAY_METER__TRANSACTION_SECONDS": "5",
    "OUTLAY_METER__CATALOG_SECONDS": "0.5",
    "OUTLAY_LOADER__SESSION_SECONDS": "6",
}
"""What a killed process costs: how long the brokers wait for it."""


@dataclass
class Role:
    """One process of one role."""

    name: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    program: tuple[str, ...] = OUTLAY
    _told_before: int = 0

    def launch(self) -> Self:
        """Start it; `wait` waits until it is there."""
        self._told_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.program, "run", self.name.partition("-")[0], "--port", "0"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait(self) -> Self:
        """Return once it tells its URL."""
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE
        while True:
            if url := self.told_url():
                self.url = url
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not start:\n{self._told()}")
            time.sleep(0.05)

    def told_url(self) -> str | None:
        """Return the URL it told since it was launched, None before it did."""
        found = re.search(r"at (http://127\.0\.0\.1:\d+)", self._told())
        return found[1] if found else None

    def ended(self) -> int | None:
        """Return the exit code of a process that ended by itself, None while it runs."""
        return None if self.process is None else self.process.poll()

    def last_words(self) -> str:
        """Return the end of what it told since it was launched."""
        return self._told()[-500:]

    def _told(self) -> str:
        return self.log.read_bytes()[self._told_before :].decode(errors="replace")

    def kill(self) -> None:
        """Kill it at once."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stop it in good order and return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@dataclass
class Cluster:
    """Roles over one prefix of topics and one database."""

    kafka: KafkaSettings
    dsn: str
    folder: Path
    database: str = "outlay"
    more: dict[str, str] = field(default_factory=dict)
    roles: list[Role] = field(default_factory=list)

    def __enter__(self) -> Self:
        TopicAdmin(self.kafka).apply()
        with self.warehouse() as warehouse:
            warehouse.migrate()
        return self

    def __exit__(self, *_: object) -> None:
        for role in self.roles:
            role.kill()

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("OUTLAY_")},
            "OUTLAY_STORE": self.dsn,
            "OUTLAY_DATABASE": self.database,
            "OUTLAY_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "OUTLAY_KAFKA__PREFIX": self.kafka.prefix,
            "OUTLAY_KAFKA__PARTITIONS": str(self.kafka.partitions),
            **_QUICK,
            **self.more,
        }

    def settings(self) -> Settings:
        """Return what the roles run with, for looking at their cluster."""
        return Settings(store=self.dsn, database=self.database, kafka=self.kafka, data=self.folder / "cli")

    def warehouse(self) -> SharedWarehouse:
        return SharedWarehouse.open(self.dsn, database=self.database)

    def start(self, *names: str) -> list[Role]:
        """Start roles side by side and wait for all."""
        launched = [self.launch(name) for name in names]
        return [role.wait() for role in launched]

    def launch(self, name: str, **environment: str) -> Role:
        """Start a role; several of one kind are told apart by a suffix, as in `meter-2`."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        own = {"OUTLAY_DATA": str(folder)}
        if name.startswith("meter"):
            own["OUTLAY_METER__INSTANCE"] = name
        role = Role(name, {**self.environment, **own, **environment}, self.folder / f"{name}.log")
        self.roles.append(role)
        return role.launch()

    def outlay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line over the same settings."""
        environment = {**self.environment, "OUTLAY_DATA": str(self.folder / "cli")}
        return subprocess.run(
            [*OUTLAY, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
        )


def eventually(holds: Any, *, patience: float = PATIENCE) -> None:
    """Return once `holds` does."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "what the test waits for did not come about"
        time.sleep(0.1)
