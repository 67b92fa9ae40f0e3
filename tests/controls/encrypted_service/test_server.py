import hashlib
import logging
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import ClientKeys, new_client_keys
from casemate.controls.encrypted_service.key_cache import KeyCache
from casemate.controls.encrypted_service.quota import Quota
from casemate.controls.encrypted_service.replay import FileNonces
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.shelves import FolderShelf
from casemate.controls.encrypted_service.signing import mac, new_identity
from casemate.controls.encrypted_service.wire import HEAD_BYTES, Kind, kind_of, parsed, size_of
from casemate.core.errors import EncryptedError, WrongProgram
from controls.encrypted_service.small import Clock, House, small_program, some_rows

REFUSAL = size_of(Kind.REFUSAL, 32)


def refused(house: House, caplog: pytest.LogCaptureFixture, answer: bytes, request: bytes, reason: str) -> None:
    """Check that an answer is the one refusal that there is, and that the log has the reason."""
    assert kind_of(answer) == Kind.REFUSAL
    assert len(answer) == REFUSAL
    message = parsed(answer, Kind.REFUSAL, REFUSAL)
    house.identity.card.check(message.covered, message.seal)
    assert bytes(message.body) == hashlib.sha256(request).digest()
    assert answer[:HEAD_BYTES] == house.server.refusal("x", b"", EncryptedError(""))[:HEAD_BYTES]
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("refused")]
    assert any(f": {reason}: " in line for line in told[:-1]), told
    caplog.clear()


def sealed_again(house: House, client: Client, request: bytes, change: Callable[[bytearray], Any]) -> bytes:
    """A query that its client changed before it sealed it: everything behind the seal is tried by whoever has a key."""
    covered = bytearray(request[:-32])
    change(covered)
    assert client._registered is not None
    return bytes(covered) + mac(client._registered[0], bytes(covered))


@pytest.mark.parametrize("squared", [False, True], ids=["no keys", "keys"])
def test_rows_are_answered_as_in_the_clear(squared: bool) -> None:
    program = small_program(squared=squared)
    house = House(program)
    client, rows = house.registered(), some_rows(2)
    answer = client.decrypt(house.server.answer("ann", client.encrypt(rows)))
    assert np.abs(answer.scores - program.clear(rows)).max() < 0.01
    assert np.array_equal(answer.labels, program.clear(rows)[:, 0] > 0)
    assert np.allclose(answer.probabilities.sum(axis=1), 1)
    again = house.client(keys=client._keys)
    assert again.fingerprint == client.fingerprint


def test_a_query_is_answered_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.registered()
    query = client.encrypt(some_rows())
    assert kind_of(house.server.answer("ann", query)) == Kind.REPLY
    refused(house, caplog, house.server.answer("ann", query), query, "Replayed")


