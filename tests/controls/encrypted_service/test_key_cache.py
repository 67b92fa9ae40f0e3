import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from casemate.controls.encrypted_service.key_cache import KeyCache, Registration, keys_digest
from casemate.controls.encrypted_service.shelves import FolderShelf, MemoryShelf, Shelf
from casemate.core.errors import CasemateError, QuotaSpent, StoreDamaged, StoreUnreachable, WrongKey
from controls.encrypted_service.small import NOW, Clock

PROGRAM = "ab" * 32
Make = Callable[..., KeyCache]


@pytest.fixture(params=["memory", "folder"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return MemoryShelf() if request.param == "memory" else FolderShelf(tmp_path / "keys")


def registration(key: int = 0, keys: bytes = b"keys", tenant: str = "ann", **changed: Any) -> Registration:
    digest = keys_digest(bytes(32), keys) if keys else ""
    told = {"mac": b"m" * 32, "expiry": int(NOW) + 100, "program": PROGRAM, **changed}
    return Registration(tenant=tenant, key=bytes([key]).hex() * 32, keys=digest, size=len(keys), **told)


def bytes_of(cache: KeyCache, held: Registration) -> bytes:
    found = cache.keys(held)
    assert found is not None
    return found if isinstance(found, bytes) else found.read_bytes()


def test_what_is_put_is_found_for_its_tenant_program_and_key_alone(shelf: Shelf) -> None:
    cache, held = KeyCache(shelf, clock=Clock()), registration()
    cache.put(held, b"keys")
    assert cache.find("ann", PROGRAM, held.key) == held
    assert bytes_of(cache, held) == b"keys"
    assert cache.find("bob", PROGRAM, held.key) is None
    assert cache.find("ann", "cd" * 32, held.key) is None
    assert cache.find("ann", PROGRAM, "00" * 31 + "01") is None


def test_a_key_without_evaluation_keys_has_none(shelf: Shelf) -> None:
    cache, held = KeyCache(shelf, clock=Clock()), registration(keys=b"")
    cache.put(held, b"")
    assert cache.keys(held) is None


def test_a_registration_past_its_time_is_gone_and_makes_room(shelf: Shelf) -> None:
    clock = Clock()
    cache = KeyCache(shelf, clock=clock, number=1)
    cache.put(registration(0), b"keys")
    with pytest.raises(QuotaSpent, match="1 keys registered"):
        cache.put(registration(1, b"more"), b"more")
    clock.now += 101
    assert cache.find("ann", PROGRAM, registration(0).key) is None
    cache.put(registration(1, b"more", expiry=int(clock.now) + 1), b"more")
    with pytest.raises(WrongKey):
        cache.keys(registration(0))  # nobody uses those bytes any more


def test_the_bytes_of_a_tenant_are_bounded_and_equal_keys_count_once(shelf: Shelf) -> None:
    cache = KeyCache(shelf, clock=Clock(), size=10)
    cache.put(registration(0, b"123456"), b"123456")
    cache.put(registration(1, b"123456"), b"123456")
    with pytest.raises(QuotaSpent, match="11 bytes"):
        cache.put(registration(2, b"78901"), b"78901")
    cache.put(registration(2, b"78901", tenant="bob"), b"78901")


def test_registering_again_replaces(shelf: Shelf) -> None:
    cache = KeyCache(shelf, clock=Clock(), number=1, size=10)
    cache.put(registration(0, b"first"), b"first")
    cache.put(registration(0, b"second again"[:10], mac=b"n" * 32), b"second again"[:10])
    found = cache.find("ann", PROGRAM, registration().key)
    assert found is not None
    assert found.mac == b"n" * 32
    assert bytes_of(cache, found) == b"second aga"
    assert len(shelf.names("ann")) == 2


def test_what_is_forgotten_is_gone_with_its_bytes(shelf: Shelf) -> None:
    cache = KeyCache(shelf, clock=Clock())
    for key in (0, 1):
        cache.put(registration(key), b"keys")
    cache.forget(registration(0))
    assert bytes_of(cache, registration(1)) == b"keys"
    cache.forget(registration(1))
    assert shelf.names("ann") == []


def test_a_folder_is_for_its_owner_and_outlasts_the_process(tmp_path: Path) -> None:
    cache = KeyCache(FolderShelf(tmp_path / "keys"), clock=Clock())
    held = registration(tenant="../../etc/passwd")
    cache.put(held, b"keys")
    again = KeyCache(FolderShelf(tmp_path / "keys"), clock=Clock())
    assert again.find(held.tenant, PROGRAM, held.key) == held
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert len(files) == 3  # two, and a lock
    assert list(tmp_path.iterdir()) == [tmp_path / "keys"]
    if os.name == "posix":
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "keys").rglob("*"))


def test_damaged_or_swapped_records_are_refused(tmp_path: Path) -> None:
    cache = KeyCache(FolderShelf(tmp_path / "keys"), clock=Clock())
    for key in (0, 1):
        cache.put(registration(key), b"keys")
    first, second = sorted((tmp_path / "keys").rglob("*.registration"))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    ours = [registration(key).key for key in (0, 1)]
    with pytest.raises(StoreDamaged, match="another one belongs"):
        [cache.find("ann", PROGRAM, key) for key in ours]
    first.write_bytes(kept[:-3])
    with pytest.raises(StoreDamaged, match="cannot be read"):
        [cache.find("ann", PROGRAM, key) for key in ours]


def test_a_folder_that_cannot_be_made_or_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnreachable):
        FolderShelf(tmp_path / "file" / "keys")
    shelf = FolderShelf(tmp_path / "keys")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf, "write", full)
    with pytest.raises(CasemateError, match="No space left"):
        KeyCache(shelf, clock=Clock()).put(registration(), b"keys")


def test_a_registration_shows_no_key() -> None:
    assert "mmm" not in repr(registration())
    assert repr(b"m" * 32) not in f"{registration()}"
