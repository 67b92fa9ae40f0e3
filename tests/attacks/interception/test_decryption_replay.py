from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attacks.interception.wires import with_share
from casemate.assess.effects import effect_of
from casemate.attacks.interception import decryption_replay as module
from casemate.attacks.interception.decryption_replay import decryption_replay
from casemate.attacks.interception.textbook import TextbookWire, talkative_system
from casemate.core.access import Access, Budget
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.core.wire import Opened

NEEDS = Access(population=True, server=True)


def replayed(made: System, **budget: int) -> Evidence:
    access = replace(NEEDS, budget=Budget(**budget))
    return decryption_replay(Target(made, access, Seeds.of(0, "interception.decryption-replay", "bare")))


def test_exact_scores_give_the_key_away() -> None:
    evidence = replayed(talkative_system())
    assert evidence.outcome.all() and len(evidence) == 100
    assert evidence.figures == {"unknowns": 64, "numbers told": 80}
    assert "64 numbers that clients told" in evidence.notes[0]


@pytest.mark.parametrize(("share", "note"), [("never", "tell nothing"), ("labels", "labels only")])
def test_what_is_not_told_gives_no_equation(share: str, note: str) -> None:
    evidence = replayed(with_share(talkative_system(), share=share))
    assert not evidence.outcome.any() and len(evidence) == 100
    assert note in evidence.notes[0]


@pytest.mark.parametrize("off", [1e-3, 1e-6])
def test_noise_that_clients_add_spoils_the_equations(off: float, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, rng = TextbookWire.read, np.random.default_rng(0)

    def noisy(self: TextbookWire, message: bytes, reply: bytes) -> Opened | None:
        opened = plain(self, message, reply)
        assert opened is not None and opened.told is not None
        return replace(opened, told=opened.told + off * rng.standard_normal(1))

    monkeypatch.setattr(TextbookWire, "read", noisy)
    evidence = replayed(talkative_system())
    assert not evidence.outcome.any()
    assert "contradict each other" in evidence.notes[0]


def test_noise_below_the_last_digit_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TextbookWire.read

    def rounded(self: TextbookWire, message: bytes, reply: bytes) -> Opened | None:
        opened = plain(self, message, reply)
        assert opened is not None and opened.told is not None
        return replace(opened, told=opened.told + 0.2 / self.ring.scale)

    monkeypatch.setattr(TextbookWire, "read", rounded)
    assert replayed(talkative_system()).outcome.all()


def test_rows_that_clients_refuse_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = TextbookWire.ask
    monkeypatch.setattr(
        TextbookWire, "ask", lambda wire, X: [b"" if x[0] < 0.4 else plain(wire, x[None])[0] for x in X]
    )
    evidence = replayed(talkative_system())
    assert evidence.outcome.all() and 30 < len(evidence) < 90
    assert evidence.figures["numbers told"] == 80


def test_too_few_queries_are_told() -> None:
    evidence = replayed(talkative_system(), queries=30)
    assert not evidence.outcome.any()
    assert "30 numbers were told, of 64 that it takes" in evidence.notes[0]
    with pytest.raises(DataError, match="was answered"):
        replayed(talkative_system(), queries=0)


def test_what_is_too_large_to_solve_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DEGREE", 32)
    evidence = replayed(talkative_system())
    effect = effect_of(evidence)
    assert effect is not None
    assert (effect.low, effect.high) == (0, 1)
    assert "may have been read" in evidence.notes[0]
