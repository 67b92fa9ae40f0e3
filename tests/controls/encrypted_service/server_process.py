"""A server in a process of its own: ``python -m controls.encrypted_service.server_process FOLDER``; prints where."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from casemate.controls.encrypted_service.app import App
from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.key_cache import KeyCache
from casemate.controls.encrypted_service.quota import Quota
from casemate.controls.encrypted_service.replay import FileNonces
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.serving import serve
from casemate.controls.encrypted_service.shelves import FolderShelf
from casemate.controls.encrypted_service.signing import load_identity
from controls.encrypted_service.small import small_program


def recorded(app: Any, path: Path) -> Callable[..., Awaitable[None]]:
    """An application that writes down everything that comes and goes."""

    async def record(scope: Any, receive: Any, send: Any) -> None:
        async def taken() -> Any:
            event = await receive()
            with path.open("ab") as file:
                file.write(event.get("body", b""))
            return event

        async def given(event: Any) -> None:
            with path.open("ab") as file:
                file.write(event.get("body", b""))
            await send(event)

        await app(scope, taken, given)

    return record


def linear() -> Any:
    """A linear program as a user compiles it."""
    rows, labels = load_breast_cancer(return_X_y=True)
    rows = rows / rows.max(axis=0)
    return compile_model(LogisticRegression().fit(rows, labels), rows, Asked("linear")).program


def main(folder: Path) -> None:
    programs = [small_program(squared=True), linear()]
    logging.basicConfig(filename=folder / "log", level=logging.DEBUG)
    server = Server(
        programs,
        load_identity(folder / "identity"),
        {"ann": (folder / "token").read_bytes()},
        cache=KeyCache(FolderShelf(folder / "keys")),
        nonces=FileNonces(folder / "nonces"),
        quota=Quota(path=folder / "quota"),
    )
    line = socket.create_server(("127.0.0.1", 0))
    told = [f"http://127.0.0.1:{line.getsockname()[1]}", programs[1].public.digest]
    sys.stdout.write(" ".join(told) + "\n")
    sys.stdout.flush()
    app = recorded(App(server, bucket=0.05), folder / "wire")
    serve(app, line=line)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
