"""Settings: one frozen value, built once at start from arguments, environment, secret files and a TOML file.

Precedence: arguments, `OUTLAY_*` variables, `OUTLAY_*_FILE` secrets, the TOML file (`--config`, `OUTLAY_CONFIG`),
defaults.
Nested names join with two underscores: `OUTLAY_INTAKE__QUEUE_EVENTS=50000` is `queue_events` under `[intake]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import platformdirs
from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError as SourceError

from outlay_infra.secret_files import PREFIX, SecretFiles
from outlay_infra.settings.group import Group
from outlay_infra.settings.kafka import KafkaSettings
from outlay_infra.settings.roles import BudgetsSettings, LoaderSettings, MeterSettings, MonitorSettings
from outlay_infra.settings.serving import HttpSettings, IntakeSettings, LedgerSettings, LogSettings, QuerySettings

OrgName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class SettingsError(ValueError):
    """The settings do not hold together; the message names every fault. Correct them and start again."""


class Settings(BaseSettings):
    """Everything that can be set. Frozen: changing the environment afterwards changes nothing."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        nested_model_default_partial_update=True,
    )

    config: Path | None = None
    """The TOML file the rest was read from."""
    data: Path = Field(default_factory=lambda: platformdirs.user_data_path("outlay", appauthor=False))
    """Folder of the embedded engine."""
    store: SecretStr | None = None
    """`clickhouse://user:password@host:port`, with `?cluster=NAME` where servers are replicated, or `chdb:///dir`;
    absent is the embedded engine in `data`."""
    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")] = "outlay"
    """Database of the ledger."""
    org: OrgName = "default"
    """Organisation of callers that need no key (loopback without keys) and of the command line."""
    http: HttpSettings = HttpSettings()
    intake: IntakeSettings = IntakeSettings()
    query: QuerySettings = QuerySettings()
    ledger: LedgerSettings = LedgerSettings()
    kafka: KafkaSettings = KafkaSettings()
    meter: MeterSettings = MeterSettings()
    loader: LoaderSettings = LoaderSettings()
    budgets: BudgetsSettings = BudgetsSettings()
    monitor: MonitorSettings = MonitorSettings()
    log: LogSettings = LogSettings()

    @field_validator("data", mode="after")
    @classmethod
    def _absolute(cls, data: Path) -> Path:
        return data.expanduser().absolute()

    @field_validator("store", mode="after")
    @classmethod
    def _known_store(cls, store: SecretStr | None) -> SecretStr | None:
        if store is not None and not re.match(r"(chdb|clickhouses?)://.", store.get_secret_value()):
            raise ValueError("write clickhouse://user:password@host:port or chdb:///absolute/folder")
        return store

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no .env file is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - SecretFiles takes its place
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, strongest first."""
        named = init_settings().get("config") or env_settings().get("config")
        if named and not Path(named).is_file():
            raise FileNotFoundError(f"there is no file {named}; check --config and OUTLAY_CONFIG")
        files = [TomlConfigSettingsSource(settings_cls, toml_file=Path(named))] if named else []
        return (init_settings, env_settings, SecretFiles(settings_cls), *files)

    @classmethod
    def load(cls, config: Path | None = None, **arguments: Any) -> Self:
        """Build the settings; raise `SettingsError` naming every fault at once.

        Arguments that are None count as not given.
        """
        given = {name: value for name, value in {"config": config, **arguments}.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError(_every_fault(error)) from None
        except (SourceError, ValueError, OSError) as error:
            raise SettingsError(f"the settings cannot be read: {error}") from None

    @property
    def dsn(self) -> str:
        """Where the ledger is."""
        return f"chdb://{self.data / 'ledger'}" if self.store is None else self.store.get_secret_value()

    @property
    def clustered(self) -> bool:
        """Whether other processes share the work: the store is a server, and brokers were named."""
        served = self.store is not None and self.store.get_secret_value().startswith("clickhouse")
        return served and "bootstrap" in self.kafka.model_fields_set

    def shown(self) -> dict[str, Any]:
        """Return the settings as plain values with secrets masked, for people to read."""
        plain: dict[str, Any] = self.model_dump(mode="json")
        plain["store"] = masked(self.dsn)
        return plain


def masked(dsn: str) -> str:
    """Return `dsn` without its password."""
    return re.sub(r"(?<=://)([^/@:\s]*):\S*(?=@)", r"\1:***", dsn)


def _every_fault(error: ValidationError) -> str:
    lines = [
        f"  {_named(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False, include_input=False)
    ]
    return "\n".join([f"{len(lines)} setting(s) need correction:", *lines])


def _named(location: tuple[int | str, ...]) -> str:
    """Name a setting as both the TOML file and the environment write it."""
    names = [str(part) for part in location]
    return f"{'.'.join(names)} ({PREFIX}{'__'.join(names).upper()})"


def documented() -> Mapping[str, str]:
    """Return every setting's dotted name and what it means, in order."""
    found: dict[str, str] = {}

    def visit(model: type[BaseModel], prefix: str) -> None:
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Group):
                visit(field.annotation, f"{prefix}{name}.")
            else:
                found[prefix + name] = field.description or ""

    visit(Settings, "")
    return found
