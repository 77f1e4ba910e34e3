"""Meter the AI usage of a service: track it, say whose it is, and have it delivered to Outlay.

>>> import outlay
>>> outlay.init(app="search-api")  # doctest: +SKIP
>>> with outlay.scope(team="search", user="u-17"):  # doctest: +SKIP
...     outlay.track("openai", "gpt-5-mini", {"input_tokens": 386, "output_tokens": 92})

Names are loaded when first used, so that importing Outlay costs a service next to nothing.
"""

from importlib import import_module as _load
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outlay import asgi, extract, testing
    from outlay._client import AsyncClient, Client
    from outlay._errors import OutlayError, RefusedError, UndeliveredError
    from outlay._instrument import instrument
    from outlay._metered import metered, track_response
    from outlay._result import SendResult
    from outlay._retry import Retry
    from outlay._scope import carry, scope
    from outlay._sdk import aflush, flush, init, stats, track
    from outlay._stats import Stats
    from outlay._transport import Transport
    from outlay_schemas.outcome import Outcome, Verdict
    from outlay_schemas.usage import UsageEvent

_HOMES = {
    "AsyncClient": "outlay._client",
    "Client": "outlay._client",
    "Outcome": "outlay_schemas.outcome",
    "OutlayError": "outlay._errors",
    "RefusedError": "outlay._errors",
    "Retry": "outlay._retry",
    "SendResult": "outlay._result",
    "Stats": "outlay._stats",
    "Transport": "outlay._transport",
    "UndeliveredError": "outlay._errors",
    "UsageEvent": "outlay_schemas.usage",
    "Verdict": "outlay_schemas.outcome",
    "aflush": "outlay._sdk",
    "asgi": "outlay.asgi",
    "carry": "outlay._scope",
    "extract": "outlay.extract",
    "flush": "outlay._sdk",
    "init": "outlay._sdk",
    "instrument": "outlay._instrument",
    "metered": "outlay._metered",
    "scope": "outlay._scope",
    "stats": "outlay._sdk",
    "testing": "outlay.testing",
    "track": "outlay._sdk",
    "track_response": "outlay._metered",
}

__all__ = [
    "AsyncClient",
    "Client",
    "Outcome",
    "OutlayError",
    "RefusedError",
    "Retry",
    "SendResult",
    "Stats",
    "Transport",
    "UndeliveredError",
    "UsageEvent",
    "Verdict",
    "aflush",
    "asgi",
    "carry",
    "extract",
    "flush",
    "init",
    "instrument",
    "metered",
    "scope",
    "stats",
    "testing",
    "track",
    "track_response",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'outlay' has no attribute {name!r}")
    module = _load(home)
    value: object = module if home == f"outlay.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
