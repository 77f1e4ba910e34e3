"""Whether a cluster adds up: topics against each other, topics and budgets against the store, nothing twice.

Everything moves meanwhile, so a difference counts only when it stays the same however often it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from outlay_api.clusterwide.budget_check import Published, budget_differences
from outlay_api.clusterwide.log_reader import Stretch, read
from outlay_api.clusterwide.pending import PendingEvents
from outlay_api.services import PendingUnknown
from outlay_infra.kafka import BrokerError, cluster_topics
from outlay_infra.kafka.groups import Progress
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.check import Difference
from outlay_infra.warehouse.loading import evidence
from outlay_infra.warehouse.shared import lasting
from outlay_schemas.topics import RejectHeader
from outlay_streams.budgets import BudgetsUnknown
from outlay_streams.wire import decode_receipts

BLOCKS = 2_000
"""The newest blocks of a partition that are compared with the store one by one."""
REFUSED = 200_000
"""Refused events that are counted one by one."""

_RECEIVED = """
SELECT `partition`, toInt64(sum(received)) AS received, toInt64(sum(conflict + rejected)) AS refused
FROM receipts GROUP BY `partition`
"""
_TWICE = """
SELECT '{table}' AS table, {partition} AS partition, {offset} AS offset, toYYYYMM({time}) AS period,
    toInt64(sum(entries)) AS copies
