"""A model that is asked over HTTP, and sees neither rows nor answers: what `Client` encrypts, sent and brought back."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

from casemate.controls.encrypted_service.app import HEADER
from casemate.controls.encrypted_service.client import Answer, Client
from casemate.controls.encrypted_service.programs import HASH_BYTES
from casemate.controls.encrypted_service.signing import Card, card_of
from casemate.controls.encrypted_service.wire import Kind, parsed, size_of
from casemate.core.errors import (
    EncryptedError,
    EndpointDown,
    EndpointNonsense,
    EndpointSlow,
    RequestRefused,
    WrongKey,
    WrongProgram,
)
from casemate.core.files import write_whole

if TYPE_CHECKING:
    import httpx

LARGEST_OFFER = 1 << 26
"""Bytes that a public program may have."""

_CARD_BYTES, _LIFETIME_BYTES = 64, 4
_LOCAL = ("127.0.0.1", "localhost", "::1")


class RemoteProgram:
    """Asks a server over HTTP. Several threads may use it; it registers by itself, once, and again when that ends.

    Args:
        url: address of the application that serves the programs: https, or http on this machine.
        client: what encrypts and decrypts.
        receipt: a file that keeps the receipt of its registration for the next process with the same keys.
        line: an httpx client to use instead of a new one; it is then not closed.
        timeout: seconds that an answer may take to its last byte.

    Raises:
        EndpointDown: the address is none, or not encrypted.
    """

    def __init__(
        self,
        url: str,
        client: Client,
        *,
        receipt: Path | None = None,
        line: httpx.Client | None = None,
        timeout: float = 60.0,
    ) -> None:
        self._url = f"{checked_url(url)}/programs/{client.program.digest}"
        self._client, self._timeout = client, timeout
        self._own = line is None
        self._line = line if line is not None else new_line(timeout)
        self._lock = threading.Lock()
        self._file = receipt
        self._resumed = self._taken_up()

    def register(self) -> None:
        """Register the client's key; see `Client.registration` and `Client.accept`.

        Raises:
            RequestRefused: the server refused.
            EndpointError: no connection, no answer in time, or none of ours.
            EncryptedError: a receipt that is not the server's, or not for this registration.
        """
        receipt = self._send("keys", self._client.registration(), size_of(Kind.RECEIPT, HASH_BYTES))
        self._client.accept(receipt)
        self._resumed = False
        if self._file is not None:
            write_whole(self._file, receipt)

    def answer(self, rows: np.ndarray) -> Answer:
        """Return scores, labels and probabilities of rows (n, features), in as many queries as they take.

        Raises:
            RequestRefused: the server refused.
            EndpointError: no connection, no answer in time, or none of ours.
            DataError: rows that the program was not made for.
            EncryptedError: a reply that cannot be believed.
        """
        with self._lock:
            if not self._client.registered:
                self.register()
        most = self._client.rows_at_once
        parts = [self._asked(rows[start : start + most]) for start in range(0, len(rows), most)]
        if not parts:
            return self._client.nothing()
        return Answer(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.probabilities for part in parts]),
        )

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of each row, (n,); see `answer`."""
        return self.answer(rows).labels

    def close(self) -> None:
        """Close the connection."""
        if self._own:
            self._line.close()

    def _asked(self, rows: np.ndarray) -> Answer:
        """The answer to one query; once, a registration of an earlier process is made anew if the server forgot it."""
        terms = self._client.program.terms
        try:
            return self._client.decrypt(
                self._send("predict", self._client.encrypt(rows), terms.reply_bytes(terms.runs))
            )
        except RequestRefused:
            with self._lock:
                if not self._resumed:
                    raise
                self.register()
            return self._asked(rows)

    def _taken_up(self) -> bool:
        """Whether a receipt was kept that still holds."""
        if (
            self._file is None
            or not self._file.is_file()
            or self._file.stat().st_size > size_of(Kind.RECEIPT, HASH_BYTES)
        ):
            return False
        try:
            self._client.resume(self._file.read_bytes())
        except EncryptedError:  # of other keys, another program or another server, or past its time
            return False
        return True

    def _send(self, what: str, body: bytes, limit: int) -> bytes:
        headers = {HEADER.decode(): self._client.tenant, "content-type": "application/octet-stream"}
        return exchanged(self._line, "POST", f"{self._url}/{what}", limit, self._timeout, body, headers)


