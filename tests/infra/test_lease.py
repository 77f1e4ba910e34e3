"""One writer a store: who may claim it, when, under which number, and when it must stop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from outlay_infra.errors import StoreInUse, StoreUnavailable
from outlay_infra.warehouse import Lease, Warehouse
from outlay_infra.warehouse.lease import BEAT_SECONDS, EXPIRES_SECONDS, TRUSTED_SECONDS
from outlay_streams.runtime.lock import WriterLock
from tests.support.events import NOW

AGED = """
INSERT INTO writers (generation, owner, host, pid, folder, released, withdrawn, at)
SELECT {generation:UInt64}, 'other', 'db-2', 4711, 'there', false, {withdrawn:Bool}, now64(3) - {age:UInt32}
"""


class Elapsed:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Between:
    """A store in which something happens just before a claim is written."""

    def __init__(self, warehouse: Warehouse, happens: Callable[[], object]) -> None:
        self._warehouse = warehouse
        self._happens = happens
        self.last_offset = warehouse.last_offset
        self.query = warehouse.query

    def insert(self, table: str, rows: pa.Table, /, *, token: str | None = None) -> None:
        if token is not None:
            self._happens()
        self._warehouse.insert(table, rows, token=token)


def other(warehouse: Warehouse, generation: int, *, age: int = 0, withdrawn: bool = False) -> None:
    warehouse.command(AGED, {"generation": generation, "age": age, "withdrawn": withdrawn})


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


def test_times_leave_room() -> None:
    assert BEAT_SECONDS < TRUSTED_SECONDS < EXPIRES_SECONDS


def test_a_generation_is_above_every_earlier_one(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Lease.claim(warehouse, folder="a").generation == 1
    assert Lease.claim(warehouse, folder="a", at_least=40).generation == 41
    assert Lease.claim(warehouse, folder="a", at_least=7).generation == 42
    monkeypatch.setattr(warehouse, "last_offset", lambda _prefix: (77 << 32) + 5)
    assert Lease.claim(warehouse, folder="a").generation == 78


def test_a_second_writer_is_refused_and_told_of_the_first(warehouse: Warehouse) -> None:
    other(warehouse, 5, age=EXPIRES_SECONDS - 5)
    with pytest.raises(StoreInUse, match=r"process 4711 on db-2 writes.*stop it.*wait\s15 s.*outlay run"):
        Lease.claim(warehouse, folder="here")
    assert warehouse.query("SELECT count() AS n FROM writers")["n"].to_pylist() == [1]


def test_one_without_signs_of_life_is_succeeded(warehouse: Warehouse) -> None:
    other(warehouse, 5, age=EXPIRES_SECONDS + 1)
    assert Lease.claim(warehouse, folder="here").generation == 6


def test_the_predecessor_in_the_same_folder_is_succeeded_at_once(warehouse: Warehouse) -> None:
    first = Lease.claim(warehouse, folder="here")
    assert Lease.claim(warehouse, folder="here").generation == first.generation + 1


def test_a_released_store_is_free_at_once(warehouse: Warehouse, elapsed: Elapsed) -> None:
    with Lease.claim(warehouse, folder="here", elapsed=elapsed).kept() as first:
        assert first.may_write()
    assert not first.may_write()
    assert Lease.claim(warehouse, folder="there").generation == first.generation + 1


@pytest.mark.parametrize("ahead", [0, 1, 9])
def test_of_two_at_the_same_moment_one_stands(warehouse: Warehouse, ahead: int) -> None:
    stands: list[Lease] = []
    store = Between(warehouse, lambda: stands.append(Lease.claim(warehouse, folder="there", at_least=50)))
    with pytest.raises(StoreInUse, match="writes to this store"):
        Lease.claim(store, folder="here", at_least=50 + ahead)
    assert [lease.generation for lease in stands] == [51]
    stands[0].beat()
    assert stands[0].may_write()
    with pytest.raises(StoreInUse):
        Lease.claim(warehouse, folder="third")


def test_two_that_see_each_other_both_withdraw_and_the_next_begins(warehouse: Warehouse) -> None:
    store = Between(warehouse, lambda: other(warehouse, 60))
    with pytest.raises(StoreInUse):
        Lease.claim(store, folder="here", at_least=50)
    warehouse.command(
        "INSERT INTO writers (generation, owner, host, pid, folder, released, withdrawn)"
        " VALUES (60, 'other', 'db-2', 4711, 'there', true, true)"
    )
    assert Lease.claim(warehouse, folder="here").generation == 61


def test_a_token_spent_by_a_crash_costs_one_generation(warehouse: Warehouse) -> None:
    spent: list[str] = []

    class Spent(Between):
        def insert(self, table: str, rows: pa.Table, /, *, token: str | None = None) -> None:
            if spent or token is None:
                warehouse.insert(table, rows, token=token)
            else:
                spent.append(token)

    assert Lease.claim(Spent(warehouse, list), folder="here").generation == 2
    assert spent == ["writer/1"]


def test_a_newer_writer_ends_a_lease(warehouse: Warehouse, elapsed: Elapsed) -> None:
    lease = Lease.claim(warehouse, folder="here", elapsed=elapsed)
    other(warehouse, lease.generation + 1)
    for _ in range(2):
        lease.beat()
        assert not lease.may_write()


def test_one_that_withdrew_ends_none(warehouse: Warehouse, elapsed: Elapsed) -> None:
    lease = Lease.claim(warehouse, folder="here", elapsed=elapsed)
    other(warehouse, lease.generation + 1, withdrawn=True)
    lease.beat()
    assert lease.may_write()


def test_without_signs_of_life_writing_stops_until_one_succeeds(warehouse: Warehouse, elapsed: Elapsed) -> None:
    away = False

    class Away(Between):
        def insert(self, table: str, rows: pa.Table, /, *, token: str | None = None) -> None:
            if away:
                raise StoreUnavailable("away")
            super().insert(table, rows, token=token)

    store = Away(warehouse, list)
    lease = Lease.claim(store, folder="here", elapsed=elapsed)
    away = True
    for seconds, may in ((BEAT_SECONDS, True), (TRUSTED_SECONDS - BEAT_SECONDS, False)):
        elapsed.seconds += seconds
        with suppress(StoreUnavailable):
            lease.beat()
        assert lease.may_write() is may
    away = False
    lease.beat()
    assert lease.may_write()


def test_a_folder_keeps_its_identity_and_a_copy_has_another(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    with WriterLock(data, now=NOW) as lock:
        identity = lock.identity
    copy.mkdir()
    (copy / lock.path.name).write_bytes(lock.path.read_bytes())
    with WriterLock(data, now=NOW) as again, WriterLock(copy, now=NOW) as copied:
        assert again.identity == identity
        assert copied.identity != identity
