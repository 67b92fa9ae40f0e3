"""Small releases for tests: twelve people in three groups of four, and random tables with their groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from casemate.core.access import Access
from casemate.core.published import AsPublished
from casemate.core.release import Meanings, Release
from casemate.core.schema import Role
from casemate.core.system import System
from casemate.core.target import Seeds, Target

ROLES: dict[str, Role] = {
    "name": "identifier",
    "age": "quasi-identifier",
    "town": "quasi-identifier",
    "illness": "sensitive",
}


def people(rows: int = 12, seed: int = 0, *, towns: int = 3, ages: int = 60, illnesses: int = 3) -> Release:
    """A raw table of people with all different names."""
    rng = np.random.default_rng(seed)
    table = pl.DataFrame(
        {
            "name": [f"person {number:05d}" for number in range(rows)],
            "age": rng.integers(20, 20 + ages, rows),
            "town": [f"town {number}" for number in rng.integers(towns, size=rows)],
            "illness": [f"illness {number}" for number in rng.integers(illnesses, size=rows)],
        }
    )
    return Release(table, ROLES, np.arange(rows, dtype=np.int64))


def ranges(domain: Sequence[float], labels: Mapping[str, tuple[float, float]]) -> Meanings:
    """Meanings of ranges over numbers."""
    values = np.array(sorted(domain), dtype=np.float64)
    low = np.searchsorted(values, [ends[0] for ends in labels.values()], side="left")
    high = np.searchsorted(values, [ends[1] for ends in labels.values()], side="right") - 1
    return Meanings(values, tuple(labels), low.astype(np.int32), high.astype(np.int32))


def grouped(raw: Release, k: int = 4, *, tight: bool = True, width: int = 20) -> Release:
    """Publish ages as ranges and no names or towns: tight ones of k neighbours, or fixed bands."""
    ages = raw.table["age"].to_numpy()
    order = np.argsort(ages, kind="stable")
    if tight:
        starts = np.arange(0, len(order), k)
        ends = [(int(ages[order[a]]), int(ages[order[min(a + k, len(order)) - 1]])) for a in starts]
        of = np.repeat(np.arange(len(starts)), k)[: len(order)]
    else:
        of = (ages[order] // width).astype(int)
        ends = [(at * width, at * width + width - 1) for at in range(int(of.max()) + 1)]
    labels = [f"{low}..{high}" for low, high in ends]
    meanings = ranges(np.unique(ages).tolist(), {f"{low}..{high}": (low, high) for low, high in ends})
    table = raw.table[order].drop("name", "town").with_columns(pl.Series("age", [labels[at] for at in of]))
    roles = {name: ROLES[name] for name in table.columns}
    return Release(table, roles, order.astype(np.int64), {"age": meanings})


def released(raw: Release, release: Release | None = None, **rest: Any) -> System:
    """A system that gives a table away, raw or as it is published."""
    controls = () if release is None else (AsPublished(release=release),)
    return System("people", release=raw, controls=controls, **rest)


def target(system: System, samples: int = 100, seed: int = 0, *, population: bool = True) -> Target:
    """The target of an attack on a release."""
    return Target(system, Access(population=population), Seeds.of(seed, "testing", "full"), samples=samples)