def fetch_offer(
    url: str, program: str, *, card: str | None = None, line: httpx.Client | None = None
) -> tuple[bytes, Card]:
    """Return a public program, as its server serves it, and the server's card.

    Args:
        url: address of the application that serves the programs.
        program: digest of the program, in hexadecimal; the caller checks what it reads against it.
        card: fingerprint of the server's card, which its operator told by another way than this one; without it the
            first answer is believed, as far as TLS goes.
        line: an httpx client to use instead of a new one.

    Raises:
        EndpointError: no connection, no answer in time, or none of ours.
        BadEnvelope: the offer is not signed by the card that it shows.
        WrongKey: the card is another one.
        WrongProgram: the offer is of another program.
    """
    own = line if line is not None else new_line(60.0)
    try:
        data = exchanged(own, "GET", f"{checked_url(url)}/programs/{program}", LARGEST_OFFER, 60.0)
    finally:
        if line is None:
            own.close()
    message = parsed(data, Kind.OFFER, LARGEST_OFFER)
    found = card_of(message.body[:_CARD_BYTES])
    found.check(message.covered, message.seal)
    if card is not None and found.fingerprint != card:
        raise WrongKey(
            f"the server shows the card {found.fingerprint[:16]}, where {card[:16]} is expected",
            why="another server answers, or its identity was made anew",
            fix="ask its operator for the fingerprint",
        )
    if message.head.program.hex() != program:
        raise WrongProgram("the server offers another program than it was asked for")
    return bytes(message.body[_CARD_BYTES + _LIFETIME_BYTES :]), found


def checked_url(url: str) -> str:
    """Return an address without its last slash.

    Raises:
        EndpointDown: it is none, holds more than a place, or is not encrypted though it leads to another machine.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if not parts.hostname or not (parts.scheme == "https" or local) or "@" in parts.netloc or parts.query:
        raise EndpointDown(
            "the address of the server cannot be used",
            where=parts.hostname or "",
            why="who asks, and how often, would be open to everybody on the way",
            fix="give https://host/path, without user or password; http on this machine alone",
        )
    return url.rstrip("/")


def new_line(timeout: float) -> httpx.Client:
    """Return a connection that follows no redirects."""
    import httpx

    return httpx.Client(timeout=timeout, follow_redirects=False)


def exchanged(
    line: httpx.Client,
    method: str,
    url: str,
    limit: int,
    timeout: float,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    """Return what a server answers, refusals among them.

    Args:
        line: the connection.
        method, url, body, headers: what is sent.
        limit: bytes that the answer may have.
        timeout: seconds until its last byte.

    Raises:
        EndpointDown, EndpointSlow: no connection, or no answer in time.
        EndpointNonsense: an answer that is no message, or too long.
    """
    import httpx

    end, content = time.monotonic() + timeout, bytearray()
    told = {"accept-encoding": "identity", **(headers or {})}
    try:
        with line.stream(method, url, content=body, headers=told) as reply:
            if reply.status_code not in (200, 403) or reply.headers.get("content-encoding", "identity") != "identity":
                fix = "check the address and the program's digest"
                raise EndpointNonsense(f"the server answers with HTTP {reply.status_code}", where=url, fix=fix)
            for part in reply.iter_bytes():
                content += part
                if len(content) > limit:
                    raise EndpointNonsense(f"the answer has more than {limit:,} bytes", where=url)
                if time.monotonic() > end:
                    raise _slow(url, timeout)
    except httpx.TimeoutException as error:
        raise _slow(url, timeout) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fix = "check the address, and that the server is up"
        raise EndpointDown(f"no connection to the server: {error}", where=url, fix=fix) from error
    return bytes(content)


def _slow(url: str, timeout: float) -> EndpointSlow:
    return EndpointSlow(f"the server did not answer within {timeout:g} seconds", where=url, fix="raise timeout")
