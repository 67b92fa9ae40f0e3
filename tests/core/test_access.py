from __future__ import annotations

from dataclasses import replace

import pytest

from casemate.core.access import Access, Budget
from casemate.core.errors import BudgetExceeded
from casemate.core.ledger import Ledger


def test_the_owner_speaks_before_the_attack():
    defaults = Budget(queries=100, radius=0.1, norm="linf")
    assert Budget(radius=0.3).over(defaults) == Budget(queries=100, radius=0.3, norm="linf")
    assert Budget().over(defaults) == defaults


def test_zero_is_said_and_none_is_not():
    assert Budget(share=0.0).over(Budget(share=0.1)).share == 0.0


def test_everything_lacks_nothing():
    for needs in (Access.white_box(), Access.training(rows=True), Access.black_box(scores=True, population=True)):
        assert needs.lacks(Access.everything()) == ()


@pytest.mark.parametrize(
    ("needs", "granted", "gap"),
    [
        (Access(knowledge="gray-box"), Access(), "gray-box knowledge"),
        (Access(knowledge="white-box"), Access(knowledge="gray-box"), "white-box knowledge"),
        (Access(scores=True), Access(), "confidence scores"),
        (Access(teacher=True), Access(), "the teacher model"),
        (Access(recipe=True), Access(), "the training recipe"),
        (Access(population=True), Access(), "rows of the same population"),
        (Access.training(rows=True), Access(training_labels=True), "a hand on training rows"),
        (Access(server=True), Access(messages=True), "sight of what the server holds"),
        (Access(messages=True), Access(server=True), "a hand on messages"),
    ],
)
def test_gaps_are_told_in_words(needs: Access, granted: Access, gap: str):
    assert needs.lacks(granted) == (gap,)


def test_more_knowledge_covers_less():
    assert Access(knowledge="black-box").lacks(Access(knowledge="white-box")) == ()


def test_granting_keeps_the_needs():
    granted = Access.training(share=0.05).granted(Access.everything(Budget(share=0.2)))
    assert granted == replace(Access.training(share=0.2), scores=True)  # scores help wherever they are given


def test_a_ledger_refuses_before_it_counts():
    ledger = Ledger(Budget(queries=10, rows=3, references=1))
    ledger.ask(10)
    for overspend in (lambda: ledger.ask(1), lambda: ledger.change(4)):
        with pytest.raises(BudgetExceeded):
            overspend()
    ledger.change(3)
    ledger.change(2)
    ledger.train(reference=True)
    with pytest.raises(BudgetExceeded, match="reference"):
        ledger.train(reference=True)
    spent = ledger.spent()
    assert (spent.queries, spent.rows, spent.trainings) == (10, 3, 1)


def test_a_ledger_without_limits_only_counts():
    ledger = Ledger(Budget())
    ledger.ask(10**9)
    ledger.pass_through(7)
    assert (ledger.spent().queries, ledger.spent().passes) == (10**9, 7)
