"""`outlay.instrument(client)`: meter every call of a provider's client, and change nothing else about it."""

from __future__ import annotations

from typing import Any, TypeVar, Unpack

from outlay._fields import Fields
from outlay._instrument._plan import Plan

_C = TypeVar("_C")


def instrument(
    client: _C, *, provider: str | None = None, stream_usage: bool | None = None, **fields: Unpack[Fields]
) -> _C:
    """Track what each call of this client is billed for, and return the client; twice is as good as once.

    Takes the clients of `openai` (and of everyone who is reached by them), `anthropic`, `google-genai` and `mistralai`,
    blocking and asynchronous, with their streams and helpers, and where there are any raw responses and copies.
    `provider` says who bills the calls, where neither class nor address of the client does. `fields` hold for every
    call, as in `track`.

    OpenAI tells the usage of a chat stream only when asked. With `stream_usage` it is asked, and the chunk that answers
    is kept from a caller who did not ask; by default that is so at OpenAI itself, where it is known to work. Otherwise
    such a stream is a lower bound, marked `estimated`. Raises `TypeError` for a client that is none of these.
    """
    from outlay._instrument import _generated, _methods  # noqa: PLC0415 - loaded by those who instrument

    plan = Plan(provider=provider, stream_usage=stream_usage, fields=dict(fields))
    match _family(type(client)):
        case "openai" | "anthropic" as family:
            _generated.meter(client, family, plan)
        case "google":
            _methods.meter(client, _methods.GOOGLE, plan)
        case "mistralai":
            _methods.meter(client, _methods.MISTRAL, plan)
        case _:
            kind = f"{type(client).__module__}.{type(client).__qualname__}"
            raise TypeError(
                f"outlay.instrument cannot meter {kind}; it takes clients of openai, anthropic, google-genai and "
                "mistralai. Use outlay.track_response or outlay.metered"
            )
    return client


_CLIENTS = {
    "openai": {"SyncAPIClient", "AsyncAPIClient"},
    "anthropic": {"SyncAPIClient", "AsyncAPIClient"},
    "google": {"Client"},
    "mistralai": {"Mistral"},
}


def _family(kind: type[Any]) -> str | None:
    """Return the library whose client it is, by the class it descends from, so that none has to be imported."""
    for each in kind.__mro__:
        library = each.__module__.partition(".")[0]
        if each.__name__ in _CLIENTS.get(library, ()) and (library != "google" or ".genai" in each.__module__):
            return library
    return None
