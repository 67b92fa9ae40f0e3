"""A client in a process of its own: ``python -m controls.encrypted_service.client_process URL LINEAR CARD FOLDER``.

It makes keys, asks two programs, writes its keys to files under a passphrase, prints what was answered, and waits to be
let go.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import ClientKeys, new_client_keys, save_client_keys
from casemate.controls.encrypted_service.program_files import public_program
from casemate.controls.encrypted_service.programs import ClientProgram
from casemate.controls.encrypted_service.remote import RemoteProgram, fetch_offer
from casemate.controls.encrypted_service.signing import Card
from casemate.controls.encryption import passphrase
from controls.encrypted_service.small import small_program, some_rows

WORDS = "correct horse battery"


def linear_rows() -> np.ndarray:
    """Rows that the linear program was made for, and never saw: means of two of its calibration rows."""
    rows = load_breast_cancer(return_X_y=True)[0]
    return np.asarray((rows[:3] + rows[3:6]) / 2 / rows.max(axis=0))


def ask(url: str, public: ClientProgram, card: Card, folder: Path, rows: np.ndarray) -> tuple[ClientKeys, list[Any]]:
    """Scores of rows, with new keys that are kept in a file."""
    keys = new_client_keys(public.terms.query.chain)
    save_client_keys(keys, folder / f"{len(list(folder.glob('*.keys')))}.keys", lambda: WORDS)
    remote = RemoteProgram(url, Client(public, keys, card, "ann", (folder / "token").read_bytes()))
    answers = [remote.answer(rows).scores.tolist() for _ in range(3)][-1]
    remote.close()
    return keys, answers


def main(url: str, linear: str, fingerprint: str, folder: Path) -> None:
    passphrase.COST = passphrase.COSTS[0]
    public = small_program(squared=True).public
    data, card = fetch_offer(url, public.digest, card=fingerprint)
    assert data == public.to_bytes()
    held = [ask(url, public, card, folder, some_rows(3))]
    data, card = fetch_offer(url, linear, card=fingerprint)
    held.append(ask(url, public_program(data), card, folder, linear_rows()))
    sys.stdout.write(json.dumps([scores for _, scores in held]) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    assert [keys.chain for keys, _ in held]  # held until here


if __name__ == "__main__":
    main(*sys.argv[1:4], Path(sys.argv[4]))
