import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.core.digests import file_digest
from casemate.core.errors import ChainBroken, ErasedSubject, LineageError, UnknownName
from casemate.core.provenance import DatasetVersion
from casemate.lineage import Lineage, Model
from casemate.lineage.erasure import rewrite
from casemate.lineage.erasure.erase import erase
from casemate.lineage.erasure.plan import Decision, Wishes, plan
from casemate.lineage.erasure.receipt import Signed, check, read, reference, sign, write
from casemate.lineage.erasure.residue import scan
from lineages import run, same

GONE, STAYS = "person-0000007", "person-0000008"
TRAINED = Wishes(models={"": Decision("retrain", "the next nightly run")})


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    folder.mkdir()
    ids = [f"person-{i:07d}" for i in range(200)] * 2
    table = pl.DataFrame({"who": ids, "note": [f"note, {i}" for i in range(400)], "x": np.arange(400)})
    table.write_csv(folder / "raw.csv")
    table.write_parquet(folder / "copy.parquet")
    table.drop("who").write_parquet(folder / "public.parquet")
    return folder


def version(name: str, path: Path, columns: tuple[str, ...], **more: object) -> DatasetVersion:
    return DatasetVersion(name, file_digest(path), str(path), 400, columns, **more)  # type: ignore[arg-type]


@pytest.fixture
def filled(lineage: Lineage, house: Path) -> Lineage:
    who = pl.read_csv(house / "raw.csv")["who"]
    raw = version("raw", house / "raw.csv", ("who", "note", "x"))
    copy = version("copy", house / "copy.parquet", ("who", "note", "x"))
    public = version("public", house / "public.parquet", ("note", "x"))
    lineage.record(run([], [raw], facts={"told by": f"{GONE} on the phone"}), subjects={"raw": who})
    lineage.record(run([raw], [copy], *map(same, ("who", "note", "x"))))
    lineage.record(run([copy], [public], *map(same, ("note", "x"))), subjects={"public": who.alias("")})
    model = lineage.record_model(Model("credit", "m" * 64), [public], actor="anna")
    lineage.consume("shop", lineage.deploy("prod", model, actor="ops"), actor="ops")
    return lineage


def erased(lineage: Lineage, subject: str = GONE, wishes: Wishes = TRAINED, **more: object) -> Signed:
    made = plan(lineage, subject, wishes)
    return erase(lineage, made, subject, actor="dpo", reason="request 17", **more)  # type: ignore[arg-type]


def test_a_person_is_erased_everywhere_and_nobody_else(filled: Lineage, house: Path) -> None:
    signed = erased(filled)
    receipt = signed.receipt
    assert receipt.complete, receipt
    assert [(v.name, v.method, v.rows) for v in receipt.versions] == [
        ("raw", "rewrite", 2),
        ("copy", "rewrite", 2),
        ("public", "rewrite", 2),
    ]
    assert [(m.name, m.choice, m.deployments, m.consumers) for m in receipt.models] == [
        ("credit", "retrain", ("prod",), ("shop",))
    ]
    assert GONE.encode() not in (house / "raw.csv").read_bytes()
    assert pl.read_csv(house / "raw.csv").height == 398
    assert GONE not in pl.read_parquet(house / "copy.parquet")["who"].to_list()
    assert pl.read_parquet(house / "public.parquet")["x"].to_list() == [i for i in range(400) if i % 200 != 7]
    assert not filled.whereabouts(GONE).versions
    assert filled.verify().emptied == receipt.emptied == 1
    assert sorted(path.name for path in house.iterdir()) == ["copy.parquet", "public.parquet", "raw.csv"]
    others = filled.whereabouts(STAYS)
    alive = [t.name for t in others.versions if t.number not in others.ended]
    assert sorted(alive) == ["copy", "public", "raw"]
    assert [t.name for t in others.models] == ["credit"]
    check(signed, filled.store)


def test_the_next_person_is_found_at_their_new_place(filled: Lineage, house: Path) -> None:
    for subject in (GONE, STAYS, "person-0000199"):
        receipt = erased(filled, subject).receipt
        assert receipt.complete
        assert [m.name for m in receipt.models] == ["credit"]
    left = pl.read_parquet(house / "public.parquet")["x"].to_list()
    assert left == [i for i in range(400) if i % 200 not in (7, 8, 199)]
    assert filled.verify().entries


def test_a_plan_changes_nothing(filled: Lineage, house: Path) -> None:
    before = filled.head, file_digest(house / "raw.csv")
    made = plan(filled, GONE)
    assert [str(model) for model in made.undecided] == ["credit@mmmmmmmmmmmm"]
    assert (filled.head, file_digest(house / "raw.csv")) == before
    assert plan(filled, "nobody").steps == ()


