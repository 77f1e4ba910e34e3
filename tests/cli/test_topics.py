"""`outlay topics`: what a person sees of the cluster's topics."""

from __future__ import annotations

import pytest

from outlay_infra.settings import KafkaSettings
from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def _environment(kafka_settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bootstrap", "prefix", "partitions"):
        monkeypatch.setenv(f"OUTLAY_KAFKA__{name.upper()}", str(getattr(kafka_settings, name)))


def test_topics_are_made_once_and_then_stay_as_they_are(cli: Cli, kafka_settings: KafkaSettings) -> None:
    missing = cli("topics", "diff")
    made = cli("topics", "apply", "--format", "json")
    again = cli("topics", "apply")
    same = cli("topics", "diff", "--format", "json")

    assert (missing.code, made.code, again.code, same.code) == (3, 0, 0, 0)
    assert f"+ {kafka_settings.prefix}usage.late 2 partitions" in missing.out
    assert [change["topic"] for change in made.json][:2] == [
        f"{kafka_settings.prefix}usage",
        f"{kafka_settings.prefix}usage.late",
    ]
    assert f"0 change(s) made on {kafka_settings.bootstrap}" in again.err
    assert same.json == []
    assert "what they should be" in same.err


def test_partitions_are_raised_only_when_asked_and_the_danger_is_told(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("topics", "apply")
    monkeypatch.setenv("OUTLAY_KAFKA__PARTITIONS", "3")
    left = cli("topics", "apply")
    raised = cli("topics", "apply", "--raise-partitions")
    assert (left.code, raised.code, cli("topics", "diff").code) == (3, 0, 0)
    assert "repeats of events" in left.out
    assert "8 left as they are" in left.err


def test_settings_that_do_not_hold_together_are_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTLAY_KAFKA__SECURITY", "sasl_ssl")
    ran = cli("topics", "diff")
    assert ran.code == 2
    assert "needs sasl_user and sasl_password" in ran.err
