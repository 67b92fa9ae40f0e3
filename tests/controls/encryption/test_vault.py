from collections.abc import Iterator
from pathlib import Path

import pytest

from casemate.controls.encryption import open_store
from casemate.controls.encryption.vault import VaultStore
from casemate.core.errors import KeyExists, KeyMissing, KeyStoreUnreadable, SealBroken, SecretError
from controls.encryption.transit import TOKEN, Transit, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transit]:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with serving() as state:
        yield state


@pytest.fixture
def vault(server: Transit) -> Iterator[VaultStore]:
    made = VaultStore(server.address)
    yield made
    made.line.close()


def test_keys_are_made_listed_and_rotated(vault: VaultStore, server: Transit) -> None:
    assert vault.list() == ()
    made = vault.create("pii")
    assert (made.name, made.version, made.created) == ("pii", 1, "2026-09-21T14:13:21+00:00")
    with pytest.raises(KeyExists):
        vault.create("pii")
    vault.create("a.b")
    assert vault.rotate("pii").version == 2
    assert [(key.name, key.version) for key in vault.list()] == [("a.b", 1), ("pii", 2)]
    assert vault.list()[1].rotated > vault.list()[1].created


def test_what_is_wrapped_comes_back_also_after_a_rotation(vault: VaultStore) -> None:
    vault.create("pii")
    wrapped = vault.wrap("pii", b"secret", b"context")
    vault.rotate("pii")
    assert vault.unwrap("pii", wrapped, b"context") == b"secret"
    assert vault.wrap("pii", b"secret").startswith("vault:v2:")


@pytest.mark.parametrize("text", ["", "vault:v1:AAAA", "v1:AAAA", "vault:v9:" + "A" * 60, "vault:v1:!"])
def test_what_was_not_wrapped_or_for_something_else(vault: VaultStore, text: str) -> None:
    vault.create("pii")
    for wrapped, context in ((text, b""), (vault.wrap("pii", b"secret", b"one"), b"other")):
        with pytest.raises(SealBroken):
            vault.unwrap("pii", wrapped, context)


def test_a_secret_is_the_same_each_time_and_goes_with_the_key(vault: VaultStore) -> None:
    vault.create("pii")
    first = vault.get("pii")
    assert len(first) == 32 and vault.get("pii") == first
    vault.rotate("pii")
    assert vault.get("pii", 1) == first != vault.get("pii")
    with pytest.raises(KeyMissing, match="no version 3"):
        vault.get("pii", 3)
    vault.shred("pii")
    vault.create("pii")
    assert vault.get("pii") != first


def test_a_shredded_key_is_gone(vault: VaultStore, server: Transit) -> None:
    vault.create("pii")
    vault.rotate("pii")
    wrapped = vault.wrap("pii", b"secret")
    record = vault.shred("pii", "erasure 7")
    assert (record.name, record.versions, record.reason, record.store) == ("pii", 2, "erasure 7", vault.uri)
    assert "pii" not in server.keys
    assert vault.shreddings() == ()
    for use in (lambda: vault.get("pii"), lambda: vault.unwrap("pii", wrapped), lambda: vault.shred("pii")):
        with pytest.raises(KeyMissing):
            use()


def test_asking_for_a_missing_key_makes_none(vault: VaultStore, server: Transit) -> None:
    vault.create("people")
    for use in (lambda: vault.wrap("peopel", b"x"), lambda: vault.rotate("peopel"), lambda: vault.get("peopel")):
        with pytest.raises(KeyMissing, match="Did you mean 'people'"):
            use()
    assert [*server.keys] == ["people"]


def test_names_cannot_leave_the_engine(vault: VaultStore, server: Transit) -> None:
    for name in ("../sys/seal", "a/b", "a?list=true"):
        for use in (vault.create, vault.get, vault.rotate, vault.shred):
            with pytest.raises(SecretError, match="no name of a key"):
                use(name)
    assert server.seen == []


@pytest.mark.parametrize(
    "answer", [b'{"data": {}}', b'{"data": {"latest_version": "x", "keys": []}}', b'{"data": []}', b""]
)
def test_answers_that_are_not_about_a_key(vault: VaultStore, server: Transit, answer: bytes) -> None:
    server.faults = [(200, answer)]
    with pytest.raises(KeyStoreUnreadable, match="not about a key"):
        vault.get("pii")


def test_a_refusal_is_told_in_the_server_s_words(vault: VaultStore, server: Transit) -> None:
    server.faults = [(404, b"{}"), (400, b'{"errors": ["no such type"]}')]
    with pytest.raises(SecretError, match="no such type"):
        vault.create("pii")


def test_the_address_opens_it(server: Transit) -> None:
    made = open_store(f"vault:{server.address}", root=Path())
    assert isinstance(made, VaultStore)
    assert made.create("pii").version == 1
    made.line.close()
