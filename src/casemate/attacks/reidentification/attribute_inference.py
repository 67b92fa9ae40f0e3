"""Attribute inference: guess a person's sensitive value from the published rows that may be theirs."""

from __future__ import annotations

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.matching import candidates
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.disclosure import Votes
from casemate.core.evidence import Evidence
from casemate.core.revelations import Classes, tally
from casemate.core.target import Target


@attack(
    "reidentification.attribute-inference",
    threat="attribute-inference",
    needs=Access(),
    requires=("release", "readable", "sensitive"),
    twin=twin.raw_table,
)
def attribute_inference(target: Target) -> Evidence:
    """Take the value that most of the rows hold that fit a person, narrow labels counting more.

    Of several sensitive columns, the attacker takes the one of which the votes are surest, which can be told without
    knowing anybody's value. What is counted is what the person's own row adds to the guess: the same votes without it
    are what the release would have told about anybody, and that is what releases are for.

    Source: the homogeneity and background attacks of Machanavajjhala, Gehrke, Kifer & Venkitasubramaniam, ICDE 2006,
    and the inference risk of WP216. Adapted: Giomi et al. (anonymeter), PoPETs 2023, set their guesses against those on
    a control group; here each person is compared with themselves left out, which halves the noise.
    """
    disclosure = target.disclosure
    found = candidates(disclosure)
    votes = found.votes()
    sure = {name: _sureness(target, name, votes) for name in disclosure.sensitive}
    column = max(sure, key=lambda name: sure[name])
    return disclosure.infer(column, votes, figures={f"votes for the guess on {name}": s for name, s in sure.items()})


def _sureness(target: Target, column: str, votes: Votes) -> float:
    """The share of the votes that the winning value takes, on average over people."""
    disclosure = target.disclosure
    published = disclosure.published.table[column]
    classes = Classes.of(published)
    total = tally(votes, classes.code(published), len(classes.names), disclosure.people.height)
    return float((total.max(axis=1) / np.maximum(total.sum(axis=1), 1e-300)).mean())