def test_data_about_the_erased_is_refused_when_it_comes_back(filled: Lineage, house: Path) -> None:
    back = pl.read_csv(house / "raw.csv")["who"].to_list()
    erased(filled)
    with pytest.raises(ErasedSubject, match="2 rows"):
        filled.record(run([], [DatasetVersion("again", "e" * 64)]), subjects={"again": pl.Series("who", back)})


def test_nothing_is_erased_before_everything_is_said(filled: Lineage) -> None:
    made = plan(filled, GONE)
    with pytest.raises(LineageError, match="nobody said what becomes of models") as caught:
        erase(filled, made, GONE, actor="dpo", reason="request 17")
    assert "credit@" in caught.value.what
    made = plan(filled, GONE, TRAINED)
    for reason, told in (("", "needs a reason"), (f"{GONE} asked", "names the person")):
        with pytest.raises(LineageError, match=told):
            erase(filled, made, GONE, actor="dpo", reason=reason)
    with pytest.raises(LineageError, match="whom to erase"):
        plan(filled, "")
    with pytest.raises(LineageError, match="needs a reason"):
        Decision("unlearn", "")
    with pytest.raises(UnknownName, match="no choice"):
        Decision("forget", "x")  # type: ignore[arg-type]
    assert len(filled.whereabouts(GONE).versions) == 2


def test_files_may_be_deleted_or_their_key_destroyed(filled: Lineage, house: Path) -> None:
    wishes = replace(TRAINED, delete=frozenset({"copy"}), shred={"public": "crm.public.rest"})
    destroyed: list[str] = []
    receipt = erased(filled, wishes=wishes, shredder=destroyed.append).receipt
    assert {v.name: v.method for v in receipt.versions} == {"raw": "rewrite", "copy": "delete", "public": "shred"}
    assert destroyed == ["crm.public.rest"]
    assert not (house / "copy.parquet").exists()
    assert receipt.complete


def test_keys_are_not_destroyed_without_a_key_store(filled: Lineage) -> None:
    made = plan(filled, GONE, replace(TRAINED, shred={"public": "crm.public.rest"}))
    with pytest.raises(LineageError, match="no key store"):
        erase(filled, made, GONE, actor="dpo", reason="request 17")


def test_what_cannot_be_reached_is_said_and_stays_known(filled: Lineage, house: Path) -> None:
    (house / "raw.csv").rename(house / "moved.csv")
    (house / "public.parquet").write_bytes(b"something else")
    receipt = erased(filled).receipt
    assert not receipt.complete
    told = {v.name: (v.method, v.note) for v in receipt.versions}
    assert told["raw"][0] == told["public"][0] == "unreachable"
    assert "no file is there" in told["raw"][1]
    assert "no version that was recorded" in told["public"][1]
    assert [t.name for t in filled.whereabouts(GONE).versions] == ["raw", "public"]


def test_a_version_whose_place_another_took_is_gone(filled: Lineage, house: Path) -> None:
    (house / "raw.csv").write_text("who,note,x\nperson-0000009,n,1\n")
    filled.record(run([], [replace(version("raw", house / "raw.csv", ("who", "note", "x")), rows=1)]))
    receipt = erased(filled).receipt
    assert [(v.name, v.method) for v in receipt.versions][0] == ("raw", "gone")
    assert receipt.complete


def test_versions_without_tokens_that_cannot_be_looked_into_are_named(filled: Lineage) -> None:
    filled.record(run([], [DatasetVersion("elsewhere", "e" * 64, "s3://bucket/x", -1, ("who",))]))
    assert [thing.name for thing in plan(filled, GONE).unchecked] == ["elsewhere"]
    assert erased(filled).receipt.unchecked == ("elsewhere@eeeeeeeeeeee",)


