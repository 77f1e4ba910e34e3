"""The cluster's topics, as data."""

from datetime import timedelta

from outlay_schemas.topics import IDENTITY_KEY, Contract, topics


def test_names_stand_under_the_prefix_in_the_order_of_the_flow() -> None:
    assert [topic.name for topic in topics(prefix="outlay.").all()] == [
        "outlay.usage",
        "outlay.usage.late",
        "outlay.usage.rejected",
        "outlay.spend",
        "outlay.spend.cells",
        "outlay.alerts",
        "outlay.budget.rows",
        "outlay.budget.state",
    ]


def test_repeats_meet_by_identity_and_an_orgs_cells_are_one_stream() -> None:
    found = topics()
    assert found.usage.key == found.usage_late.key == IDENTITY_KEY
    assert found.spend_cells.key == ("org",)
    assert found.usage.partitions == found.spend.partitions == 12
    assert found.usage.contract is found.usage_late.contract is Contract.USAGE_EVENT
    assert found.spend.contract is Contract.BLOCK


def test_only_the_newest_of_budgets_is_kept_and_it_never_expires() -> None:
    found = topics(partitions=3, retention=timedelta(days=2))
    assert [topic.name for topic in found.all() if topic.compacted] == ["budget.rows", "budget.state"]
    assert found.budget_rows.retention is found.budget_state.retention is None
    assert {topic.retention for topic in found.all() if not topic.compacted} == {timedelta(days=2)}
    assert {topic.partitions for topic in found.all()} == {3}
