import errno
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from casemate.controls.encryption import file_store as module
from casemate.controls.encryption import whole
from casemate.controls.encryption.file_store import FileStore
from casemate.core.errors import (
    KeyExists,
    KeyMissing,
    KeyRefused,
    KeyShredded,
    KeyStoreDown,
    KeyStoreUnreadable,
    SealBroken,
)
from casemate.core.locking import locked
from controls.encryption.made import CHEAP, WORDS, file_store, names, reopened

CREATING = f"""{CHEAP}
import sys
from pathlib import Path
from casemate.controls.encryption.file_store import FileStore
store = FileStore(Path(sys.argv[1]), passphrase.PassphraseRoot(lambda: "correct horse"))
for number in range(15):
    store.create(sys.argv[2] + str(number))
"""


def test_another_process_finds_what_this_one_made(store: FileStore) -> None:
    other = reopened(store)
    assert [key.name for key in other.list()] == ["health", "pii", "rest"]
    assert other.get("pii") == store.get("pii")
    assert other.unwrap("pii", store.wrap("pii", b"secret", b"c"), b"c") == b"secret"
    with pytest.raises(KeyExists):
        other.create("pii")


def test_old_versions_still_open_and_the_newest_seals(store: FileStore) -> None:
    old, first = store.wrap("pii", b"secret"), store.get("pii")
    assert store.rotate("pii").version == 2
    assert store.unwrap("pii", old) == b"secret"
    assert store.wrap("pii", b"secret").startswith("v2:")
    assert store.get("pii", 1) == first != store.get("pii")
    with pytest.raises(KeyMissing, match="no version 3"):
        store.get("pii", 3)


def test_a_shredded_key_is_gone_for_every_process(store: FileStore) -> None:
    other, wrapped = reopened(store), store.wrap("pii", b"secret")
    assert other.get("pii")
    record = store.shred("pii", "erasure 7")
    assert (record.name, record.versions, record.reason) == ("pii", 1, "erasure 7")
    for use in (
        lambda: other.get("pii"),
        lambda: other.unwrap("pii", wrapped),
        lambda: other.wrap("pii", b"x"),
        lambda: other.rotate("pii"),
        lambda: other.create("pii"),
        lambda: other.shred("pii"),
    ):
        with pytest.raises(KeyShredded, match="erasure 7"):
            use()
    assert other.shreddings() == (record,)
    assert other.unwrap("rest", store.wrap("rest", b"x")) == b"x"


def test_nothing_of_a_shredded_key_is_on_the_disk(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[bytes] = []
    encode = module.msgspec.json.encode
    monkeypatch.setattr(module.msgspec.json, "encode", lambda keys: bodies.append(encode(keys)) or bodies[-1])
    secret = store.get("pii")
    before = store.path.read_bytes()
    with store.path.open("rb") as old:
        store.shred("pii")
        assert old.read() == bytes(len(before)), "the old file's bytes were overwritten"
    # What was sealed into the new file does not hold the secret, nor does any file in the folder, in any form.
    assert b64encode(secret) not in bodies[-1]
    for path in store.path.parent.iterdir():
        content = path.read_bytes()
        assert not any(form in content for form in (secret, b64encode(secret), secret.hex().encode(), before[-64:]))


def test_a_wrong_passphrase_opens_nothing_and_changes_nothing(store: FileStore) -> None:
    before = store.path.read_bytes()
    wrong = reopened(store, "incorrect horse")
    for use in (wrong.list, lambda: wrong.get("pii"), lambda: wrong.create("x"), lambda: wrong.shred("pii")):
        with pytest.raises(KeyRefused, match="passphrase is wrong"):
            use()
    assert store.path.read_bytes() == before


def test_every_altered_byte_is_found(store: FileStore) -> None:
    raw = store.path.read_bytes()
    end = raw.index(b"\n")
    for place in [*range(0, end, 23), *range(end, len(raw), 31), len(raw) - 1]:
        altered = bytearray(raw)
        altered[place] ^= 1
        store.path.write_bytes(altered)
        with pytest.raises((KeyStoreUnreadable, KeyRefused)):
            reopened(store).list()
    for cut in (0, 1, end, end + 5, len(raw) - 1):
        store.path.write_bytes(raw[:cut])
        with pytest.raises(KeyStoreUnreadable, match="damaged"):
            reopened(store).list()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "begin"),
        (b"\xff\xfe", "begin"),
        (b"[" * 100_000, "begin"),
        (b'{"casemate-keys": 1}\n', "begin"),
        (b'{"casemate-keys": 2, "root": {"kind": "scrypt"}}\n', "format 2"),
        (b'{"casemate-keys": 1, "root": {"kind": "scrypt", "salt": "a", "n": 1099511627776}}\n', "never does"),
    ],
)
def test_what_is_no_key_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, told: str) -> None:
    store = file_store(tmp_path, monkeypatch)
    store.path.write_bytes(content)
    with pytest.raises(KeyStoreUnreadable, match=told):
        store.list()


def test_a_huge_file_is_not_read(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    with pytest.raises(KeyStoreUnreadable, match="no key store has more"):
        store.list()


def test_a_store_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = file_store(tmp_path, monkeypatch)
    for use in (store.list, lambda: store.get("a"), lambda: store.rotate("a"), lambda: store.shred("a")):
        with pytest.raises(KeyMissing, match="no key store yet") as caught:
            use()
        assert "casemate keys create" in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_its_owner_can_read_it(store: FileStore) -> None:
    assert store.path.stat().st_mode & 0o777 == 0o600
    store.rotate("pii")
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_the_store_as_it_was(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before, there = store.path.read_bytes(), names(store.path.parent)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(whole.os, "fsync", full)
        for use in (lambda: store.create("x"), lambda: store.shred("pii")):
            with pytest.raises(KeyRefused, match="No space left"):
                use()
    assert store.path.read_bytes() == before
    assert names(store.path.parent) == there
    assert store.get("pii")


def test_many_writers_at_once_lose_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.casemate"
    running = [subprocess.Popen([sys.executable, "-c", CREATING, str(path), letter]) for letter in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    names = {key.name for key in file_store(tmp_path, monkeypatch).list()}
    assert names == {f"{letter}{number}" for letter in "abc" for number in range(15)}


def test_a_store_that_somebody_else_holds_is_not_changed(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "locked", lambda path, busy: locked(path, busy, patience=0.05))
    with locked(store.path, KeyStoreDown("held")), pytest.raises(KeyStoreDown, match="another process") as caught:
        store.create("more")
    assert str(store.path) in str(caught.value)
    assert "more" not in [key.name for key in store.list()]


def test_what_another_key_of_that_name_sealed_does_not_open(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = file_store(tmp_path, monkeypatch, "pii")
    with pytest.raises(SealBroken, match="another key of that name"):
        store.unwrap("pii", other.wrap("pii", b"secret"))


def test_it_shows_no_secret_of_itself(store: FileStore) -> None:
    assert WORDS not in repr(vars(store)) and store.get("pii").hex() not in repr(vars(store))