@pytest.mark.parametrize("moment", ["before the file", "after the file"])
def test_an_erasure_that_was_cut_off_is_taken_up(
    filled: Lineage, house: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    real: Callable[..., None] = rewrite.Copy.take_place

    def dies(self: rewrite.Copy, expected: str) -> None:
        if moment == "after the file":
            real(self, expected)
        raise KeyboardInterrupt

    monkeypatch.setattr(rewrite.Copy, "take_place", dies)
    with pytest.raises(KeyboardInterrupt):
        erased(filled)
    monkeypatch.setattr(rewrite.Copy, "take_place", real)
    assert filled.verify().entries
    receipt = erased(filled).receipt
    assert receipt.complete
    assert not filled.whereabouts(GONE).versions
    assert pl.read_csv(house / "raw.csv").height == 398
    assert len(list(house.iterdir())) == 3


def test_a_full_disk_leaves_the_file_as_it_was(filled: Lineage, house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file_digest(house / "raw.csv")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rewrite.os, "fsync", full)
    with pytest.raises(LineageError, match="No space left"):
        erased(filled)
    assert file_digest(house / "raw.csv") == before
    assert len(list(house.iterdir())) == 3


def test_links_are_followed_and_further_names_are_told(filled: Lineage, house: Path) -> None:
    os.link(house / "raw.csv", house / "backup.csv")
    (house / "copy.parquet").rename(house / "real.parquet")
    (house / "copy.parquet").symlink_to(house / "real.parquet")
    receipt = erased(filled).receipt
    assert "further names" in receipt.versions[0].note
    assert GONE not in pl.read_parquet(house / "real.parquet")["who"].to_list()
    assert (house / "copy.parquet").is_symlink()
    assert GONE.encode() in (house / "backup.csv").read_bytes()


def test_old_bytes_are_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"secret " * 1000)
    with path.open("rb") as old:
        assert rewrite.remove(path) == []
        assert old.read() == bytes(7000)


def test_two_data_sets_in_one_file_are_both_dealt_with(filled: Lineage, house: Path) -> None:
    filled.record(run([], [version("twin", house / "raw.csv", ("who", "note", "x"))]))
    receipt = erased(filled).receipt
    assert receipt.complete
    assert {v.name: v.new_digest for v in receipt.versions}["twin"] == file_digest(house / "raw.csv")


def test_a_short_id_is_looked_for_by_value(local: Lineage, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("who,x\n42,100042\n43,4242\n")
    local.record(run([], [replace(version("t", path, ("who", "x")), rows=2)]))
    local.index(local.find("t")[0].number, pl.Series("who", [42, 43]), actor="me")
    receipt = erased(local, "42").receipt
    assert path.read_text() == "who,x\n43,4242\n"
    assert receipt.complete
    assert "found by chance" in receipt.residue.notes[0]


def test_residue_is_found_where_there_is_some(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f"hello {GONE}, bye")
    (tmp_path / "other.txt").write_text(f"x{GONE}1 is another")
    (tmp_path / "binary").write_bytes(b"\0" + GONE.encode("utf-16-le"))
    (tmp_path / "digest").write_text("a" * 30 + "1234567" + "b" * 30)
    pl.DataFrame({"who": [GONE, "x"]}).write_parquet(tmp_path / "t.parquet")
    from casemate.lineage.erasure.formats import FORMATS

    found = scan(GONE, [f"{GONE},1".encode()], tmp_path.iterdir(), FORMATS, ["who"])
    hits = {Path(hit.where).name: hit.what for hit in found.hits}
    assert set(hits) == {"log.txt", "binary", "t.parquet"}
    assert "UTF-16" in hits["binary"]
    assert "1 rows of the column 'who'" in hits["t.parquet"]
    assert not scan("1234567", [], tmp_path.iterdir(), FORMATS).hits
    assert GONE not in repr(found)


def test_a_receipt_tells_when_it_was_changed_or_is_anothers(filled: Lineage, tmp_path: Path) -> None:
    signed = erased(filled)
    (kept,) = (filled.files / "receipts").iterdir()
    assert read(kept) == signed
    check(signed)
    assert signed.receipt.reference == reference(filled.keys, GONE)
    forged = Signed(replace(signed.receipt, actor="me"), signed.key, signed.signature)
    with pytest.raises(ChainBroken, match="changed after"):
        check(forged)
    with Lineage.open(tmp_path / "other.db") as other:
        mine = sign(signed.receipt, other.keys)
        with pytest.raises(ChainBroken, match="another key"):
            check(mine, filled.store)
        with pytest.raises(ChainBroken, match="another key"):
            check(signed, other.store)
        with pytest.raises(ChainBroken, match="is not the erasure"):
            check(sign(replace(signed.receipt, entry=1), filled.keys), filled.store)
    write(forged, tmp_path / "r.json")
    with pytest.raises(ChainBroken):
        check(read(tmp_path / "r.json"), filled.store)
    (tmp_path / "r.json").write_text("{}")
    with pytest.raises(LineageError, match="no receipt"):
        read(tmp_path / "r.json")
    with pytest.raises(LineageError, match="cannot be read"):
        read(tmp_path / "none.json")
