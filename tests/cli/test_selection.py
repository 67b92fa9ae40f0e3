import pytest

from casemate.attacks import attacks
from casemate.cli.selection import check, select
from casemate.core.errors import UnknownName

KNOWN = attacks()
EVASION = [id for id in KNOWN if id.startswith("evasion.")]


def ids(*args: object) -> list[str]:
    return [attack.id for attack in select(KNOWN, *args)]  # type: ignore[arg-type]


def test_all_attacks_where_none_is_named() -> None:
    assert ids() == list(KNOWN)


def test_by_id_and_by_family() -> None:
    assert len(EVASION) > 1
    assert ids(["evasion"]) == EVASION
    assert ids(["poisoning.label-flip"]) == ["poisoning.label-flip"]
    assert set(ids(["evasion", "poisoning.label-flip"])) == {*EVASION, "poisoning.label-flip"}


def test_what_is_left_out_is_left_out() -> None:
    assert ids([], ["evasion"]) == [id for id in KNOWN if id not in EVASION]
    assert ids(["evasion"], [EVASION[0]]) == EVASION[1:]


def test_known_names_pass() -> None:
    check(["evasion", "poisoning.label-flip"], KNOWN)


@pytest.mark.parametrize(("name", "nearest"), [("evason", "evasion"), ("evasion.pdg", "evasion.pgd")])
def test_an_unknown_name_is_told_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean '{nearest}'"):
        check([name], KNOWN)
