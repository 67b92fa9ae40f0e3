"""A proposed system file loads as it stands, and says what it guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casemate.controls import controls, find
from casemate.core.errors import DataMissing, TargetMissing
from casemate.systems.data import Data, load_data
from casemate.systems.file import Declared, load, parse
from casemate.systems.propose import propose

RECIPE = """from sklearn.linear_model import LogisticRegression


def fit(data, seed):
    return LogisticRegression(max_iter=200).fit(data.schema.to_unit(data.X), data.y)
"""
N = 60
RNG = np.random.default_rng(0)
LOANS = pl.DataFrame(
    {
        "customer_id": range(N),
        "age": RNG.integers(18, 90, N),
        "sex": RNG.choice(["m", "f"], N),
        "eye_blue": [1, 0] * (N // 2),
        "eye_brown": [0, 1] * (N // 2),
        "debt": RNG.normal(size=N),
        "note": [f"text {i}" for i in range(N)],
        "gap": [None, *([1.0] * (N - 1))],
        "approved": RNG.choice(["yes", "no"], N),
    }
)


def roundtrip(folder: Path, text: str) -> Declared:
    (folder / "train.py").write_text(RECIPE)
    (folder / "casemate.toml").write_text(text)
    return load(folder, find_control=find)


def data_of(folder: Path, text: str) -> Data:
    declaration, lines = parse(text)
    return load_data(declaration.data, folder, lines)


def test_a_table_with_a_recipe_loads_as_it_stands(tmp_path: Path) -> None:
    LOANS.write_csv(tmp_path / "loans.csv", separator=";")
    text = propose("loans.csv", recipe="train:fit", base=tmp_path, controls=list(controls().values()))
    declared = roundtrip(tmp_path, text)
    schema = declared.system.train.schema
    assert declared.system.name == "loans"
    assert schema.target == "approved"
    assert schema.names == ("age", "sex", "eye_blue", "eye_brown", "debt")
    age, sex, blue, _, debt = schema.columns
    assert (age.role, age.kind, age.immutable) == ("quasi-identifier", "integer", True)
    assert (age.low, age.high) == (LOANS["age"].min(), LOANS["age"].max())
    assert (sex.kind, sex.categories, sex.immutable) == ("category", ("f", "m"), True)
    assert (blue.one_hot, blue.kind) == ("eye", "boolean")
    assert (debt.low, debt.high) == (LOANS["debt"].min(), LOANS["debt"].max())
    assert declared.system.controls == ()
    assert declared.policy.limits == {}


def test_it_says_what_it_guessed(tmp_path: Path) -> None:
    LOANS.write_csv(tmp_path / "loans.csv")
    text = propose("loans.csv", recipe="train:fit", base=tmp_path, controls=list(controls().values()))
    assert "# guessed: the last column, with 2 values" in text
    assert "# looks like an identifier by its name" in text
    assert "# immutable by its name" in text
    assert "# missing values: 1." in text
    assert "# nearly every row has words of its own" in text
    for id in controls():
        assert f'# use = "{id}"' in text
    assert "# evasion = 0.2 " in text
    assert '# groups = ["sex"]' in text


def test_every_default_limit_can_be_uncommented(tmp_path: Path) -> None:
    text = propose("sklearn:iris", recipe="train:fit", base=tmp_path)
    start = text.index("# [policy.limits]")
    plain = "\n".join(line.removeprefix("# ") for line in text[start:].splitlines())
    limits = roundtrip(tmp_path, text[:start] + plain).policy.limits
    assert limits["evasion"] == 0.2
    assert len(limits) >= 7


def test_every_control_can_be_uncommented_that_needs_no_option(tmp_path: Path) -> None:
    text = propose("sklearn:iris", recipe="train:fit", base=tmp_path, controls=[find("hardening.label-only")])
    opened = text.replace("# [[controls]]", "[[controls]]").replace('# use = "', 'use = "')
    assert [control.id for control in roundtrip(tmp_path, opened).system.controls] == ["hardening.label-only"]


@pytest.mark.parametrize("name", ["iris", "digits", "wine", "breast_cancer"])
def test_shipped_data_load_as_proposed(tmp_path: Path, name: str) -> None:
    data = data_of(tmp_path, propose(f"sklearn:{name}", base=tmp_path))
    assert len(data.train.schema.classes) in (2, 3, 10)
    if name == "digits":
        assert {(c.low, c.high) for c in data.train.schema.columns} == {(0.0, 16.0)}


def test_a_test_file_widens_ranges_and_categories(tmp_path: Path) -> None:
    train = pl.DataFrame({"a": [1, 2, 3, 4], "c": ["x", "y", "x", "y"], "label": [0, 1, 0, 1]})
    test = pl.DataFrame({"a": [9, 1], "c": ["z", "x"], "label": [0, 1]})
    train.write_parquet(tmp_path / "train.parquet")
    test.write_parquet(tmp_path / "test.parquet")
    data = data_of(tmp_path, propose("train.parquet", test="test.parquet", base=tmp_path))
    assert (data.train.schema.columns[0].low, data.train.schema.columns[0].high) == (1.0, 9.0)
    assert data.train.schema.columns[1].categories == ("x", "y", "z")
    assert data.test.X[0].tolist() == [9.0, 2.0]


def test_an_archive_with_images_loads_as_proposed(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (40, 9, 9)).astype(np.uint8)
    images[:, 0, 0] = 0
    np.savez(tmp_path / "a.npz", X_train=images, y_train=np.arange(40) % 3, X_test=images[:6], y_test=np.arange(6) % 3)
    text = propose("a.npz", base=tmp_path)
    assert "test-share" not in text
    data = data_of(tmp_path, text)
    assert data.train.schema.shape == (9, 9)
    assert len(data.test) == 6


def test_a_shipped_model_loads_as_it_stands(tmp_path: Path) -> None:
    import skops.io
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression

    bunch = load_wine()
    skops.io.dump(LogisticRegression(max_iter=20, tol=1.0).fit(bunch.data, bunch.target), tmp_path / "model.skops")
    declared = roundtrip(tmp_path, propose("sklearn:wine", model="model.skops", base=tmp_path))
    assert declared.system.model is not None
    assert declared.system.model_digest
    assert declared.system.recipe is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("model.pkl", "# allow-pickle = true"),
        ("model.safetensors", '# factory = "net:make"'),
        ("https://host/v2/models/loan/infer", 'url = "https://host"\nmodel = "loan"'),
    ],
)
def test_what_a_model_needs_is_said(tmp_path: Path, model: str, expected: str) -> None:
    text = propose("sklearn:iris", model=model, base=tmp_path)
    assert expected in text
    parse(text)


def test_the_input_of_the_model_is_said_once(tmp_path: Path) -> None:
    pl.DataFrame({"c": ["x", "y"] * 4, "label": [0, 1] * 4}).write_csv(tmp_path / "rows.csv")
    text = propose("rows.csv", model="model.skops", recipe="train:fit", base=tmp_path)
    assert text.count('input = "frame"') == 1
    text = propose("rows.csv", recipe="train:fit", base=tmp_path)
    assert text.count('# input = "frame"') == 1


@pytest.mark.parametrize("values", [["7", "x", "8"], [7.5, 8.0, 9.0]], ids=["words", "fractions"])
def test_test_rows_of_another_type_are_said_or_joined(tmp_path: Path, values: list[object]) -> None:
    pl.DataFrame({"a": [1, 2, 3], "b": [1.0, 2.0, 3.0], "label": [0, 1, 0]}).write_parquet(tmp_path / "train.parquet")
    pl.DataFrame({"a": values, "b": [1, 2, 5], "label": [0, 1, 1]}, strict=False).write_parquet(
        tmp_path / "test.parquet"
    )
    text = propose("train.parquet", test="test.parquet", base=tmp_path)
    schema = data_of(tmp_path, text).train.schema
    assert schema.names == (("b",) if isinstance(values[0], str) else ("a", "b"))
    assert (schema.columns[-1].low, schema.columns[-1].high) == (1.0, 5.0)
    if isinstance(values[0], str):
        assert "training and test rows hold different types" in text


def test_the_target_can_be_given_and_must_exist(tmp_path: Path) -> None:
    LOANS.write_csv(tmp_path / "loans.csv")
    assert data_of(tmp_path, propose("loans.csv", target="sex", base=tmp_path)).train.schema.target == "sex"
    with pytest.raises(TargetMissing, match="Did you mean 'sex'"):
        propose("loans.csv", target="sexx", base=tmp_path)
    with pytest.raises(DataMissing):
        propose("loan.csv", base=tmp_path)


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=6).filter(str.strip)
cells: dict[str, Any] = {
    "integers": st.integers(-(2**40), 2**40),
    "truth": st.booleans(),
    "words": st.text(st.characters(codec="utf-8"), max_size=4),
    "numbers": st.floats(-1e300, 1e300) | st.none() | st.just(float("nan")) | st.just(float("inf")),
    "dates": st.dates(),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_whatever_the_columns_hold_and_are_called_it_loads(tmp_path: Path, data: st.DataObject) -> None:
    own = data.draw(st.lists(names, min_size=1, max_size=4, unique=True).filter(lambda found: "label" not in found))
    rows = 6
    columns = {
        name: data.draw(st.lists(cells[data.draw(st.sampled_from(sorted(cells)))], min_size=rows, max_size=rows))
        for name in own
    }
    columns = {"sure": [0.5, 1.5] * 3, **columns, "label": ["a", "b"] * 3}
    frame = pl.DataFrame(columns, strict=False)
    frame.write_parquet(tmp_path / "rows.parquet")
    loaded = data_of(tmp_path, propose("rows.parquet", target="label", base=tmp_path))
    assert "sure" in loaded.train.schema.names
    assert np.isfinite(loaded.train.X).all()
