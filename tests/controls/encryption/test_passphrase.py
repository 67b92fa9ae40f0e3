import pytest

from casemate.controls.encryption import passphrase
from casemate.controls.encryption.passphrase import PassphraseRoot, from_environment
from casemate.core.errors import KeyRefused, KeyStoreUnreadable


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passphrase, "COST", 1 << 14)


def test_the_same_words_find_the_same_key() -> None:
    said, key = PassphraseRoot(lambda: "correct horse").renewed(None)
    assert PassphraseRoot(lambda: "correct horse").opened(said) == key
    assert len(key) == 32
    assert PassphraseRoot(lambda: "correct horse").renewed(said) == (said, key)
    assert PassphraseRoot(lambda: "correct horse").renewed(None)[1] != key


def test_other_words_are_wrong_and_asked_for_again() -> None:
    said, key = PassphraseRoot(lambda: "correct horse").renewed(None)
    typed = iter(["incorrect", "correct horse"])
    root = PassphraseRoot(lambda: next(typed))
    with pytest.raises(KeyRefused, match="the passphrase is wrong"):
        root.opened(said)
    assert root.opened(said) == key


def test_it_is_asked_for_once() -> None:
    asked = []
    root = PassphraseRoot(lambda: asked.append(1) or "correct horse")  # type: ignore[func-returns-value]
    said, _ = root.renewed(None)
    root.opened(said)
    root.renewed(said)
    assert len(asked) == 1


def test_a_short_one_is_refused_for_a_new_store() -> None:
    with pytest.raises(KeyRefused, match="at least 8"):
        PassphraseRoot(lambda: "1234567").renewed(None)


@pytest.mark.parametrize("n", [1 << 40, 1 << 10, (1 << 14) + 1, -4, "16384", None, 2.0**14])
def test_a_file_cannot_ask_for_all_the_memory_or_for_none(n: object) -> None:
    said, _ = PassphraseRoot(lambda: "correct horse").renewed(None)
    with pytest.raises(KeyStoreUnreadable):
        PassphraseRoot(lambda: "correct horse").opened({**said, "n": n})


@pytest.mark.parametrize("change", [{"salt": 5}, {"salt": "a" * 1000}])
def test_a_file_with_nonsense_is_damaged(change: dict[str, object]) -> None:
    said, _ = PassphraseRoot(lambda: "correct horse").renewed(None)
    with pytest.raises(KeyStoreUnreadable):
        PassphraseRoot(lambda: "correct horse").opened({**said, **change})


@pytest.mark.parametrize("change", [{"check": None}, {"check": "é"}, {"check": "00"}])
def test_a_file_whose_check_was_altered_opens_with_no_words(change: dict[str, object]) -> None:
    said, _ = PassphraseRoot(lambda: "correct horse").renewed(None)
    with pytest.raises(KeyRefused):
        PassphraseRoot(lambda: "correct horse").opened({**said, **change})


def test_the_environment() -> None:
    assert from_environment({"CASEMATE_KEYS_PASSPHRASE": "x"}) == "x"
    with pytest.raises(KeyRefused, match="there is none") as caught:
        from_environment({})
    assert "CASEMATE_KEYS_PASSPHRASE" in str(caught.value)
