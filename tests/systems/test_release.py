"""The [release] table: raw tables, roles, what attackers know, and tables that other programs published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from casemate.controls import find
from casemate.controls.anonymity.foreign import read_foreign
from casemate.core.digests import file_digest
from casemate.core.errors import DataMissing, ShapeMismatch, SystemFileError
from casemate.core.published import AsPublished
from casemate.core.system import System
from casemate.systems.file import load

ROLES = """
[release.columns]
name = "identifier"
age = "quasi-identifier"
town = "quasi-identifier"
illness = "sensitive"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = pl.DataFrame(
        {
            "name": [f"p{at}" for at in range(8)],
            "age": [20, 21, 22, 23, 40, 41, 42, 43],
            "town": list("aabbccdd"),
            "illness": list("xyxyxyxy"),
        }
    )
    table.write_csv(tmp_path / "people.csv")
    return tmp_path


def system(folder: Path, release: str, more: str = ROLES, **rest: Any) -> System:
    path = folder / "casemate.toml"
    path.write_text(f'[system]\nname = "people"\n[release]\n{release}\n{more}')
    return load(path, find_control=find, read_labels=read_foreign, **rest).system


def test_a_table_with_roles_is_a_system_without_a_model(folder: Path) -> None:
    made = system(folder, 'table = "people.csv"')
    assert made.release is not None and not made.answers
    assert made.release.columns("quasi-identifier") == ("age", "town")
    assert made.release.rows.tolist() == list(range(8))
    assert made.controls == ()
    (version,) = made.versions
    assert (version.role, version.source) == ("release", "people.csv")
    assert version.digest == file_digest(folder / "people.csv")


def test_roles_come_from_a_policy_beside_it_or_inside(folder: Path) -> None:
    policy = "".join(f'[columns.{name}]\nrole = "{role}"\n' for name, role in
                     (("name", "identifier"), ("age", "quasi-identifier"), ("town", "feature")))  # fmt: skip
    (folder / "privacy.toml").write_text('dataset = "people"\n' + policy)
    rest = '[release.columns]\nillness = "sensitive"\ntown = "quasi-identifier"\n'
    made = system(folder, 'table = "people.csv"\npolicy = "privacy.toml"', rest)
    assert made.release is not None
    assert made.release.roles == {
        "name": "identifier", "age": "quasi-identifier", "town": "quasi-identifier", "illness": "sensitive"
    }  # fmt: skip
    inside = policy.replace("[columns.", "[privacy-policy.columns.") + rest
    again = system(folder, 'table = "people.csv"', inside)
    assert again.release is not None and again.release.roles == made.release.roles


def test_columns_that_nobody_speaks_of_are_a_mistake_unless_there_is_a_default(folder: Path) -> None:
    with pytest.raises(SystemFileError, match="column 'name' of people.csv has no role") as caught:
        system(folder, 'table = "people.csv"', "")
    assert caught.value.fix and "[release.columns]" in caught.value.fix
    made = system(folder, 'table = "people.csv"\nrole = "ignored"', "")
    assert made.release is not None and set(made.release.roles.values()) == {"ignored"}


@pytest.mark.parametrize(
    ("release", "more", "said"),
    [
        ('table = "people.csv"\nknown = ["twon"]', ROLES, "no column 'twon'.*Did you mean 'town'"),
        ('table = "people.csv"', ROLES + 'agee = "feature"\n', "no column 'agee'.*Did you mean 'age'"),
        ('table = "people.csv"', ROLES.replace("identifier", "identifyer", 1), "identifyer"),
        ('table = "people.csv"\npolicy = "nowhere.toml"', ROLES, "there is no privacy policy"),
        ('table = "people.csv"\npublished = "people.csv"\nkey = "id"', ROLES, "no column 'id'"),
        ('table = "people.csv"\npublished = "people.csv"\nkey = "town"', ROLES, "does not tell the rows"),
    ],
)
def test_mistakes_say_where(folder: Path, release: str, more: str, said: str) -> None:
    with pytest.raises(SystemFileError, match=f"(?s){said}") as caught:
        system(folder, release, more)
    assert "casemate.toml" in str(caught.value.where) or "nowhere" in str(caught.value.where)


