"""`outlay cluster`: Kafka, a store and every role on this machine, and traffic of an invented company."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

from cyclopts import Parameter
from cyclopts.validators import Number

from outlay_api.cli.connection import Connection, connect
from outlay_api.cli.failure import DONE, FAILED, USAGE, Failure
from outlay_api.cli.local_cluster import Places, deployed, local_services, roles
from outlay_api.cli.output import note, out
from outlay_api.cli.program import program
from outlay_api.cli.target import Target

if TYPE_CHECKING:
    from outlay_api.demo.feed import Feed
    from outlay_api.demo.ledger import Ledger, Snapshot
    from outlay_infra.settings import Settings

_BACK_FILL = 20_000
_ARRIVAL_SECONDS = 300.0
_LINE_SECONDS = 5.0
_INTERRUPTED = 130


async def cluster(
    *,
    kafka: str | None = None,
    store: str | None = None,
    port: int | None = None,
    meters: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    loaders: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    budgets: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    partitions: Annotated[int, Parameter(validator=Number(gte=1))] = 4,
    rate: Annotated[float, Parameter(validator=Number(gt=0, lte=1000))] = 10.0,
    seed: int = 1,
    once: Annotated[bool, Parameter(negative=())] = False,
    events: Annotated[int, Parameter(validator=Number(gte=1))] = _BACK_FILL,
) -> int:
    """Run a whole cluster on this machine with realistic traffic. Ctrl-C stops everything and leaves nothing behind.

    From a checkout, a broker and a store are started too: in containers where an engine answers, else Apache Kafka from
    its own jars (Java 17) and the embedded engine behind ClickHouse's HTTP interface. For example:

        outlay cluster
        outlay cluster --meters 2 --loaders 2 --rate 200
        outlay cluster --once --events 20000

    Parameters
    ----------
    kafka
        Brokers to use instead of one of its own, as host:port.
    store
        ClickHouse to use instead of one of its own, as clickhouse://user:password@host:8123.
    port
        Port of the API; 8321 when not given, with --once any free one.
    meters
        How many meters run.
    loaders
        How many loaders run.
    budgets
        How many budgets workers run.
    partitions
        Partitions of every topic.
    rate
        Live events a second.
    seed
        Other seeds give other traffic; the same seed the same.
    once
        Only send `--events` events, print the report, and exit 0 if every event is accounted for and every sum right.
    events
        How many events the past is filled with.
    """
    if (kafka is None) is not (store is None):
        raise Failure("--kafka and --store belong together; give both, or neither", USAGE)
    port = 0 if once and port is None else port
    _stop_on_signals()
    try:
        return await _run(
            kafka=kafka,
            store=store,
            port=port,
            workers=[*_numbered("meter", meters), *_numbered("loader", loaders), *_numbered("budgets", budgets)],
            partitions=partitions,
            traffic=_Traffic(rate=rate, seed=seed, once=once, events=events),
        )
    except asyncio.CancelledError:
        note("everything is stopped, and nothing of it stays")
        return _INTERRUPTED if once else DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    """What is sent."""

    rate: float
    seed: int
    once: bool
    events: int


async def _run(
    *,
    kafka: str | None,
    store: str | None,
    port: int | None,
    workers: Sequence[str],
    partitions: int,
    traffic: _Traffic,
) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outlay-cluster-")))
        if kafka is not None and store is not None:
            places = Places(bootstrap=kafka, store=store)
        else:
            note("starting a broker and a store ...")
            places = stack.enter_context(local_services(folder))
        environment = _environment(places, folder, port=port, partitions=partitions)
        stack.enter_context(deployed(_settings(environment)))
        note("starting the API ...")
        url = stack.enter_context(roles(folder, ["api"], environment))["api"]
        async with connect(Target(server=url)) as connection:
            await _declare(connection)
            note(f"starting {', '.join(workers)} ...")
            urls = {"api": url, **stack.enter_context(roles(folder, workers, environment))}
            return await _used(connection, urls, traffic)


def _environment(places: Places, folder: Path, *, port: int | None, partitions: int) -> dict[str, str]:
    return {
        "OUTLAY_STORE": places.store,
        "OUTLAY_KAFKA__BOOTSTRAP": places.bootstrap,
        "OUTLAY_KAFKA__PARTITIONS": str(partitions),
        "OUTLAY_KAFKA__PREFIX": f"outlay-{os.getpid()}.",
        "OUTLAY_DATABASE": f"outlay_{os.getpid()}",
        "OUTLAY_METER__CATALOG_SECONDS": "1",
        "OUTLAY_BUDGETS__CATALOG_SECONDS": "1",
        "OUTLAY_DATA": str(folder / "data"),
        "OUTLAY_LOG__ACCESS": "false",
        **({} if port is None else {"OUTLAY_HTTP__PORT": str(port)}),
    }


def _settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings as the roles will read them."""
    from outlay_infra.settings import Settings  # noqa: PLC0415 - pydantic loads when it is needed

    before = dict(os.environ)
    os.environ.update(environment)
    try:
        return Settings.load()
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _declare(connection: Connection) -> None:
    from outlay_api.demo.world import catalog_text  # noqa: PLC0415

    headers = {"content-type": "application/yaml"}
    await connection.ask("PUT", "/v1/catalog", content=catalog_text().encode(), headers=headers)


