"""Proposed policies: they load, they fit the table they were written from, and they show no value of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.privacy.policy import parse_policy
from casemate.controls.privacy.proposal import write_policy
from casemate.controls.profiling.profile import profile_table


def people(rows: int = 200) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "customer_id": np.arange(rows),
            "email": [f"zebulon{i}@example.org" for i in range(rows)],
            "age": rng.integers(18, 90, rows),
            "born": pl.Series(rng.integers(-9000, 9000, rows)).cast(pl.Date),
            "sex": rng.choice(["female", "male"], rows),
            "diagnosis": rng.choice(["E11.9", "I10.0"], rows),
            "visits": rng.integers(0, 9, rows),
            "empty": pl.Series([None] * rows, dtype=pl.String),
        }
    )


def test_it_loads_and_fits() -> None:
    frame = people()
    text = write_policy(profile_table(frame.get_columns(), "data/people.csv", target="visits"))
    policy = parse_policy(text)
    assert policy.check(frame.schema) == ()
    assert policy.declared.dataset == "people"
    assert policy.declared.subject_key == "customer_id"
    assert policy.of("identifier") == ("customer_id",)
    assert policy.of("quasi-identifier") == ("age", "born", "sex")
    assert policy.declared.privacy.l == 2
    assert policy.declared.purposes["training"].columns == "minimal"
    assert policy.columns["empty"].drop
    assert policy.warnings == ()
    assert "zebulon" not in text


def test_what_is_commented_out_loads_as_well() -> None:
    text = write_policy(profile_table(people().get_columns(), "people.csv", subject="customer_id"))
    for line in ("t = 0.2", "retention-days = 400", "[encryption]", 'at-rest = "parquet"'):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    text = text.replace("# groups.", "groups.").replace('# keys = "', 'keys = "')
    text = text.replace('pseudonym = { kind = "hmac" }\n# pseudonym', "pseudonym").replace("# shift-days", "shift-days")
    policy = parse_policy(text)
    assert policy.declared.encryption.groups["quasi"] == ("age", "born", "sex")
    assert policy.columns["customer_id"].pseudonym is not None
    assert policy.columns["customer_id"].pseudonym.kind == "aes-siv"
    assert policy.columns["born"].shift_days == 30


def test_no_target_and_no_subject() -> None:
    frame = pl.DataFrame({"age": [20, 20, 30], "mood": ["a", "b", "a"]})
    text = write_policy(profile_table(frame.get_columns(), "sklearn:people"), dataset="x.y")
    policy = parse_policy(text)
    assert policy.declared.dataset == "x.y"
    assert policy.declared.subject_key is None
    assert policy.declared.purposes["training"].columns == "all"
    assert policy.check(frame.schema) == ()


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from([1, "a@b.org", "x y", None, 2.5, True]), min_size=2, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_any_names_make_a_policy_that_loads(names: list[str], cells: list[Any]) -> None:
    columns = [pl.Series(name, [cell, cells[0]], strict=False) for name, cell in zip(names, cells, strict=False)]
    profile = profile_table(columns, "\n[x]\x07.csv")
    policy = parse_policy(write_policy(profile))
    assert set(policy.columns) == {column.name for column in columns}
    assert policy.check({column.name: column.dtype for column in columns}) == ()
