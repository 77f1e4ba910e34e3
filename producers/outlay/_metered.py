"""Usage of calls: of a response in hand, and of a function that makes them."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, TypeVar, Unpack, cast

from outlay._fields import Fields
from outlay._scope import Labels, labels
from outlay._sdk import PROCESS

_F = TypeVar("_F", bound=Callable[..., Any])


def track_response(response: Any, provider: str, *, model: str | None = None, **fields: Unpack[Fields]) -> None:
    """Track what a provider's response was billed for; return at once, and never raise.

    `model` is the one asked for, used where the response names none; `fields` are those of `track`.

    >>> outlay.track_response(client.chat.completions.create(...), "openai", latency_ms=812)  # doctest: +SKIP
    """
    if PROCESS.recorder is not None:
        note(lambda extract: extract.usage(provider, response, model=model), fields, labels())


def metered(
    provider: str,
    *,
    model: str | None = None,
    quantities: Callable[[Any], Mapping[str, Any]] | None = None,
    **fields: Unpack[Fields],
) -> Callable[[_F], _F]:
    """Track what each call of a function was billed for, with its duration.

    The function returns a provider's response, or yields the chunks of one or returns a generator that does; it may be
    asynchronous. A stream of any other class goes to the caller as it is, and is a call nothing is known about: use
    `instrument` for those. For work of one's own, `quantities` reads what was returned and `model` names it; with
    `model` alone, a call whose answer says nothing counts as one of `requests`. A call that raises is not tracked; a
    stream that breaks is, with `outcome` `error`. The scope in force when the function is called says whose it is.

    >>> @outlay.metered("internal", model="ocr", quantities=lambda pages: {"pages": len(pages)})  # doctest: +SKIP
    ... def read(scan: bytes) -> list[str]: ...
    """

    def decorate(function: _F) -> _F:
        return cast("_F", _wrapped(function, lambda: Call(provider, model, quantities, fields)))

    return decorate


class Call:
    """One call, from its begin to the last of its answer. Whatever goes wrong in here stays in here."""

    def __init__(
        self,
        provider: str,
        model: str | None,
        quantities: Callable[[Any], Mapping[str, Any]] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin now."""
        self._provider, self._model = provider, model
        self._quantities, self._fields = quantities, fields or {}
        self._labels = labels()
        self._began = time.perf_counter()
        self._first: float | None = None
        self._stream: Any = None
        self._over = False

    def returned(self, answer: Any) -> None:
        """Track a whole answer."""
        self._note(lambda extract: self._of(extract, answer))

    def follow(self, chunks: Any) -> Generator[Any, Any, Any]:
        """Hand chunks on, and back what the caller sends; track what they amount to once there are no more."""
        chunks = iter(chunks)
        step: Callable[[], Any] = chunks.__next__
        try:
            while True:
                try:
                    chunk = step()
                except StopIteration as end:
                    return end.value
                self.fed(chunk)
                step = chunks.__next__
                if self._is_withheld(chunk):
                    continue
                try:
                    if (sent := (yield chunk)) is not None:
                        step = functools.partial(chunks.send, sent)
                except GeneratorExit:
                    _close(chunks)
                    raise
                except BaseException as error:
                    if not hasattr(chunks, "throw"):
                        raise
                    step = functools.partial(chunks.throw, error)
        except GeneratorExit:
            raise
        except BaseException:
            self.failed()
            raise
        finally:
            self.ended()

    async def follow_async(self, chunks: Any) -> AsyncGenerator[Any, Any]:
        """Do the same for an asynchronous stream."""
        chunks = aiter(chunks)
        step: Callable[[], Any] = chunks.__anext__
        try:
            while True:
                try:
                    chunk = await step()
                except StopAsyncIteration:
                    return
                self.fed(chunk)
                step = chunks.__anext__
                if self._is_withheld(chunk):
                    continue
                try:
                    if (sent := (yield chunk)) is not None:
                        step = functools.partial(chunks.asend, sent)
                except GeneratorExit:
                    await _aclose(chunks)
                    raise
                except BaseException as error:
                    if not hasattr(chunks, "athrow"):
                        raise
                    step = functools.partial(chunks.athrow, error)
        except GeneratorExit:
            raise
        except BaseException:
            self.failed()
            raise
        finally:
            self.ended()

    def fed(self, chunk: Any) -> None:
        """Take a chunk of an answer."""
        if self._first is None:
            self._first = time.perf_counter()
        if PROCESS.recorder is None:
            return
        try:
            if self._stream is None:
                self._stream = self._begun()
            self._stream.feed(chunk)
        except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
            _tell(error)

    def ended(self) -> None:
        """Track what the chunks amounted to; a stream closed early, or unread, is paid for all the same."""
        stream = self._stream
        self._note(lambda _extract: (self._begun() if stream is None else stream).usage())

    def failed(self) -> None:
        """Track an answer that broke off; a call that brought nothing is not known to cost anything."""
        stream = self._stream
        if stream is not None:
            self._note(lambda _extract: stream.usage(), outcome="error")
        self._over = True

    def _begun(self) -> Any:
        from outlay.extract import Stream  # noqa: PLC0415 - loaded by those who read responses

        return Stream(self._provider, self._model)

    def _is_withheld(self, _chunk: Any) -> bool:
        """Return whether a chunk is for the meter alone."""
        return False

    def handed(self, answer: Any) -> Any:
        """Return what a function returned: tracked, or, when it is a generator, one that is once it has ended."""
        if self._quantities is None and inspect.isgenerator(answer):
            return self.follow(answer)
        if self._quantities is None and inspect.isasyncgen(answer):
            return self.follow_async(answer)
        self.returned(answer)
        return answer

    def _of(self, extract: Any, answer: Any) -> Any:
        if self._quantities is None and (hasattr(answer, "__next__") or hasattr(answer, "__anext__")):
            # The stream of some library, which callers know by its class; what it will have cost is not known here.
            model, unknown = self._model or extract.UNKNOWN, {extract.UNMETERED: 1}
            return (extract.Used(provider=self._provider, model=model, quantities=unknown, estimated=True),)
        if self._quantities is None and self._model is None:
            return extract.usage(self._provider, answer)
        if self._quantities is None:
            found = extract.usage(self._provider, answer, model=self._model)
            return found or (extract.Used(provider=self._provider, model=self._model, quantities={"requests": 1}),)
        model = self._model or extract.UNKNOWN
        return (extract.Used(provider=self._provider, model=model, quantities=self._quantities(answer)),)

    def _note_part(self, read: Callable[[Any], Any]) -> None:
        """Track one of many uses that the answer of a call lists."""
        note(read, self._fields, self._labels)

    def _note(self, read: Callable[[Any], Any], **more: Any) -> None:
        if self._over or PROCESS.recorder is None:
            return
        self._over = True
        waited = None if self._first is None else round((self._first - self._began) * 1000)
        took = {"latency_ms": round((time.perf_counter() - self._began) * 1000), "ttft_ms": waited}
        note(read, {**took, **more, **self._fields}, self._labels)


