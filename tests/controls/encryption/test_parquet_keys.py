import pytest

from casemate.controls.encryption.file_store import FileStore
from casemate.controls.encryption.parquet_keys import GroupKeys
from casemate.core.errors import KeyShredded, SealBroken


def test_the_store_is_asked_once_for_each_group(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    wrap, unwrap = store.wrap, store.unwrap
    monkeypatch.setattr(store, "wrap", lambda *a: asked.append("wrap") or wrap(*a))
    monkeypatch.setattr(store, "unwrap", lambda *a: asked.append("unwrap") or unwrap(*a))
    keys = GroupKeys(store)
    wrapped = [keys.wrap(bytes([n] * 32), group) for n, group in enumerate(["pii", "pii", "rest", "pii"])]
    assert asked == ["wrap", "wrap"]
    assert len(set(wrapped)) == 4
    keys = GroupKeys(store)
    opened = [keys.unwrap(text, group) for text, group in zip(wrapped, ["pii", "pii", "rest", "pii"], strict=True)]
    assert opened == [bytes([n] * 32) for n in range(4)]
    assert asked[2:] == ["unwrap", "unwrap"]


def test_a_key_of_another_group_or_altered(store: FileStore) -> None:
    keys = GroupKeys(store)
    pii, rest = keys.wrap(bytes(32), "pii"), keys.wrap(bytes(32), "rest")
    mixed = f"{pii.partition(' ')[0]} {rest.partition(' ')[2]}"
    for text in (rest, mixed, pii[:-4] + "AAA=", pii.partition(" ")[0], pii + "!", ""):
        with pytest.raises(SealBroken):
            GroupKeys(store).unwrap(text, "pii")


def test_a_shredded_key(store: FileStore) -> None:
    wrapped = GroupKeys(store).wrap(bytes(32), "pii")
    store.shred("pii")
    with pytest.raises(KeyShredded):
        GroupKeys(store).unwrap(wrapped, "pii")