FROM {table} WHERE org = '' GROUP BY partition, offset, period HAVING copies > 1
"""
_MARKED = (
    ("cells", "team", "project", "quarter"),
    ("days", "team", "project", "day"),
    ("tag_days", "tag", "value", "day"),
)
_REPORT = "report it with the logs of the meters and loaders"


class SelfCheck:
    """Compares. Thread-safe; raises `StoreError`, and `PendingUnknown` when no broker answers."""

    def __init__(self, settings: Settings, warehouse: Warehouse, budgets: Published | None = None) -> None:
        """Prepare; nothing is asked yet. Without `budgets` they are not compared."""
        self._budgets = budgets
        self._kafka = settings.kafka
        self._warehouse = warehouse
        self._topics = cluster_topics(settings.kafka)
        self._progress = Progress(settings.kafka)
        self._pending = PendingEvents(settings, warehouse)

    def __call__(self) -> list[Difference]:
        """Return every difference that lasts."""
        try:
            return self._lasting()
        except (BrokerError, BudgetsUnknown) as error:
            raise PendingUnknown(f"the topics cannot be compared: {error}") from error

    def _lasting(self) -> list[Difference]:
        return lasting(lambda: [*self._metered(), *self._refused(), *self._stored(), *self._twice(), *self._budgeted()])

    def _metered(self) -> Iterator[Difference]:
        """Compare the events that meters took with the receipts there are for them, stored or on their way."""
        usage = self._topics.usage
        committed = self._progress.committed("meter", usage.name, usage.partitions)
        late = sum(self._pending.unmetered(self._topics.usage_late).values())
        waiting = sum(self._pending.unloaded().values())
        stored = sum(row["received"] for row in self._receipts() if row["partition"].startswith("spend/"))
        taken, told = sum(committed.values()), stored + waiting + late
        if taken != told:
            yield _difference(
                table=usage.name,
                key={"group": "meter"},
                measure="events without a receipt" if taken > told else "receipts without an event",
                found=abs(taken - told),
                mend=f"meters took {taken:,}; receipts tell of {stored:,}, {waiting:,} more wait in "
                f"{self._topics.spend.name} and {late:,} in {self._topics.usage_late.name}; {_REPORT}",
            )

    def _refused(self) -> Iterator[Difference]:
        """Compare refused events with the receipts that count them, where the topic still has them all."""
        topic = self._topics.usage_rejected
        starts, ends = self._progress.bounds(topic.name, topic.partitions)
        if any(starts.values()) or sum(ends.values()) > REFUSED:
            return
        committed = self._progress.committed("loader", topic.name, topic.partitions)
        metered, sent = 0, 0
        for message in read(self._kafka, topic.name, {partition: (0, end) for partition, end in ends.items()}):
            told = {name for name, _ in message.headers() or ()}
            if RejectHeader.TOPIC.value in told:
                metered += 1
            elif message.offset() < committed.get(message.partition(), 0):
                sent += 1
        waiting = sum(row["conflict"] + row["rejected"] for row in self._pending.unloaded_receipts())
        rows = self._receipts()
        counted = sum(row["refused"] for row in rows if row["partition"].startswith("spend/")) + waiting
        told_of = sum(row["refused"] for row in rows if row["partition"].startswith("usage.rejected/"))
        pairs = (("refused by a meter", counted, metered), ("refused over HTTP", sent, told_of))
        for measure, expected, found in pairs:
            if expected != found:
                key = {"by": "receipts" if measure.endswith("HTTP") else "records"}
                yield _difference(
                    table=topic.name, key=key, measure=measure, expected=expected, found=found, mend=_REPORT
                )

    def _stored(self) -> Iterator[Difference]:
        """Compare the newest blocks that loaders have passed with the store, one by one."""
        topic = self._topics.spend
        starts, ends = self._progress.bounds(topic.name, topic.partitions)
        committed = self._progress.committed("loader", topic.name, topic.partitions)
        stretches: dict[int, Stretch] = {}
        for partition, end in ends.items():
            passed = min(end, committed.get(partition, 0))
            stretches[partition] = (max(starts[partition], passed - 2 * BLOCKS), passed)
        there: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for partition, (start, end) in stretches.items():
            if start < end:
                rows = evidence.receipts(self._warehouse, f"spend/{partition}", start, end - 1).to_pylist()
                for row in rows:
                    there.setdefault((partition, row["block"]), []).append(row)
        for message in read(self._kafka, topic.name, stretches):
            place = (message.partition(), message.offset())
            name = f"spend/{message.partition()}"
            expected = decode_receipts(message.value() or b"", name, message.offset()).to_pylist()
            found = there.pop(place, None)
            if found is None or sorted(map(repr, found)) != sorted(map(repr, expected)):
                what = "nothing" if found is None else "another block"
                yield _difference(
                    table="receipts",
                    key={"partition": name, "block": str(message.offset())},
                    measure="block",
                    expected="the block of the log",
                    found=what,
                    mend=f"stop the loaders, set their offset of {topic.name}/{message.partition()} back to "
                    f"{message.offset()} and start them: what is missing is stored, the rest passed over",
                )
        for partition, block in sorted(there):
            yield _difference(
                table="receipts",
                key={"partition": f"spend/{partition}", "block": str(block)},
                measure="block",
                expected="nothing",
                found="a block that the log does not have",
                mend=f"another deployment writes to this database, or the topic was made anew; {_REPORT}",
            )

    def _twice(self) -> Iterator[Difference]:
        """Find blocks that a table of sums holds more than once, by the marks they left."""
        for table, partition, offset, time_column in _MARKED:
            sql = _TWICE
            names = {"{table}": table, "{partition}": partition, "{offset}": offset, "{time}": time_column}
            for place, name in names.items():
                sql = sql.replace(place, name)
            for row in self._warehouse.query(sql).to_pylist():
                yield _difference(
                    table=table,
                    key={"partition": row["partition"], "block": row["offset"]},
                    measure="copies",
                    expected=1,
                    found=row["copies"],
                    mend=f"stop the loaders and repair partition {row['period']} of {table}",
                    partition=str(row["period"]),
                )

    def _budgeted(self) -> Iterator[Difference]:
        """Compare budgets with the store."""
        if self._budgets is not None:
            yield from budget_differences(self._budgets, self._warehouse, rows_topic=self._topics.budget_rows.name)

    def _receipts(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._warehouse.query(_RECEIVED).to_pylist()
        return rows


def _difference(
    *,
    table: str,
    key: dict[str, str],
    measure: str,
    found: int | str,
    mend: str,
    expected: int | str = 0,
    partition: str = "",
) -> Difference:
    return Difference(
        table=table, partition=partition, key=key, measure=measure, expected=expected, found=found, mend=mend
    )
