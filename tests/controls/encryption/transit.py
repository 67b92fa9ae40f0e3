"""A stand-in for HashiCorp Vault's transit engine: an HTTP server on this machine that answers as its API says.

See the API documentation of the transit secrets engine. Keys of the type aes256-gcm96, with versions, associated data,
hmac, and deletion only where the key's settings allow it. And whatever a test wants it to do wrongly.
"""

from __future__ import annotations

import hmac
import json
import os
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.stand-in"


class Transit:
    """The state of the engine."""

    def __init__(self) -> None:
        self.keys: dict[str, list[bytes]] = {}
        self.made: dict[str, list[int]] = {}
        self.deletable: set[str] = set()
        self.seen: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self.faults: list[tuple[int, bytes]] = []
        self.delay = 0.0
        self.address = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        match method, parts:
            case "GET", ["keys?list=true"]:
                return (200, {"data": {"keys": sorted(self.keys)}}) if self.keys else (404, {"errors": []})
            case "GET", ["keys", name]:
                return (200, {"data": self._told(name)}) if name in self.keys else (404, {"errors": []})
            case "POST", ["keys", name]:
                assert body["type"] == "aes256-gcm96"
                if name not in self.keys:
                    self._add(name)
                return 200, {"data": self._told(name)}
            case "POST", ["keys", name, "rotate"]:
                self._add(name)
                return 200, {"data": self._told(name)}
            case "POST", ["keys", name, "config"]:
                self.deletable |= {name} if body.get("deletion_allowed") else set()
                return 204, None
            case "DELETE", ["keys", name]:
                if name not in self.deletable:
                    return 400, {"errors": ["deletion is not allowed for this key"]}
                del self.keys[name]
                return 204, None
            case "POST", ["encrypt", name]:
                return 200, {"data": {"ciphertext": self._encrypted(name, body)}}
            case "POST", ["decrypt", name]:
                return self._decrypted(name, body)
            case "POST", ["hmac", name]:
                number = body.get("key_version", len(self.keys[name]))
                made = hmac.digest(b"hmac" + self.keys[name][number - 1], b64decode(body["input"]), "sha256")
                return 200, {"data": {"hmac": f"vault:v{number}:{b64encode(made).decode()}"}}
        return 404, {"errors": ["no handler for route"]}

    def _add(self, name: str) -> None:
        self.keys.setdefault(name, []).append(os.urandom(32))
        self.made.setdefault(name, []).append(1_790_000_000 + len(self.keys[name]))

    def _told(self, name: str) -> dict[str, Any]:
        made = {str(number): when for number, when in enumerate(self.made[name], start=1)}
        return {"name": name, "type": "aes256-gcm96", "keys": made, "latest_version": len(self.keys[name])}

    def _encrypted(self, name: str, body: dict[str, Any]) -> str:
        nonce = os.urandom(12)
        beside = b64decode(body.get("associated_data", ""))
        sealed = AESGCM(self.keys[name][-1]).encrypt(nonce, b64decode(body["plaintext"]), beside)
        return f"vault:v{len(self.keys[name])}:{b64encode(nonce + sealed).decode()}"

    def _decrypted(self, name: str, body: dict[str, Any]) -> tuple[int, Any]:
        _, version, text = body["ciphertext"].split(":")
        number = int(version[1:])
        if number > len(self.keys[name]):
            return 400, {"errors": ["invalid ciphertext: version is too new"]}
        raw = b64decode(text)
        try:
            plain = AESGCM(self.keys[name][number - 1]).decrypt(
                raw[:12], raw[12:], b64decode(body.get("associated_data", ""))
            )
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": b64encode(plain).decode()}}


@contextmanager
def serving(engine: str = "transit") -> Iterator[Transit]:
    """Run the stand-in for a while."""
    state = Transit()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece, without waiting for the client's word in between

        def _do(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.removeprefix(f"/v1/{engine}")
            state.seen.append((self.command, path))
            state.headers = dict(self.headers)
            time.sleep(state.delay)
            if state.faults:
                return self._send(*state.faults.pop(0))
            if self.headers.get("X-Vault-Token") != TOKEN:
                return self._send(403, b'{"errors":["permission denied"]}')
            status, body = state.answer(self.command, path, json.loads(raw or b"{}"))
            return self._send(status, b"" if body is None else json.dumps(body).encode())

        do_GET = do_POST = do_DELETE = _do

        def _send(self, status: int, raw: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of a client that hung up."""

    server = Server(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}/{engine}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