def test_a_stale_query_is_refused(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.registered()
    query = client.encrypt(some_rows())
    house.clock.now += 301
    refused(house, caplog, house.server.answer("ann", query), query, "Stale")


def test_a_query_from_a_clock_that_is_ahead_is_refused(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.registered()
    client._clock = Clock(house.clock.now + 100)
    query = client.encrypt(some_rows())
    refused(house, caplog, house.server.answer("ann", query), query, "Stale")


def test_a_program_that_is_not_served_is_refused(house: House, caplog: pytest.LogCaptureFixture) -> None:
    foreign = House(small_program("foreign"))
    client = foreign.registered()
    query, upload = client.encrypt(some_rows()), client.registration()
    refused(house, caplog, house.server.answer("ann", query), query, "WrongProgram")
    own = house.client(program=foreign.programs[0])
    upload = own.registration()
    refused(house, caplog, house.server.register("ann", upload), upload, "WrongProgram")
    with pytest.raises(WrongProgram):
        house.server.terms("00" * 32)
    with pytest.raises(WrongProgram):
        house.server.offer("00" * 32)


def test_a_key_is_registered_for_one_program(caplog: pytest.LogCaptureFixture) -> None:
    first, second = small_program("first"), small_program("second")
    house = House(first, second)
    client = house.registered(program=first)
    other = house.client(program=second, keys=client._keys)
    other._registered = client._registered
    query = other.encrypt(some_rows())
    refused(house, caplog, house.server.answer("ann", query), query, "WrongKey")
    query = client.encrypt(some_rows())
    answer = house.server.answer("ann", query, second.public.digest)  # sent to the other program's address
    refused(house, caplog, answer, query, "WrongProgram")
    upload = client.registration()
    refused(house, caplog, house.server.register("ann", upload, second.public.digest), upload, "WrongProgram")


def test_nobody_asks_in_the_name_of_another_tenant(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.registered("ann")
    query = client.encrypt(some_rows())
    for tenant in ("bob", "nobody", ""):
        refused(house, caplog, house.server.answer(tenant, query), query, "WrongKey")
    for tenant in ("bob", "nobody", ""):
        upload = house.client("ann").registration()
        refused(house, caplog, house.server.register(tenant, upload), upload, "BadEnvelope")


def test_whoever_lacks_the_token_does_not_register(house: House, caplog: pytest.LogCaptureFixture) -> None:
    upload = house.client("ann", token=bytes(32)).registration()
    refused(house, caplog, house.server.register("ann", upload), upload, "BadEnvelope")


def test_two_clients_of_one_tenant_do_not_mix_their_keys(house: House, caplog: pytest.LogCaptureFixture) -> None:
    one, two = house.registered(key=0), house.registered(key=1)
    assert one.fingerprint != two.fingerprint
    query = one.encrypt(some_rows())
    swapped = query[:72] + bytes.fromhex(two.fingerprint) + query[104:]
    refused(house, caplog, house.server.answer("ann", swapped), swapped, "BadEnvelope")
    theirs = sealed_again(house, two, query, lambda covered: None)
    refused(house, caplog, house.server.answer("ann", theirs), theirs, "BadEnvelope")
    reply = house.server.answer("ann", query)
    with pytest.raises(EncryptedError):
        two.decrypt(reply)
    assert one.decrypt(reply).scores.shape == (1, 1)


def test_nobody_registers_under_the_name_of_another_key(house: House, caplog: pytest.LogCaptureFixture) -> None:
    one, two = house.registered(key=0), house.client(key=1)
    two._keys = ClientKeys(two._keys.secret, two._keys.agreement)  # not the ones that tests share
    two._keys.__dict__["fingerprint"] = bytes.fromhex(one.fingerprint)
    upload = two.registration()
    refused(house, caplog, house.server.register("ann", upload), upload, "WrongKey")
    assert kind_of(house.server.answer("ann", one.encrypt(some_rows()))) == Kind.REPLY


@pytest.mark.parametrize(
    ("at", "code", "value", "reason"),
    [
        (40, "<B", 77, "WrongProgram"),  # the digest of the parameters
        (HEAD_BYTES, "<I", 2, "BadEnvelope"),  # how many ciphertexts
        (HEAD_BYTES, "<I", 0, "BadEnvelope"),
        (HEAD_BYTES + 4, "<B", 3, "LevelMismatch"),  # seeded
        (HEAD_BYTES + 4, "<B", 0, "LevelMismatch"),  # by coefficients
        (HEAD_BYTES + 4, "<B", 6, "LevelMismatch"),  # a flag that nobody knows
        (HEAD_BYTES + 5, "<B", 3, "LevelMismatch"),  # polynomials
        (HEAD_BYTES + 6, "<H", 2, "LevelMismatch"),  # level
        (HEAD_BYTES + 8, "<I", 2, "LevelMismatch"),  # together
        (HEAD_BYTES + 12, "<d", 2.0**25, "LevelMismatch"),  # scale
        (HEAD_BYTES + 12, "<d", float("nan"), "LevelMismatch"),
        (HEAD_BYTES + 20, "<7s", b"\xff" * 7, "NotCanonical"),  # a residue
        (HEAD_BYTES + 20 + 2048 * 7, "<14336s", bytes(14336), "NotCanonical"),  # the second polynomial
        (7, "<B", 1, "NotCanonical"),
        (4, "<H", 2, "BadEnvelope"),
        (6, "<B", 1, "BadEnvelope"),
        (128, "<Q", 5, "BadEnvelope"),
    ],
)
def test_what_a_client_seals_itself_is_checked_all_the_same(
    caplog: pytest.LogCaptureFixture, at: int, code: str, value: Any, reason: str
) -> None:
    house = House(small_program(seeded=False))
    client = house.registered()
    bad = sealed_again(house, client, client.encrypt(some_rows()), lambda data: struct.pack_into(code, data, at, value))
    refused(house, caplog, house.server.answer("ann", bad), bad, reason)


def test_lengths_that_no_query_has_are_refused_before_the_seal(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.registered()
    query = client.encrypt(some_rows())
    for bad in (b"", query[:-1], query[:200], query + b"\0", query * 2, query[:HEAD_BYTES]):
        refused(house, caplog, house.server.answer("ann", bad), bad, "BadEnvelope")
    longer = sealed_again(house, client, query, lambda data: data.extend(bytes(10)))
    refused(house, caplog, house.server.answer("ann", longer), longer, "BadEnvelope")


def test_a_query_that_asks_for_more_runs_than_allowed_is_refused(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    client = house.registered()
    assert client.rows_at_once == 4
    query = client.encrypt(some_rows(4))

    def one_more(data: bytearray) -> None:
        data += data[-house.programs[0].public.terms.query.entry_bytes :]
        struct.pack_into("<I", data, HEAD_BYTES, 5)
        struct.pack_into("<Q", data, 128, len(data) + 32)

    bad = sealed_again(house, client, query, one_more)
    refused(house, caplog, house.server.answer("ann", bad), bad, "BadEnvelope")


def test_the_quota_is_of_rows_and_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    house = House(quota=Quota(rows=3, span=1000, clock=Clock()))
    client = house.registered()
    assert kind_of(house.server.answer("ann", client.encrypt(some_rows(2)))) == Kind.REPLY
    query = client.encrypt(some_rows(2))
    answer = house.server.answer("ann", query)
    assert "2 rows, where 1 of 3 are left" in caplog.text
    refused(house, caplog, answer, query, "QuotaSpent")
    assert kind_of(house.server.answer("ann", client.encrypt(some_rows(1)))) == Kind.REPLY


def test_registrations_have_a_quota_too(caplog: pytest.LogCaptureFixture) -> None:
    house = House(cache=KeyCache(number=1, clock=Clock()))
    house.registered(key=0)
    upload = house.client(key=1).registration()
    refused(house, caplog, house.server.register("ann", upload), upload, "QuotaSpent")


def test_a_registration_ends(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client = house.registered()
    house.clock.now += 31 * 86_400
    assert not client.registered
    receipt, client._registered = client._registered, None
    assert receipt is not None
    client._registered = (receipt[0], int(house.clock.now) + 100)
    query = client.encrypt(some_rows())
    refused(house, caplog, house.server.answer("ann", query), query, "WrongKey")
    client.accept(house.server.register("ann", client.registration()))
    assert kind_of(house.server.answer("ann", client.encrypt(some_rows()))) == Kind.REPLY


def test_queries_of_an_earlier_registration_are_not_authentic(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """After a server forgot everything, nonces among it, what was recorded before can't be replayed."""
    client = house.registered()
    query = client.encrypt(some_rows())
    restarted = House.__new__(House)
    restarted.__dict__.update(house.__dict__)
    restarted.server = Server(house.programs, house.identity, house.tokens, clock=house.clock)
    refused(house, caplog, restarted.server.answer("ann", query), query, "WrongKey")
    client.accept(restarted.server.register("ann", client.registration()))
    refused(house, caplog, restarted.server.answer("ann", query), query, "BadEnvelope")


def test_what_is_kept_across_restarts_is_kept_with_its_nonces(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    cache = KeyCache(FolderShelf(tmp_path / "keys"), clock=clock)
    with pytest.raises(EncryptedError, match="nonces are not"):
        House(cache=cache)
    program = small_program(squared=True)
    house = House(program, cache=cache, nonces=FileNonces(tmp_path / "nonces", clock=clock))
    client = house.registered()
    query = client.encrypt(some_rows())
    assert kind_of(house.server.answer("ann", query)) == Kind.REPLY
    house.server.close()
    nonces = FileNonces(tmp_path / "nonces", clock=clock)
    again = Server([program], house.identity, house.tokens, cache=cache, nonces=nonces, clock=clock)
    refused(house, caplog, again.answer("ann", query), query, "Replayed")
    fresh = client.encrypt(some_rows())
    assert client.decrypt(again.answer("ann", fresh)).scores.shape == (1, 1)
    (keys,) = (tmp_path / "keys").rglob("*.keys")
    kept = bytearray(keys.read_bytes())
    kept[0] ^= 1
    keys.write_bytes(kept)
    third = Server([program], house.identity, house.tokens, cache=cache, nonces=nonces, clock=clock)
    fresh = client.encrypt(some_rows())
    refused(house, caplog, third.answer("ann", fresh), fresh, "StoreDamaged")
    keys.unlink()
    fresh = client.encrypt(some_rows())
    refused(house, caplog, third.answer("ann", fresh), fresh, "WrongKey")
    nonces.close()


def test_evaluation_keys_are_checked_when_they_are_registered(caplog: pytest.LogCaptureFixture) -> None:
    house = House(small_program(squared=True))
    client = house.client()
    upload = bytearray(client.registration()[:-32])
    upload[HEAD_BYTES + 64 : HEAD_BYTES + 69] = b"\xff" * 5
    from casemate.controls.encrypted_service.signing import upload_key

    key = upload_key(client._agreed, house.tokens["ann"], client._digest, client._keys.fingerprint)
    bad = bytes(upload) + mac(key, bytes(upload))
    refused(house, caplog, house.server.register("ann", bad), bad, "NotCanonical")
    short = client.registration()[:-100]
    refused(house, caplog, house.server.register("ann", short), short, "BadEnvelope")


def test_what_fails_inside_is_refused_as_everything_else(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.registered()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house.server._engine, "run", fail)
    query = client.encrypt(some_rows())
    answer = house.server.answer("ann", query)
    assert len(answer) == REFUSAL
    assert caplog.records[-1].levelno == logging.ERROR
    assert "ZeroDivisionError" in caplog.text


def test_logs_say_who_and_why_and_nothing_of_rows_or_keys(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client = house.registered()
        query = client.encrypt(some_rows())
        house.server.answer("ann", query)
        house.server.answer("ann\nforged line", query)
    assert "answered 'ann': 1 runs" in caplog.text
    assert "\nforged" not in caplog.text
    assert client._registered is not None
    for hidden in (client._registered[0], house.tokens["ann"]):
        assert repr(hidden) not in caplog.text
        assert hidden.hex() not in caplog.text


def test_many_threads_ask_at_once(house: House) -> None:
    client, program = house.registered(), house.programs[0]
    wrong: list[float] = []

    def ask(seed: int) -> None:
        rows = some_rows(1, seed)
        scores = client.decrypt(house.server.answer("ann", client.encrypt(rows))).scores
        wrong.append(float(np.abs(scores - program.clear(rows)).max()))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 8
    assert max(wrong) < 0.01


def test_workers_answer_as_this_process_does(tmp_path: Path) -> None:
    clock = Clock()
    program = small_program(squared=True)
    house = House(program, workers=1)
    client, rows = house.registered(), some_rows(2)
    try:
        for _ in range(2):
            scores = client.decrypt(house.server.answer("ann", client.encrypt(rows))).scores
            assert np.abs(scores - program.clear(rows)).max() < 0.01
        assert clock.now == house.clock.now
    finally:
        house.server.close()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_mutated_message_is_accepted(house: House, mutable: tuple[bytes, bytes, bytes], data: st.DataObject) -> None:
    query, other, upload = mutable
    which = data.draw(st.sampled_from(["flip", "cut", "grow", "splice", "kind", "upload"]))
    good = upload if which == "upload" else query
    bad = bytearray(good)
    at = data.draw(st.integers(0, len(good) - 1))
    if which in ("flip", "upload"):
        bad[at] ^= 1 << data.draw(st.integers(0, 7))
    elif which == "cut":
        del bad[at : at + data.draw(st.integers(1, 100))]
    elif which == "grow":
        bad[at:at] = data.draw(st.binary(min_size=1, max_size=50))
    elif which == "splice":
        bad[at:] = other[at:]
    else:
        bad[6] = data.draw(st.sampled_from([0, 1, 3, 4, 5, 6, 7, 255]))
    if bytes(bad) in (query, other, upload):
        return
    ask = house.server.register if which == "upload" else house.server.answer
    assert kind_of(ask("ann", bytes(bad))) == Kind.REFUSAL


@pytest.fixture
def mutable(house: House) -> tuple[bytes, bytes, bytes]:
    """Two queries of one client, and a registration, none of them sent."""
    client = house.registered()
    return client.encrypt(some_rows()), client.encrypt(some_rows(seed=2)), client.registration()


def test_an_offer_is_signed_and_shows_the_card(house: House) -> None:
    digest = house.programs[0].public.digest
    message = parsed(house.server.offer(digest), Kind.OFFER, 10_000)
    house.identity.card.check(message.covered, message.seal)
    assert message.body[:64] == house.identity.card.raw
    assert bytes(message.body[68:]) == house.programs[0].public.to_bytes()
    with pytest.raises(EncryptedError):
        new_identity().card.check(message.covered, message.seal)


def test_a_secret_key_that_was_swapped_makes_another_name() -> None:
    one, two = (new_client_keys(small_program().public.chain) for _ in range(2))
    assert one.fingerprint != ClientKeys(two.secret, one.agreement).fingerprint
