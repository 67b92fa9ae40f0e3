"""Small systems that give away a table about people, each easy to attack in one way."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from casemate.core.release import Release
from casemate.core.schema import Role
from casemate.core.system import System
from contract import small_systems

PEOPLE = 1200
EXAMINED = 1000  # people attacked


def _gives_away(columns: Mapping[str, Any], known: tuple[str, ...] = (), **roles: Role) -> System:
    """A system whose release has these columns, quasi-identifiers unless ``roles`` says otherwise."""
    table = pl.DataFrame(columns)
    kinds: dict[str, Role] = {name: roles.get(name, "quasi-identifier") for name in table.columns}
    release = Release(table, kinds, np.arange(table.height))
    return replace(small_systems.clusters(), release=release, known=known)


def _people(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "age": rng.integers(18, 90, PEOPLE),
        "income": rng.lognormal(10, 1, PEOPLE).round(2),
        "city": rng.choice([f"city {number}" for number in range(20)], PEOPLE),
        "illness": rng.choice(["flu", "cold", "none", "gout"], PEOPLE, p=[0.3, 0.3, 0.3, 0.1]),
    }


def _cities(rng: np.random.Generator) -> np.ndarray:
    return rng.choice([f"city {number}" for number in range(8)], PEOPLE)


def people() -> System:
    """Age, income and city, which together are anybody's own, and an illness."""
    return _gives_away(_people(np.random.default_rng(1)), illness="sensitive")


def people_with_a_diary() -> System:
    """The same, beside something that nobody thought would be known: how far each one walked."""
    rng = np.random.default_rng(2)
    known = ("age", "income", "city", "steps")
    return _gives_away(
        _people(rng) | {"steps": rng.permutation(PEOPLE)}, known=known, illness="sensitive", steps="feature"
    )


def named_people() -> System:
    """Numbers of identity cards, and whether somebody smokes."""
    rng = np.random.default_rng(3)
    cards = [f"{number:08d}" for number in rng.permutation(PEOPLE)]
    return _gives_away({"card": cards, "smokes": rng.random(PEOPLE) < 0.3}, card="identifier")


def named_people_with_incomes() -> System:
    """Numbers of identity cards beside incomes, which are anybody's own."""
    rng = np.random.default_rng(4)
    cards = [f"{number:08d}" for number in rng.permutation(PEOPLE)]
    return _gives_away({"card": cards, "income": rng.lognormal(10, 1, PEOPLE).round(2)}, card="identifier")


def busy_year() -> System:
    """A time of birth to the minute, all within a year."""
    return born_apart(minutes=365 * 24 * 60)


def born_apart(minutes: int = 4_000_000_000) -> System:
    """A time of birth, usually years apart from all others, and a city."""
    rng = np.random.default_rng(5)
    start = datetime.datetime(1000, 1, 1)
    born = [start + datetime.timedelta(minutes=int(at)) for at in rng.choice(minutes, PEOPLE, replace=False)]
    return _gives_away({"born": born, "city": _cities(rng)})


def few_rich() -> System:
    """Incomes of which most are common, and some large ones are anybody's own; and a city."""
    rng = np.random.default_rng(6)
    common = rng.choice([1000, 2000, 3000], PEOPLE)
    rich = rng.random(PEOPLE) < 0.4
    return _gives_away({"income": np.where(rich, 10_000 + rng.permutation(PEOPLE), common), "city": _cities(rng)})


def incomes(below: int = 100_000) -> System:
    """Incomes, anybody's own, and a city."""
    rng = np.random.default_rng(7)
    return _gives_away({"income": rng.permutation(below)[:PEOPLE], "city": rng.choice(["north", "south"], PEOPLE)})


def many_measures() -> System:
    """Six measures of every body, none of which says much."""
    rng = np.random.default_rng(8)
    return _gives_away({f"measure {number}": rng.normal(size=PEOPLE).round(3) for number in range(6)})


def rare_jobs() -> System:
    """Jobs and cities of which some are common, and others only one person's."""
    rng = np.random.default_rng(9)
    rare = rng.random(PEOPLE) < 0.4
    jobs = np.where(rare, [f"job {number}" for number in range(PEOPLE)], rng.choice(["teacher", "cook"], PEOPLE))
    cities = np.where(rare, [f"village {number}" for number in range(PEOPLE)], "city 1")
    return _gives_away({"job": jobs, "city": cities})


def rare_jobs_with_a_diary() -> System:
    """The same, beside something that nobody thought would be known."""
    system = rare_jobs()
    assert system.release is not None
    steps = np.random.default_rng(10).permutation(PEOPLE)
    table = system.release.table.with_columns(steps=pl.Series(steps))
    release = replace(system.release, table=table, roles={**system.release.roles, "steps": "feature"})
    return replace(system, release=release, known=("job", "city", "steps"))
