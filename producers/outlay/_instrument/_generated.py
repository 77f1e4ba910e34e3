"""The clients of `openai` and `anthropic`, which one generator writes: all their calls pass through `request`.

A client keeps its class, for the libraries ask for it, and has `request`, `copy` and `with_options` replaced on the one
object. A stream or a raw response becomes an object of a subclass of its own class, made here, so that nothing holds it
longer than before: one that is dropped is closed as soon as it was.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from outlay._instrument import _endpoints
from outlay._instrument._addresses import provider_of
from outlay._instrument._calls import ClientCall
from outlay._instrument._plan import Plan
from outlay._sdk import PROCESS

_PLAN = "_outlay_plan"
_CALL = "_outlay_call"
_FOLLOWED = "_outlay_followed"


def meter(client: Any, family: str, plan: Plan) -> None:
    """Meter the client, and every copy it makes of itself."""
    if hasattr(client, _PLAN):
        return
    setattr(client, _PLAN, plan)
    wrap = _asynchronous if inspect.iscoroutinefunction(client.request) else _blocking
    client.request = wrap(client, family, plan)
    client.copy, client.with_options = _copying(client.copy, family, plan), _copying(client.with_options, family, plan)


def _copying(copy: Callable[..., Any], family: str, plan: Plan) -> Callable[..., Any]:
    @functools.wraps(copy)
    def copied(*args: Any, **kwargs: Any) -> Any:
        made = copy(*args, **kwargs)
        meter(made, family, plan)
        return made

    return copied


def _subclass(kind: type[Any], changes: Mapping[str, Any]) -> type[Any]:
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), {**names, **changes})


def _blocking(client: Any, family: str, plan: Plan) -> Callable[..., Any]:
    request = client.request

    @functools.wraps(request)
    def metered(cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call = _begin(client, options, family, plan)
        answer = request(cast_to, options, **kwargs)
        return answer if call is None else _follow(call, answer)

    return metered


def _asynchronous(client: Any, family: str, plan: Plan) -> Callable[..., Any]:
    request = client.request

    @functools.wraps(request)
    async def metered(cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call = _begin(client, options, family, plan)
        answer = await request(cast_to, options, **kwargs)
        return answer if call is None else _follow(call, answer)

    return metered


def _begin(client: Any, options: Any, family: str, plan: Plan) -> ClientCall | None:
    """Return the call that begins here; None when it costs nothing, or no one counts."""
    if PROCESS.recorder is None:
        return None
    try:
        if not _endpoints.billed(family, options):
            return None
        provider = plan.provider or provider_of(client)
        wanted = plan.stream_usage if plan.stream_usage is not None else provider == "openai"
        withheld = wanted and family == "openai" and _endpoints.ask_for_usage(options)
        model = _endpoints.asked(options, "model")
        return ClientCall(
            provider,
            model if isinstance(model, str) else None,
            dict(plan.fields),
            again=_endpoints.is_read_again(options),
            characters=_endpoints.spoken(options),
            withheld=withheld,
        )
    except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
        PROCESS.notices.tell("instrument", "a call cannot be metered: %r", error)
        return None


def _follow(call: ClientCall, answer: Any) -> Any:
    try:
        kind: Any = type(answer)
        match _what(kind):
            case "raw":
                _follow_raw(call, answer)
            case "stream":
                _follow_stream(call, answer)
            case "whole":
                call.returned(answer)
    except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
        PROCESS.notices.tell("instrument", "an answer cannot be metered: %r", error)
    return answer


@functools.cache
def _what(kind: type[Any]) -> Literal["raw", "stream", "whole", "followed"]:
    """Return what objects of a class are: responses to be parsed, streams of parts, whole answers, or followed ones."""
    if hasattr(kind, _FOLLOWED):
        return "followed"
    if hasattr(kind, "parse") and hasattr(kind, "_parse"):
        return "raw"
    return "stream" if hasattr(kind, "__stream__") or hasattr(kind, "__decode__") else "whole"


def _follow_stream(call: ClientCall, stream: Any) -> None:
    follow = call.follow_async if hasattr(stream, "__anext__") else call.follow
    stream._iterator = follow(stream._iterator)  # noqa: SLF001 - what every way to read the stream passes through
    setattr(stream, _CALL, call)
    kind: Any = type(stream)
    stream.__class__ = _followed_stream(kind)


def _follow_raw(call: ClientCall, raw: Any) -> None:
    if call.is_told_by_request or (content := _content(raw)) is not None:
        call.returned(None if call.is_told_by_request else content)
        return
    setattr(raw, _CALL, call)
    kind: Any = type(raw)
    raw.__class__ = _followed_raw(kind)


@functools.cache
def _followed_stream(kind: type[Any]) -> type[Any]:
    if inspect.iscoroutinefunction(kind.close):

        @functools.wraps(kind.close)
        async def aclose(self: Any) -> None:
            try:
                await kind.close(self)
            finally:
                getattr(self, _CALL).ended()

        return _subclass(kind, {"close": aclose, _FOLLOWED: True})

    @functools.wraps(kind.close)
    def close(self: Any) -> None:
        try:
            kind.close(self)
        finally:
            getattr(self, _CALL).ended()

    return _subclass(kind, {"close": close, _FOLLOWED: True})


@functools.cache
def _followed_raw(kind: type[Any]) -> type[Any]:
    if inspect.iscoroutinefunction(kind.parse):

        @functools.wraps(kind.parse)
        async def parsing(self: Any, *args: Any, **kwargs: Any) -> Any:
            return _follow(getattr(self, _CALL), await kind.parse(self, *args, **kwargs))

        async def aclose(self: Any) -> None:
            try:
                await kind.close(self)
            finally:
                _settle(self)

        return _subclass(kind, {"parse": parsing, _FOLLOWED: True, **({"close": aclose} if _closes(kind) else {})})

    @functools.wraps(kind.parse)
    def parsed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _follow(getattr(self, _CALL), kind.parse(self, *args, **kwargs))

    def close(self: Any) -> None:
        try:
            kind.close(self)
        finally:
            _settle(self)

    return _subclass(kind, {"parse": parsed, _FOLLOWED: True, **({"close": close} if _closes(kind) else {})})


def _closes(kind: type[Any]) -> bool:
    return hasattr(kind, "close")


def _settle(raw: Any) -> None:
    """Track a response that is closed: by its body where that was read whole, else as a call nothing is known about."""
    call: ClientCall = getattr(raw, _CALL)
    try:
        if (content := _content(raw)) is not None:
            call.returned(content)
    except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
        PROCESS.notices.tell("instrument", "an answer was not read whole, so it is not metered: %r", error)
    call.ended()


def _content(raw: Any) -> Any:
    """Return the JSON of a response that was read already; None for one that is yet to be, or is something else."""
    response = raw.http_response
    if not hasattr(response, "_content") or "json" not in response.headers.get("content-type", ""):
        return None
    return json.loads(response.content)
