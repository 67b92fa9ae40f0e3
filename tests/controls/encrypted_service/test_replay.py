import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_service.replay import FileNonces, MemoryNonces, Nonces
from casemate.core.errors import QuotaSpent, Replayed, Stale, StoreDamaged, StoreUnreachable
from controls.encrypted_service.small import NOW, Clock

SOON = int(NOW) + 300
Make = Callable[..., Nonces]


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[FileNonces] = []

    def build(**options: Any) -> Nonces:
        if request.param == "memory":
            return MemoryNonces(**options)
        made.append(FileNonces(tmp_path / "nonces", **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_a_nonce_is_spent_once_for_each_tenant(make: Make) -> None:
    nonces = make(clock=Clock())
    nonces.spend("ann", bytes(16), SOON)
    nonces.spend("bob", bytes(16), SOON)
    nonces.spend("ann", b"1" * 16, SOON)
    for tenant in ("ann", "bob"):
        with pytest.raises(Replayed):
            nonces.spend(tenant, bytes(16), SOON)


def test_what_is_stale_or_of_the_future_is_refused(make: Make) -> None:
    nonces = make(clock=Clock())
    for expiry in (0, int(NOW) - 1, SOON + 61, (1 << 63) - 1, (1 << 64) - 1):
        with pytest.raises(Stale):
            nonces.spend("ann", bytes(16), expiry)
    nonces.spend("ann", bytes(16), SOON + 60)
    nonces.spend("ann", b"1" * 16, int(NOW))


def test_a_nonce_is_remembered_until_its_message_is_stale(make: Make) -> None:
    clock = Clock()
    nonces = make(clock=clock, most=1)
    nonces.spend("ann", bytes(16), SOON)
    clock.now = SOON
    with pytest.raises((Replayed, QuotaSpent)):
        nonces.spend("ann", bytes(16), SOON)
    clock.now = SOON + 1
    with pytest.raises(Stale):
        nonces.spend("ann", bytes(16), SOON)
    nonces.spend("ann", bytes(16), SOON + 100)  # there is room again


def test_the_nonces_of_one_tenant_are_bounded_and_take_no_room_from_another(make: Make) -> None:
    nonces = make(clock=Clock(), most=3)
    for number in range(3):
        nonces.spend("ann", bytes([number]) * 16, SOON)
    with pytest.raises(QuotaSpent):
        nonces.spend("ann", b"x" * 16, SOON)
    nonces.spend("bob", b"x" * 16, SOON)


def test_of_many_threads_one_alone_spends_a_nonce(make: Make) -> None:
    nonces, won = make(clock=Clock()), []

    def spend() -> None:
        try:
            nonces.spend("ann", bytes(16), SOON)
            won.append(1)
        except Replayed:
            pass

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 400), st.integers(0, 200)), max_size=30))
def test_no_message_passes_twice_however_time_passes(steps: list[tuple[int, int, int]]) -> None:
    clock, passed = Clock(), set()
    nonces = MemoryNonces(clock=clock)
    for nonce, ahead, later in steps:
        expiry = int(clock.now) + ahead
        try:
            nonces.spend("ann", bytes([nonce]) * 16, expiry)
        except (Replayed, Stale):
            continue
        finally:
            clock.now += later
        assert (nonce, expiry) not in passed
        passed.add((nonce, expiry))


def test_a_file_remembers_across_a_restart_and_for_several_processes(tmp_path: Path) -> None:
    first, clock = FileNonces(tmp_path / "nonces", clock=Clock()), Clock()
    first.spend("ann", bytes(16), SOON)
    beside = FileNonces(tmp_path / "nonces", clock=clock)
    with pytest.raises(Replayed):
        beside.spend("ann", bytes(16), SOON)
    first.close()
    beside.close()
    again = FileNonces(tmp_path / "nonces", clock=clock)
    with pytest.raises(Replayed):
        again.spend("ann", bytes(16), SOON)
    again.close()
    assert (first.lasting, MemoryNonces.lasting) == (True, False)
    if os.name == "posix":
        assert (tmp_path / "nonces").stat().st_mode & 0o077 == 0


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nonces").write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreDamaged):
        FileNonces(tmp_path / "nonces")
    with pytest.raises(StoreUnreachable):
        FileNonces(tmp_path / "nowhere" / "nonces")
