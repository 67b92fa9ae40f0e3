import datetime
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.aggregation import ledger as module
from casemate.controls.aggregation.ledger import Budget, Ledger
from casemate.core.errors import BudgetSpent, LedgerBusy, LedgerUnreadable
from casemate.core.locking import locked

NOW = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
YEARLY = Budget("crm.people", "report", 1.0, 1e-6, "year")


def spend(ledger: Ledger, epsilon: float = 0.3, *, budget: Budget = YEARLY, at=NOW, delta: float = 0.0) -> None:
    ledger.spend(budget, epsilon, delta, question="count", actor="me", at=at)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "books" / "people.ledger")


def test_refuses_what_would_go_over_and_writes_nothing(ledger: Ledger):
    for _ in range(3):
        spend(ledger)
    before = ledger.path.read_bytes()
    with pytest.raises(BudgetSpent, match=r"0\.1 and 1e-06 are left") as refused:
        spend(ledger)
    assert "next year" in (refused.value.fix or "")
    assert ledger.path.read_bytes() == before
    spend(ledger, 0.1)  # the rest, to the last digit
    with pytest.raises(BudgetSpent):
        spend(ledger, 1e-4)


def test_delta_is_a_budget_too(ledger: Ledger):
    spend(ledger, 0.1, delta=1e-6)
    with pytest.raises(BudgetSpent):
        spend(ledger, 0.1, delta=1e-7)


def test_a_new_period_and_another_purpose_have_their_own(ledger: Ledger):
    spend(ledger, 1.0)
    spend(ledger, 1.0, at=NOW + datetime.timedelta(days=60))
    spend(ledger, 1.0, budget=Budget("crm.people", "other", 1.0))
    spend(ledger, 1.0, budget=Budget("crm.orders", "report", 1.0, per="year"))
    assert ledger.spent(YEARLY, NOW) == (1.0, 0.0)


@pytest.mark.parametrize(("per", "period"), [("ever", "ever"), ("year", "2026"), ("month", "2026-11")])
def test_periods(per, period):
    assert Budget("a", "b", 1.0, per=per).period(NOW) == period


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_change_of_a_byte_is_seen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "x.ledger")
    for _ in range(3):
        spend(ledger, 0.1)
    content = bytearray(ledger.path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    ledger.path.write_bytes(content)
    with pytest.raises(LedgerUnreadable):
        spend(ledger, 0.1)


def test_a_missing_line_and_a_cut_off_line_are_seen(ledger: Ledger):
    for _ in range(3):
        spend(ledger, 0.1)
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    for damaged in (lines[1:], [lines[0], lines[2]], [*lines[:2], lines[2][:-1]], [*lines[:2], lines[2][:20]]):
        ledger.path.write_bytes(b"".join(damaged))
        with pytest.raises(LedgerUnreadable, match="cannot be trusted") as error:
            ledger.entries()
        assert str(ledger.path) in (error.value.where or "")


def test_a_full_disk_leaves_the_ledger_as_it_was(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    spend(ledger)
    before = ledger.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        spend(ledger)
    monkeypatch.undo()
    assert ledger.path.read_bytes() == before
    assert len(ledger.entries()) == 1


def _spender(path: str, turns: int) -> None:
    for _ in range(turns):
        try:
            spend(Ledger(Path(path)), 0.1)
        except BudgetSpent:
            return


def test_two_processes_never_spend_the_same_remainder(ledger: Ledger):
    context = multiprocessing.get_context("spawn")
    spenders = [context.Process(target=_spender, args=(str(ledger.path), 10)) for _ in range(2)]
    for process in spenders:
        process.start()
    for process in spenders:
        process.join(60)
    assert len(ledger.entries()) == 10
    assert ledger.spent(YEARLY, NOW)[0] == pytest.approx(1.0)


def test_a_ledger_that_somebody_else_holds_is_not_spent_from(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    spend(ledger)
    monkeypatch.setattr(module, "locked", lambda path, busy: locked(path, busy, patience=0.05))
    with locked(ledger.path, LedgerBusy("held")), pytest.raises(LedgerBusy, match="another process") as caught:
        spend(ledger)
    assert str(ledger.path) in str(caught.value)
    assert len(ledger.entries()) == 1
