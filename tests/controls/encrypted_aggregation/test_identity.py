from __future__ import annotations

import pytest

from casemate.controls.encrypted_aggregation.identity import Identity, check_name, check_public, check_signature
from casemate.core.errors import BadEnvelope, OutOfRange


def test_a_signature_holds_for_its_maker_and_statement_alone() -> None:
    one, other = Identity.new("one"), Identity.new("other")
    signature = one.signed(b"statement")
    check_signature(one.public, b"statement", signature, "one")
    for public, statement, made in (
        (other.public, b"statement", signature),
        (one.public, b"statement!", signature),
        (one.public, b"statement", bytes(64)),
        (one.public, b"statement", b""),
        ("0" * 63, b"statement", signature),
    ):
        with pytest.raises(BadEnvelope, match="not that of one"):
            check_signature(public, statement, made, "one")


def test_an_identity_comes_back_from_its_secret_and_never_shows_it() -> None:
    one = Identity.new("clinic-7")
    assert Identity("clinic-7", one.secret).public == one.public
    assert one.secret.hex() not in repr(one)
    check_public(one.public, "one")


@pytest.mark.parametrize("name", ["", ".a", "a b", "a/b", "é", "a\n", "a" * 65, "-a"])
def test_names_that_could_be_confused_are_refused(name: str) -> None:
    with pytest.raises(OutOfRange):
        check_name(name)
    with pytest.raises(OutOfRange):
        Identity(name, bytes(32))


def test_what_is_no_secret_or_public_key_is_refused() -> None:
    with pytest.raises(OutOfRange, match="31 bytes"):
        Identity("a", bytes(31))
    for public in ("", "0" * 63, "G" * 64, "A" * 64):
        with pytest.raises(OutOfRange):
            check_public(public, "a")
