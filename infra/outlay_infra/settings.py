"""Settings: one frozen value, built once at start from arguments, environment, secret files and a TOML file.

Precedence: arguments, `OUTLAY_*` variables, `OUTLAY_*_FILE` secrets, the TOML file (`--config`, `OUTLAY_CONFIG`),
defaults.
Nested names join with two underscores: `OUTLAY_INTAKE__QUEUE_EVENTS=50000` is `queue_events` under `[intake]`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings.exceptions import SettingsError as SourceError

from outlay_infra.secret_files import PREFIX, SecretFiles

MIB = 1024 * 1024


class SettingsError(ValueError):
    """The settings do not hold together; the message names every fault. Correct them and start again."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class HttpSettings(_Group):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback needs an API key first (`outlay keys create`)."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8321
    """Port to listen on; 0 takes a free one."""
    body_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Longest time the body of one request may take to arrive, before it is answered 408."""
    shutdown_seconds: Annotated[int, Field(ge=1, le=300)] = 8
    """Longest wait for open requests at shutdown."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


class IntakeSettings(_Group):
    """Limits of what is taken in, and how it is grouped."""

    body_bytes: Annotated[int, Field(ge=1024, le=1024 * MIB)] = 32 * MIB
    """Largest request body, in bytes after decompression."""
    events: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Most events in one request."""
    queue_events: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Most events waiting for the store; beyond it requests are answered 503 with Retry-After."""
    linger_ms: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Longest wait for a fuller group; events that arrive while one is committed form the next anyway."""
    group_events: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Most events committed as one block."""
    stop_seconds: Annotated[float, Field(ge=1, le=300)] = 20.0
    """Longest wait at shutdown for what is queued to be written, after open requests were answered."""


class QuerySettings(_Group):
    """The most that one question to the API may take; beyond it the question is answered 400, with what to narrow."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Longest time the store may work on an answer."""
    download_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """The same for CSV, NDJSON, Parquet and Arrow, which are sent as they are read: the caller's reading counts too."""
    memory_bytes: Annotated[int, Field(ge=MIB, le=1024 * 1024 * MIB)] = 1024 * MIB
    """Most memory the store may use for an answer."""


_BROKER = r"([^\s,:/]+|\[[0-9A-Fa-f:]+\]):\d+"


