"""The trial itself is tried: a server or a client that accepts what was altered has to be found out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from casemate.controls.encrypted_service import mutations
from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.mutations import tampered
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import Card
from casemate.controls.encrypted_service.trial_house import TrialHouse
from casemate.controls.encrypted_service.verification import Mutation
from controls.encrypted_service.verified import program, rows


@pytest.fixture
def house() -> Iterator[TrialHouse]:
    made = TrialHouse(program("coefficients"))
    yield made
    made.close()


def accepted(house: TrialHouse) -> dict[str, Mutation]:
    with house.silence():
        found = tampered(house, house.registered(), rows()[:1], 0)
    return {one.what: one for one in found if one.refused < one.tried}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "FLIPS", 20)
    monkeypatch.setattr(mutations, "CUTS", 6)


def test_nothing_is_accepted(house: TrialHouse) -> None:
    assert accepted(house) == {}


def test_a_server_that_checks_no_seals_is_found_out(house: TrialHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "_check_seal", lambda *_: None)
    found = accepted(house)
    assert "a flipped bit in a query" in found
    assert "a registration with a wrong token" in found


def test_a_server_that_forgets_nonces_is_found_out(house: TrialHouse) -> None:
    class Forgetful:
        lasting = False

        def spend(self, tenant: str, nonce: bytes, expiry: int) -> None:
            pass

    house.server._nonces = Forgetful()
    assert set(accepted(house)) == {
        "a query that was there before",
        "a query whose time is over",
        "a query from the future",
    }


def test_a_client_that_checks_no_signatures_is_found_out(house: TrialHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    client = house.registered()
    monkeypatch.setattr(Card, "check", lambda *_: None)
    assert "a reply of another server" in accepted(house)
    assert isinstance(client, Client)


def test_a_client_that_crashes_has_not_refused() -> None:
    def crash(_: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        mutations._raises(crash, b"")
