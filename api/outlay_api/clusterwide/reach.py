"""Whether the services that the settings name can be reached and are as they should be; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from outlay_infra.errors import StoreError
from outlay_infra.settings import KafkaSettings, Settings, masked
from outlay_infra.warehouse.probe import probe


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One thing looked at. `fix` says what to do, and is empty where all is well."""

    service: str
    where: str
    found: str
    fix: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing has to be done."""
        return not self.fix


def reach(settings: Settings) -> Iterator[Reached]:
    """Yield what was found of each service, the brokers' only on a cluster."""
    yield from _store(settings)
    if settings.clustered:
        yield from _brokers(settings.kafka)
        if settings.kafka.registry is not None:
            yield _registry(settings.kafka)


def _store(settings: Settings) -> Iterator[Reached]:
    where = masked(settings.dsn)

    def told(found: str, fix: str = "") -> Reached:
        return Reached(service="store", where=where, found=found, fix=fix)

    try:
        answer = probe(settings.dsn, settings.database)
    except StoreError as error:
        yield told(str(error), "see that it runs there, and that store and its user and password are right")
        return
    yield told(f"answers, version {answer.version}")
    if not answer.database:
        yield told(f"has no database {settings.database}", "run outlay migrate")
    elif answer.pending:
        yield told(f"migrations wait: {', '.join(answer.pending)}", "run outlay migrate")
    else:
        yield told(f"database {settings.database} is up to date")


def _brokers(kafka: KafkaSettings) -> Iterator[Reached]:
    from outlay_infra.kafka import BrokerError  # noqa: PLC0415 - Kafka loads on a cluster alone
    from outlay_infra.kafka.rights import missing_rights  # noqa: PLC0415
    from outlay_infra.kafka.topic_admin import TopicAdmin  # noqa: PLC0415

    def told(found: str, fix: str = "") -> Reached:
        return Reached(service="brokers", where=kafka.bootstrap, found=found, fix=fix)

    try:
        differences = TopicAdmin(kafka).diff()
    except (BrokerError, OSError) as error:
        yield told(
            str(error), "see that they run there, and that kafka.bootstrap, kafka.security and the user are right"
        )
        return
    if differences:
        names = ", ".join(sorted({f"{each.topic} ({each.what})" for each in differences}))
        yield told(f"topics differ: {names}", "run outlay topics diff to see how, outlay topics apply to make them so")
    else:
        yield told(f"answer, and every topic under {kafka.prefix!r} is as it should be")
    if any(each.what == "topic" for each in differences):
        return
    yield _tried(
        told,
        lambda: missing_rights(kafka),
        well="the user may read and write every topic",
        wrong="rights are missing on ",
        fix="grant them to the user (kafka-acls)",
    )


def _registry(kafka: KafkaSettings) -> Reached:
    from outlay_infra.kafka import BrokerError  # noqa: PLC0415
    from outlay_infra.kafka.registry import SchemaRegistry  # noqa: PLC0415

    assert kafka.registry is not None  # noqa: S101 - the caller looked
    url = kafka.registry.get_secret_value()

    def told(found: str, fix: str = "") -> Reached:
        return Reached(service="registry", where=masked(url), found=found, fix=fix)

    with closing(SchemaRegistry(url)) as registry:
        try:
            registry.schema(1)
        except LookupError:
            pass
        except BrokerError as error:
            return told(str(error), "see that it runs there, and that kafka.registry and its user are right")
    return told("answers")


def _tried(told: Callable[..., Reached], ask: Callable[[], list[str]], *, well: str, wrong: str, fix: str) -> Reached:
    from outlay_infra.kafka import BrokerError  # noqa: PLC0415

    try:
        found = ask()
    except BrokerError as error:
        return told(str(error), fix)
    return told(f"{wrong}{'; '.join(found)}", fix) if found else told(well)
