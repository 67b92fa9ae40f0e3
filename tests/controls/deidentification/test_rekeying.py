import polars as pl
import pytest
from polars.testing import assert_frame_equal

from casemate.controls.deidentification import source as module
from casemate.controls.deidentification.rekeying import Change, rekeyed, rekeying_map
from casemate.controls.deidentification.source import frame_source
from casemate.controls.pseudonyms import Pseudonymiser, column_pseudonymiser
from casemate.core.errors import PseudonymRefused, SealBroken

PEOPLE = pl.DataFrame(
    {
        "who": [f"p{i % 7}" if i % 5 else None for i in range(40)],
        "card": [f"{i % 11:08d}" for i in range(40)],
        "x": range(40),
    }
)


def of(kind: str, column: str, epoch: str) -> Pseudonymiser:
    return column_pseudonymiser(kind, bytes(range(32)), dataset="d", column=column, purpose="p", epoch=epoch)


def released(kinds: dict[str, str], epoch: str) -> pl.DataFrame:
    return PEOPLE.with_columns(of(kind, name, epoch).apply(PEOPLE[name]).alias(name) for name, kind in kinds.items())


def changes(kinds: dict[str, str], old: str = "1") -> list[Change]:
    return [
        Change(name, of(kind, name, old), of(kind, name, "2"), PEOPLE[name].reverse() if kind == "hmac" else None)
        for name, kind in kinds.items()
    ]


def nobody(*_: object) -> None:
    """Watch nothing."""


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Source.batches, "__defaults__", (None, 16))


KINDS = [{"who": "aes-siv"}, {"who": "hmac", "card": "ff1"}, {"who": "hmac"}, {"card": "ff1", "who": "aes-siv"}]


@pytest.mark.parametrize("kinds", KINDS)
def test_the_outcome_is_that_of_a_release_under_the_new_epoch(kinds: dict[str, str]) -> None:
    seen: list[tuple[str, int, int]] = []
    source = frame_source(released(kinds, "1"))
    made = pl.concat(rekeyed(source, changes(kinds), lambda *told: seen.append(told)))
    assert_frame_equal(made, released(kinds, "2"))
    assert seen == [("re-keying", 16, 40), ("re-keying", 32, 40), ("re-keying", 40, 40)]


@pytest.mark.parametrize("kinds", KINDS)
def test_a_map_holds_every_pseudonym_once(kinds: dict[str, str]) -> None:
    old, new = released(kinds, "1"), released(kinds, "2")
    found = rekeying_map(frame_source(old), changes(kinds), nobody)
    assert found.columns == ["column", "old", "new"]
    for name in kinds:
        mine = found.filter(pl.col("column") == name)
        assert dict(mine.select("old", "new").iter_rows()) == {
            a: b for a, b in zip(old[name], new[name], strict=True) if a is not None
        }
        assert mine["old"].to_list() == sorted(mine["old"])
        assert mine["old"].n_unique() == mine.height


def test_another_epoch_does_not_open_them() -> None:
    kinds = {"who": "aes-siv"}
    with pytest.raises(SealBroken):
        list(rekeyed(frame_source(released(kinds, "1")), changes(kinds, old="0"), nobody))
    hashed = {"who": "hmac"}
    with pytest.raises(PseudonymRefused, match="stand for none"):
        list(rekeyed(frame_source(released(hashed, "1")), changes(hashed, old="0"), nobody))
    with pytest.raises(PseudonymRefused, match="stand for none"):
        rekeying_map(frame_source(released(hashed, "1")), changes(hashed, old="0"), nobody)


def test_a_keyed_hash_needs_the_raw_values() -> None:
    with pytest.raises(PseudonymRefused, match="cannot be re-keyed without") as caught:
        Change("who", of("hmac", "who", "1"), of("hmac", "who", "2"))
    assert "column 'who'" in str(caught.value)
