import pytest

from casemate.controls.encryption.document import Document
from casemate.core.errors import KeyExists, KeyMissing, KeyShredded

STORE = "file:k"


def test_keys_have_versions_and_each_a_secret_of_its_own() -> None:
    made = Document().created("a", STORE).rotated("a", STORE).created("b", STORE)
    assert [(made.info(name).name, made.info(name).version) for name in made.keys] == [("a", 2), ("b", 1)]
    secrets = [made.secret("a", 1, STORE), made.secret("a", 2, STORE), made.secret("b", None, STORE)]
    assert [version for version, _ in secrets] == [1, 2, 1]
    assert len({secret for _, secret in secrets}) == 3
    assert all(len(secret) == 32 for _, secret in secrets)
    assert made.secret("a", None, STORE) == made.secret("a", 2, STORE)


def test_a_shredded_key_is_gone_recorded_and_never_made_again() -> None:
    made = Document().created("a", STORE).rotated("a", STORE).created("b", STORE)
    left, record = made.without("a", STORE, "because")
    assert [*left.keys] == ["b"] and left.shredded == (record,)
    assert (record.name, record.versions, record.reason, record.store) == ("a", 2, "because", STORE)
    for again in (left.created, left.rotated, left.versions):
        with pytest.raises(KeyShredded, match="because"):
            again("a", STORE)
    with pytest.raises(KeyShredded):
        left.without("a", STORE, "")


def test_names_and_versions_that_there_are_not() -> None:
    made = Document().created("people", STORE)
    with pytest.raises(KeyExists):
        made.created("people", STORE)
    with pytest.raises(KeyMissing, match="Did you mean 'people'"):
        made.versions("peopel", STORE)
    for version in (0, 2, -1):
        with pytest.raises(KeyMissing, match="no version"):
            made.secret("people", version, STORE)
