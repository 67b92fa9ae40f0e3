from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from casemate.core.access import Access, Budget
from casemate.core.control import Control, control
from casemate.core.errors import AccessDenied, BudgetExceeded, ShapeMismatch
from casemate.core.tap import Tap
from casemate.core.target import Seeds, Target
from casemate.core.wire import ClearWire, Opened, Wire
from fakes import RefuseLeft, square

BOTH = Access(server=True, messages=True)


class Told(ClearWire):
    """In the clear, with clients who tell what they read."""

    def read(self, message: bytes, reply: bytes) -> Opened | None:
        opened = super().read(message, reply)
        return None if opened is None else Opened(opened.numbers, opened.scores, opened.numbers)


@control("testing.told", mitigates=("evasion",), limit="anything; made for tests")
class Telling(Control):
    """Let clients tell what they read."""

    def on_wire(self, wire: Wire) -> Wire:
        assert isinstance(wire, ClearWire)
        return Told(wire.ask_guard, wire.features, wire.classes)


def target(access: Access = BOTH, *controls: Control, samples: int = 50) -> Target:
    return Target(square(120, *controls), access, Seeds.of(0, "testing.x", "bare"), samples=samples)


def test_it_is_for_those_on_the_server_or_on_the_way():
    with pytest.raises(AccessDenied, match="what the server holds, or what travels to it"):
        _ = target(Access()).tap


@pytest.mark.parametrize(
    ("access", "use"),
    [
        (Access(messages=True), lambda tap: tap.exchanges(np.zeros((1, 2)))),
        (Access(server=True), lambda tap: tap.deliver(bytes(16))),
        (Access(server=True), lambda tap: tap.accepts(bytes(16), bytes(16))),
        (Access(server=True), lambda tap: tap.strangers(np.zeros((1, 2)))),
    ],
)
def test_what_was_not_granted_is_denied(access: Access, use: Callable[[Tap], object]):
    with pytest.raises(AccessDenied):
        use(target(access).tap)


@pytest.mark.parametrize(
    "use",
    [
        lambda tap, rows: tap.overhear(rows),
        lambda tap, rows: tap.exchanges(rows),
        lambda tap, rows: tap.strangers(rows),
        lambda tap, rows: tap.challenge(rows, rows),
        lambda tap, rows: [tap.deliver(row.tobytes()) for row in rows],
    ],
)
def test_what_others_are_made_to_do_counts_as_queries(use: Callable[[Tap, np.ndarray], object]):
    made = target(Access(server=True, messages=True, budget=Budget(queries=5)))
    use(made.tap, np.full((5, 2), 0.9))
    assert made.spent.queries == 5
    with pytest.raises(BudgetExceeded):
        use(made.tap, np.full((1, 2), 0.9))


def test_who_reads_has_the_whole_advantage_and_who_lies_the_opposite():
    tap = target().tap
    first, second = np.full((40, 2), 0.1), np.full((40, 2), 0.9)
    for sign in (1, -1):
        seen = tap.challenge(first, second)
        read = np.array([np.frombuffer(message)[0] > 0.5 for message in seen])
        assert 5 < read.sum() < 35
        evidence = tap.distinguish(read if sign == 1 else ~read)
        assert evidence.kind == "difference" and evidence.baseline is not None
        assert evidence.baseline.mean() - evidence.outcome.mean() == sign


def test_arms_share_their_coins():
    coins = [target(BOTH, *controls).tap for controls in ((), (RefuseLeft(),))]  # type: ignore[arg-type]
    rows = np.full((30, 2), 0.3), np.full((30, 2), 0.9)
    assert coins[0].challenge(*rows) == coins[1].challenge(*rows)


def test_games_of_another_shape_are_refused():
    tap = target().tap
    with pytest.raises(ShapeMismatch, match="pairs of shapes"):
        tap.challenge(np.zeros((3, 2)), np.zeros((2, 2)))
    tap.challenge(np.zeros((3, 2)), np.ones((3, 2)))
    with pytest.raises(ShapeMismatch, match="guesses for"):
        tap.distinguish(np.zeros(2, dtype=bool))


def test_exchanges_show_what_clients_told_and_nothing_else():
    rows = np.array([[0.9, 0.5], [0.1, 0.5]])
    (silent, _), (telling, _) = (target(BOTH, *c).tap.exchanges(rows) for c in ((), (Telling(),)))
    assert silent.told is None
    assert telling.told is not None and telling.told.argmax() == 1
    assert len(target(BOTH, RefuseLeft(line=0.5)).tap.exchanges(rows)) == 1  # type: ignore[arg-type]


def test_answers_of_honest_clients_are_read_or_not():
    tap = target(BOTH, Telling(), samples=20).tap
    unread = tap.unread()
    assert len(unread) == 20 and all(one.told is None for one in unread)
    found = [np.frombuffer(one.reply) for one in unread]
    assert tap.judge_read(found).outcome.all()
    wrong = [None, found[1] + 0.01, np.zeros(5), *found[3:]]
    assert tap.judge_read(wrong).outcome.tolist() == [False] * 3 + [True] * 17
    with pytest.raises(ShapeMismatch, match="3 of 20"):
        tap.judge_read(found[:3])


def test_a_ring_is_required_where_an_attack_needs_one():
    assert target().lacks(("ring",)) == "answers are not encrypted"
