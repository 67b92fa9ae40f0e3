import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from casemate.controls.encrypted_service.verification import (
    Decisions,
    Headroom,
    Mutation,
    Verification,
    judged,
    read_verification,
)
from casemate.core.errors import BadEnvelope
from controls.encrypted_service.verified import record

GOOD = record()


def verdicts(changed: Verification) -> dict[str, str]:
    return {check.name: check.verdict for check in judged(changed)}


def test_everything_holds_of_a_good_record() -> None:
    assert GOOD.verdict == "held"
    assert set(verdicts(GOOD)) == {"error", "decisions", "headroom", "security", "secrecy", "tampering"}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("error", replace(GOOD, errors=replace(GOOD.errors, largest=0.06))),
        ("decisions", replace(GOOD, decisions=replace(GOOD.decisions, same=70))),
        ("headroom", replace(GOOD, headroom=replace(GOOD.headroom, answer_bits=58.5))),
        ("headroom", replace(GOOD, headroom=replace(GOOD.headroom, mask_bits=-1.0))),
        ("security", replace(GOOD, security=replace(GOOD.security, bits=215))),
        ("security", replace(GOOD, security=replace(GOOD.security, degree=8000))),
        ("secrecy", replace(GOOD, seen=replace(GOOD.seen, p=1e-9))),
        ("secrecy", replace(GOOD, seen=replace(GOOD.seen, alike=1.0))),
        ("tampering", replace(GOOD, mutations=(*GOOD.mutations, Mutation("a flipped bit", "client", 9, 8)))),
        ("tampering", replace(GOOD, mutations=())),
    ],
)
def test_each_thing_that_does_not_hold_is_found_alone(name: str, changed: Verification) -> None:
    assert {check for check, verdict in verdicts(changed).items() if verdict != "held"} == {name}
    assert changed.verdict == "broken"


def test_what_passed_is_named() -> None:
    changed = replace(GOOD, mutations=(Mutation("a flipped bit in a reply", "client", 9, 8),))
    assert "accepted: a flipped bit in a reply" in judged(changed)[-1].told


def test_too_few_rows_tell_nothing() -> None:
    changed = replace(GOOD, decisions=replace(GOOD.decisions, rows=20, same=20))
    assert verdicts(changed)["decisions"] == "inconclusive"
    assert changed.verdict == "inconclusive"
    assert replace(changed, errors=replace(GOOD.errors, largest=1.0)).verdict == "broken"


def test_a_model_that_answers_with_numbers_decides_nothing() -> None:
    assert "decisions" not in verdicts(replace(GOOD, decisions=None))


def test_the_bound_is_one_sided_and_exact() -> None:
    assert Decisions(100, 100, "", 100, 0.95).low == pytest.approx(0.05 ** (1 / 100))
    assert Decisions(100, 0, "", 100, 0.95).high == pytest.approx(1 - 0.05 ** (1 / 100))


@given(st.integers(1, 300), st.data())
def test_the_bound_encloses_what_was_seen(n: int, data: st.DataObject) -> None:
    same = data.draw(st.integers(0, n))
    found = Decisions(n, same, "", 0, 0.95)
    assert 0 <= found.low <= same / n <= found.high <= 1


def test_room_is_what_scores_may_grow_by() -> None:
    assert Headroom(46.0, 59.0, None, 0.0).free_bits == 12.0


def test_a_record_survives_its_bytes() -> None:
    assert read_verification(msgspec.json.encode(GOOD)) == GOOD


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[]", b'{"format": "casemate verification 2"}'])
def test_other_bytes_are_no_record(data: bytes) -> None:
    with pytest.raises(BadEnvelope, match="not a verification"):
        read_verification(data)
