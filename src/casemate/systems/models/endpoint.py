"""Asking an HTTP endpoint, politely and without trust.

An answer is held to a size before it is read, and the whole exchange to a time. Secrets come from the environment at
the moment of asking; they are never part of the object, and so of no pickle, digest, report or message.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from casemate.core.errors import EndpointDown, EndpointError, EndpointNonsense, EndpointRateLimited, EndpointSlow

if TYPE_CHECKING:
    import httpx

_BUSY = (429, 503)
_REMEDIES = {
    401: "name the environment variable that holds the token: token-env",
    403: "check that the token allows inference",
    404: "check the address and the model's name",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers, and how patiently it is asked.

    Args:
        url: base address of the server, http or https, without user, password or query.
        model: the model's name on the server.
        version: the model's version; the server's choice where None.
        timeout: seconds that one answer may take to its last byte; above 0.
        retries: how often a request is repeated after a refusal for being too busy, or a lost connection.
        longest_wait: seconds that one pause may last; a longer Retry-After is not waited for.
        batch: rows per request.
        token_env: environment variable that holds a bearer token.
        headers_env: further headers: name of the header to name of the environment variable.
        labels_only: the endpoint answers with labels.

    Raises:
        EndpointError: the address holds more than a place, or a header's name is none.
    """

    url: str
    model: str
    version: str | None = None
    timeout: float = 10.0
    retries: int = 4
    longest_wait: float = 30.0
    batch: int = 256
    token_env: str | None = None
    headers_env: Mapping[str, str] = field(default_factory=dict)
    labels_only: bool = False

    def __post_init__(self) -> None:
        bare = re.sub(r"//[^/]*@|[?#].*", lambda cut: cut[0][:2] if cut[0][0] == "/" else "", self.url)
        if bare != self.url:
            raise EndpointError(
                "the endpoint's address holds a user, a password or a query",
                where=bare,
                why="addresses stand in reports, and secrets must not",
                fix="keep the bare address, and name environment variables: token-env, headers-env",
            )
        for header in self.headers_env:
            if not _HEADER_NAME.fullmatch(header):
                where = f"headers-env of {bare}"
                raise EndpointError(f"{header!r} is no name of a header", where=where, fix='write for example "x-key"')

    @property
    def path(self) -> str:
        """The model's address."""
        version = f"/versions/{quote(self.version, safe='')}" if self.version else ""
        return f"{self.url.rstrip('/')}/v2/models/{quote(self.model, safe='')}{version}"

    def headers(self) -> dict[str, str]:
        """The headers, with what the environment holds at this moment.

        Raises:
            EndpointError: a variable is not set, or holds what no header can.
        """
        wanted = {**self.headers_env, **({"Authorization": self.token_env} if self.token_env else {})}
        found = {"Accept-Encoding": "identity"}  # a packed answer could swell beyond its limit
        for header, variable in wanted.items():
            value = os.environ.get(variable, "").strip()  # a line end after a token is not part of it
            if not value:
                raise EndpointError(
                    f"the environment variable {variable} is not set",
                    where=f"header {header} of {self.url}",
                    why="the endpoint is asked with what it holds; secrets never stand in the system file",
                    fix=f"export {variable}=...",
                )
            if not _HEADER_VALUE.fullmatch(value):
                raise EndpointError(
                    f"the environment variable {variable} holds characters that no header may have",
                    where=f"header {header} of {self.url}",
                    why="a line end or a letter outside ASCII would break or forge the request",
                    fix=f"export {variable}=... again, without them",
                )
            bearer = header == "Authorization" and variable == self.token_env
            found[header] = f"Bearer {value}" if bearer else value
        return found