def test_a_policy_with_a_role_that_does_not_exist_says_so(folder: Path) -> None:
    (folder / "privacy.toml").write_text('[columns.age]\nrole = "quasi"\n')
    with pytest.raises(SystemFileError, match="'quasi' of the column 'age'"):
        system(folder, 'table = "people.csv"\npolicy = "privacy.toml"')


def test_a_missing_table_is_told(folder: Path) -> None:
    with pytest.raises(DataMissing, match="Did you mean 'people.csv'"):
        system(folder, 'table = "poeple.csv"')


def test_a_model_needs_data(folder: Path) -> None:
    with pytest.raises(SystemFileError, match=r"there is no table \[data\]"):
        system(folder, 'table = "people.csv"', ROLES + '[model]\nrecipe = "train:fit"\n')


def test_a_published_table_stands_in_place_of_controls(folder: Path) -> None:
    published = pl.DataFrame({"age": ["20-29"] * 4 + ["40-49"] * 3, "illness": list("xyxyxyx")})
    published.write_csv(folder / "out.csv")
    made = system(folder, 'table = "people.csv"\npublished = "out.csv"')
    (control,) = made.controls
    assert isinstance(control, AsPublished)
    told = control.release.meanings["age"]
    assert [told.labels[at] for at in range(2)] == ["20-29", "40-49"]
    assert [(told.low[at], told.high[at]) for at in range(2)] == [(0, 3), (4, 7)]
    assert control.release.rows.tolist() == list(range(7))
    assert [version.role for version in made.versions] == ["release", "published"]
    assert len({made.digest, made.bare().digest}) == 2


def test_a_key_tells_which_row_is_which(folder: Path) -> None:
    published = pl.DataFrame({"name": ["p5", "p0"], "age": ["40-49", "20-29"]})
    published.write_csv(folder / "out.csv")
    more = ROLES.replace('name = "identifier"\n', "")
    made = system(folder, 'table = "people.csv"\npublished = "out.csv"\nkey = "name"', more)
    (control,) = made.controls
    assert isinstance(control, AsPublished)
    assert control.release.rows.tolist() == [5, 0]
    assert made.release is not None and "name" not in made.release.table.columns
    pl.DataFrame({"name": ["p9"], "age": ["40-49"]}).write_csv(folder / "out.csv")
    with pytest.raises(SystemFileError, match="a row 'p9' that people.csv does not have"):
        system(folder, 'table = "people.csv"\npublished = "out.csv"\nkey = "name"', more)


def test_more_rows_than_the_raw_table_cannot_be_matched(folder: Path) -> None:
    pl.DataFrame({"age": [20] * 9}).write_csv(folder / "out.csv")
    with pytest.raises(ShapeMismatch, match="9 rows were published"):
        system(folder, 'table = "people.csv"\npublished = "out.csv"')


def test_without_a_reader_a_published_table_is_refused(folder: Path) -> None:
    pl.DataFrame({"age": [20] * 8}).write_csv(folder / "out.csv")
    path = folder / "casemate.toml"
    path.write_text(f'[system]\nname = "x"\n[release]\ntable = "people.csv"\npublished = "out.csv"\n{ROLES}')
    with pytest.raises(SystemFileError, match="cannot be read here"):
        load(path, find_control=find)


def test_data_and_release_may_stand_side_by_side(folder: Path) -> None:
    (folder / "train.py").write_text("def fit(data, seed):\n    raise NotImplementedError\n")
    more = ROLES + '[data]\ntrain = "sklearn:iris"\ntest-share = 0.5\n[model]\nrecipe = "train:fit"\n'
    made = system(folder, 'table = "people.csv"', more)
    assert made.answers and made.release is not None
    assert len(made.train) and np.isfinite(made.train.X).all()
