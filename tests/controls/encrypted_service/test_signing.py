import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_service import signing
from casemate.controls.encrypted_service.signing import Card, card_of, load_identity, new_identity
from casemate.core.errors import BadEnvelope, CasemateError, KeyMissing, KeyStoreUnreadable, WrongKey

PROGRAM, KEY, SESSION = bytes(32), bytes([1]) * 32, bytes(16)


def test_what_was_signed_holds_and_nothing_else() -> None:
    identity = new_identity()
    signature = identity.sign(b"yes")
    identity.card.check(b"yes", signature)
    for covered, sealed in ((b"no", signature), (b"yes", bytes(64)), (b"yes", signature[:-1])):
        with pytest.raises(BadEnvelope):
            identity.card.check(covered, sealed)
    with pytest.raises(BadEnvelope):
        new_identity().card.check(b"yes", signature)


def test_client_and_server_agree_and_nobody_else_does() -> None:
    server, mine, yours = new_identity(), signing.new_agreement(), signing.new_agreement()
    agreed = signing.agree_with(mine, server.card)
    assert agreed == server.agree(signing.public_agreement(mine))
    assert agreed != signing.agree_with(yours, server.card)
    assert agreed != signing.agree_with(mine, new_identity().card)


def test_keys_differ_by_all_that_they_are_for() -> None:
    one = signing.query_key(b"a" * 32, b"t" * 32, PROGRAM, KEY, SESSION)
    others = {
        signing.query_key(b"b" * 32, b"t" * 32, PROGRAM, KEY, SESSION),
        signing.query_key(b"a" * 32, b"u" * 32, PROGRAM, KEY, SESSION),
        signing.query_key(b"a" * 32, b"t" * 32, KEY, KEY, SESSION),
        signing.query_key(b"a" * 32, b"t" * 32, PROGRAM, PROGRAM, SESSION),
        signing.query_key(b"a" * 32, b"t" * 32, PROGRAM, KEY, bytes([1]) * 16),
        signing.upload_key(b"a" * 32, b"t" * 32, PROGRAM, KEY),
    }
    assert one not in others
    assert len(others) == 6


@pytest.mark.parametrize("public", [bytes(32), bytes([1]) + bytes(31)])
def test_a_key_with_which_everybody_agrees_is_refused(public: bytes) -> None:
    with pytest.raises(WrongKey):
        new_identity().agree(public)
    with pytest.raises(WrongKey):
        signing.agree_with(signing.new_agreement(), Card(bytes(32), public))


@given(st.binary(max_size=200), st.integers(0, 31), st.integers(1, 255))
def test_a_mac_with_any_bit_changed_does_not_hold(data: bytes, at: int, flip: int) -> None:
    seal = bytearray(signing.mac(KEY, data))
    assert signing.mac_holds(KEY, memoryview(data), memoryview(seal))
    seal[at] ^= flip
    assert not signing.mac_holds(KEY, memoryview(data), memoryview(seal))
    assert not signing.mac_holds(PROGRAM, memoryview(data), memoryview(signing.mac(KEY, data)))


def test_a_mark_tells_secret_keys_apart_and_says_nothing_without_the_owners_key() -> None:
    assert signing.secret_mark(KEY, b"one") != signing.secret_mark(KEY, b"two")
    assert signing.secret_mark(KEY, b"one") != signing.secret_mark(PROGRAM, b"one")


def test_an_identity_comes_back_from_its_file_which_is_its_owners_alone(tmp_path: Path) -> None:
    identity = new_identity()
    identity.save(tmp_path / "identity")
    assert load_identity(tmp_path / "identity").card == identity.card
    if os.name == "posix":
        assert (tmp_path / "identity").stat().st_mode & 0o077 == 0
    assert card_of(identity.card.raw) == identity.card


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"x" + data[1:]])
def test_files_that_are_no_identity_are_refused(tmp_path: Path, change: object) -> None:
    new_identity().save(tmp_path / "identity")
    (tmp_path / "identity").write_bytes(change((tmp_path / "identity").read_bytes()))  # type: ignore[operator]
    with pytest.raises(KeyStoreUnreadable):
        load_identity(tmp_path / "identity")
    with pytest.raises(KeyMissing):
        load_identity(tmp_path / "nothing")
    with pytest.raises(CasemateError):
        new_identity().save(tmp_path / "nowhere" / "identity")


def test_secrets_are_not_shown() -> None:
    assert "PrivateKey" not in repr(new_identity())
    with pytest.raises(BadEnvelope):
        card_of(bytes(63))
