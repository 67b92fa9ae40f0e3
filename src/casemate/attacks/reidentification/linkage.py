"""Linkage: find the published row of a person of whom some columns are known."""

from __future__ import annotations

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.matching import Candidates, candidates
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.evidence import Evidence
from casemate.core.target import Target


@attack(
    "reidentification.linkage",
    threat="re-identification",
    needs=Access(),
    requires=("release", "readable"),
    twin=twin.raw_table,
)
def linkage(target: Target) -> Evidence:
    """Take for each person the row whose labels allow what is known of them, and of several the narrowest.

    A row fits a person where each of its labels may stand for the person's value. Of the rows that fit, one with the
    narrowest labels is likeliest to be theirs: a row that may be one of ten people more easily is one of them than one
    that may be one of a thousand. Between equals a coin decides, so that in a group of k rows one person in k is found.

    Source: record linkage as Sweeney, IJUFKS 10(5), 2002, and the linkability risk of WP216. Adapted: Giomi, Boenisch,
    Wehmeyer & Tasnadi (anonymeter), PoPETs 2023, link two halves of a person's columns through synthetic rows; here a
    list with names is linked to the release.
    """
    found = candidates(target.disclosure)
    claims = np.array([_claim(found, at, target.common_rng) for at in range(len(found.fitting))], dtype=np.int64)
    sizes = np.array([int(found.groups.sizes[groups].sum()) for groups in found.fitting])
    figures = {
        "rows that fit a person, median": float(np.median(sizes)),
        "people who fit one row only": float((sizes == 1).mean()),
    }
    return target.disclosure.link(claims, figures)


def _claim(found: Candidates, person: int, rng: np.random.Generator) -> int:
    groups = found.fitting[person]
    weight = found.weight[groups]
    best = groups[weight >= weight.max() * (1 - 1e-9)]
    sizes = found.groups.sizes[best]
    pick = int(rng.integers(sizes.sum()))
    at = int(np.searchsorted(np.cumsum(sizes), pick, side="right"))
    return int(found.groups.rows(int(best[at]))[pick - int(sizes[:at].sum())])
