"""casemate encrypt serve: programs over HTTP, until the process is told to end."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveInt

from casemate.cli.encrypt import identity as identities
from casemate.cli.encrypt import tenants as tenancies
from casemate.core.errors import CasemateError, EndpointDown

if TYPE_CHECKING:
    from casemate.controls.encrypted_service.programs import Program
    from casemate.controls.encrypted_service.server import Server
    from casemate.controls.encrypted_service.signing import Identity


def command(
    *programs: Path,
    identity: Path = identities.FILE,
    tenants: Path = tenancies.FILE,
    state: Path | None = None,
    host: str = "127.0.0.1",
    port: NonNegativeInt = 8000,
    workers: NonNegativeInt = 0,
    rows_per_day: PositiveInt = 100_000,
    certificate: Annotated[list[Path] | None, Parameter(metavar="FILE")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Answer encrypted queries over HTTP.

    Runs until it gets Ctrl-C or SIGTERM. It prints where each program is served and the fingerprint that clients have
    to know, and then logs whom it answered, and whom it refused and why, to stderr.

    Args:
        programs: Program files, with their weights.
        identity: The server's keys; see casemate encrypt identity.
        tenants: Who may ask; see casemate encrypt tenants.
        state: Folder for registrations, nonces and quotas, which then outlast the process. Default: in memory.
        host: The address to listen on.
        port: The port; 0 takes one that is free.
        workers: Processes that compute; with 0, this one computes one answer at a time.
        rows_per_day: Rows that each tenant may ask in a day; a model can be rebuilt from enough answers.
        certificate: TLS certificate, and then its key: --certificate CERT --certificate KEY. Without them, stay on this
            machine or behind a proxy that has them.
        quiet: Log what was refused, and nothing else.
    """
    from casemate.controls.encrypted_service.app import App
    from casemate.controls.encrypted_service.program_files import read_program
    from casemate.controls.encrypted_service.serving import serve
    from casemate.controls.encrypted_service.signing import load_identity
    from casemate.controls.encrypted_service.tenants import read_tenants

    if not programs:
        raise CasemateError("no program to serve", fix="casemate encrypt serve NAME.program")
    pair = tuple(certificate or ())
    if len(pair) not in (0, 2):
        fix = "--certificate cert.pem --certificate key.pem"
        raise CasemateError("--certificate is needed twice: the certificate, and its key", fix=fix)
    held = {path: read_program(path) for path in programs}
    keys, tokens = load_identity(identity), read_tenants(tenants)
    server = _server(list(held.values()), keys, tokens, workers, state, rows_per_day)
    line = _listening(host, port)
    level = logging.WARNING if quiet else logging.INFO
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")
    _tell({path: program.public.digest for path, program in held.items()}, server, line, secure=bool(pair))
    with _ended_in_order():
        serve(App(server), certificate=(pair[0], pair[1]) if pair else None, line=line)
    return 0


def _server(
    programs: Sequence[Program],
    identity: Identity,
    tokens: Mapping[str, bytes],
    workers: int,
    state: Path | None,
    rows: int,
) -> Server:
    """A server, and where it remembers what it has to."""
    from casemate.controls.encrypted_service.key_cache import KeyCache
    from casemate.controls.encrypted_service.quota import Quota
    from casemate.controls.encrypted_service.replay import FileNonces
    from casemate.controls.encrypted_service.server import Server
    from casemate.controls.encrypted_service.shelves import FolderShelf

    if state is None:
        return Server(programs, identity, tokens, workers=workers, quota=Quota(rows))
    cache, nonces = KeyCache(FolderShelf(state / "keys")), FileNonces(state / "nonces")
    quota = Quota(rows, path=state / "quota")
    return Server(programs, identity, tokens, workers=workers, cache=cache, nonces=nonces, quota=quota)


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise EndpointDown(
            f"nothing can be served at {host}:{port}: {error.strerror or error}",
            where="--host, --port",
            fix="choose another port, or end what serves there; --port 0 takes a free one",
        ) from error


def _tell(digests: dict[Path, str], server: Server, line: socket.socket, *, secure: bool) -> None:
    """Print where programs are, for people and for scripts, which read it as soon as it is there."""
    host, port = line.getsockname()[:2]
    scheme = "https" if secure else "http"
    sys.stdout.write(f"serving {scheme}://{host}:{port}\n")
    for path, digest in digests.items():
        sys.stdout.write(f"program {digest} {path}\n")
    sys.stdout.write(f"card    {server.card.fingerprint}\n")
    sys.stdout.flush()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Take SIGTERM and Ctrl-C as what ends a server: uvicorn finishes what it answers, and raises them again."""

    def ended(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
