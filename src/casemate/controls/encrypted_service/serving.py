"""Serving: the application on an ASGI server of its own, uvicorn, which the extra ``serve`` brings."""

from __future__ import annotations

import socket
from pathlib import Path

from casemate.controls.encrypted_service.app import App
from casemate.core.errors import EndpointDown, ExtraMissing

CONNECTIONS = 1_000
"""Connections at a time; further ones are turned away."""


def serve(
    app: App,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    certificate: tuple[Path, Path] | None = None,
    line: socket.socket | None = None,
) -> None:
    """Serve until the process is told to end (SIGINT, SIGTERM); then end workers, and return.

    Args:
        app: what answers.
        host, port: where.
        certificate: files of a TLS certificate and of its key; without them, keep to this machine or to a proxy's.
        line: a socket that listens already, in place of host and port.

    Raises:
        ExtraMissing: uvicorn is not installed.
        EndpointDown: the address is taken, or not this machine's.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise ExtraMissing("serving needs uvicorn", fix="pip install 'casemate[serve]'") from error
    if line is None:
        try:
            line = socket.create_server((host, port))
        except OSError as error:
            what = f"nothing can be served at {host}:{port}: {error.strerror}"
            raise EndpointDown(what, fix="choose another port, or end what serves there") from error
    with line:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,  # tenants and times are in the server's own log
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            ssl_certfile=certificate[0] if certificate else None,
            ssl_keyfile=certificate[1] if certificate else None,
        )
        uvicorn.Server(config).run(sockets=[line])
