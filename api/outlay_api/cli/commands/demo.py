"""`outlay demo`: a server, an invented company that keeps it busy, and what comes of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.live import Live

from outlay_api.cli.connection import Connection, connect
from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.failure import Failure
from outlay_api.cli.output import err, note, out
from outlay_api.cli.target import Target

if TYPE_CHECKING:
    from outlay_api.demo.feed import Feed
    from outlay_api.demo.ledger import Ledger

_FOLDER = Path(".outlay/demo")
_BACK_FILL = 50_000
_GAP = timedelta(minutes=2)
"""Time without events that is filled when the demonstration starts again."""
_PLAIN_SECONDS = 5.0


async def demo(
    *,
    data: Path = _FOLDER,
    port: int | None = None,
    rate: Annotated[float, Parameter(validator=Number(gt=0, lte=1000))] = 10.0,
    seed: int = 1,
    once: Annotated[bool, Parameter(negative=())] = False,
    events: Annotated[int, Parameter(validator=Number(gte=1))] = _BACK_FILL,
) -> int:
    """Serve on this machine with realistic traffic of an invented company.

    The current and the previous month are filled first, through the real intake, with duplicates, conflicts, late and
    invalid events among them; then traffic goes on as time does.

    For example:

        outlay demo
        outlay demo --rate 200 --data ./demo-ledger
        outlay demo --once --events 20000 --seed 7

    Parameters
    ----------
    data
        Folder of the demonstration's own ledger.
    port
        Port to listen on; 8321 when not given, with --once any free one.
    rate
        Live events a second.
    seed
        Other seeds give other traffic; the same seed the same.
    once
        Only send `--events` events, print the report, and exit 0 if every event is accounted for and every sum right.
    events
        How many events the past is filled with.
    """
    import outlay  # noqa: PLC0415
    from outlay_api.demo.feed import Feed  # noqa: PLC0415 - numpy and the engine load when they are needed
    from outlay_api.demo.ledger import Ledger  # noqa: PLC0415
    from outlay_api.demo.world import catalog_text, traffic  # noqa: PLC0415

    port = 0 if once and port is None else port
    with _served(data, port) as url:
        async with connect(Target(server=url)) as connection, outlay.AsyncClient(url) as client:
            headers = {"content-type": "application/yaml"}
            await connection.ask("PUT", "/v1/catalog", content=catalog_text().encode(), headers=headers)
            feed, ledger = Feed(client=client, traffic=traffic(seed)), Ledger(api=connection)
            if once:
                return await _once(connection, feed, ledger, events)
            await _live(url, feed, ledger, rate, events)
    note(f"stopped; the ledger stays in {data}")
    return 0


@contextmanager
def _served(data: Path, port: int | None) -> Iterator[str]:
    """Serve the folder in a thread of this process, its log in the folder, and give the URL."""
    from outlay_api.app import create_app  # noqa: PLC0415
    from outlay_api.compose import embedded  # noqa: PLC0415
    from outlay_api.server import Server, in_background, listen, url_of  # noqa: PLC0415
    from outlay_infra.logging import configure  # noqa: PLC0415
    from outlay_infra.settings import LogSettings  # noqa: PLC0415

    http = {"host": "127.0.0.1"} | ({} if port is None else {"port": port})
    settings = ledger_settings(None, data=data, http=http, log=LogSettings(access=False))
    settings.data.mkdir(parents=True, exist_ok=True)
    note(f"starting over {data} ...")
    with (settings.data / "server.log").open("a", encoding="utf-8") as log, listen(settings.http) as listener:
        configure(settings.log, log)
        with (
            embedded(settings) as services,
            in_background(Server(create_app(services), settings.http, listener)),
        ):
            yield url_of(listener)


async def _once(connection: Connection, feed: Feed, ledger: Ledger, events: int) -> int:
    from outlay_api.cli.demo_report import print_report  # noqa: PLC0415
    from outlay_api.demo.ledger import first_of_previous_month  # noqa: PLC0415

    now = datetime.now(UTC)
    before = await ledger.received()
    await _fill(feed, first_of_previous_month(now), now, events)
    received = await ledger.received() - before
    if received != events:
        raise Failure(f"{events:,} events were sent, and the ledger says it received {received:,}")
    return await print_report(connection, first_of_previous_month(now).date())


async def _live(url: str, feed: Feed, ledger: Ledger, rate: float, events: int) -> None:
    """Fill the past, then follow the present, until the user or the system says stop."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task is not None:
        for stop in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(stop, task.cancel)
    with suppress(asyncio.CancelledError):
        await _catch_up(feed, ledger, rate, events)
        feed.counts.recent.clear()
        async with _running(feed, rate):
            await _watch(url, feed, ledger)


@asynccontextmanager
async def _running(feed: Feed, rate: float) -> AsyncIterator[None]:
    """Feed live traffic meanwhile; a feed that fails ends the demonstration."""
    try:
        async with asyncio.TaskGroup() as tasks:
            live = tasks.create_task(feed.live(rate, lambda: datetime.now(UTC)))
            yield
            live.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _catch_up(feed: Feed, ledger: Ledger, rate: float, events: int) -> None:
    from outlay_api.demo.ledger import first_of_previous_month  # noqa: PLC0415

    now = datetime.now(UTC)
    newest = await ledger.newest()
    if newest is None:
        await _fill(feed, first_of_previous_month(now), now, events)
    elif now - newest > _GAP:
        missed = int((now - newest).total_seconds() * rate)
        await _fill(feed, newest, now, max(1, min(missed, events)))


async def _fill(feed: Feed, start: datetime, end: datetime, events: int) -> None:
    from outlay_api.cli.progress import counting  # noqa: PLC0415

    started = time.monotonic()
    with counting(f"filling {start:%d %B} to {end:%d %B}", events) as progress:
        await feed.history(start, end, events, progress)
    rate = events / (time.monotonic() - started)
    note(f"filled {start:%d %B} to {end:%d %B} with {events:,} events ({rate:,.0f} a second)")


async def _watch(url: str, feed: Feed, ledger: Ledger) -> None:
    from outlay_api.cli.demo_view import DemoView  # noqa: PLC0415

    view = DemoView(url=url)
    baseline = await ledger.entries() - feed.counts.accepted
    if not out().is_terminal:
        out().print(f"serving at {url}", markup=False)
        while True:
            snapshot = await ledger.snapshot(feed.counts, baseline)
            out().print(view.line(snapshot, feed.counts, time.monotonic()), markup=False, soft_wrap=True)
            await asyncio.sleep(_PLAIN_SECONDS)
    with Live(console=err(), auto_refresh=False, screen=False) as live:
        while True:
            snapshot = await ledger.snapshot(feed.counts, baseline)
            live.update(view.screen(snapshot, feed.counts, time.monotonic(), feed.newest), refresh=True)
            await asyncio.sleep(0.5)
