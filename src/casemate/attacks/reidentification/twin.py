"""Releases that are built to fall to attacks."""

from __future__ import annotations

import numpy as np

from casemate.core.published import AsPublished
from casemate.core.release import Meanings, Release
from casemate.core.schema import Role
from casemate.core.system import System

ROWS = 1200
ROLES: dict[str, Role] = {
    "age": "quasi-identifier",
    "district": "quasi-identifier",
    "occupation": "quasi-identifier",
    "illness": "sensitive",
}
OCCUPATIONS = tuple(f"occupation {number:02d}" for number in range(30))
ILLNESSES = tuple(f"illness {number}" for number in range(8))


def raw_table() -> System:
    """A table of people that is given away as it is: most rows are the only ones of their kind."""
    return System("release twin: the raw table", release=_people())


def tight_ranges() -> System:
    """People in groups of six, published with their district and ranges that end at somebody's value."""
    raw = _people()
    order = raw.table.with_row_index("row").sort("district", "age", "row")["row"].to_numpy().astype(np.int64)
    return _published("release twin: tight ranges", raw, order, np.arange(ROWS) // 6)


def overlapping_groups() -> System:
    """Two groups in every district: whoever is five fits both, and the narrower one is full without them."""
    import polars as pl

    districts, six = 100, 6
    young = np.tile(np.arange(2 * six), districts) % (2 * six) < six
    age = np.where(young, np.tile(np.arange(2 * six), districts) % 5, 5)
    district = [f"district {number:03d}" for number in np.repeat(np.arange(districts), 2 * six)]
    illness = [f"illness {(number + one) % 8}" for number in range(districts) for one in (0,) * six + (3,) * six]
    table = pl.DataFrame({"age": age, "district": district, "illness": illness})
    roles: dict[str, Role] = {name: ROLES[name] for name in table.columns}
    raw = Release(table, roles, np.arange(len(age), dtype=np.int64))
    meanings = Meanings(np.arange(21.0), ("0..5", "5..20"), np.array([0, 5], np.int32), np.array([5, 20], np.int32))
    labels = pl.Series("age", ["0..5" if is_young else "5..20" for is_young in young.tolist()])
    made = Release(table.with_columns(labels), roles, raw.rows, {"age": meanings})
    return System("release twin: overlapping groups", release=raw, controls=(AsPublished(release=made),))


def plain_pseudonyms() -> System:
    """Occupations under pseudonyms, some far commoner than others."""
    import polars as pl

    raw = _people()
    names = np.random.default_rng(7).permutation(len(OCCUPATIONS))
    stand_ins = pl.Series([f"p{names[OCCUPATIONS.index(value)]:03d}" for value in raw.table["occupation"]])
    table = raw.table.with_columns(stand_ins.alias("occupation"))
    made = Release(table, ROLES, raw.rows, pseudonyms={"occupation": "a permutation"})
    return System("release twin: plain pseudonyms", release=raw, controls=(AsPublished(release=made),))


def _people() -> Release:
    """Draw people: wide ages, many districts, occupations of very different frequency."""
    import polars as pl

    rng = np.random.default_rng(20260101)
    share = 0.8 ** np.arange(len(OCCUPATIONS))
    table = pl.DataFrame(
        {
            "age": rng.integers(18, 98, ROWS),
            "district": [f"district {number:02d}" for number in rng.integers(40, size=ROWS)],
            "occupation": rng.choice(OCCUPATIONS, ROWS, p=share / share.sum()).tolist(),
            "illness": rng.choice(ILLNESSES, ROWS).tolist(),
        }
    )
    return Release(table, ROLES, np.arange(ROWS, dtype=np.int64))


def _published(name: str, raw: Release, order: np.ndarray, group: np.ndarray) -> System:
    """Publish rows in an order, the ages of every group as the range that they fill."""
    import polars as pl

    ages = raw.table["age"].to_numpy()[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    low, high = np.minimum.reduceat(ages, starts), np.maximum.reduceat(ages, starts)
    domain = np.unique(ages).astype(np.float64)
    labels = tuple(f"{a}..{b}" for a, b in zip(low.tolist(), high.tolist(), strict=True))
    distinct = tuple(dict.fromkeys(labels))
    first = [labels.index(label) for label in distinct]
    meanings = Meanings(
        domain,
        distinct,
        np.searchsorted(domain, low[first]).astype(np.int32),
        np.searchsorted(domain, high[first]).astype(np.int32),
    )
    table = raw.table[order].with_columns(pl.Series("age", [labels[number] for number in group]))
    table = table.drop("occupation")
    roles = {name: ROLES[name] for name in table.columns}
    made = Release(table, roles, order, {"age": meanings})
    return System(name, release=raw, controls=(AsPublished(release=made),))
