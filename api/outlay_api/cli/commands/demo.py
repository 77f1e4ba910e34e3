"""`outlay demo`: a server, an invented company that keeps it busy, and what comes of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.live import Live

from outlay_api.cli.connection import Connection, connect
from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.failure import Failure
from outlay_api.cli.output import note, out
from outlay_api.cli.program import program
from outlay_api.cli.target import Target

if TYPE_CHECKING:
    from outlay_api.demo.feed import Feed
    from outlay_api.demo.ledger import Ledger
    from outlay_api.demo.visibility import Visibility

_FOLDER = Path(".outlay/demo")
_BACK_FILL = 60_000
_RATE = 1.0
"""Live events a second: not many more than the busiest hours of the past have, so that today fits the month."""
_GAP = timedelta(minutes=2)
"""Time without events that is filled when the demonstration starts again."""
_LAST_DAY = 0.05
"""Share of the back-fill that its last day has, and every day that is filled later."""
_SCREEN_SECONDS, _PLAIN_SECONDS = 0.5, 5.0
"""Between two looks."""


async def demo(
    *,
    data: Path = _FOLDER,
    port: int | None = None,
    rate: Annotated[float, Parameter(validator=Number(gt=0, lte=1000))] = _RATE,
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
    called = program()
    note(f"stopped; {feed.counts.accepted:,} events were counted this time, and the ledger stays in {data}")
    note(f"ask it: {called} spend --by team --data {data}")
    note(f"go on:  {called} demo" + ("" if data == _FOLDER else f" --data {data}"))
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
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    note(f"opening the ledger in {data} ...")
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
    from outlay_api.demo.visibility import Visibility  # noqa: PLC0415

    _stop_on_signals()
    with suppress(asyncio.CancelledError):
        await _catch_up(feed, ledger, events)
        feed.counts.recent.clear()
        baseline = await ledger.entries() - feed.counts.accepted
        visibility = Visibility(ledger=ledger, counts=feed.counts, baseline=baseline)
        async with _meanwhile(feed.live(rate, lambda: datetime.now(UTC)), visibility.follow()):
            await _watch(url, feed, ledger, visibility)


def _stop_on_signals() -> None:
    """Cancel this task once, however often the user asks: what comes after takes a moment and loses nothing."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def stop() -> None:
        if task is not None and not task.cancelling():
            task.cancel()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop)


@asynccontextmanager
async def _meanwhile(*endless: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run what never ends by itself; one that fails ends the demonstration."""
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each) for each in endless]
            yield
            for task in running:
                task.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def _catch_up(feed: Feed, ledger: Ledger, events: int) -> None:
    from outlay_api.demo.ledger import first_of_previous_month  # noqa: PLC0415

    now = datetime.now(UTC)
    newest = await ledger.newest()
    if newest is None:
        await _fill(feed, first_of_previous_month(now), now, events)
    elif now - newest > _GAP:
        await _fill(feed, newest, now, max(1, int((now - newest) / timedelta(days=1) * _LAST_DAY * events)))


async def _fill(feed: Feed, start: datetime, end: datetime, events: int) -> None:
    from outlay_api.cli.progress import counting  # noqa: PLC0415

    started = time.monotonic()
    with counting(f"filling {start:%d %B} to {end:%d %B}", events) as progress:
        await feed.history(start, end, events, progress)
    rate = events / (time.monotonic() - started)
    note(f"filled {start:%d %B} to {end:%d %B} with {events:,} events ({rate:,.0f} a second)")


async def _watch(url: str, feed: Feed, ledger: Ledger, visibility: Visibility) -> None:
    from outlay_api.cli.demo_view import DemoView  # noqa: PLC0415

    console = out()
    view = DemoView(url=url, program=program(), counts=feed.counts, visibility=visibility)
    if not console.is_terminal or console.is_dumb_terminal:
        console.print(f"serving at {url}, docs at {url}/docs, metrics at {url}/metrics", markup=False, soft_wrap=True)
        while True:
            console.print(view.line(await ledger.snapshot(), time.monotonic()), markup=False, soft_wrap=True)
            await asyncio.sleep(_PLAIN_SECONDS)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(view.screen(await ledger.snapshot(), time.monotonic()), refresh=True)
            await asyncio.sleep(_SCREEN_SECONDS)
