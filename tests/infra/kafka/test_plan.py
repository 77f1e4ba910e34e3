"""What has to change for topics to be what they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay_infra.kafka.plan import Action, ActualTopic, DesiredTopic, TopicChange, desired, doable, plan
from outlay_schemas.topics import topics

USAGE = desired(topics(retention=timedelta(days=2), message_bytes=1_000_000).usage)


def as_is(topic: DesiredTopic) -> ActualTopic:
    return ActualTopic(
        partitions=topic.partitions, replication=topic.replication or 1, settings=dict(topic.settings) | {"other": "1"}
    )


def only(changes: list[TopicChange]) -> TopicChange:
    assert len(changes) == 1
    return changes[0]


def test_a_topic_is_held_by_its_retention_and_a_compacted_one_for_ever() -> None:
    found = topics(retention=timedelta(days=2), message_bytes=1_000_000)
    assert desired(found.usage).settings == {
        "cleanup.policy": "delete",
        "retention.ms": "172800000",
        "max.message.bytes": "1000000",
    }
    state = desired(found.budget_state, min_in_sync=2).settings
    assert (state["cleanup.policy"], state["retention.ms"], state["min.insync.replicas"]) == ("compact", "-1", "2")
    assert int(state["segment.bytes"]) < 100 * 1024 * 1024


def test_what_is_as_it_should_be_needs_nothing() -> None:
    assert plan([USAGE], {"usage": as_is(USAGE), "somebody.elses": as_is(USAGE)}) == []


def test_what_is_missing_is_created_whole() -> None:
    change = only(plan([USAGE], {}))
    assert (change.action, change.topic, change.before) == (Action.CREATE, "usage", None)
    assert change.after.startswith("12 partitions, cleanup.policy=delete")


@pytest.mark.parametrize("name", ["retention.ms", "max.message.bytes", "cleanup.policy"])
def test_a_setting_that_differs_or_is_absent_is_set(name: str) -> None:
    differs = replace(as_is(USAGE), settings=dict(USAGE.settings) | {name: "7"})
    absent = replace(as_is(USAGE), settings={key: value for key, value in USAGE.settings.items() if key != name})

    change = only(plan([USAGE], {"usage": differs}))

    assert (change.action, change.what, change.before, change.after) == (Action.SET, name, "7", USAGE.settings[name])
    assert only(plan([USAGE], {"usage": absent})).before is None


def test_more_partitions_are_made_only_when_asked_and_the_danger_is_told() -> None:
    changes = plan([USAGE], {"usage": replace(as_is(USAGE), partitions=4)})
    change = only(changes)
    assert (change.action, change.before, change.after) == (Action.RAISE, "4", "12")
    assert "repeats" in change.note
    assert doable(changes, raise_partitions=False) == []
    assert doable(changes, raise_partitions=True) == changes


def test_fewer_partitions_and_other_copies_are_told_but_never_done() -> None:
    actual = replace(as_is(USAGE), partitions=24, replication=1)
    changes = plan([replace(USAGE, replication=3)], {"usage": actual})
    assert [(change.what, change.action) for change in changes] == [
        ("partitions", Action.IMPOSSIBLE),
        ("replication", Action.IMPOSSIBLE),
    ]
    assert all(change.note for change in changes)
    assert doable(changes, raise_partitions=True) == []


def test_copies_are_the_brokers_choice_unless_set() -> None:
    assert plan([USAGE], {"usage": replace(as_is(USAGE), replication=5)}) == []


_SETTING = st.sampled_from(["retention.ms", "max.message.bytes"])
_TOPIC = st.builds(
    DesiredTopic,
    name=st.sampled_from("abc"),
    partitions=st.integers(1, 4),
    replication=st.none() | st.integers(1, 3),
    settings=st.dictionaries(_SETTING, st.sampled_from("12")),
)


@given(wanted=st.lists(_TOPIC, unique_by=lambda topic: topic.name), present=st.lists(_TOPIC))
def test_after_everything_doable_was_done_only_the_impossible_is_left(
    wanted: list[DesiredTopic], present: list[DesiredTopic]
) -> None:
    actual = {topic.name: as_is(topic) for topic in present}
    by_name = {topic.name: topic for topic in wanted}
    for change in doable(plan(wanted, actual), raise_partitions=True):
        if change.action is Action.CREATE:
            actual[change.topic] = as_is(by_name[change.topic])
        elif change.action is Action.RAISE:
            actual[change.topic] = replace(actual[change.topic], partitions=int(change.after))
        else:
            settings = {**actual[change.topic].settings, change.what: change.after}
            actual[change.topic] = replace(actual[change.topic], settings=settings)

    assert {change.action for change in plan(wanted, actual)} <= {Action.IMPOSSIBLE}
