"""The brokers of a cluster, and its topics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from outlay_infra.settings.group import MIB, Group

_BROKER = r"([^\s,:/]+|\[[0-9A-Fa-f:]+\]):\d+"


class KafkaSettings(Group):
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


def _is_web_address(url: str) -> bool:
    """Return whether `url` is one of HTTP, with a host and nothing after its path."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return known and not (parts.query or parts.fragment or "@" in parts.path)
