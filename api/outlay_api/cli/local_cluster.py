"""A whole cluster on this machine: broker, store and roles as processes that end with this one, and leave nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outlay_api.cli.failure import USAGE, Failure
from outlay_api.cli.output import note

if TYPE_CHECKING:
    from outlay_infra.settings import Settings

OUTLAY = (sys.executable, "-c", "from outlay_api.cli import main; main()")

_CHECKOUT = Path(__file__).parents[3]
_SERVICES = "tests.support.local_services"
_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_URL = re.compile(r"at (http://\S+?)\.?\s.*Ctrl-C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where broker and store are."""

    bootstrap: str
    store: str


@contextmanager
def local_services(folder: Path) -> Iterator[Places]:
    """Run a broker and a store in `folder` while the context is open; raise `Failure` where that is impossible."""
    if not (_CHECKOUT / _SERVICES.replace(".", "/")).with_suffix(".py").is_file():
        raise Failure("a broker and a store are started from a checkout only; name yours: --kafka and --store", USAGE)
    process = subprocess.Popen(  # noqa: S603 - this program's own
        [sys.executable, "-m", _SERVICES, str(folder)],
        cwd=_CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        told = json.loads(process.stdout.readline() or '{"error": "they ended at once"}')
        if "error" in told:
            raise Failure(f"broker and store cannot be started: {told['error']}")
        yield Places(**told)
    finally:
        process.communicate()  # closes its input, which is its sign to stop


@contextmanager
def deployed(settings: Settings) -> Iterator[None]:
    """Make topics and tables, and take them away again at the end: the services may be others' too."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - Kafka loads when it is needed

    from outlay_infra.kafka import client_config, cluster_topics  # noqa: PLC0415
    from outlay_infra.kafka.topic_admin import TopicAdmin  # noqa: PLC0415
    from outlay_infra.warehouse import Warehouse  # noqa: PLC0415

    TopicAdmin(settings.kafka).apply()
    with Warehouse.open(settings.dsn, database=settings.database) as warehouse:
        warehouse.migrate()
    try:
        yield
    finally:
        names = [topic.name for topic in cluster_topics(settings.kafka).all()]
        admin = AdminClient(client_config(settings.kafka))  # its answers end with it
        for gone in admin.delete_topics(names).values():
            gone.exception(_STOP_SECONDS)
        with Warehouse.open(settings.dsn, database=settings.database) as warehouse:
            warehouse.command(f"DROP DATABASE {settings.database} SYNC")


@contextmanager
def roles(folder: Path, names: Sequence[str], environment: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Run roles side by side, several of one kind as `meter-1`, `meter-2`; yield the URL of each once all are there.

    They stop in good order, the last named first. Raises `Failure` with the end of its log when one does not start.
    """
    with ExitStack() as stack:
        started = [(name, stack.enter_context(_running(folder, name, environment))) for name in names]
        yield {name: _url(folder, name, process) for name, process in started}


@contextmanager
def _running(folder: Path, name: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    (folder / name).mkdir(parents=True, exist_ok=True)
    role = name.partition("-")[0]
    named = {f"OUTLAY_{role.upper()}__INSTANCE": name} if role in ("meter", "budgets") else {}
    own = {"OUTLAY_DATA": str(folder / name), **named}
    port = () if role == "api" else ("--port", "0")
    with _log(folder, name).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - this program's own
            [*OUTLAY, "run", role, *port],
            env={**os.environ, **environment, **own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    guard = _guard(process.pid)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            note(f"{name} did not stop within {_STOP_SECONDS:g} s and was killed")
            process.kill()
            process.wait()
        guard.kill()
        guard.communicate()


def _url(folder: Path, name: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        told = _log(folder, name).read_text("utf-8", errors="replace")
        if found := _URL.search(told):
            return found[1]
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"{name} did not start; its log ends:\n{told[-2000:]}")
        time.sleep(_POLL_SECONDS)


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """Kill `pid` when this process ends in any way: the pipe closes, and the shell's `read` returns."""
    return subprocess.Popen(  # noqa: S603 - a fixed command
        ["/bin/sh", "-c", f"read _; kill -9 {pid} 2>/dev/null"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
