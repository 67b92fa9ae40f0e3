"""Attribute inference: found where a group is of one mind, and not where the value says nothing."""

from __future__ import annotations

import numpy as np
import polars as pl

from casemate.attacks.reidentification.attribute_inference import attribute_inference
from casemate.core.release import Release
from releases import ROLES, grouped, people, released, target


def test_a_raw_table_tells_everything_about_those_in_it() -> None:
    raw = people(500, illnesses=5)
    evidence = attribute_inference(target(released(raw), 300))
    assert evidence.figures["right with it"] == 1.0
    assert evidence.figures["right without it"] < 0.5


def test_large_groups_add_little() -> None:
    raw = people(4000, ages=500, illnesses=4)
    evidence = attribute_inference(target(released(raw, grouped(raw, 200)), 2000))
    assert evidence.baseline is not None
    assert evidence.baseline.mean() - evidence.outcome.mean() < 0.05


def test_groups_of_one_mind_tell_nothing_of_a_person_that_others_did_not() -> None:
    rng = np.random.default_rng(0)
    town = rng.integers(10, size=1000)
    table = pl.DataFrame({"town": town, "illness": [f"illness {number}" for number in town]})
    raw = Release(table, {"town": "quasi-identifier", "illness": "sensitive"}, np.arange(1000))
    evidence = attribute_inference(target(released(raw), 300))
    assert evidence.figures["right with it"] == evidence.figures["right without it"] == 1.0


def test_the_surest_of_several_sensitive_columns_is_taken() -> None:
    raw = people(400)
    table = raw.table.with_columns(pl.col("name").alias("secret"), pl.lit("x").alias("dull"))
    roles = ROLES | {"secret": "sensitive", "dull": "sensitive"}
    evidence = attribute_inference(target(released(Release(table, roles, raw.rows)), 100))
    assert "votes for the guess on dull" in evidence.figures
    assert evidence.metric.split()[0] in {"secret", "dull", "illness"}
