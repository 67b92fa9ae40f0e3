"""Asking: a server over HTTP, or a program in this process as a trial."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli.screen import err
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import numpy as np

    from casemate.controls.encrypted_service.client import Answer, Client
    from casemate.controls.encrypted_service.client_keys import ClientKeys
    from casemate.controls.encrypted_service.programs import ClientProgram

TOKEN = "CASEMATE_TOKEN"  # noqa: S105
"""Environment variable that holds a tenant's token in hexadecimal."""


@dataclass(frozen=True)
class Server:
    """A server, as a client is told of it.

    Args:
        url: its address.
        card: fingerprint of its card; "" believes the first answer.
        tenant: the name that it knows the client by.
        token: the file with the client's token; None takes that of the environment.
    """

    url: str
    card: str = ""
    tenant: str = ""
    token: Path | None = None


def public_of(path: Path) -> ClientProgram:
    """Return the public program in a file of either kind.

    Raises:
        ModelMissing: there is no such file.
        ModelUnreadable, BadEnvelope, OutOfRange: it holds none.
    """
    from casemate.controls.encrypted_service.program_files import public_program, read_program, read_public

    return public_program(read_program(path).public.to_bytes()) if _is_whole(path) else read_public(path)


def ask_server(
    server: Server, public: ClientProgram, keys: ClientKeys, place: Path, rows: np.ndarray, *, quiet: bool = False
) -> Answer:
    """Return the answers of a server to rows (n, features).

    Args:
        server: whom to ask.
        public: for which program rows are encrypted.
        keys: the client's.
        place: the file of the keys; the receipt of their registration is kept beside it.
        rows: what is asked.
        quiet: whether not to tell of a card that nobody has compared.

    Raises:
        EndpointError, EncryptedError: no answer, or none that can be believed.
    """
    from casemate.controls.encrypted_service.client import Client
    from casemate.controls.encrypted_service.remote import RemoteProgram, fetch_offer
    from casemate.core.errors import WrongProgram

    offered, shown = fetch_offer(server.url, public.digest, card=server.card or None)
    if offered != public.to_bytes():
        fix = "ask its operator for the public program"
        raise WrongProgram("the server offers another program than the one at hand", fix=fix)
    if not server.card and not quiet:
        told = f"note: the server's card is {shown.fingerprint}; compare it with its operator, and give it as --card"
        err().print(told, soft_wrap=True)
    client = Client(public, keys, shown, server.tenant, _token(server.token))
    receipt = place.with_name(f"{place.name}.{public.digest[:16]}.receipt")
    remote = RemoteProgram(server.url, client, receipt=receipt)
    try:
        return remote.answer(rows)
    finally:
        remote.close()


def ask_here(path: Path, keys: ClientKeys, rows: np.ndarray) -> Answer:
    """Return the answers of a program in this process to rows (n, features).

    Raises:
        CasemateError: a public program, which has no weights.
        EncryptedError: keys for other parameters.
    """
    from casemate.controls.encrypted_service.program_files import read_program
    from casemate.controls.encrypted_service.trial_house import TrialHouse

    if not _is_whole(path):
        raise CasemateError(
            "a public program cannot answer: it has no weights",
            where=str(path),
            fix="give the server's address with --url, or the program itself for a trial",
        )
    house = TrialHouse(read_program(path), keys)
    try:
        return _answered(house.registered(), rows, house.asked)
    finally:
        house.close()


def _is_whole(path: Path) -> bool:
    """Whether a file is a program with its weights."""
    from casemate.controls.encrypted_service.program_files import MAGIC

    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _answered(client: Client, rows: np.ndarray, ask: Callable[[bytes], bytes]) -> Answer:
    import numpy as np

    from casemate.controls.encrypted_service.client import Answer

    most = client.rows_at_once
    parts = [client.decrypt(ask(client.encrypt(rows[start : start + most]))) for start in range(0, len(rows), most)]
    return Answer(*(np.concatenate([getattr(one, name) for one in parts]) for name in Answer.__annotations__))


def _token(path: Path | None) -> bytes:
    from casemate.controls.encrypted_service.tenants import read_token
    from casemate.core.errors import KeyMissing, KeyStoreUnreadable

    if path is not None:
        return read_token(path)
    text = os.environ.get(TOKEN, "")
    if not text:
        fix = f"give the file that the operator handed over with --token, or export {TOKEN}"
        raise KeyMissing("the server asks for a token, and there is none", fix=fix)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise KeyStoreUnreadable(f"the variable {TOKEN} holds no token", fix="64 hexadecimal digits") from None
