from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attacks.interception.wires import Sealed, SealedOnce, system
from casemate.attacks.interception.malformed_message import ALTERED, malformed_message
from casemate.attacks.interception.textbook import unsealed_system
from casemate.attacks.interception.twin import clear_system
from casemate.core.access import Access, Budget
from casemate.core.errors import DataError
from casemate.core.evidence import Evidence
from casemate.core.system import System
from casemate.core.target import Seeds, Target

NEEDS = Access(population=True, messages=True)
KINDS = len(ALTERED) * 2 + 2


def tried(made: System, **budget: int) -> Evidence:
    access = replace(NEEDS, budget=Budget(**budget))
    return malformed_message(Target(made, access, Seeds.of(0, "interception.malformed-message", "bare")))


def test_what_is_sealed_and_taken_once_holds() -> None:
    evidence = tried(system(SealedOnce))
    assert not evidence.outcome.any()
    assert len(evidence) > 48 * KINDS
    assert evidence.notes == ()


def test_a_seal_alone_leaves_repetition() -> None:
    evidence = tried(system(Sealed))
    accepted = {kind for kind, share in evidence.figures.items() if share}
    assert accepted == {"query sent again: accepted"}


def test_raw_ciphertexts_become_garbage_that_nobody_notices() -> None:
    evidence = tried(unsealed_system())
    assert evidence.figures["query with a bit flipped: accepted"] == 1
    assert evidence.figures["query of a stranger: accepted"] == 1
    assert evidence.figures["query cut off: accepted"] == 0
    assert "led the client to another answer" in evidence.notes[0]
    assert int(evidence.notes[0].split()[0]) > 100


def test_rows_in_the_clear_become_other_rows() -> None:
    assert 0.5 < tried(clear_system()).outcome.mean() < 0.9


def test_it_plans_within_its_queries() -> None:
    evidence = tried(clear_system(), queries=30)
    assert 0 < len(evidence) <= 2 * KINDS
    with pytest.raises(DataError, match="no message of a client was answered"):
        tried(clear_system(), queries=5)


@pytest.mark.parametrize("kind", ALTERED)
def test_altered_messages_differ_and_the_original_does_not(kind: str) -> None:
    rng = np.random.default_rng(0)
    message, another = rng.bytes(64), rng.bytes(64)
    kept = bytes(message)
    altered = [ALTERED[kind](message, another, rng) for _ in range(50)]
    assert message == kept
    assert sum(one != message for one in altered) == 50