def _numbered(role: str, count: int) -> list[str]:
    return [f"{role}-{number}" for number in range(1, count + 1)]


async def _used(connection: Connection, urls: Mapping[str, str], sent: _Traffic) -> int:
    import outlay  # noqa: PLC0415
    from outlay_api.cli.demo_report import print_report  # noqa: PLC0415 - numpy loads when it is needed
    from outlay_api.demo.feed import Feed  # noqa: PLC0415
    from outlay_api.demo.ledger import Ledger, first_of_previous_month  # noqa: PLC0415
    from outlay_api.demo.world import traffic  # noqa: PLC0415

    ledger, now = Ledger(api=connection), datetime.now(UTC)
    start = first_of_previous_month(now)
    for name, url in urls.items():
        out().print(f"{name:<10} {url}" + ("/docs" if name == "api" else "/metrics"), markup=False, soft_wrap=True)
    async with outlay.AsyncClient(urls["api"]) as client:
        feed = Feed(client=client, traffic=traffic(sent.seed))
        await _filled(feed, ledger, start, now, sent.events)
        if sent.once:
            return await print_report(connection, start.date())
        note(f"ask it: {program()} spend --by team --server {urls['api']}")
        return await _live(feed, ledger, sent.rate)


async def _filled(feed: Feed, ledger: Ledger, start: datetime, end: datetime, events: int) -> None:
    """Fill the past, and return once every event is in the ledger."""
    from outlay_api.cli.progress import counting  # noqa: PLC0415

    began = time.monotonic()
    with counting(f"sending {start:%d %B} to {end:%d %B}", events) as progress:
        await feed.history(start, end, events, progress)
    sent = time.monotonic()
    while (waiting := await _waiting(ledger, events)) is not None:
        if time.monotonic() - sent > _ARRIVAL_SECONDS:
            raise Failure(f"{events:,} events were sent; after {_ARRIVAL_SECONDS:g} s {waiting}", FAILED)
        await asyncio.sleep(0.2)
    done = time.monotonic()
    note(
        f"{events:,} events accepted at {events / (sent - began):,.0f} a second, "
        f"and all of them in the ledger {done - sent:.1f} s after the last"
    )


async def _waiting(ledger: Ledger, events: int) -> str | None:
    """Return what is still under way, None when nothing is."""
    totals = (await ledger.snapshot()).account["totals"]
    if totals["received"] == events and not totals["pending"]:
        return None
    return f"the ledger tells of {totals['received']:,}, {totals['pending']:,} of them pending"


async def _live(feed: Feed, ledger: Ledger, rate: float) -> NoReturn:
    """Follow the present until cancelled, a line now and then."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(feed.live(rate, lambda: datetime.now(UTC)))
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            out().print(_line(await ledger.snapshot(), feed), markup=False, soft_wrap=True)


def _line(snapshot: Snapshot, feed: Feed) -> str:
    totals = snapshot.account["totals"]
    outcomes = ", ".join(f"{totals[name]:,} {name}" for name in ("counted", "duplicate", "conflict", "rejected"))
    today, month = (document["totals"]["amount"] for document in (snapshot.today, snapshot.month))
    return (
        f"today {today} USD, month {month} USD; {feed.counts.rate(time.monotonic()):.1f} events/s; "
        f"{totals['received']:,} received = {outcomes}, {totals['pending']:,} pending"
    )


def _stop_on_signals() -> None:
    """Cancel this task once, however often the user asks: stopping takes a moment."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def stop() -> None:
        if task is not None and not task.cancelling():
            task.cancel()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop)
