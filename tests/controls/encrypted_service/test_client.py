import dataclasses
import struct
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from casemate.controls.encrypted_service.client import OPEN, Client
from casemate.controls.encrypted_service.client_keys import ClientKeys, new_client_keys
from casemate.controls.encrypted_service.wire import HEAD_BYTES
from casemate.core.errors import (
    BadEnvelope,
    EmptyData,
    EncryptedError,
    LevelMismatch,
    NotCanonical,
    NotFinite,
    OutOfRange,
    QuotaSpent,
    ReplyImplausible,
    RequestRefused,
    ShapeMismatch,
    Stale,
    WrongKey,
    WrongProgram,
)
from controls.encrypted_service.small import House, keys, small_program, some_rows

REPLY = HEAD_BYTES + 32
"""Where the ciphertexts of a reply begin."""


def asked(house: House, client: Client, rows: int = 1) -> tuple[bytes, bytes]:
    """A query and its reply."""
    query = client.encrypt(some_rows(rows))
    return query, house.server.answer(client.tenant, query)


def signed_again(house: House, reply: bytes, change: Callable[[bytearray], Any]) -> bytes:
    """A reply that a server computed wrongly before it signed it."""
    covered = bytearray(reply[:-64])
    change(covered)
    return bytes(covered) + house.identity.sign(bytes(covered))


def test_a_client_asks_only_once_it_is_registered(house: House) -> None:
    client = house.client()
    assert not client.registered
    with pytest.raises(WrongKey):
        client.encrypt(some_rows())
    client.accept(house.server.register("ann", client.registration()))
    assert client.registered
    assert client.decrypt(asked(house, client)[1]).scores.shape == (1, 1)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (np.full((1, 8), 5.0), OutOfRange),
        (np.full((1, 8), np.nan), NotFinite),
        (np.ones((1, 7)), ShapeMismatch),
        (np.ones(8), ShapeMismatch),
        (np.ones((0, 8)), EmptyData),
        (np.ones((5, 8)), OutOfRange),
    ],
)
def test_rows_that_the_program_was_not_made_for_are_not_sent(house: House, rows: np.ndarray, error: type) -> None:
    client = house.registered()
    with pytest.raises(error):
        client.encrypt(rows)
    assert client._waiting == {}


def test_a_reply_is_opened_once(house: House) -> None:
    client = house.registered()
    _, reply = asked(house, client)
    client.decrypt(reply)
    with pytest.raises(BadEnvelope, match="second one"):
        client.decrypt(reply)


def test_a_reply_to_another_request_is_refused(house: House) -> None:
    client, other = house.registered(key=0), house.registered(key=1)
    one, two = asked(house, client), asked(house, client)
    spliced = signed_again(house, one[1], lambda data: data.__setitem__(slice(REPLY, None), two[1][REPLY:-64]))
    with pytest.raises(WrongKey):
        client.decrypt(asked(house, other)[1])
    nonce = signed_again(house, one[1], lambda data: data.__setitem__(104, data[104] ^ 1))
    with pytest.raises(BadEnvelope, match="another request"):
        client.decrypt(nonce)
    assert client.decrypt(two[1]).scores.shape == (1, 1)
    with pytest.raises(BadEnvelope):  # its request waits no longer, whatever it says
        client.decrypt(spliced)


def test_a_reply_of_another_server_is_refused(house: House) -> None:
    client, imposter = house.registered(), House(*house.programs)
    _, reply = asked(house, client)
    forged = reply[:-64] + imposter.identity.sign(reply[:-64])
    with pytest.raises(BadEnvelope, match="signature"):
        client.decrypt(forged)
    assert client.decrypt(reply).scores.shape == (1, 1)


@pytest.mark.parametrize("at", [0, 4, 6, 8, 40, 72, 104, 120, 128, HEAD_BYTES, REPLY, REPLY + 4, REPLY + 20, -64, -1])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_is_refused_and_the_reply_still_opens(house: House, at: int, bit: int) -> None:
    client = house.registered()
    _, reply = asked(house, client)
    bad = bytearray(reply)
    bad[at] ^= 1 << bit
    with pytest.raises(EncryptedError):
        client.decrypt(bytes(bad))
    for cut in (reply[:-1], reply + b"\0", reply[:100], b""):
        with pytest.raises(BadEnvelope):
            client.decrypt(cut)
    assert client.decrypt(reply).scores.shape == (1, 1)


@pytest.mark.parametrize(
    ("at", "code", "value", "error"),
    [
        (8, "<B", 9, WrongProgram),
        (40, "<B", 9, WrongProgram),
        (72, "<B", 9, WrongKey),
        (120, "<Q", 5, Stale),
        (HEAD_BYTES, "<B", 9, BadEnvelope),
        (REPLY, "<I", 2, BadEnvelope),
        (REPLY + 6, "<H", 0, LevelMismatch),
        (REPLY + 12, "<d", 1.0, LevelMismatch),
        (REPLY + 20, "<7s", b"\xff" * 7, NotCanonical),
    ],
)
def test_what_a_server_signs_is_checked_all_the_same(house: House, at: int, code: str, value: Any, error: type) -> None:
    client = house.registered()
    _, reply = asked(house, client)
    if at in (8, 40, 72):
        value = reply[at] ^ 1
    bad = signed_again(house, reply, lambda data: struct.pack_into(code, data, at, value))
    with pytest.raises(error):
        client.decrypt(bad)


