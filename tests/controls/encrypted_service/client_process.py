"""A client in a process of its own: ``python -m controls.encrypted_service.client_process URL FINGERPRINT FOLDER``.

It makes keys, asks, writes its keys to a file under a passphrase, prints what was answered, and waits to be let go.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import new_client_keys, save_client_keys
from casemate.controls.encrypted_service.remote import RemoteProgram, fetch_offer
from casemate.controls.encryption import passphrase
from controls.encrypted_service.small import small_program, some_rows

WORDS = "correct horse battery"


def main(url: str, fingerprint: str, folder: Path) -> None:
    passphrase.COST = passphrase.COSTS[0]
    public = small_program(squared=True).public
    data, card = fetch_offer(url, public.digest, card=fingerprint)
    assert data == public.to_bytes()
    keys = new_client_keys(public.chain)
    save_client_keys(keys, folder / "keys", lambda: WORDS)
    remote = RemoteProgram(url, Client(public, keys, card, "ann", (folder / "token").read_bytes()))
    sys.stdout.write(json.dumps(remote.answer(some_rows(3)).scores.tolist()) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    assert keys.secret.chain  # held until here
    remote.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
