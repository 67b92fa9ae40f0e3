"""A server that HTTP leads to without a network: what is sent goes to its application in this process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest

from casemate.controls.encrypted_service import remote
from casemate.controls.encrypted_service.app import App
from casemate.controls.encrypted_service.server import Server


@dataclass
class Line(httpx.BaseTransport):
    """What httpx sends goes to the application; the paths are written down."""

    app: App
    paths: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        return asyncio.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
        reply = await transport.handle_async_request(sent)
        content = b"".join([part async for part in reply.stream])  # type: ignore[union-attr]
        return httpx.Response(reply.status_code, headers=reply.headers, content=content)


def served_by(server: Server, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Have every new connection lead to a server."""
    line = Line(App(server, bucket=0.01))
    monkeypatch.setattr(remote, "new_line", lambda timeout: httpx.Client(transport=line, timeout=timeout))
    return line
