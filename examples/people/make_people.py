"""Make a population of people who do not exist: names, cards and national numbers of six countries, and what they did.

    python make_people.py --rows 8000 --seed 7 --output people.csv

Every check digit is right, so that whatever looks for identifiers finds these; none belongs to anybody. Ages,
education, work and income hang together about as in life, and whether a customer left depends on them and on chance, so
that a model has something to learn. The same seed makes the same people.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

import numpy as np
import polars as pl
from countries import COUNTRIES, SHARES, digits, luhn

TODAY = datetime.date(2026, 11, 1)
EDUCATION = ("none", "school", "vocational", "bachelor", "master", "doctorate")
MARITAL = ("single", "married", "divorced", "widowed")
DIAGNOSES = {
    "none": 0.46,
    "asthma": 0.08,
    "back pain": 0.13,
    "depression": 0.07,
    "diabetes": 0.07,
    "heart disease": 0.05,
    "hypertension": 0.09,
    "migraine": 0.045,
    "hiv": 0.005,
}
WORK = {
    "none": ("cleaner", "driver", "farm hand", "retired"),
    "school": ("cashier", "driver", "carer", "retired"),
    "vocational": ("electrician", "nurse", "mechanic", "cook", "retired"),
    "bachelor": ("teacher", "clerk", "engineer", "nurse", "retired"),
    "master": ("engineer", "manager", "teacher", "lawyer", "retired"),
    "doctorate": ("scientist", "doctor", "lawyer", "retired"),
}


def people(rows: int, seed: int) -> pl.DataFrame:
    """Return the population, one row a person."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame([person(rng, index) for index in range(rows)])


def person(rng: np.random.Generator, index: int) -> dict[str, object]:
    """Return one person."""
    country = COUNTRIES[rng.choice(len(COUNTRIES), p=SHARES)]
    sex = "f" if rng.random() < 0.51 else "m"
    age = int(np.clip(18 + 62 * rng.beta(1.6, 2.2), 18, 95))
    born = TODAY - datetime.timedelta(days=int(age * 365.25 + rng.integers(0, 365)))
    given = (country.women if sex == "f" else country.men)[rng.integers(8)]
    family = country.families[rng.integers(len(country.families))]
    level = int(np.clip(rng.normal(2.3 + (age > 24) * 0.5 - (age > 60) * 0.7, 1.2), 0, 3 if age < 22 else 5))
    education = EDUCATION[level]
    work = "retired" if age > 66 else WORK[education][rng.integers(len(WORK[education]) - 1)]
    hours = 0 if work == "retired" else int(np.clip(rng.normal(38 - 4 * (sex == "f"), 9), 5, 70))
    income = float(np.round(max(6000, np.exp(rng.normal(9.6 + 0.17 * level + 0.012 * min(age, 55), 0.3))), -2))
    joined = TODAY - datetime.timedelta(days=int(rng.gamma(2.0, 500)))
    visits = int(rng.poisson(4 + 3 * (age > 50)))
    return {
        "person_id": f"P{index:07d}",
        "name": f"{given} {family}",
        "email": f"{plain(given)}.{plain(family)}{rng.integers(1, 999)}@{country.domain}",
        "phone": f"{country.calling} {digits(rng, 9)}",
        "card_no": luhn(f"4{digits(rng, 14, first='0123456789')}"),
        "national_id": country.number(rng, born, sex),
        "birth_date": born,
        "age": age,
        "sex": sex,
        "country": country.code,
        "postcode": country.postcode(rng),
        "language": country.language if rng.random() < 0.92 else COUNTRIES[rng.integers(6)].language,
        "education": education,
        "occupation": work,
        "marital": marital(rng, age),
        "diagnosis": str(rng.choice(list(DIAGNOSES), p=list(DIAGNOSES.values()))),
        "income": income,
        "hours": hours,
        "joined": joined,
        "visits": visits,
        "churned": "yes" if left(rng, age, level, income, visits, (TODAY - joined).days) else "no",
    }


def marital(rng: np.random.Generator, age: int) -> str:
    """Return a marital status that fits an age."""
    weights = np.array([max(0.1, 1.6 - age / 35), min(1.0, age / 45), 0.05 + age / 400, max(0.005, (age - 50) / 150)])
    return MARITAL[rng.choice(4, p=weights / weights.sum())]


def left(rng: np.random.Generator, age: int, level: int, income: float, visits: int, days: int) -> bool:
    """Return whether a customer left: the young, the new and the seldom seen do."""
    pull = 1.9 - 0.045 * age - 0.35 * (level >= 4) - 0.28 * (visits - 5) - 0.0009 * (days - 800) - income / 90_000
    return bool(rng.random() < 1 / (1 + np.exp(-1.4 * pull)))


def plain(name: str) -> str:
    """Return a name in lower-case ASCII, as addresses are written."""
    table = str.maketrans("áäąćéèëęíłńñóôöśúüżźÁÄÉÍÓÖÚÜßç", "aaaceeeeilnnooosuuzzAAEIOOUUsc")
    return name.translate(table).lower().replace(" ", ".")


def main() -> None:
    """Write the population."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path("people.csv"))
    given = parser.parse_args()
    made = people(given.rows, given.seed)
    made.write_csv(given.output)
    print(f"wrote {given.output}: {made.height} people of {made['country'].n_unique()} countries")


if __name__ == "__main__":
    main()
