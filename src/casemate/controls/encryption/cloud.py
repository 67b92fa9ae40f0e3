"""Cloud key services: a key that never leaves the service seals the key store's file, afresh at every change."""

from __future__ import annotations

import importlib
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Protocol

from casemate.core.errors import CasemateError, ExtraMissing, KeyRefused, KeyStoreDown, KeyStoreUnreadable, SealBroken

_CONTEXT = {"casemate": "key-store"}
_ALTERED = ("InvalidCiphertextException", "IncorrectKeyException")
_DENIED = ("AccessDenied", "NotFound", "Disabled", "InvalidState", "UnrecognizedClient", "ExpiredToken", "InvalidKeyId")
_LONGEST = 1 << 14


class CloudKey(Protocol):
    """A key in a cloud service, which seals and opens up to 4 KiB and never shows itself. Any service fits this."""

    def wrap(self, plain: bytes) -> bytes:
        """Return bytes sealed by the service."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what the service sealed."""


class AwsKey:
    """A symmetric key of AWS KMS, or of whatever answers as its client does.

    Args:
        client: of boto3: ``boto3.client("kms")``, with an account that may use the key to encrypt and decrypt.
        key_id: id, ARN or alias of the key.
    """

    def __init__(self, client: Any, key_id: str) -> None:
        self.client = client
        self.key_id = key_id

    def wrap(self, plain: bytes) -> bytes:
        """Return bytes sealed by the service.

        Raises:
            KeyRefused: no such key, or not the rights.
            KeyStoreDown: no answer.
        """
        try:
            answer = self.client.encrypt(KeyId=self.key_id, Plaintext=plain, EncryptionContext=_CONTEXT)
            return bytes(answer["CiphertextBlob"])
        except Exception as error:
            raise self._told(error) from error

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what the service sealed.

        Raises:
            KeyRefused: no such key, or not the rights.
            KeyStoreDown: no answer.
            SealBroken: sealed under another key, or altered.
        """
        try:
            answer = self.client.decrypt(KeyId=self.key_id, CiphertextBlob=wrapped, EncryptionContext=_CONTEXT)
            return bytes(answer["Plaintext"])
        except Exception as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> CasemateError:
        """What the service said, in our words; boto3's own errors exist only where it is installed."""
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        where = f"key {self.key_id!r}"
        if code.startswith(_ALTERED):
            return SealBroken(
                "the key store does not open under this cloud key",
                where=where,
                why="it was sealed under another key, or altered; the two cannot be told apart",
                fix="name the key that it was made with, or restore the file from a copy",
            )
        if any(code.startswith(name) or name in code for name in _DENIED):
            return KeyRefused(
                f"the key service refused: {code}",
                where=where,
                fix="check the key's id, and that the account may use it to encrypt and decrypt",
            )
        return KeyStoreDown(
            f"the key service did not do as asked: {code or type(error).__name__}: {error}",
            where=where,
            why="without it the key store cannot be opened",
            fix="check the connection, the region and the credentials, and try again",
        )


class CloudRoot:
    """Makes a key for a key store's file, and keeps it in the file, sealed by a cloud service; a new one each time.

    Args:
        cloud: the service's key.
    """

    kind = "kms"

    def __init__(self, cloud: CloudKey) -> None:
        self.cloud = cloud
        self._known: tuple[str, bytes] | None = None

    def renewed(self, held: Mapping[str, Any] | None) -> tuple[dict[str, Any], bytes]:
        """Return what the file says of its key, and the key."""
        key = secrets.token_bytes(32)
        wrapped = b64encode(self.cloud.wrap(key)).decode()
        self._known = wrapped, key
        return {"kind": self.kind, "wrapped": wrapped}, key

    def opened(self, held: Mapping[str, Any]) -> bytes:
        """Return the key of a file from what the file says of it.

        Raises:
            KeyStoreUnreadable: the file says nothing that a service could have sealed.
        """
        wrapped = held.get("wrapped")
        if not isinstance(wrapped, str) or len(wrapped) > _LONGEST:
            raise _damaged()
        if self._known is None or self._known[0] != wrapped:
            try:
                raw = b64decode(wrapped, validate=True)
            except ValueError:
                raise _damaged() from None
            key = self.cloud.unwrap(raw)
            if len(key) != 32:
                raise _damaged()
            self._known = wrapped, key
        return self._known[1]


def aws(key_id: str) -> AwsKey:
    """Return a key of AWS KMS, with the account and region that the environment names.

    Raises:
        ExtraMissing: boto3 is not installed.
    """
    try:
        boto3 = importlib.import_module("boto3")
    except ModuleNotFoundError:
        raise ExtraMissing("boto3 is needed to ask AWS KMS, and it is not installed", fix="pip install boto3") from None
    return AwsKey(boto3.client("kms"), key_id)


def _damaged() -> KeyStoreUnreadable:
    return KeyStoreUnreadable("the key store is damaged: its own key is not in it", fix="restore the file from a copy")
