"""Settings of every process, built once at its start."""

from outlay_infra.settings.kafka import KafkaSettings
from outlay_infra.settings.roles import BudgetsSettings, LoaderSettings, MeterSettings, MonitorSettings
from outlay_infra.settings.serving import (
    HttpSettings,
    IntakeSettings,
    LedgerSettings,
    LogSettings,
    QuerySettings,
    is_loopback,
)
from outlay_infra.settings.settings import Settings, SettingsError, documented, masked

__all__ = [
    "BudgetsSettings",
    "HttpSettings",
    "IntakeSettings",
    "KafkaSettings",
    "LedgerSettings",
    "LoaderSettings",
    "LogSettings",
    "MeterSettings",
    "MonitorSettings",
    "QuerySettings",
    "Settings",
    "SettingsError",
    "documented",
    "is_loopback",
    "masked",
]
