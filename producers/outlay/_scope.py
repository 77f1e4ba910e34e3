"""Whose the usage is, for a stretch of code: labels in a context variable, innermost first.

A scope is a link in a chain and takes out only itself, so one that ends out of turn, as in a generator that its caller
drops half way, leaves the others as they are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextvars import ContextVar, copy_context
from types import MappingProxyType, TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])

Labels = Mapping[str, object]
_NONE: Labels = MappingProxyType({})


class _Link:
    """One scope in force: who put it there, its own labels, all labels (innermost first), and what it lies on."""

    __slots__ = ("all", "below", "own", "owner")

    def __init__(self, owner: object, own: Labels, below: _Link | None) -> None:
        self.owner = owner
        self.own = own
        self.below = below
        self.all: Labels = own if below is None else {**own, **below.all, **own}


_current: ContextVar[_Link | None] = ContextVar("outlay_scope", default=None)


def labels() -> Labels:
    """Return the labels in force here."""
    link = _current.get()
    return _NONE if link is None else link.all


class scope:  # noqa: N801 - read as a verb: with outlay.scope(team="search")
    """Say whose usage is, inside a `with` block or a decorated function.

    `business_unit`, `department`, `team`, `project`, `app`, `env`, `key`, `user` and `use_case` are the attribution of
    an event; any other name is a tag. Inner scopes win. One scope may be in force in many threads and tasks at once. It
    follows asyncio tasks; `outlay.carry` takes it into threads. Decorate a generator rather than put a `with` around
    its `yield`: then the caller's own scope holds between two items.
    """

    __slots__ = ("_labels",)

    def __init__(self, /, **labels: object) -> None:
        """Keep the labels; None says nothing, and no more does an empty text."""
        self._labels = {
            name: value
            for name, value in labels.items()
            if value is not None and not (isinstance(value, str) and not value)
        }

    def __enter__(self) -> Self:
        _current.set(_Link(self, self._labels, _current.get()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.set(_without(_current.get(), self))

    def __call__(self, function: _F) -> _F:
        """Return the function with the scope around each run of its code."""
        return cast("_F", within(self, function))


def within(what: scope, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, coroutine function or generator function with the scope in force whenever it runs."""
    if inspect.isasyncgenfunction(function):
        return _within_async(what, function)
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def scoped_generator(*args: object, **kwargs: object) -> Generator[Any, Any, Any]:
            return (yield from _steps(what, function(*args, **kwargs)))

        return scoped_generator
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def scoped_coroutine(*args: object, **kwargs: object) -> object:
            with what:
                return await function(*args, **kwargs)

        return scoped_coroutine

    @functools.wraps(function)
    def scoped(*args: object, **kwargs: object) -> object:
        with what:
            return function(*args, **kwargs)

    return scoped


def carry(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return the function bound to the scope (and every other context variable) in force now, for another thread.

    >>> with outlay.scope(team="search"):  # doctest: +SKIP
    ...     pool.submit(outlay.carry(work), item)
    """
    context = copy_context()

    @functools.wraps(function)
    def carried(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return context.copy().run(function, *args, **kwargs)

    return carried


def _without(chain: _Link | None, owner: object) -> _Link | None:
    """Return the chain without the innermost link of `owner`; links are shared between contexts, so never changed."""
    if chain is None:
        return None
    if chain.owner is owner:
        return chain.below
    below = _without(chain.below, owner)
    return chain if below is chain.below else _Link(chain.owner, chain.own, below)


def _steps(what: scope, generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    step: Callable[[], Any] = functools.partial(next, generator)
    try:
        while True:
            with what:
                try:
                    item = step()
                except StopIteration as end:
                    return end.value
            try:
                step = functools.partial(generator.send, (yield item))
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - what the caller throws in belongs to the generator
                step = functools.partial(generator.throw, error)
    finally:
        with what:
            generator.close()


def _within_async(what: scope, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def scoped(*args: object, **kwargs: object) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        step: Callable[[], Any] = generator.__anext__
        try:
            while True:
                with what:
                    try:
                        item = await step()
                    except StopAsyncIteration:
                        return
                try:
                    step = functools.partial(generator.asend, (yield item))
                except GeneratorExit:
                    raise
                except BaseException as error:  # noqa: BLE001 - what the caller throws in belongs to the generator
                    step = functools.partial(generator.athrow, error)
        finally:
            with what:
                await generator.aclose()

    return scoped
