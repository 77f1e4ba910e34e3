"""A process to be killed: lock, store and runtime as the embedded server has them, driven by lines of JSON.

`{"n": 1, "events": [...]}` is answered `{"n": 1, "outcomes": {...}}` or `{"n": 1, "error": "StoreFull", ...}`, in any
order, many at a time; `{"report": true}` by what the ledger holds and what its check finds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import structlog

sys.path.insert(0, str(Path(__file__).parents[2]))

from outlay_infra.clock import SystemClock
from outlay_infra.errors import StoreError
from outlay_infra.warehouse import Lease, Warehouse
from outlay_streams.decode import decode
from outlay_streams.runtime.embedded import EmbeddedRuntime
from outlay_streams.runtime.errors import IntakeError
from outlay_streams.runtime.lock import DataDirectoryError, WriterLock
from tests.support.flat_rules import flat_rules

IN_FLIGHT = 12

TOTALS = """
SELECT count() AS entries, uniqExact(id, source) AS ids, toString(sum(amount)) AS amount,
    (SELECT count() FROM event_ids) AS identities, (SELECT sum(counted) FROM receipts) AS counted,
    (SELECT sum(entries) FROM cells WHERE org != '') AS cells, countIf(status = 'unpriced') AS unpriced
FROM ledger
"""


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def publish(runtime: EmbeddedRuntime, batch: dict[str, Any], room: asyncio.Semaphore) -> None:
    async with room:
        sent = json.dumps(batch["events"]).encode()
        decoded = decode(sent, content_type="application/json", org="acme", now=SystemClock().now())
        try:
            outcomes = await runtime.publish("acme", decoded)
        except (StoreError, IntakeError) as error:
            say({"n": batch["n"], "error": type(error).__name__, "message": str(error)})
            return
    verdicts = [outcome.verdict.value for outcome in outcomes]
    say({"n": batch["n"], "outcomes": {verdict: verdicts.count(verdict) for verdict in set(verdicts)}})


def report(warehouse: Warehouse) -> dict[str, Any]:
    differences = [str(difference) for difference in warehouse.check()]  # first, for it waits for what is acknowledged
    (totals,) = warehouse.query(TOTALS).to_pylist()
    return totals | {"differences": differences}


async def drive(runtime: EmbeddedRuntime, warehouse: Warehouse) -> None:
    say({"ready": True})
    room = asyncio.Semaphore(IN_FLIGHT)
    async with asyncio.TaskGroup() as tasks:
        while line := await asyncio.to_thread(sys.stdin.readline):
            batch = json.loads(line)
            if "report" in batch:
                say(report(warehouse))
            else:
                tasks.create_task(publish(runtime, batch, room))


def main(data: Path) -> int:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    clock = SystemClock()
    try:
        with WriterLock(data, now=clock.now()) as lock, Warehouse.open(f"chdb://{data / 'ledger'}") as warehouse:
            warehouse.migrate()
            with Lease.claim(warehouse, folder=lock.identity, at_least=lock.generation).kept() as lease:
                runtime = EmbeddedRuntime(
                    ledger=warehouse,
                    clock=clock,
                    rules=flat_rules,
                    generation=lease.generation,
                    may_write=lease.may_write,
                )
                asyncio.run(drive(runtime, warehouse))
                runtime.stop(60)
    except (StoreError, DataDirectoryError) as error:
        say({"error": type(error).__name__, "message": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
