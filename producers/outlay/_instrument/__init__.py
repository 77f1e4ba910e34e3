"""`outlay.instrument(client)`: meter every call of a provider's client, and change nothing else about it."""

from __future__ import annotations

from typing import Any, TypeVar, Unpack

from outlay._fields import Fields

_C = TypeVar("_C")


def instrument(
    client: _C, *, provider: str | None = None, stream_usage: bool | None = None, **fields: Unpack[Fields]
) -> _C:
    """Track what each call of this client is billed for, and return the client; twice is as good as once.

    Takes the clients of `openai` (and everyone who is reached by them) and `anthropic`, blocking and asynchronous, with
    their streams, helpers, raw responses and copies (`with_options`). `provider` says who bills the calls, where the
    client's address does not. `fields` hold for every call, as in `track`.

    OpenAI tells the usage of a chat stream only when asked. With `stream_usage` it is asked, and the chunk that answers
    is kept from a caller who did not ask; by default that is so at OpenAI itself, where it is known to work. Otherwise
    such a stream is a lower bound, marked `estimated`. Raises `TypeError` for a client that is none of these.
    """
    family = _family(type(client))
    if family is None:
        raise TypeError(
            f"outlay.instrument cannot meter {type(client).__module__}.{type(client).__qualname__}; "
            "it takes clients of openai and anthropic. Use outlay.track_response or outlay.metered"
        )
    from outlay._instrument._generated import Plan, meter  # noqa: PLC0415 - loaded by those who instrument

    meter(client, Plan(family=family, provider=provider, stream_usage=stream_usage, fields=dict(fields)))
    return client


def _family(kind: type[Any]) -> str | None:
    """Return the library whose client it is, by the class it descends from, so that none has to be imported."""
    for each in kind.__mro__:
        library, _, _ = each.__module__.partition(".")
        if library in {"openai", "anthropic"} and each.__name__ in {"SyncAPIClient", "AsyncAPIClient"}:
            return library
    return None
