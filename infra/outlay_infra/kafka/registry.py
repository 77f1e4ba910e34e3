"""A schema registry, by the REST interface that Confluent, Karapace, Apicurio and Redpanda share."""

from __future__ import annotations

from typing import TypeVar

import httpx

from outlay_infra.kafka.errors import BrokerError, BrokerRefused, BrokerUnavailable

_T = TypeVar("_T")

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_SECONDS = 10.0
_NO_SUCH_SCHEMA = 40403


class SchemaRegistry:
    """Registers schemas and finds them by id. Safe to use from several threads."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        """Prepare; `url` may carry a user and password. Nothing is asked yet. Raises `BrokerError` for no such URL."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:  # whose message quotes what may be part of a password
            raise BrokerError("the URL of the schema registry cannot be read; correct kafka.registry") from None
        self._name = parsed.host
        self._http = httpx.Client(
            base_url=parsed, timeout=_SECONDS, transport=transport, headers={"accept": _MEDIA_TYPE}
        )

    def register(self, topic: str, schema: str) -> int:
        """Return the id of `schema` for the values of `topic`, new or as it was. Raises `BrokerError`."""
        answer = self._ask("POST", f"/subjects/{topic}-value/versions", {"schema": schema})
        if answer.is_success:
            return self._told(answer, "id", int)
        raise self._refused(answer, f"the schema of {topic}")

    def schema(self, schema_id: int) -> str:
        """Return the schema with this id; raise `LookupError` when there is none, and `BrokerError` as the rest does.

        It is the resolver that `outlay_schemas.codec.UsageDecoder` takes.
        """
        answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        if answer.is_success:
            return self._told(answer, "schema", str)
        if answer.status_code == httpx.codes.NOT_FOUND and _error_code(answer) == _NO_SUCH_SCHEMA:
            raise LookupError(schema_id)
        raise self._refused(answer, f"schema id {schema_id}")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise BrokerUnavailable(f"the schema registry at {self._name} does not answer: {error}") from None

    def _told(self, answer: httpx.Response, name: str, kind: type[_T]) -> _T:
        """Return a member of the answer's object; an answer without it is not the registry's but a proxy's."""
        try:
            found = answer.json()[name]
        except (ValueError, LookupError, TypeError):
            found = None
        if isinstance(found, kind):
            return found
        said = f"what answers at {self._name} for the schema registry says nothing of {name!r}"
        raise BrokerUnavailable(f"{said}; see that kafka.registry is its URL")

    def _refused(self, answer: httpx.Response, what: str) -> BrokerError:
        said = f"the schema registry at {self._name} answers {answer.status_code} about {what}"
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return BrokerRefused(f"{said}; check the user and password in kafka.registry")
        if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return BrokerUnavailable(f"{said}; retry in a moment")
        return BrokerError(f"{said}: {answer.text[:300]}")


def _error_code(answer: httpx.Response) -> int | None:
    try:
        code = answer.json().get("error_code")
    except (ValueError, AttributeError):
        return None
    return code if isinstance(code, int) else None