class Line:
    """A connection that retries politely; each thread that asks has its own.

    Args:
        endpoint: see `Endpoint`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._clients: dict[int, httpx.Client] = {}
        self._pause = time.sleep

    def send(self, method: str, url: str, limit: int, body: Any = None) -> Any:
        """Return the JSON object that the server answers with.

        Args:
            limit: bytes that the answer may have.

        Raises:
            EndpointDown: no connection, or an error of the server's, after all retries.
            EndpointSlow: no answer in time.
            EndpointRateLimited: too busy, after all retries.
            EndpointNonsense: refused, too large, cut off, or no JSON object.
        """
        import httpx

        last: EndpointError | None = None
        wait = 0.0
        for attempt in range(self.endpoint.retries + 1):
            if attempt:
                self._pause(max(wait, min(0.25 * 2 ** (attempt - 1), self.endpoint.longest_wait)))
            wait = 0.0
            try:
                return self._once(method, url, limit, body)
            except _Busy as busy:
                last, wait = _too_busy(busy, url), busy.wait
                if wait > self.endpoint.longest_wait:
                    break
            except httpx.TimeoutException as error:
                raise self._too_slow(url) from error
            except httpx.RemoteProtocolError as error:
                last = nonsense(self.endpoint, f"the connection ended in the middle of an answer: {error}")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                what, fix = f"no connection to the endpoint: {error}", "check the address, and that the server is up"
                last = EndpointDown(what, where=url, fix=fix)
            except EndpointDown as error:
                last = error
        assert last is not None
        raise last

    def close(self) -> None:
        """Close the connections."""
        while self._clients:
            self._clients.popitem()[1].close()

    def _client(self) -> httpx.Client:
        import httpx

        client = self._clients.get(threading.get_ident())
        if client is None or client.is_closed:
            # Redirects are not followed: a token goes to the server that it was meant for.
            client = httpx.Client(timeout=self.endpoint.timeout, follow_redirects=False)
            self._clients[threading.get_ident()] = client
        return client

    @contextlib.contextmanager
    def _limited(self, url: str) -> Iterator[httpx.Client]:
        """This thread's connection, hung up once the time is over: a limit on each read alone lets an answer drip."""
        import httpx

        client, late = self._client(), threading.Event()

        def hang_up() -> None:
            late.set()
            client.close()

        timer = threading.Timer(self.endpoint.timeout, hang_up)
        timer.start()
        try:
            yield client
        except httpx.HTTPError as error:
            if late.is_set():
                raise self._too_slow(url) from error
            raise
        finally:
            timer.cancel()

    def _once(self, method: str, url: str, limit: int, body: Any) -> Any:
        content = bytearray()
        with (
            self._limited(url) as client,
            client.stream(method, url, json=body, headers=self.endpoint.headers()) as reply,
        ):
            self._check_status(reply, url)
            for part in reply.iter_bytes():
                content += part
                if len(content) > limit:
                    raise nonsense(self.endpoint, f"the answer has more than {limit} bytes")
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise nonsense(self.endpoint, f"the answer is no JSON: {error}") from error
        if not isinstance(answer, dict):
            raise nonsense(self.endpoint, "the answer is no JSON object")
        return answer

    def _check_status(self, reply: httpx.Response, url: str) -> None:
        code = reply.status_code
        if code in _BUSY:
            raise _Busy(code, _seconds(reply.headers.get("retry-after", "")))
        if code >= 500:
            raise EndpointDown(f"the endpoint failed (HTTP {code})", where=url, fix="look into the server's log")
        if code != 200:
            fix = _REMEDIES.get(code, "check that the server speaks the Open Inference Protocol, version 2")
            raise EndpointNonsense(f"the endpoint refuses to answer (HTTP {code})", where=url, fix=fix)
        if reply.headers.get("content-encoding", "identity") != "identity":
            raise nonsense(self.endpoint, "the answer is compressed, which was not asked for")

    def _too_slow(self, url: str) -> EndpointSlow:
        return EndpointSlow(
            f"the endpoint did not answer within {self.endpoint.timeout:g} seconds",
            where=url,
            why="an assessment asks many times over",
            fix="raise timeout in [model.endpoint], or lower batch",
        )


class _Busy(Exception):
    """The server asks for patience.

    Args:
        code: the HTTP status.
        wait: seconds that it asked for; 0 where it named none.
    """

    def __init__(self, code: int, wait: float) -> None:
        super().__init__(code)
        self.code, self.wait = code, wait


def _too_busy(busy: _Busy, url: str) -> EndpointRateLimited:
    asked = f", and asks to wait {busy.wait:.0f} seconds" if busy.wait else ""
    return EndpointRateLimited(
        f"the endpoint is too busy (HTTP {busy.code}){asked}",
        where=url,
        why="it was asked again as often and as late as the endpoint's options allow",
        fix="grant the attack fewer queries, or ask the owner for a higher rate",
    )


def _seconds(retry_after: str) -> float:
    """Seconds in a Retry-After header, which holds a number or a date (RFC 9110, section 10.2.3); 0 without one."""
    from email.utils import parsedate_to_datetime

    if retry_after.isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def nonsense(endpoint: Endpoint, what: str) -> EndpointNonsense:
    """Return the error for an answer that is no inference response."""
    return EndpointNonsense(
        f"the endpoint talks nonsense: {what}",
        where=endpoint.path,
        why="an answer that cannot be trusted would make the assessment say anything",
        fix="ask it by hand with the same rows; it must speak the Open Inference Protocol, version 2",
    )
