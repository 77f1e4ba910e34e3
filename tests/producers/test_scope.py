"""Scopes: whose the usage is, in threads, tasks and generators."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import outlay
from outlay._scope import labels


def test_inner_scopes_win_and_end() -> None:
    with outlay.scope(team="search", project="ranking", job="nightly"):
        with outlay.scope(project="index", run=3):
            assert labels() == {"team": "search", "project": "index", "job": "nightly", "run": 3}
        assert labels() == {"team": "search", "project": "ranking", "job": "nightly"}
    assert labels() == {}


def test_none_says_nothing() -> None:
    with outlay.scope(team="search"), outlay.scope(team=None, user="u"):
        assert labels() == {"team": "search", "user": "u"}


def test_a_label_may_have_any_name() -> None:
    with outlay.scope(**{"self": "x", "cost centre": "y"}):
        assert labels() == {"self": "x", "cost centre": "y"}


def test_ends_with_an_exception() -> None:
    with pytest.raises(KeyError), outlay.scope(team="search"):
        raise KeyError
    assert labels() == {}


def test_one_scope_serves_many_threads_and_nests_in_itself() -> None:
    search = outlay.scope(team="search")
    everyone = threading.Barrier(50)

    def work(number: int) -> bool:
        with search, outlay.scope(run=number), search:
            everyone.wait()
            seen = labels()["run"] == number and labels()["team"] == "search"
        everyone.wait()
        return seen and labels() == {}

    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(work, range(50)))


def test_a_thread_begins_without_a_scope_unless_it_is_carried() -> None:
    with outlay.scope(team="search"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(labels).result() == {}
        carried = outlay.carry(labels)
        assert pool.submit(carried).result() == {"team": "search"}
    assert carried() == {"team": "search"}


def test_a_thousand_threads_keep_their_own() -> None:
    def work() -> object:
        return labels()["user"]

    def carried(user: int) -> object:
        with outlay.scope(user=user):
            return outlay.carry(work)

    functions = [carried(user) for user in range(1_000)]
    seen: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda user=user, run=run: seen.__setitem__(user, run()))  # type: ignore[misc]
        for user, run in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {user: user for user in range(1_000)}


async def test_a_thousand_tasks_keep_their_own() -> None:
    async def work(user: int) -> bool:
        with outlay.scope(user=user):
            await asyncio.sleep(0)
            inner = await asyncio.create_task(ask())
            return inner == {"user": user} == labels()

    async def ask() -> object:
        await asyncio.sleep(0)
        return labels()

    assert all(await asyncio.gather(*(work(user) for user in range(1_000))))
    assert labels() == {}


def test_a_decorated_function_runs_in_it() -> None:
    @outlay.scope(team="search")
    def work(value: int) -> tuple[int, object]:
        """Do it."""
        return value, labels()

    assert work(3) == (3, {"team": "search"})
    assert work.__doc__ == "Do it."
    assert labels() == {}


async def test_a_decorated_coroutine_runs_in_it() -> None:
    @outlay.scope(team="search")
    async def work() -> object:
        await asyncio.sleep(0)
        return labels()

    assert await work() == {"team": "search"}
    assert asyncio.iscoroutinefunction(work)


def test_a_decorated_generator_leaves_its_caller_alone() -> None:
    closed = []

    @outlay.scope(team="search")
    def work() -> Iterator[object]:
        try:
            got = yield labels()
            yield got, labels()
        finally:
            closed.append(labels())

    with outlay.scope(team="caller"):
        steps = work()
        assert next(steps) == {"team": "search"}
        assert labels() == {"team": "caller"}
        assert steps.send("x") == ("x", {"team": "search"})  # type: ignore[attr-defined]
        steps.close()  # type: ignore[attr-defined]
        assert closed == [{"team": "search"}]
        assert labels() == {"team": "caller"}


def test_what_is_thrown_into_a_decorated_generator_arrives() -> None:
    @outlay.scope(team="search")
    def work() -> Iterator[object]:
        try:
            yield 1
        except KeyError:
            yield labels()

    steps = work()
    next(steps)
    assert steps.throw(KeyError()) == {"team": "search"}  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        steps.throw(ZeroDivisionError())  # type: ignore[attr-defined]


async def test_a_decorated_asynchronous_generator_leaves_its_caller_alone() -> None:
    closed = []

    @outlay.scope(team="search")
    async def work() -> AsyncIterator[object]:
        try:
            yield labels()
            await asyncio.sleep(0)
            yield labels()
        finally:
            closed.append(labels())

    with outlay.scope(team="caller"):
        steps = work()
        assert await anext(steps) == {"team": "search"}
        assert labels() == {"team": "caller"}
        assert [each async for each in steps] == [{"team": "search"}]
    assert closed == [{"team": "search"}]


def test_decorated_generators_are_still_told_from_functions() -> None:
    @outlay.scope(team="search")
    def work() -> Iterator[object]:
        yield 1

    @outlay.scope(team="search")
    async def work_later() -> AsyncIterator[object]:
        yield 1

    assert inspect.isgeneratorfunction(work)
    assert inspect.isasyncgenfunction(work_later)


def test_a_scope_that_ends_out_of_turn_takes_out_only_itself() -> None:
    def leaky() -> Iterator[None]:
        with outlay.scope(leaked="yes"):
            yield

    with outlay.scope(team="outer"):
        steps = leaky()
        next(steps)
        with outlay.scope(project="inner"):
            steps.close()  # type: ignore[attr-defined]
            assert labels() == {"team": "outer", "project": "inner"}
        assert labels() == {"team": "outer"}
    assert labels() == {}
