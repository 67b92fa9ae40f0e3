"""The server over HTTP: an ASGI application without a framework, for any ASGI server, alone or mounted in another.

    GET  /programs/{digest}          the public program and the server's card, signed
    POST /programs/{digest}/keys     a registration; the answer is a receipt
    POST /programs/{digest}/predict  a query; the answer is a reply

Who sends is told by the header ``Casemate-Tenant`` and proved by the seal of what is sent; TLS is the ASGI server's, or
a proxy's. A body is counted while it comes, and nothing of it is kept beyond what its program allows.

Source: ASGI specification 3.0, HTTP connection scope, https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from casemate.controls.encrypted_service.pacing import BUCKET, pause
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.wire import Kind, kind_of
from casemate.core.errors import BadEnvelope, QuotaSpent, Stale, WrongProgram

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
TenantOf = Callable[[Scope], str]

HEADER = b"casemate-tenant"
MEDIA_TYPE = b"application/octet-stream"
LONGEST_TENANT = 128


class App:
    """An ASGI application around a server.

    Args:
        server: what answers.
        tenant_of: names the tenant of a request; by its header unless an application around this one knows better.
        threads: requests that are computed at a time.
        waiting: bytes of bodies that may be in memory at a time; further ones are refused.
        patience: seconds that a body may take to come.
        bucket: seconds between the times at which refusals leave; see `pause`.
    """

    def __init__(
        self,
        server: Server,
        *,
        tenant_of: TenantOf | None = None,
        threads: int = 4,
        waiting: int = 1 << 30,
        patience: float = 60.0,
        bucket: float = BUCKET,
    ) -> None:
        self._server = server
        self._tenant_of = tenant_of or tenant_in_header
        self._threads = ThreadPoolExecutor(threads, "casemate-encrypted")
        self._waiting, self._patience, self._bucket = waiting, patience, bucket
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection; see the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise RuntimeError(f"a connection of type {scope['type']!r}, and only http is served here")

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    def close(self) -> None:
        """End threads and workers."""
        self._threads.shutdown(cancel_futures=True)
        self._server.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        match (scope["method"], path.strip("/").split("/")):
            case ("GET", ["programs", program]):
                await self._offer(program, send)
            case ("POST", ["programs", program, "keys"]):
                await self._asked(program, Kind.KEYS, scope, receive, send)
            case ("POST", ["programs", program, "predict"]):
                await self._asked(program, Kind.QUERY, scope, receive, send)
            case (_, ["programs", _] | ["programs", _, "keys" | "predict"]):
                await _send(send, 405, b"")
            case _:
                await _send(send, 404, b"")

    async def _offer(self, program: str, send: Send) -> None:
        try:
            await _send(send, 200, self._server.offer(program))
        except WrongProgram:
            await _send(send, 404, b"")

    async def _asked(self, program: str, kind: Kind, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a registration or a query; whatever is wrong with it, the refusal is the same and leaves on time."""
        tenant, body = self._tenant_of(scope), bytearray()
        try:
            limit = self._limit(program, kind)
            await asyncio.wait_for(self._take(scope, receive, body, limit), self._patience)
            arrived = time.monotonic()
            answer = await self._computed(program, kind, tenant, bytes(body))
        except _GoneError:
            return
        except (BadEnvelope, QuotaSpent, WrongProgram, TimeoutError) as error:
            arrived = time.monotonic()
            known = Stale("a message that took too long to come") if isinstance(error, TimeoutError) else error
            answer = self._server.refusal(tenant, b"", known)
        finally:
            self._held -= len(body)
        refused = kind_of(answer) == Kind.REFUSAL
        if refused:
            await asyncio.sleep(pause(time.monotonic() - arrived, self._bucket))
        await _send(send, 403 if refused else 200, answer)

    def _limit(self, program: str, kind: Kind) -> int:
        terms = self._server.terms(program)
        return terms.upload_bytes if kind == Kind.KEYS else terms.query_bytes(terms.runs)

    async def _take(self, scope: Scope, receive: Receive, body: bytearray, limit: int) -> None:
        """Read a body into ``body``; nothing beyond the limit is kept, and a length that is announced is held to it."""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > 15 or int(announced) > limit:
            raise BadEnvelope(f"a body that is announced with {announced[:20]!r} bytes, where {limit:,} are allowed")
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _GoneError
            part, more = event.get("body", b""), event.get("more_body", False)
            if len(body) + len(part) > limit:
                raise BadEnvelope(f"a body of more than {limit:,} bytes")
            if self._held + len(part) > self._waiting:
                raise QuotaSpent(f"bodies of {self._held:,} bytes are in memory already", fix="give it more memory")
            body += part
            self._held += len(part)

    async def _computed(self, program: str, kind: Kind, tenant: str, body: bytes) -> bytes:
        work = self._server.register if kind == Kind.KEYS else self._server.answer
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, tenant, body, program)


def tenant_in_header(scope: Scope) -> str:
    """Return what the header ``Casemate-Tenant`` says, which the seal of the message has to prove; else nothing."""
    named = dict(scope["headers"]).get(HEADER, b"")
    return named.decode("latin-1") if len(named) <= LONGEST_TENANT else ""


class _GoneError(Exception):
    """The client hung up."""


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", MEDIA_TYPE), (b"content-length", str(len(body)).encode())]
    headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