class KafkaSettings(_Group):
    """The brokers of a cluster, and its topics. The embedded engine uses none of it."""

    bootstrap: Annotated[str, StringConstraints(pattern=rf"^{_BROKER}(,{_BROKER})*$")] = "127.0.0.1:9092"
    """Brokers to begin with, as `host:port,host:port`."""
    security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How connections are secured: encrypted (`ssl`), with a user (`sasl_plaintext`) or both (`sasl_ssl`)."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the user proves itself."""
    sasl_user: str | None = None
    """The user, where `security` has one."""
    sasl_password: SecretStr | None = None
    """The user's password."""
    sasl_password_file: Path | None = None
    """A file that holds the password, instead of `sasl_password`."""
    ssl_ca: Path | None = None
    """The authority that signed the brokers' certificates (PEM); absent trusts those of the system."""
    ssl_cert: Path | None = None
    """The certificate to show to the brokers (PEM)."""
    ssl_key: Path | None = None
    """The key of that certificate (PEM)."""
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,128}$")] = "outlay."
    """What the names of all topics, groups and transactions begin with."""
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 12
    """Partitions of every topic; the most meters, loaders and budget workers that can share the work."""
    replication: Annotated[int, Field(ge=1, le=100)] | None = None
    """Copies of every record; absent leaves it to the brokers (`default.replication.factor`)."""
    min_in_sync: Annotated[int, Field(ge=1, le=100)] | None = None
    """Copies that must exist before a record counts as written; absent leaves it to the brokers."""
    retention_days: Annotated[int, Field(ge=1, le=36_600)] = 7
    """Days records are kept; repeats within them are found from the log alone."""
    max_message_bytes: Annotated[int, Field(ge=256 * 1024, le=512 * MIB)] = 8 * MIB
    """Largest record, and largest batch of records, in bytes."""
    in_flight_events: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Most events sent and not yet acknowledged; beyond it requests are answered 503 with Retry-After."""
    in_flight_bytes: Annotated[int, Field(ge=MIB, le=2048 * MIB)] = 64 * MIB
    """Most bytes of such events."""
    delivery_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    """Longest wait for the brokers' acknowledgement, retries included; then the request is answered 503."""
    registry: SecretStr | None = None
    """URL of a schema registry, `https://user:password@host`; absent writes events without one."""

    @field_validator("registry", mode="after")
    @classmethod
    def _registry_is_a_url(cls, registry: SecretStr | None) -> SecretStr | None:
        if registry is not None and not _is_web_address(registry.get_secret_value()):
            raise ValueError(
                "write https://user:password@host:port; in the password write / ? # @ and % as %2F %3F %23 %40 and %25"
            )
        return registry

    @model_validator(mode="before")
    @classmethod
    def _password_from_its_file(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("sasl_password_file") is None or given.get("sasl_password"):
            return given
        return {**given, "sasl_password": Path(given["sasl_password_file"]).read_text("utf-8").rstrip("\r\n")}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.security.startswith("sasl") and (self.sasl_user is None or self.sasl_password is None):
            raise ValueError(f"security {self.security} needs sasl_user and sasl_password (or sasl_password_file)")
        if (self.ssl_cert is None) is not (self.ssl_key is None):
            raise ValueError("ssl_cert and ssl_key belong together; give both or neither")
        return self


class MeterSettings(_Group):
    """A meter of the cluster: `outlay run meter`."""

    instance: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """Name of this process, the same after a restart and unlike any other meter's: a killed meter that comes back
    under its name goes on at once. Absent takes a random one; then the others wait until the brokers miss it."""
    state: Path | None = None
    """Folder for the newest catalog known, so that a meter can start while the store is away; absent is `data`."""
    batch_events: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Most events taken from the topics for one transaction."""
    batch_bytes: Annotated[int, Field(ge=MIB, le=1024 * MIB)] = 32 * MIB
    """Most bytes of them, above which no more are gathered."""
    gather_ms: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Longest wait for a fuller batch."""
    ahead_bytes: Annotated[int, Field(ge=MIB, le=1024 * MIB)] = 64 * MIB
    """Most bytes read ahead of the metering."""
    catalog_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """How often the store is asked for changes of the catalogs."""
    poison_run: Annotated[int, Field(ge=0)] = 1_000
    """So many refused records in a row, in one partition, stop the meter; 0 never does."""
    poison_percent: Annotated[int, Field(ge=1, le=100)] = 50
    """So large a share of refused records among the last 10 x `poison_run` of a partition stops it likewise."""
    session_seconds: Annotated[float, Field(ge=6, le=1800)] = 10.0
    """How long the brokers wait for a sign of life before the others take its partitions over."""
    transaction_seconds: Annotated[float, Field(ge=1, le=900)] = 15.0
    """How long the brokers wait for the end of a transaction whose process is gone."""


class LoaderSettings(_Group):
    """A loader of the cluster: `outlay run loader`."""

    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    """Partitions stored at once."""
    group_blocks: Annotated[int, Field(ge=1, le=1_000)] = 64
    """Most blocks of a partition stored together."""
    session_seconds: Annotated[float, Field(ge=1, le=1800)] = 10.0
    """How long the brokers wait for a sign of life before the others take its partitions over."""


class BudgetsSettings(_Group):
    """A budgets worker of the cluster: `outlay run budgets`."""

    instance: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """Name of this process, the same after a restart and unlike any other worker's: a killed one that comes back under
    its name goes on at once. Absent takes none; then the others wait until the brokers miss it."""
    store: Literal["memory", "rocksdb"] = "memory"
    """Where rows are held beside the log: `rocksdb` keeps them in `data`, and a restart reads only what changed."""
    publish_ms: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How often the states of budgets are published at most."""
    keep_ms: Annotated[int, Field(ge=1, le=60_000)] = 1_000
    """How often rows are written to the log; a worker that takes over reads so much again."""
    catalog_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """How often the store is asked for changes of the catalogs, and for the past of new budgets."""
    session_seconds: Annotated[float, Field(ge=6, le=60)] = 10.0
    """How long the brokers wait for a sign of life before the others take its partitions over."""


class MonitorSettings(_Group):
    """Health and metrics of the cluster's workers; `http` is the API's."""

    host: str = "127.0.0.1"
    """Address of `/livez`, `/readyz` and `/metrics`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of them; 0 takes a free one, which the log names."""


class LedgerSettings(_Group):
    """What is kept and for how long."""

    dedupe_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """How long ids stay in memory; older ones are looked up in the store."""
    dedupe_ids: Annotated[int, Field(ge=1000, le=1_000_000_000)] = 10_000_000
    """Most ids kept in memory, at most 16 bytes each; the oldest leave first."""
    retention_days: Annotated[int, Field(ge=1, le=36_600)] | None = None
    """Days raw entries are kept, rounded up to whole months; absent keeps them for ever. Rollups always stay."""

    @property
    def dedupe_horizon(self) -> timedelta:
        """How far back ids are kept in memory."""
        return timedelta(days=self.dedupe_days)


class LogSettings(_Group):
    """Logs: one JSON object a line on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level written."""
    format: Literal["json", "console"] = "json"
    """`json` for machines, `console` for people."""
    access: bool = True
    """Whether every request is logged; health checks and metrics never are."""


OrgName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


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


def is_loopback(host: str) -> bool:
    """Return whether `host` names this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_web_address(url: str) -> bool:
    """Return whether `url` is one of HTTP, with a host and nothing after its path."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return known and not (parts.query or parts.fragment or "@" in parts.path)


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
            if isinstance(field.annotation, type) and issubclass(field.annotation, _Group):
                visit(field.annotation, f"{prefix}{name}.")
            else:
                found[prefix + name] = field.description or ""

    visit(Settings, "")
    return found
