"""Sends parcels one after the other, each until it is acknowledged, whoever dies meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx
from confluent_kafka import KafkaError, Message, Producer

from outlay_infra.kafka import cluster_topics, producer_config
from outlay_infra.settings import KafkaSettings
from outlay_schemas.topics import KEY_SEPARATOR, ORG_HEADER
from tests.support.chaos.traffic import Fields, Parcel, Traffic, encoded

_AGAIN_SECONDS = 0.1
_ANSWER_SECONDS = 20.0
_PASSING = frozenset({429, 500, 502, 503, 504})


class Sender:
    """A thread that sends as many parcels as it is allowed to."""

    def __init__(self, traffic: Traffic, kafka: KafkaSettings, api: Callable[[], str | None]) -> None:
        """Send over HTTP to where `api` says, None while it is nowhere, and to `usage` directly."""
        self._traffic = traffic
        self._api = api
        self._topic = cluster_topics(kafka).usage.name
        self._producer = Producer(producer_config(kafka, delivery_timeout_ms=5_000))
        self._allowed = threading.Semaphore(0)
        self._asked = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender")
        self.failure: BaseException | None = None
        self.sent = 0
        self.repeated = 0
        """Parcels sent again because nobody said that they had come."""

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._allowed.release()
        self._thread.join()

    def allow(self, parcels: int) -> None:
        """Let it send so many more."""
        self._asked += parcels
        self._allowed.release(parcels)

    def done(self) -> bool:
        """Return whether it sent all it was allowed to; raise what went wrong."""
        if self.failure is not None:
            raise self.failure
        return self.sent == self._asked

    def _run(self) -> None:
        try:
            with httpx.Client(timeout=_ANSWER_SECONDS) as client:
                while self._allowed.acquire() and not self._stopped.is_set():
                    parcel = self._traffic.parcel()
                    while not (self._post(client, parcel) if parcel.http else self._produce(parcel)):
                        self.repeated += 1
                        if self._stopped.wait(_AGAIN_SECONDS):
                            return
                    self.sent += 1
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self.failure = error

    def _post(self, client: httpx.Client, parcel: Parcel) -> bool:
        url = self._api()
        if url is None:
            return False
        try:
            answer = client.post(
                f"{url}/v1/events", content=parcel.body(), headers={"content-type": "application/json"}
            )
        except httpx.TransportError:
            return False
        if answer.status_code in _PASSING:
            return False
        assert answer.status_code == 200, answer.text
        return True

    def _produce(self, parcel: Parcel) -> bool:
        """Return whether every record was acknowledged."""
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(error)

        for number, (org, event) in enumerate(parcel.events):
            key, value = (
                (str(number).encode(), event) if isinstance(event, bytes) else (_key(org, event), encoded(event))
            )
            self._producer.produce(self._topic, value, key, headers=[(ORG_HEADER, org.encode())], on_delivery=delivered)
        while self._producer.flush(1.0) and not self._stopped.is_set():
            pass
        return not failed


def _key(org: str, event: Fields) -> bytes:
    return KEY_SEPARATOR.join((org, event["source"], event["id"])).encode()
