"""Substitute model: ask about well-chosen rows, train a copy on the answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.attacks.model_extraction.learners import EXTRA_TREES, Answers, learn
from casemate.attacks.model_extraction.questions import invent, unsure
from casemate.attacks.model_extraction.twin import linear_system
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.schema import Schema
from casemate.core.target import Target

QUERIES = 1000
ROUNDS = 5
INVENTED = 5


@attack(
    "model-extraction.substitute",
    threat="model-extraction",
    needs=Access.black_box(population=True, queries=QUERIES),
    twin=linear_system,
)
def substitute(target: Target) -> Evidence:
    """A substitute trained on the answers to real rows and to rows made from them, chosen where it is unsure.

    Half of each round asks about the attacker's own rows as long as they last, then about invented ones; the other half
    about those, own or invented, on which a quick copy is least sure. The substitute learns from scores where they are
    given, else from labels, as the family of models that agrees best with answers that it was not trained on. Refused
    rows are not used; all queries that the budget holds are asked.

    Source: Tramer et al., USENIX Security 2016 (arXiv 1609.02943); synthetic queries after Papernot et al., AsiaCCS
    2017 (arXiv 1602.02697); real ones after Orekondy, Schiele & Fritz, CVPR 2019 (arXiv 1812.02766); active choice
    after Pal et al., AAAI 2020.

    Raises:
        DataError: the attacker has no row of its own to begin with.
    """
    rng = target.common_rng
    own = target.population.X[rng.permutation(len(target.population))]
    if not len(own):
        raise DataError("there is no test row to give to the attacker", where="[data] test", fix="give more test rows")
    answers = _question(target, own, rng)
    figures = {"queries": float(target.spent.queries), "answered": float(len(answers))}
    if len(answers):
        copy, family, agreement = learn(answers, target.schema, int(rng.integers(2**31)))
        evidence = target.compare(lambda X: copy(X).argmax(axis=1))
        figures["cross-validated agreement"] = agreement
        note = f"copied from {'labels' if answers.scores is None else 'scores'} as {family}"
    else:
        evidence = target.compare(lambda X: np.zeros(len(X), dtype=np.int64))
        note = "no question was answered; the copy always says the first class"
    return replace(evidence, figures={**evidence.figures, **figures}, notes=(*evidence.notes, note))


def _question(target: Target, own: np.ndarray, rng: np.random.Generator) -> Answers:
    """Spend all queries in a few rounds; return what was answered."""
    budget = QUERIES if target.queries_left is None else target.queries_left
    answers, unasked = Answers.none(target.schema), own
    sizes = np.diff(np.linspace(0, budget, ROUNDS + 1).astype(np.int64))
    for size in map(int, sizes[sizes > 0]):
        pool = np.concatenate([unasked, invent(own, INVENTED * size, target.schema, rng)])
        chosen = _choose(answers, pool, size, target.schema, int(rng.integers(2**31)))
        real = np.isin(np.arange(len(unasked)), chosen)
        answers = answers.join(_ask(target, pool[chosen], chosen < len(unasked)))
        unasked = unasked[~real]
    return answers


def _choose(answers: Answers, pool: np.ndarray, size: int, schema: Schema, seed: int) -> np.ndarray:
    """Positions of ``size`` rows of the pool: half from its start, half where a quick copy is least sure."""
    if not len(answers):
        return np.arange(size)
    half = size // 2
    doubt = EXTRA_TREES.fit(answers, schema, seed)(pool[half:])
    return np.concatenate([np.arange(half), half + unsure(doubt, size - half)])


def _ask(target: Target, rows: np.ndarray, real: np.ndarray) -> Answers:
    reply = target.ask(rows)
    scores = reply.scores if target.access.scores else None
    return Answers(rows, reply.labels, scores, real).take(~reply.refused)
