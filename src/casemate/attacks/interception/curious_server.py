"""Curious server: does what the server holds tell which row a client asked about?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.attacks.interception.traces import needles, traces
from casemate.attacks.interception.twin import clear_system
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.dataset import Dataset
from casemate.core.errors import BudgetExceeded, DataError
from casemate.core.evidence import Evidence
from casemate.core.schema import distance
from casemate.core.tap import Tap
from casemate.core.target import Target

ROUNDS = 3500
LESSONS = 400
CANDIDATES = 20
LEAST = 8


@attack(
    "interception.curious-server",
    threat="request-disclosure",
    needs=Access(population=True, server=True),
    twin=clear_system,
)
def curious_server(target: Target) -> Evidence:
    """The game of chosen plaintexts, played by an honest-but-curious server with all that it holds.

    Of its own rows the attacker picks the two that lie farthest apart, has honest clients ask about each of them a few
    hundred times, and learns what the messages look like: whether numbers of either row are written in them, their
    length, how often each byte occurs, and the bytes at some hundred places; extremely randomised trees learn the rest.
    Then a coin is tossed for each of 3,000 rounds, and it tells from the message which of the two rows was asked. The
    same is played with one attribute: two rows that differ in one column only. (A reply is the server's own work on the
    message and on keys, and tells it nothing more.)

    Source: the game, Goldwasser & Micali, JCSS 28 (1984), and Bellare, Desai, Jokipii & Rogaway, FOCS 1997; learning to
    distinguish ciphertexts, Gohr, CRYPTO 2019; trees, Geurts, Ernst & Wehenkel, Machine Learning 63 (2006).

    Raises:
        DataError: fewer than two different rows of its own about which clients ask.
        BudgetExceeded: too few queries for a round.
    """
    tap, rng = target.tap, target.common_rng
    first, second = _far_apart(target, tap)
    lessons, rounds = _portions(target.queries_left)
    seed = int(rng.integers(2**31))
    column = int(np.argmax(np.abs(first - second)))
    changed = np.where(np.arange(len(first)) == column, second, first)
    attribute = _play(tap, first, changed, lessons // 4, rounds // 7, seed)
    read = _play(tap, first, second, lessons - lessons // 4, rounds - rounds // 7, seed)
    figures = {
        **read.figures,
        "one attribute told right": attribute.figures.get("right guesses", float("nan")),
        "one attribute guessed": 0.5,
    }
    if not tap.encrypted:
        return replace(read, figures=figures, notes=("rows reach the server as they are",))
    note = "ciphertexts are random: another run sees others, and gives another estimate within the interval"
    return replace(read, figures=figures, notes=(note,))


def _play(tap: Tap, first: np.ndarray, second: np.ndarray, lessons: int, rounds: int, seed: int) -> Evidence:
    """Learn from known messages, and guess unknown ones."""
    from sklearn.ensemble import ExtraTreesClassifier

    marks = needles(first, second)
    known = np.arange(lessons) % 2 == 1
    seen = traces(tap.overhear(_rows(first, second, known)), *marks)
    trees = ExtraTreesClassifier(200, min_samples_leaf=2, random_state=seed).fit(seen, known)
    asked = tap.challenge(np.tile(first, (rounds, 1)), np.tile(second, (rounds, 1)))
    return tap.distinguish(trees.predict(traces(asked, *marks)))


def _rows(first: np.ndarray, second: np.ndarray, which: np.ndarray) -> np.ndarray:
    return np.where(which[:, None], second, first)


def _far_apart(target: Target, tap: Tap) -> tuple[np.ndarray, np.ndarray]:
    """The two rows farthest from each other among some of the attacker's own about which clients ask."""
    own = target.population
    some = own.take(target.common_rng.permutation(len(own))[: _few(target.queries_left)])
    sent = np.array([bool(message) for message in tap.overhear(some.X)], dtype=bool)
    rows: Dataset = some.take(np.flatnonzero(sent))
    if len(rows):
        apart = np.array([distance(rows.schema, rows.X, np.tile(row, (len(rows), 1)), "l2") for row in rows.X])
        one, other = np.unravel_index(int(apart.argmax()), apart.shape)
        if apart[one, other] > 0:
            return rows.X[one], rows.X[other]
    raise DataError(
        f"{len(rows)} different rows of the attacker's own that clients ask about, where two are needed",
        where="[data] test",
        fix="give more test rows, within the ranges that the model was trained on",
    )


def _few(left: int | None) -> int:
    return CANDIDATES if left is None else min(CANDIDATES, left // 4)


def _portions(left: int | None) -> tuple[int, int]:
    """How many messages to learn from, and how many to guess, of the queries that are left."""
    if left is None:
        return LESSONS, ROUNDS
    lessons = min(LESSONS, left // 3)
    if lessons < LEAST:
        raise BudgetExceeded(
            f"{left} queries are left, and the game takes at least {3 * LEAST}",
            where="[access] queries",
            fix="grant more queries",
        )
    return lessons, min(ROUNDS, left - lessons)
