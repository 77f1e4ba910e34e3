"""Clients whose calls are methods of resources, named one by one: google-genai and mistralai.

The methods are replaced on the resources of the one client; no class is changed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from outlay._instrument._calls import ClientCall
from outlay._instrument._plan import Plan
from outlay._sdk import PROCESS

_PLAN = "_outlay_plan"


@dataclass(frozen=True, slots=True)
class Methods:
    """Which methods of a client's resources are billed, and who bills them."""

    provider: str
    named: tuple[tuple[str, tuple[str, ...]], ...]
    """Path to a resource, and its methods."""


GOOGLE = Methods(
    "google",
    # What the library calls once for each request: a conversation that runs tools makes several of one call.
    tuple(
        (
            resource,
            (
                "_generate_content",
                "_generate_content_stream",
                "_embed_content",
                "_generate_images",
                "_edit_image",
                "_upscale_image",
                "_generate_videos",
                "recontext_image",
                "segment_image",
            ),
        )
        for resource in ("models", "aio.models")
    ),
)

_COMPLETIONS = ("complete", "complete_async", "stream", "stream_async")
_CONVERSATIONS = ("start", "append", "restart")

MISTRAL = Methods(
    "mistral",
    (
        ("chat", _COMPLETIONS),
        ("fim", _COMPLETIONS),
        ("agents", _COMPLETIONS),
        ("audio.transcriptions", _COMPLETIONS),
        ("audio.speech", _COMPLETIONS),
        ("embeddings", ("create", "create_async")),
        ("classifiers", ("moderate", "moderate_async", "moderate_chat", "moderate_chat_async")),
        ("ocr", ("process", "process_async")),
        ("beta.conversations",
         tuple(f"{name}{kind}" for name in _CONVERSATIONS for kind in ("", "_async", "_stream", "_stream_async"))),
    ),
)  # fmt: skip


def meter(client: Any, methods: Methods, plan: Plan) -> None:
    """Meter the methods that this version of the library has."""
    for holder, name in _present(client, methods):
        method = getattr(holder, name)
        if not hasattr(method, _PLAN):
            wrapped = _wrapped(method, plan.provider or methods.provider, plan)
            setattr(wrapped, _PLAN, plan)
            setattr(holder, name, wrapped)


def _present(client: Any, methods: Methods) -> Iterator[tuple[Any, str]]:
    for path, names in methods.named:
        holder = client
        for part in path.split("."):
            holder = getattr(holder, part, None)
        for name in names:
            if hasattr(holder, name):
                yield holder, name


def _wrapped(method: Callable[..., Any], provider: str, plan: Plan) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def metered_async(*args: Any, **kwargs: Any) -> Any:
            call = _begin(provider, plan, kwargs)
            answer = await method(*args, **kwargs)
            return answer if call is None else _follow(call, answer)

        return metered_async

    @functools.wraps(method)
    def metered(*args: Any, **kwargs: Any) -> Any:
        call = _begin(provider, plan, kwargs)
        answer = method(*args, **kwargs)
        return answer if call is None else _follow(call, answer)

    return metered


def _begin(provider: str, plan: Plan, asked: dict[str, Any]) -> ClientCall | None:
    if PROCESS.recorder is None:
        return None
    model = asked.get("model")
    return ClientCall(provider, model if isinstance(model, str) else None, dict(plan.fields))


def _follow(call: ClientCall, answer: Any) -> Any:
    try:
        if inspect.isasyncgen(answer):
            return call.follow_async(answer)
        if inspect.isgenerator(answer):
            return call.follow(answer)
        if hasattr(answer, "generator"):
            follow = call.follow_async if hasattr(answer, "__anext__") else call.follow
            answer.generator = follow(answer.generator)
        else:
            call.returned(answer)
    except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
        PROCESS.notices.tell("instrument", "an answer cannot be metered: %r", error)
    return answer
