import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from casemate.controls.encryption import open_store
from casemate.controls.encryption.cloud import AwsKey, CloudRoot, aws
from casemate.controls.encryption.file_store import FileStore
from casemate.core.errors import ExtraMissing, KeyRefused, KeyStoreDown, KeyStoreUnreadable, SealBroken


class ClientError(Exception):
    """As botocore's: the service's code is in ``response``."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}}


class StandIn:
    """Answers as boto3's KMS client: one key, AES-GCM with the encryption context beside it."""

    def __init__(self, key_id: str = "alias/casemate") -> None:
        self.key_id = key_id
        self.cipher = AESGCM(bytes(range(32)))
        self.fault: Exception | None = None
        self.calls: list[str] = []

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: dict[str, str]) -> dict[str, Any]:
        self._asked("encrypt", KeyId)
        assert len(Plaintext) <= 4096
        sealed = self.cipher.encrypt(bytes(12), Plaintext, repr(EncryptionContext).encode())
        return {"CiphertextBlob": sealed, "KeyId": KeyId}

    def decrypt(self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: dict[str, str]) -> dict[str, Any]:
        self._asked("decrypt", KeyId)
        try:
            return {"Plaintext": self.cipher.decrypt(bytes(12), CiphertextBlob, repr(EncryptionContext).encode())}
        except Exception:
            raise ClientError("InvalidCiphertextException") from None

    def _asked(self, what: str, key_id: str) -> None:
        self.calls.append(what)
        if self.fault is not None:
            raise self.fault
        if key_id != self.key_id:
            raise ClientError("NotFoundException")


def store(folder: Path, client: StandIn, key_id: str = "alias/casemate") -> FileStore:
    return FileStore(folder / "keys.casemate", CloudRoot(AwsKey(client, key_id)))


def test_keys_are_kept_under_a_cloud_key(tmp_path: Path) -> None:
    client = StandIn()
    made = store(tmp_path, client)
    made.create("pii")
    wrapped = made.wrap("pii", b"secret", b"c")
    other = store(tmp_path, client)
    assert other.unwrap("pii", wrapped, b"c") == b"secret"
    assert other.rotate("pii").version == 2
    assert made.get("pii", 1) == other.get("pii", 1)


def test_the_service_is_asked_no_more_than_it_must(tmp_path: Path) -> None:
    client = StandIn()
    made = store(tmp_path, client)
    made.create("pii")
    for _ in range(5):
        made.get("pii")
    assert client.calls == ["encrypt"]
    again = store(tmp_path, client)
    for _ in range(5):
        again.get("pii")
    assert client.calls == ["encrypt", "decrypt"]


def test_every_change_has_a_key_of_its_own(tmp_path: Path) -> None:
    made = store(tmp_path, StandIn())
    made.create("a")
    first = made.path.read_bytes().partition(b"\n")[0]
    made.shred("a")
    assert made.path.read_bytes().partition(b"\n")[0] != first


@pytest.mark.parametrize(
    ("fault", "kind", "told"),
    [
        (ClientError("AccessDeniedException"), KeyRefused, "AccessDeniedException"),
        (ClientError("DisabledException"), KeyRefused, "DisabledException"),
        (ClientError("ThrottlingException"), KeyStoreDown, "ThrottlingException"),
        (ConnectionError("no route"), KeyStoreDown, "no route"),
    ],
)
def test_what_the_service_says(tmp_path: Path, fault: Exception, kind: type[Exception], told: str) -> None:
    client = StandIn()
    store(tmp_path, client).create("pii")
    client.fault = fault
    with pytest.raises(kind, match=told):
        store(tmp_path, client).get("pii")


def test_another_key_of_the_service(tmp_path: Path) -> None:
    client = StandIn()
    store(tmp_path, client).create("pii")
    with pytest.raises(KeyRefused, match="NotFound"):
        store(tmp_path, client, "alias/other").get("pii")
    client.cipher = AESGCM(bytes(32))
    with pytest.raises(SealBroken, match="cloud key"):
        store(tmp_path, client).get("pii")


@pytest.mark.parametrize("wrapped", [None, 5, "!", "A" * 20_000])
def test_a_file_without_its_own_key_is_damaged(wrapped: object) -> None:
    with pytest.raises(KeyStoreUnreadable):
        CloudRoot(AwsKey(StandIn(), "alias/casemate")).opened({"wrapped": wrapped})


def test_a_key_of_the_wrong_length_is_damaged() -> None:
    client = StandIn()
    key = AwsKey(client, "alias/casemate")
    with pytest.raises(KeyStoreUnreadable):
        CloudRoot(key).opened({"wrapped": __import__("base64").b64encode(key.wrap(b"short")).decode()})


def test_a_store_under_a_passphrase_is_not_one_under_a_cloud_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, StandIn()).create("pii")
    with pytest.raises(KeyRefused, match="sealed by kms, not by scrypt"):
        open_store("file:keys.casemate", root=tmp_path, passphrase=lambda: "x").list()


def test_the_address_opens_it_with_boto3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3, client = ModuleType("boto3"), StandIn("alias/casemate")
    boto3.client = lambda service: client if service == "kms" else None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "boto3", boto3)
    made = open_store("kms:aws:alias/casemate#team.keys", root=tmp_path)
    made.create("pii")
    assert (tmp_path / "team.keys").exists()
    assert made.uri == "kms:aws:alias/casemate#team.keys"


def test_boto3_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ExtraMissing, match="boto3") as caught:
        aws("alias/casemate")
    assert caught.value.fix == "pip install boto3"