def note(read: Callable[[Any], Any], fields: Mapping[str, Any], within: Labels) -> None:
    """Track what `read` finds, with the caller's own `fields`, which win, in the scope of the call's begin."""
    recorder = PROCESS.recorder
    if recorder is None:
        return
    try:
        from outlay import extract  # noqa: PLC0415 - loaded by those who read responses

        told = {name: value for name, value in fields.items() if value is not None}
        for place, used in enumerate(read(extract)):
            event = {**used.fields(), **told}
            if tags := {**used.tags, **told.get("tags", {})}:
                event["tags"] = tags
            if place and "id" in told:
                event["id"] = f"{told['id']}-{place}"
            if place or used.id is not None:
                # A further model's part in the same call, or what may be read again: neither has a duration of its own.
                event |= {"latency_ms": None, "ttft_ms": None}
            recorder.note(event, within)
    except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
        _tell(error)


def _tell(error: Exception) -> None:
    PROCESS.notices.tell(f"extract {type(error).__name__}", "the usage of a response cannot be read: %r", error)


def _close(chunks: Any) -> None:
    if hasattr(chunks, "close"):
        chunks.close()


async def _aclose(chunks: Any) -> None:
    if hasattr(chunks, "aclose"):
        await chunks.aclose()


def _wrapped(function: Callable[..., Any], begin: Callable[[], Call]) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):
        return functools.wraps(function)(lambda *args, **kwargs: begin().follow_async(function(*args, **kwargs)))
    if inspect.isgeneratorfunction(function):
        return functools.wraps(function)(lambda *args, **kwargs: begin().follow(function(*args, **kwargs)))
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def metered_coroutine(*args: object, **kwargs: object) -> object:
            call = begin()
            return call.handed(await function(*args, **kwargs))

        return metered_coroutine

    @functools.wraps(function)
    def metered_function(*args: object, **kwargs: object) -> object:
        call = begin()
        return call.handed(function(*args, **kwargs))

    return metered_function
