import os
import signal
from pathlib import Path

import numpy as np
import pytest

from casemate.controls.encrypted_service.engine import LocalEngine, WorkerEngine
from casemate.controls.encrypted_service.evaluation_keys import packed_keys
from casemate.controls.encrypted_service.key_cache import keys_digest
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.core.errors import EncryptedError, StoreDamaged
from controls.encrypted_service.small import keys as some_keys
from controls.encrypted_service.small import small_program, some_rows

PROGRAM = small_program(squared=True)
DIGEST = PROGRAM.public.digest
CHAIN = PROGRAM.public.chain


def keys(of: SecretKeys) -> tuple[bytes, str]:
    form = PROGRAM.public.terms.keys
    assert form is not None
    data = packed_keys(PROGRAM.public.public_keys(of), form)
    return data, keys_digest(bytes.fromhex(CHAIN.digest), data)


def test_keys_stay_ready_as_far_as_there_is_room(tmp_path: Path) -> None:
    mine, yours = some_keys(CHAIN).secret, some_keys(CHAIN, 1).secret
    rows = some_rows()
    (data, digest), (more, other) = keys(mine), keys(yours)
    engine = LocalEngine({DIGEST: PROGRAM}, held=len(data))
    (tmp_path / "keys").write_bytes(data)
    ciphertexts = PROGRAM.public.encrypt(rows, mine)
    for source in (tmp_path / "keys", data, b"not read again"):
        found = engine.run(DIGEST, ciphertexts, source, digest)
        assert np.abs(PROGRAM.public.decrypt(found, 1, mine) - PROGRAM.clear(rows)).max() < 0.01
    found = engine.run(DIGEST, PROGRAM.public.encrypt(rows, yours), more, other)
    assert np.abs(PROGRAM.public.decrypt(found, 1, yours) - PROGRAM.clear(rows)).max() < 0.01
    with pytest.raises(StoreDamaged):  # there was room for one
        engine.run(DIGEST, ciphertexts, b"not what was registered", digest)
    engine.close()


def test_what_seal_refuses_is_an_error_of_ours() -> None:
    program = small_program(seeded=False)
    zero = Residues(np.zeros((2, 1, 2048), np.uint64), program.public.terms.query.scale)
    with pytest.raises(EncryptedError, match="could not run"):
        LocalEngine({program.public.digest: program}).run(program.public.digest, [zero], None, "")


def test_a_worker_that_dies_is_replaced() -> None:
    program = small_program()
    digest, mine = program.public.digest, some_keys(program.public.chain).secret
    engine = WorkerEngine({digest: program}, 1)
    try:
        ciphertexts = program.public.encrypt(some_rows(), mine)
        assert len(engine.run(digest, ciphertexts, None, "")) == 1
        (worker,) = engine._pool._processes
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(EncryptedError, match="died"):
            [engine.run(digest, ciphertexts, None, "") for _ in range(1000)]  # until the pool has noticed
        found = engine.run(digest, ciphertexts, None, "")
        assert np.abs(program.public.decrypt(found, 1, mine) - program.clear(some_rows())).max() < 0.01
    finally:
        engine.close()


def test_what_can_be_done_ahead_is_done_between_queries(caplog: pytest.LogCaptureFixture) -> None:
    program = small_program()
    digest, mine = program.public.digest, some_keys(program.public.chain).secret
    engine = LocalEngine({digest: program})
    ciphertexts = program.public.encrypt(some_rows(), mine)
    engine.run(digest, ciphertexts, None, "")
    session = engine._session(digest, None, "")
    engine._ahead.submit(int).result()
    assert session.prepared == 1  # type: ignore[attr-defined]
    session.prepare = lambda: 1 / 0  # type: ignore[method-assign,assignment]
    assert len(engine.run(digest, ciphertexts, None, "")) == 1
    engine._ahead.submit(int).result()
    assert "could not be made ahead" in caplog.text
    engine.close()
