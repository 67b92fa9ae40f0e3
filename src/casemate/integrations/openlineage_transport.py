"""OpenLineage transport: events into a file, or to a server over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from casemate.core.errors import EndpointDown, EndpointError, EndpointNonsense, EndpointRateLimited, EndpointSlow
from casemate.core.files import write_whole

PATH = "/api/v1/lineage"
BUSY = frozenset({429, 502, 503, 504})
"""Answers after which it is worth asking again."""


class Transport(Protocol):
    """Takes events somewhere."""

    def send(self, events: list[bytes]) -> None:
        """Take events, JSON, in their order; raise where one could not be taken."""


def emit(events: Iterable[Mapping[str, Any]], transport: Transport) -> int:
    """Send events; return how many.

    Raises:
        OSError: the file could not be written; it is as it was.
        EndpointError: the server did not take an event; those before it were taken, and may be sent again.
    """
    encoded = [msgspec.json.encode(event) for event in events]
    transport.send(encoded)
    return len(encoded)


@dataclass(frozen=True)
class File:
    """A file of events, one a line, written whole or not at all."""

    path: Path

    def send(self, events: list[bytes]) -> None:
        """Write the events."""
        write_whole(self.path, b"".join(event + b"\n" for event in events))


@dataclass(frozen=True)
class Http:
    """A server that takes OpenLineage events.

    Args:
        url: its address; without a path, ``/api/v1/lineage`` is added.
        key: a bearer token; empty for none.
        timeout: seconds for one event.
        tries: how often an event is sent at most, while the server is busy.
        pause: seconds before the second try; twice as many before each further one.
    """

    url: str
    key: str = ""
    timeout: float = 10.0
    tries: int = 3
    pause: float = 0.5

    def send(self, events: list[bytes]) -> None:
        """Post the events one after the other."""
        import httpx

        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.key}"} if self.key else {})
        try:
            address = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise EndpointDown(
                f"{self.url!r} is no address: {error}", fix="give one such as http://host:5000"
            ) from None
        address = address.copy_with(path=PATH) if address.path in ("", "/") else address
        with httpx.Client(timeout=self.timeout, headers=headers, follow_redirects=False) as client:
            for number, event in enumerate(events, start=1):
                self._post(client, str(address), event, f"event {number} of {len(events)}, to {address.host}")

    def _post(self, client: Any, address: str, event: bytes, where: str) -> None:
        import httpx

        for attempt in range(1, self.tries + 1):
            try:
                answer = client.post(address, content=event)
            except httpx.TimeoutException:
                said = f"no answer within {self.timeout:g} s"
                raise EndpointSlow(said, where=where, fix="raise the timeout, or send it later") from None
            except httpx.TransportError as error:
                said = f"the server cannot be reached: {error}"
                raise EndpointDown(said, where=where, fix="check its address and that it runs") from None
            if answer.is_success:
                return
            if answer.status_code not in BUSY or attempt == self.tries:
                raise _refusal(answer.status_code, answer.text, where)
            time.sleep(self.pause * 2 ** (attempt - 1))


def _refusal(status: int, text: str, where: str) -> EndpointError:
    if status in BUSY:
        return EndpointRateLimited(f"the server is busy: it answered {status}", where=where, fix="send it later")
    fix = "give a key that may write" if status in (401, 403) else "check that it is an OpenLineage server"
    said = " ".join(text.split())[:200]
    return EndpointNonsense(f"the server answered {status}: {said}", where=where, fix=fix)
