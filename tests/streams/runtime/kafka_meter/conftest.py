"""A deployment's topics for each test, on the broker the run shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlay_infra.settings import KafkaSettings
from tests.support.meter_topics import MeterTopics


@pytest.fixture
def meter_topics(kafka_settings: KafkaSettings, tmp_path: Path) -> MeterTopics:
    return MeterTopics(kafka_settings, tmp_path)
