"""casemate encrypt predict: rows are encrypted here, answered elsewhere, and read here."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from casemate.cli import keystore
from casemate.cli.encrypt import answers, asking
from casemate.cli.encrypt import keys as own_keys
from casemate.cli.encrypt.traced import trace_answers
from casemate.cli.screen import err
from casemate.cli.spinner import spinner
from casemate.cli.tracing import version_of
from casemate.core.errors import CasemateError


def command(
    rows: str,
    /,
    *,
    program: Path,
    keys: Path = own_keys.FILE,
    url: str = "",
    card: str = "",
    tenant: str = "",
    token: Path | None = None,
    scores: bool = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False,
) -> int:
    """Encrypt rows, ask a server, and decrypt the answers.

    The answers are the class and the probabilities of each row, in order. With --url, the server sees ciphertexts and
    nothing else; without, a whole program is tried in this process, which protects nothing.

    Args:
        rows: The rows: a table, or sklearn:NAME. Columns are found by the names that the program gives them.
        program: NAME.public.json, as the owner hands it out; NAME.program for a trial without a server.
        keys: The file of keys; see casemate encrypt keys.
        url: The server's address: https, or http on this machine.
        card: The fingerprint of the server's card, as its operator told. Without it, the first answer is believed.
        tenant: The name that the operator knows you by.
        token: The file with your token. Default: the token in CASEMATE_TOKEN.
        scores: Write the scores too. Never hand them on: whoever has them and the replies works out the secret key.
        output: Write to this CSV or Parquet file, and not to stdout.
        lineage: The lineage store.
        quiet: Print no remarks.
    """
    from casemate.cli.encrypt.rows import check_rows, rows_for
    from casemate.controls.encrypted_service.client_keys import load_client_keys
    from casemate.controls.encrypted_service.descriptions import read

    started = datetime.datetime.now(datetime.UTC)
    public = asking.public_of(program)
    description = read(public.to_bytes())
    if url and not tenant:
        raise CasemateError("who asks?", where="--tenant", fix="give the name that the server's operator knows you by")
    asked = rows_for(description, rows)
    check_rows(description, asked)
    held = load_client_keys(keys, lambda: keystore.passphrase(what=own_keys.WHAT))
    with spinner(quiet=quiet) as say:
        if say:
            say(f"asking about {len(asked):,} rows")
        if url:
            server = asking.Server(url, card, tenant, token)
            answer = asking.ask_server(server, public, held, keys, asked, quiet=quiet)
        else:
            answer = asking.ask_here(program, held, asked)
    table = answers.table_of(answer, description, scores=scores)
    answers.write(table, output)
    facts = {"asked": url or "a trial in one process", "rows": str(len(asked))}
    trace_answers(public.digest, version_of(rows), output, table.columns, started, lineage, facts)
    if not quiet:
        where = url or "this process, as a trial: a server would have seen ciphertexts alone"
        err().print(f"{len(asked):,} rows answered by {where}", soft_wrap=True)
    return 0
