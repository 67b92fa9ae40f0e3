from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attacks.interception.wires import Lengths, OnePad, Opaque, Repeating, system
from casemate.assess.effects import effect_of
from casemate.attacks.interception.curious_server import curious_server
from casemate.attacks.interception.traces import needles, traces
from casemate.attacks.interception.twin import clear_system
from casemate.core.access import Access, Budget
from casemate.core.errors import BudgetExceeded, DataError
from casemate.core.evidence import Evidence
from casemate.core.finding import Effect
from casemate.core.system import System
from casemate.core.target import Seeds, Target

NEEDS = Access(population=True, server=True)


def played(made: System, **budget: int) -> tuple[Effect, Evidence]:
    access = replace(NEEDS, budget=Budget(**budget))
    target = Target(made, access, Seeds.of(0, "interception.curious-server", "bare"))
    evidence = curious_server(target)
    effect = effect_of(evidence)
    assert effect is not None
    return effect, evidence


@pytest.mark.parametrize("weak", [Repeating, OnePad, Lengths])
def test_weak_encryption_is_told_apart(weak: type) -> None:
    effect, evidence = played(system(weak), queries=900)
    assert effect.low > 0.9
    assert "random" in evidence.notes[0]


def test_random_bytes_tell_nothing() -> None:
    effect, evidence = played(system(Opaque))
    assert effect.n == 3000
    assert effect.high < 0.1
    assert abs(evidence.figures["one attribute told right"] - 0.5) < 0.1


def test_rows_in_the_clear_are_read() -> None:
    effect, evidence = played(clear_system(), queries=300)
    assert effect.value == 1
    assert evidence.figures["one attribute told right"] == 1
    assert evidence.notes == ("rows reach the server as they are",)


def test_it_says_what_it_takes() -> None:
    with pytest.raises(BudgetExceeded, match="at least 24"):
        played(clear_system(), queries=20)
    one = clear_system()
    with pytest.raises(DataError, match="where two are needed"):
        played(replace(one, test=one.test.take(np.zeros(10, np.int64))))


def test_numbers_are_found_however_they_are_written() -> None:
    first, second = np.array([0.123456, 5.0]), np.array([0.654321, 5.0])
    marks = needles(first, second)
    for written in (first.tobytes(), first.astype(">f4").tobytes(), b'{"a": 0.123456}', b"a=0.123"):
        found = traces([b"head" + written, b""], *marks)
        assert found[0, 0] >= 1 and found[0, 1] == 0
        assert (found[1] == 0).all()
