from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from casemate.controls.encryption import open_store, passphrase, stores
from casemate.controls.encryption.file_store import FileStore
from casemate.controls.encryption.passphrase import PassphraseRoot
from casemate.core.errors import CasemateError, KeyRefused, UnknownName
from controls.encryption.made import cheap


def third_party(rest: str, root: Path, words: passphrase.Passphrase) -> FileStore:
    return FileStore(root / rest, PassphraseRoot(words), f"safe:{rest}")


def test_a_file_is_seen_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap(monkeypatch)
    for uri, name in (("file:team.keys", "team.keys"), ("file:", "keys.casemate"), (f"file:{tmp_path}/a", "a")):
        open_store(uri, root=tmp_path, passphrase=lambda: "correct horse").create("pii")
        assert (tmp_path / name).is_file()


def test_the_passphrase_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap(monkeypatch)
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", "correct horse")
    open_store("file:k", root=tmp_path).create("pii")
    monkeypatch.delenv("CASEMATE_KEYS_PASSPHRASE")
    with pytest.raises(KeyRefused, match="needs its passphrase"):
        open_store("file:k", root=tmp_path).list()


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("fil:keys", "Did you mean 'file'?"),
        ("keys.casemate", "no kind of key store 'keys.casemate'"),
        ("", "no kind of key store ''"),
        ("kms:gcp:key", "no cloud service 'gcp'"),
        ("kms:aws:", "no key of it is named"),
    ],
)
def test_addresses_that_say_nothing(tmp_path: Path, uri: str, told: str) -> None:
    with pytest.raises(UnknownName) as caught:
        open_store(uri, root=tmp_path)
    assert told in str(caught.value)


def test_installed_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cheap(monkeypatch)
    found = [
        EntryPoint("safe", f"{__name__}:third_party", stores.GROUP),
        EntryPoint("broken", "no_such_module:x", stores.GROUP),
    ]
    monkeypatch.setattr(stores, "entry_points", lambda group: found if group == stores.GROUP else [])
    monkeypatch.setattr(EntryPoint, "load", lambda entry: third_party if entry.name == "safe" else __import__("nope"))
    made = open_store("safe:mine", root=tmp_path, passphrase=lambda: "correct horse")
    assert made.create("pii").name == "pii" and made.uri == "safe:mine"
    with pytest.raises(CasemateError, match="'broken' could not be imported"):
        open_store("broken:x", root=tmp_path)
    with pytest.raises(UnknownName, match="Did you mean 'safe'"):
        open_store("saef:x", root=tmp_path)
