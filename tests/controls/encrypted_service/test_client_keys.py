import os
from collections.abc import Callable
from pathlib import Path

import pytest

from casemate.controls.encrypted_service.client_keys import (
    LARGEST,
    ClientKeys,
    load_client_keys,
    save_client_keys,
)
from casemate.controls.encryption import passphrase
from casemate.core.errors import CasemateError, KeyMissing, KeyRefused, KeyStoreUnreadable
from controls.encrypted_service.small import keys as some_keys
from controls.encrypted_service.small import small_program

CHAIN = small_program().public.chain
WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passphrases hashed with the least work that a file may ask for."""
    monkeypatch.setattr(passphrase, "COST", passphrase.COSTS[0])


@pytest.fixture
def keys(tmp_path: Path) -> ClientKeys:
    made = some_keys(CHAIN)
    save_client_keys(made, tmp_path / "keys", lambda: WORDS)
    return made


def test_keys_come_back_under_their_passphrase(keys: ClientKeys, tmp_path: Path) -> None:
    found = load_client_keys(tmp_path / "keys", lambda: WORDS)
    assert found.fingerprint == keys.fingerprint
    assert found.owner == keys.owner
    assert found.secret.to_bytes() == keys.secret.to_bytes()
    assert found.chain == CHAIN
    data = (tmp_path / "keys").read_bytes()
    assert keys.agreement not in data
    assert keys.secret.to_bytes()[200:232] not in data
    if os.name == "posix":
        assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_another_passphrase_opens_nothing(keys: ClientKeys, tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="wrong"):
        load_client_keys(tmp_path / "keys", lambda: "correct donkey")
    with pytest.raises(KeyRefused, match="at least"):
        save_client_keys(keys, tmp_path / "other", lambda: "short")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b'"degree":2048', b'"degree":4096'),
        lambda data: data.replace(b'"scheme":"ckks"', b'"scheme":"bfv"'),
        lambda data: data.replace(b'"casemate_client_keys":1', b'"casemate_client_keys":2'),
        lambda data: b"{}\n" + data,
        lambda data: b"\xff" + data,
        lambda data: b"",
    ],
)
def test_a_damaged_file_is_told(keys: ClientKeys, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "keys"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(KeyStoreUnreadable, match="damaged"):
        load_client_keys(path, lambda: WORDS)


def test_files_that_are_missing_or_far_too_large_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing):
        load_client_keys(tmp_path / "keys", lambda: WORDS)
    with (tmp_path / "keys").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(KeyStoreUnreadable, match="more than"):
        load_client_keys(tmp_path / "keys", lambda: WORDS)
    with pytest.raises(CasemateError):
        save_client_keys(some_keys(CHAIN), tmp_path / "nowhere" / "keys", lambda: WORDS)


def test_a_secret_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some_keys(CHAIN)
    data = made.secret.to_bytes()
    for wrong in (data[:-1], b"x" + data[1:], data[:-8] + b"\xff" * 8):
        monkeypatch.setattr(made.secret, "to_bytes", lambda wrong=wrong: wrong)
        save_client_keys(made, tmp_path / "keys", lambda: WORDS)
        with pytest.raises(KeyStoreUnreadable, match="make no sense"):
            load_client_keys(tmp_path / "keys", lambda: WORDS)
