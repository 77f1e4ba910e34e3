"""What has to change for topics to be what they should: a pure comparison, carried out by `TopicAdmin`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from outlay_schemas.topics import Topic

PARTITIONS = "partitions"
REPLICATION = "replication"

_MS = timedelta(milliseconds=1)
_SEGMENT_BYTES = 64 * 1024 * 1024
"""Of compacted topics: the newest segment is never compacted, and all of it is read by whoever takes over."""
_REPEATS = (
    "raised only when asked: keys move, so repeats of events sent before and after it are told apart no longer; "
    "stop the producers, let the meter finish, raise, start them again"
)
_NEVER_FEWER = "partitions cannot be taken away; set kafka.partitions to what there is, or use another kafka.prefix"
_REASSIGN = "copies are changed by the brokers' own tool, kafka-reassign-partitions"


class Action(StrEnum):
    """What a difference asks for."""

    CREATE = "create"
    SET = "set"
    RAISE = "raise"
    """More partitions: done only when asked for."""
    IMPOSSIBLE = "impossible"
    """Nothing here can do it; `note` says who can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualTopic:
    """One topic as the brokers have it."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredTopic:
    """One topic as it should be; `replication` None leaves the number of copies to the brokers."""

    name: str
    partitions: int
    replication: int | None
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicChange:
    """One difference between a topic and what it should be."""

    topic: str
    action: Action
    what: str
    """`topic`, `partitions`, `replication` or the name of a setting."""
    before: str | None
    """What there is; None where there is nothing yet."""
    after: str
    note: str = ""


def desired(topic: Topic, *, replication: int | None = None, min_in_sync: int | None = None) -> DesiredTopic:
    """Return `topic` as the brokers would hold it."""
    settings = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": "-1" if topic.retention is None else str(topic.retention // _MS),
        "max.message.bytes": str(topic.message_bytes),
    }
    if topic.compacted:
        settings["segment.bytes"] = str(max(_SEGMENT_BYTES, topic.message_bytes))
    if min_in_sync is not None:
        settings["min.insync.replicas"] = str(min_in_sync)
    return DesiredTopic(name=topic.name, partitions=topic.partitions, replication=replication, settings=settings)


def plan(topics: Iterable[DesiredTopic], actual: Mapping[str, ActualTopic]) -> list[TopicChange]:
    """Return every difference, topic by topic; topics that nobody asked for are left alone."""
    return [change for topic in topics for change in _differences(topic, actual.get(topic.name))]


def doable(changes: Iterable[TopicChange], *, raise_partitions: bool) -> list[TopicChange]:
    """Return the changes that may be carried out."""
    allowed = {Action.CREATE, Action.SET} | ({Action.RAISE} if raise_partitions else set())
    return [change for change in changes if change.action in allowed]


def _differences(topic: DesiredTopic, actual: ActualTopic | None) -> Iterator[TopicChange]:
    if actual is None:
        after = f"{topic.partitions} partitions, " + ", ".join(f"{k}={v}" for k, v in topic.settings.items())
        yield TopicChange(topic=topic.name, action=Action.CREATE, what="topic", before=None, after=after)
        return
    here = TopicChange(topic=topic.name, action=Action.SET, what="", before=None, after="")
    if topic.partitions != actual.partitions:
        more = topic.partitions > actual.partitions
        yield replace(
            here,
            action=Action.RAISE if more else Action.IMPOSSIBLE,
            what=PARTITIONS,
            before=str(actual.partitions),
            after=str(topic.partitions),
            note=_REPEATS if more else _NEVER_FEWER,
        )
    if topic.replication not in (None, actual.replication):
        yield replace(
            here,
            action=Action.IMPOSSIBLE,
            what=REPLICATION,
            before=str(actual.replication),
            after=str(topic.replication),
            note=_REASSIGN,
        )
    for name, value in topic.settings.items():
        if actual.settings.get(name) != value:
            yield replace(here, what=name, before=actual.settings.get(name), after=value)
