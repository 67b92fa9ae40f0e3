from __future__ import annotations

import stat
from pathlib import Path

import pytest

from casemate.controls.encrypted_aggregation.combining import combine
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.joint_key import join
from casemate.controls.encrypted_aggregation.private_files import HolderFile, read_identity, store_identity
from casemate.core.errors import CasemateError, KeyMissing, KeyServed, KeyStoreUnreadable
from encrypted_rounds import incomes, new_round


def test_an_identity_in_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    one, path = Identity.new("one"), tmp_path / "one.json"
    store_identity(path, one)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = read_identity(path)
    assert (again.name, again.public) == (one.name, one.public)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"name": "a", "secret": "x"}', b"0" * 5000])
def test_what_is_no_identity_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(data)
    with pytest.raises(KeyStoreUnreadable):
        read_identity(path)
    with pytest.raises(KeyMissing):
        read_identity(tmp_path / "none")
    with pytest.raises(CasemateError, match="cannot be written"):
        store_identity(tmp_path / "none" / "one.json", Identity.new("one"))


def test_a_round_with_holders_that_remember_in_files(tmp_path: Path) -> None:
    people = new_round(3, 2)
    plan, places = people.plan, [tmp_path / identity.name for identity in people.identities]
    for path, identity in zip(places, people.identities, strict=True):
        HolderFile.new(path, plan, identity)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def files() -> list[HolderFile]:
        return [HolderFile.read(path, plan, who) for path, who in zip(places, people.identities, strict=True)]

    commitments = {one.name: file.holder.commitment for one, file in zip(people.identities, files(), strict=True)}
    people.key = join(plan, [file.share(commitments) for file in files()])
    with pytest.raises(KeyServed):  # what was opened is on record
        files()[0].share(commitments | {"holder1": bytes(32)})
    tables = incomes(3)
    contributions = people.contributions(tables)
    total = people.added(contributions).total()
    secret = files()[0].holder._state.secret
    assert secret and secret in places[0].read_bytes()
    parts = [file.part(total, contributions=contributions) for file in files()]
    assert secret not in places[0].read_bytes()
    assert combine(total, parts).figures[1].values[0] == sum(table["income"][0] for table in tables)
    assert [file.part(total, contributions=None) for file in files()] == parts
