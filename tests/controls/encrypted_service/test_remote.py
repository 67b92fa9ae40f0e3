from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from casemate.controls.encrypted_service.remote import RemoteProgram, checked_url, exchanged, fetch_offer
from casemate.controls.encrypted_service.server import Server
from casemate.core.errors import (
    BadEnvelope,
    EndpointDown,
    EndpointNonsense,
    EndpointSlow,
    RequestRefused,
    WrongKey,
    WrongProgram,
)
from controls.encrypted_service.small import House, small_program, some_rows

URL = "http://localhost"


class Counted:
    """The server without HTTP between, behind the transport of an httpx client."""

    def __init__(self, house: House) -> None:
        self.house, self.seen = house, []  # type: ignore[var-annotated]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        *_, program, what = request.url.path.split("/")
        self.seen.append(what)
        tenant = request.headers.get("casemate-tenant", "")
        if request.method == "GET":
            return httpx.Response(200, content=self.house.server.offer(what))
        work = self.house.server.register if what == "keys" else self.house.server.answer
        answer = work(tenant, request.content, program)
        return httpx.Response(403 if answer[6] == 5 else 200, content=answer)


@pytest.fixture
def counted(house: House) -> Counted:
    return Counted(house)


@pytest.fixture
def line(counted: Counted) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.MockTransport(counted)) as made:
        yield made


def test_it_registers_once_and_asks_as_often_as_the_rows_take(
    house: House, counted: Counted, line: httpx.Client
) -> None:
    rows = some_rows(9)
    remote = RemoteProgram(URL, house.client(), line=line)
    answer = remote.answer(rows)
    assert np.abs(answer.scores - house.programs[0].clear(rows)).max() < 0.01
    assert answer.probabilities.shape == (9, 2)
    assert np.array_equal(remote.predict(rows[:1]), answer.labels[:1])
    assert remote.predict(rows[:0]).shape == (0,)
    assert counted.seen == ["keys"] + ["predict"] * 4
    remote.close()
    assert not line.is_closed


def test_a_refusal_is_told(house: House, line: httpx.Client) -> None:
    remote = RemoteProgram(URL, house.client(token=bytes(32)), line=line)
    with pytest.raises(RequestRefused):
        remote.predict(some_rows())


def test_the_offer_is_checked_against_card_and_program(house: House, counted: Counted, line: httpx.Client) -> None:
    public = house.programs[0].public
    data, card = fetch_offer(URL, public.digest, card=house.identity.card.fingerprint, line=line)
    assert (data, card) == (public.to_bytes(), house.identity.card)
    with pytest.raises(WrongKey):
        fetch_offer(URL, public.digest, card="00" * 32, line=line)
    other = House(small_program("other"))
    offer = other.server.offer(other.programs[0].public.digest)

    def answers(content: bytes) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=content)))

    with pytest.raises(WrongProgram):
        fetch_offer(URL, public.digest, line=answers(offer))
    with pytest.raises(BadEnvelope):
        fetch_offer(URL, public.digest, line=answers(offer[:-1] + bytes([offer[-1] ^ 1])))
    with pytest.raises(BadEnvelope):
        fetch_offer(URL, public.digest, line=answers(b"<html>"))


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://localhost", "localhost", "", "https://user:pass@host", "https://host/?q=1"]
)
def test_addresses_that_are_not_encrypted_or_hold_secrets_are_refused(url: str) -> None:
    with pytest.raises(EndpointDown) as refused:
        checked_url(url)
    assert "pass" not in str(refused.value).replace("password", "")


def test_addresses_that_can_be_used() -> None:
    assert checked_url("https://host/path/") == "https://host/path"
    assert checked_url("http://127.0.0.1:8000") == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx.Response(500), EndpointNonsense),
        (httpx.Response(307, headers={"location": "https://elsewhere"}), EndpointNonsense),
        (httpx.Response(200, content=bytes(101)), EndpointNonsense),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, content=b""), EndpointNonsense),
        (httpx.ConnectError("no"), EndpointDown),
        (httpx.ReadTimeout("slow"), EndpointSlow),
    ],
)
def test_answers_that_are_none_are_told(reply: Any, error: type) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply  # type: ignore[no-any-return]

    with httpx.Client(transport=httpx.MockTransport(answer)) as line, pytest.raises(error):
        exchanged(line, "GET", URL, 100, 5.0)


def test_an_answer_that_drips_is_given_up() -> None:
    def parts() -> Iterator[bytes]:
        while True:
            yield b"x"

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=parts()))
    with httpx.Client(transport=transport) as line, pytest.raises(EndpointSlow):
        exchanged(line, "GET", URL, 1 << 40, 0.05)


def test_the_next_process_takes_up_the_registration(
    house: House, counted: Counted, line: httpx.Client, tmp_path: Path
) -> None:
    rows, path = some_rows(1), tmp_path / "receipt"
    held = house.client()._keys
    for _ in range(3):
        remote = RemoteProgram(URL, house.client(keys=held), receipt=path, line=line)
        assert remote.answer(rows).labels.shape == (1,)
    assert counted.seen == ["keys", "predict", "predict", "predict"]
    other = RemoteProgram(URL, house.client(key=1), receipt=path, line=line)  # a receipt of other keys
    assert other.answer(rows).labels.shape == (1,)
    assert counted.seen[4:] == ["keys", "predict"]


def test_a_registration_that_the_server_forgot_is_made_anew_once(
    house: House, counted: Counted, line: httpx.Client, tmp_path: Path
) -> None:
    rows, path = some_rows(1), tmp_path / "receipt"
    held = house.client()._keys
    RemoteProgram(URL, house.client(keys=held), receipt=path, line=line).answer(rows)
    house.server = Server(house.programs, house.identity, house.tokens, clock=house.clock)
    again = RemoteProgram(URL, house.client(keys=held), receipt=path, line=line)
    assert again.answer(rows).labels.shape == (1,)
    assert counted.seen == ["keys", "predict", "predict", "keys", "predict"]
    house.server = Server(house.programs, house.identity, {}, clock=house.clock)
    with pytest.raises(RequestRefused):
        again.answer(rows)
    assert counted.seen[5:] == ["predict"]


@pytest.mark.parametrize("left", [b"", b"x" * 232, bytes(10_000)])
def test_a_receipt_that_is_none_is_passed_over(house: House, line: httpx.Client, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "receipt").write_bytes(left)
    remote = RemoteProgram(URL, house.client(), receipt=tmp_path / "receipt", line=line)
    assert remote.answer(some_rows(1)).labels.shape == (1,)