def test_ciphertexts_that_a_server_made_up_or_mixed_up_do_not_decrypt_to_silent_garbage(house: House) -> None:
    client, other = house.registered(key=0), house.registered(key=1)
    size = house.programs[0].public.terms.reply.entry_bytes
    noise = np.random.default_rng(0).integers(1, 1 << 52, 2 * 2048, dtype=np.uint64)
    packed = noise.view(np.uint8).reshape(-1, 8)[:, :7].tobytes()
    _, reply = asked(house, client)
    made_up = signed_again(house, reply, lambda data: data.__setitem__(slice(REPLY + 20, REPLY + 4 + size), packed))
    with pytest.raises(ReplyImplausible):
        client.decrypt(made_up)
    foreign = asked(house, other)[1][REPLY:-64]
    _, reply = asked(house, client)
    with pytest.raises(ReplyImplausible):
        client.decrypt(signed_again(house, reply, lambda data: data.__setitem__(slice(REPLY, None), foreign)))


def test_a_program_that_gives_other_numbers_than_it_says_is_not_believed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = house.registered()
    for wrong in (np.ones((2, 1)), np.full((1, 1), np.nan), np.ones((1, 3))):
        monkeypatch.setattr(type(client.program), "decrypt", lambda *_, wrong=wrong, **__: wrong)
        with pytest.raises(ReplyImplausible):
            client.decrypt(asked(house, client)[1])


def test_a_reply_that_comes_too_late_is_refused(house: House) -> None:
    client = house.registered()
    _, reply = asked(house, client)
    house.clock.now += 302
    with pytest.raises(Stale):
        client.decrypt(reply)


def test_a_refusal_tells_nothing_but_that(house: House) -> None:
    client = house.registered()
    query, _ = asked(house, client)
    refusal = house.server.answer("ann", query)
    with pytest.raises(RequestRefused, match="does not tell why"):
        client.decrypt(refusal)
    with pytest.raises(RequestRefused):
        client.accept(refusal)
    forged = refusal[:-64] + House().identity.sign(refusal[:-64])
    with pytest.raises(BadEnvelope):
        client.decrypt(forged)


def test_messages_of_other_kinds_are_refused(house: House) -> None:
    client = house.client()
    receipt = house.server.register("ann", client.registration())
    with pytest.raises(BadEnvelope, match="kind 3"):
        client.decrypt(receipt)
    client.accept(receipt)
    with pytest.raises(BadEnvelope, match="another registration"):
        client.accept(receipt)
    query, reply = asked(house, client)
    for bad in (query, reply):
        with pytest.raises(BadEnvelope):
            client.accept(bad)
    with pytest.raises(BadEnvelope):
        client.decrypt(query)


def test_a_receipt_of_another_clients_registration_is_refused(house: House) -> None:
    one, two = house.client(key=0), house.client(key=1)
    receipt = house.server.register("ann", one.registration())
    two.registration()
    with pytest.raises(WrongKey):
        two.accept(receipt)
    twin = house.client(keys=one._keys)
    with pytest.raises(BadEnvelope, match="another registration"):
        twin.accept(receipt)


def test_keys_for_other_parameters_or_names_that_no_header_holds_are_refused(house: House) -> None:
    other = keys(small_program(squared=True).public.chain)
    with pytest.raises(WrongKey):
        house.client(keys=other)
    for tenant in ("", "a b", "é", "x" * 129, "a\r\nb"):
        with pytest.raises(EncryptedError):
            house.client(tenant)


def test_a_client_whose_secret_key_was_swapped_reads_nothing(house: House) -> None:
    client = house.registered()
    _, reply = asked(house, client)
    client._keys = dataclasses.replace(client._keys, secret=new_client_keys(client._keys.chain).secret)
    with pytest.raises(WrongKey):
        client.decrypt(reply)


def test_requests_that_wait_are_bounded_and_forgotten_when_stale(house: House) -> None:
    client = house.registered()
    asked(house, client)
    (waiting,) = client._waiting.values()
    client._waiting = {bytes([0, *divmod(number, 256)]): waiting for number in range(OPEN)}
    with pytest.raises(QuotaSpent):
        client.encrypt(some_rows())
    house.clock.now += 302
    client.encrypt(some_rows())
    assert len(client._waiting) == 1


def test_the_answer_to_no_rows_is_empty(house: House) -> None:
    nothing = house.client().nothing()
    assert nothing.scores.shape == (0, 1)
    assert nothing.labels.shape == (0,)
    assert nothing.probabilities.shape == (0, 2)


def test_threads_share_a_client(house: House) -> None:
    client, found = house.registered(), []

    def ask(seed: int) -> None:
        rows = some_rows(1, seed)
        query = client.encrypt(rows)
        found.append(np.abs(client.decrypt(house.server.answer("ann", query)).scores - house.programs[0].clear(rows)))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert max(float(one.max()) for one in found) < 0.01
    assert client._waiting == {}


def test_nothing_secret_is_shown(house: House) -> None:
    held: ClientKeys = house.client()._keys
    assert repr(held) == "ClientKeys()"
    assert held.agreement.hex() not in repr(house.client())
