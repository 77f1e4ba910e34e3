"""Send usage events to Outlay.

>>> import outlay
>>> with outlay.Client("http://127.0.0.1:8321") as client:  # doctest: +SKIP
...     client.send(
...         [
...             {
...                 "time": "2026-11-24T10:00:00Z",
...                 "provider": "openai",
...                 "model": "gpt-4o",
...                 "quantities": {"input_tokens": 386},
...             }
...         ]
...     )
"""

from outlay._client import AsyncClient, Client
from outlay._errors import OutlayError, RefusedError, UndeliveredError
from outlay._result import SendResult
from outlay._retry import Retry
from outlay_schemas.outcome import Outcome, Verdict
from outlay_schemas.usage import UsageEvent

__all__ = [
    "AsyncClient",
    "Client",
    "Outcome",
    "OutlayError",
    "RefusedError",
    "Retry",
    "SendResult",
    "UndeliveredError",
    "UsageEvent",
    "Verdict",
]
