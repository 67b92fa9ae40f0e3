"""Asking a Vault server over HTTP: briefly, and without trust in what it answers.

The token comes from the environment at the moment of asking; it is part of no object, address or message.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from casemate.core.errors import CasemateError, KeyRefused, KeyStoreDown, KeyStoreUnreadable, SecretError

if TYPE_CHECKING:
    import httpx

TOKEN = "VAULT_TOKEN"  # noqa: S105 - the name of an environment variable
NAMESPACE = "VAULT_NAMESPACE"
AUTHORITIES = "VAULT_CACERT"
LARGEST = 1 << 20
"""Bytes that an answer may have."""

TIMEOUT = 10.0
RETRIES = 2
_BUSY = (429, 502, 503, 504)
_LOCAL = ("127.0.0.1", "localhost", "::1")


class NotFound(Exception):
    """The server knows nothing under this path."""


class Refused(Exception):
    """The server understood, and will not do it (400): its words."""


class VaultLine:
    """A connection to one secrets engine of a Vault server.

    Args:
        address: of the server, https, or http on this machine, with the engine's path: ``https://vault:8200/transit``.
            Without a user, a password or a query.
        timeout: seconds that connecting, sending and each part of an answer may take.

    Raises:
        SecretError: the address is none, is not encrypted, or holds more than a place.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        parts = _parsed(address)
        self.server = f"{parts.scheme}://{parts.netloc}"
        self.engine = parts.path.strip("/") or "transit"
        self.timeout = timeout
        self._client: httpx.Client | None = None
        self._pause = time.sleep

    @property
    def address(self) -> str:
        """The engine's address."""
        return f"{self.server}/{self.engine}"

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the ``data`` of what the engine answers; empty where it has none.

        Raises:
            NotFound: nothing is under this path.
            Refused: the server will not do it.
            KeyRefused: no token, or one without the rights.
            KeyStoreDown: no connection, no answer in time, or an error of the server's.
            KeyStoreUnreadable: an answer that is none.
        """
        import httpx

        headers = self._headers()
        last: CasemateError | None = None
        for attempt in range(RETRIES + 1):
            if attempt:
                self._pause(0.25 * 2**attempt)
            try:
                status, raw = self._once(method, path, body, headers)
            except httpx.TimeoutException:
                last = self._down(f"no answer within {self.timeout:.0f} s")
            except (httpx.TransportError, httpx.InvalidURL) as error:
                last = self._down(f"no connection: {error}")
            else:
                if status not in _BUSY:
                    return self._understood(status, raw)
                last = self._down(f"it is too busy, or sealed ({status})")
        raise last or self._down("no answer")

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _once(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        url = f"{self.server}/v1/{self.engine}/{path}"
        with self._line().stream(method, url, json=body, headers=headers) as answer:
            raw = b""
            for part in answer.iter_raw():  # packed answers are refused by the header, so these are all its bytes
                raw += part
                if len(raw) > LARGEST:
                    raise self._nonsense("its answer is longer than any key is")
            return answer.status_code, raw

    def _understood(self, status: int, raw: bytes) -> dict[str, Any]:
        if status == 404:
            raise NotFound
        if status in (401, 403):
            raise KeyRefused(
                "the Vault server refused the token",
                where=self.address,
                why="its policy does not allow this, or it has expired",
                fix=f"log in again, and export {TOKEN}=...",
            )
        if status == 400:
            raise Refused("; ".join(map(str, self._parsed(raw).get("errors", []))))
        if not 200 <= status < 300:
            raise self._down(f"it answered with status {status}")
        data = self._parsed(raw).get("data") if raw.strip() else {}
        return data if isinstance(data, dict) else {}

    def _parsed(self, raw: bytes) -> dict[str, Any]:
        try:
            said = json.loads(raw)
        except (ValueError, RecursionError):
            raise self._nonsense("its answer is not JSON") from None
        if not isinstance(said, dict):
            raise self._nonsense("its answer is no JSON object")
        return said

    def _line(self) -> httpx.Client:
        if self._client is None:
            import ssl

            import httpx

            authorities = os.environ.get(AUTHORITIES)
            verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=authorities) if authorities else True
            self._client = httpx.Client(timeout=self.timeout, verify=verify, follow_redirects=False)
        return self._client

    def _headers(self) -> dict[str, str]:
        token = os.environ.get(TOKEN, "").strip()
        if not token or not token.isascii() or not token.isprintable():
            raise KeyRefused(
                "the Vault server needs a token, and there is none",
                where=f"environment variable {TOKEN}",
                why="tokens are never read from addresses or files, where others could see them",
                fix=f"log in to Vault, and export {TOKEN}=...",
            )
        headers = {"X-Vault-Token": token, "X-Vault-Request": "true", "Accept-Encoding": "identity"}
        namespace = os.environ.get(NAMESPACE, "").strip()
        return {**headers, "X-Vault-Namespace": namespace} if namespace else headers

    def _down(self, how: str) -> KeyStoreDown:
        fix = "check the address and the network, and that the server is unsealed"
        return KeyStoreDown(f"the Vault server cannot be asked: {how}", where=self.address, fix=fix)

    def _nonsense(self, how: str) -> KeyStoreUnreadable:
        fix = "check that the address is that of a Vault server's transit engine"
        return KeyStoreUnreadable(f"this is no Vault server: {how}", where=self.address, fix=fix)


def _parsed(address: str) -> SplitResult:
    """The parts of an address that is one, and holds nothing but a place."""
    try:
        parts = urlsplit(address)
        place = f"vault:{parts.scheme}://{parts.hostname or ''}"
    except ValueError:
        parts, place = SplitResult("", "", "", "", ""), "vault:"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        fix = "write vault:https://vault.example.org:8200/transit"
        raise SecretError("this is no address of a Vault server", where=place, fix=fix)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SecretError(
            "the Vault server's address holds a user, a password or a query",
            where=place,
            why="addresses stand in policies and reports, and secrets must not",
            fix=f"keep the bare address, and export {TOKEN}=...",
        )
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise SecretError(
            "the Vault server would be asked without encryption",
            where=place,
            why="keys and the token would cross the network for all to read",
            fix="write https; http is for a server on this machine only",
        )
    return parts
