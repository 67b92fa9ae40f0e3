import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encryption.key_store import Shredding as Record
from casemate.controls.encryption.key_store import checked, key_name, missing, shredded, taken
from casemate.core.errors import SecretError


@pytest.mark.parametrize("name", ["a", "crm.people.pii", "A_1-b", "_", "x" * 128])
def test_names_that_every_store_can_take(name: str) -> None:
    assert checked(name) == name


@pytest.mark.parametrize("name", ["", ".a", "a.", "-a", "a/b", "a b", "é", "a\n", "x" * 129, "../a"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(SecretError, match="no name of a key") as caught:
        checked(name)
    assert checked(str(caught.value.fix).split("'")[1])


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(alphabet="ab/ .é-_9", min_size=1, max_size=90), min_size=1, max_size=3))
def test_a_name_made_of_any_words_is_one_or_empty(parts: list[str]) -> None:
    made = key_name(*parts)
    assert made == "" or checked(made) == made


def test_the_errors_say_what_to_do() -> None:
    assert "Did you mean 'pii'?" in str(missing("pij", "file:k", ["pii"]))
    assert "no version 3" in str(missing("pii", "file:k", ["pii"], 3))
    assert "casemate keys rotate pii" in str(taken("pii", "file:k"))
    said = str(shredded(Record("pii", 2, "2026-01-01T00:00:00+00:00", "erasure 7", "file:k")))
    assert "2026-01-01" in said and "(erasure 7)" in said and "file:k" in said
