from pathlib import Path

import pytest
from msgspec.structs import replace

from casemate.controls.encrypted_service.signed_verification import SignedVerification, read_signed, signed
from casemate.controls.encrypted_service.signing import new_identity
from casemate.core.errors import BadEnvelope, ModelMissing
from controls.encrypted_service.verified import record

IDENTITY = new_identity()


@pytest.fixture
def made() -> SignedVerification:
    return signed(record(), IDENTITY)


def test_what_was_signed_is_believed(made: SignedVerification, tmp_path: Path) -> None:
    (tmp_path / "made.json").write_bytes(made.to_bytes())
    found = read_signed(tmp_path / "made.json")
    assert found == made
    found.check()
    found.check(IDENTITY.card.fingerprint)


def test_another_signer_is_not(made: SignedVerification) -> None:
    with pytest.raises(BadEnvelope, match="was signed by"):
        made.check(new_identity().card.fingerprint)


def test_a_record_that_was_changed_is_not(made: SignedVerification) -> None:
    changed = replace(made, verification=replace(made.verification, name="other"))
    with pytest.raises(BadEnvelope, match="changed after it was signed"):
        changed.check()


@pytest.mark.parametrize("signature", ["", "00" * 64, "no hexadecimal", "ab" * 63])
def test_other_signatures_are_none(made: SignedVerification, signature: str) -> None:
    with pytest.raises(BadEnvelope, match="changed after it was signed"):
        replace(made, signature=signature).check()


@pytest.mark.parametrize("card", ["", "00" * 63, "no hexadecimal"])
def test_a_signer_without_a_card_is_none(made: SignedVerification, card: str) -> None:
    with pytest.raises(BadEnvelope, match="card"):
        replace(made, card=card).check()


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b"[1]"])
def test_other_files_are_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(BadEnvelope, match="not a signed verification"):
        read_signed(tmp_path / "other")


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        read_signed(tmp_path / "none")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 25)
    with pytest.raises(BadEnvelope, match="larger"):
        read_signed(tmp_path / "large")


def test_a_message_of_the_server_is_no_signature_of_a_record(made: SignedVerification) -> None:
    """The server signs what clients send it, by their hashes; none of that can pass for a verification."""
    import msgspec

    plain = IDENTITY.sign(msgspec.json.encode(made.verification, order="sorted"))
    with pytest.raises(BadEnvelope):
        replace(made, signature=plain.hex()).check()
