"""What every control of Casemate promises: its claims and its limit shown, its options, its manners in a Guard."""

from __future__ import annotations

import inspect
import itertools
import pickle
import re
import sys
import typing
from collections import OrderedDict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from casemate.assess.effects import delta_of, effect_of
from casemate.controls import controls, find
from casemate.core.build import build, release_of
from casemate.core.control import HOOKS, Control, configure, options_of
from casemate.core.errors import ControlFailed, SystemFileError
from casemate.core.evidence import Evidence
from casemate.core.finding import Effect
from casemate.core.frames import frame_digest
from casemate.core.guard import Guard
from casemate.core.request import REFUSED, FreshMemory, Prediction, ProcessMemory, Request
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.threats import catalogue
from contract.control_cases import CASES, Demonstration

SEED = 7
NO_LIMIT = 0.5  # what counts as broken where the catalogue names no default limit

CONTROLS = {id: kind for id, kind in controls().items() if kind.module.startswith("casemate.")}
every_control = pytest.mark.parametrize("id", CONTROLS)
CLAIMS = [(id, threat) for id, case in CASES.items() for threat in case.stops]
LIMITS = [(id, threat) for id, case in CASES.items() for threat in case.limits]


def test_every_control_has_a_case_and_every_case_a_control() -> None:
    assert set(CASES) == set(CONTROLS)
    assert all(type(case.control) is CONTROLS[id] for id, case in CASES.items())


# The claim and the limit.


@every_control
def test_every_claimed_threat_is_shown_and_at_least_one_limit(id: str) -> None:
    assert set(CASES[id].stops) == set(CONTROLS[id].mitigates)
    assert CASES[id].limits


@pytest.mark.parametrize(("id", "threat"), CLAIMS)
def test_turns_broken_into_held(id: str, threat: str) -> None:
    before, after = _shown(CASES[id].stops[threat], CASES[id].control)
    assert _effect(before).low > _limit(threat), "the attack must break the bare system"
    assert _effect(after).high < _limit(threat), "the control must hold it"
    bought = delta_of(before, after, 0.95)
    assert bought is not None
    assert bought.low > 0


@pytest.mark.parametrize(("id", "threat"), LIMITS)
def test_does_not_stop_what_its_limit_names(id: str, threat: str) -> None:
    before, after = _shown(CASES[id].limits[threat], CASES[id].control)
    assert _effect(before).low > _limit(threat)
    assert _effect(after).low > _limit(threat), "if the control stops this by now, its limit is out of date"


# What is declared.


@every_control
def test_mitigates_threats_of_the_catalogue(id: str) -> None:
    assert CONTROLS[id].mitigates
    assert set(CONTROLS[id].mitigates) <= set(catalogue().threats)
    assert len(set(CONTROLS[id].mitigates)) == len(CONTROLS[id].mitigates)


@every_control
def test_lives_in_the_file_that_its_id_names(id: str) -> None:
    family, technique = id.split(".")
    assert CONTROLS[id].module == f"casemate.controls.{family}.{technique}".replace("-", "_")
    assert [other for other, kind in CONTROLS.items() if kind.module == CONTROLS[id].module] == [id]
    assert find(id) is CONTROLS[id]


@every_control
def test_documents_claim_limit_source_and_options(id: str) -> None:
    kind = CONTROLS[id]
    assert inspect.getdoc(sys.modules[kind.module])
    doc = inspect.getdoc(kind) or ""
    assert "Source:" in doc
    for option in options_of(CASES[id].control):
        assert option == "on-error" or f"``{option.replace('-', '_')}``" in doc, option
    assert re.search(r"\(.*\d{4}.*\)", kind.limit), "the limit names its source and year"
    assert len(Path(str(sys.modules[kind.module].__file__)).read_text().splitlines()) < 250


@every_control
def test_has_a_hook_that_acts(id: str) -> None:
    assert set(CONTROLS[id].hooks) <= set(HOOKS)
    assert set(CONTROLS[id].hooks) - {"calibrate"}


# Options.


@every_control
def test_defaults_are_valid_options_and_round_trip(id: str) -> None:
    for control in (configure(CONTROLS[id], {}), CASES[id].control):
        again = configure(CONTROLS[id], options_of(control))
        assert options_of(again) == options_of(control)
        assert again.digest() == control.digest()


@every_control
def test_refuses_unknown_options_and_values(id: str) -> None:
    with pytest.raises(SystemFileError, match="Did you mean 'on-error'"):
        configure(CONTROLS[id], {"on-eror": "open"})
    with pytest.raises(SystemFileError, match="on-error"):
        configure(CONTROLS[id], {"on-error": "maybe"})
    for option, nonsense in itertools.product(
        set(options_of(CASES[id].control)) - {"on-error"}, ([], {}, True, None, float("nan"), -1)
    ):
        if not _may_be(CONTROLS[id], option, nonsense):
            with pytest.raises(SystemFileError, match=option):
                configure(CONTROLS[id], {option: nonsense})


@every_control
def test_learned_fields_are_no_options(id: str) -> None:
    learned = [name for name in vars(_calibrated(id)) if name.replace("_", "-") not in options_of(CASES[id].control)]
    for name in learned:
        with pytest.raises(SystemFileError):
            configure(CONTROLS[id], {name.replace("_", "-"): 1})


# Manners.


@every_control
def test_pickles_before_and_after_calibration(id: str) -> None:
    before = pickle.loads(pickle.dumps(CASES[id].control))
    assert before.digest() == CASES[id].control.digest()
    guard = _guard(id)
    again = replace(guard, controls=pickle.loads(pickle.dumps(guard.controls)))
    _same(guard.ask(_request(id)), again.ask(_request(id)))


@every_control
def test_same_seed_same_answers_and_same_rows(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    system = _system(id)
    one, other = build(system, SEED), build(system, SEED)
    assert one.data.digest == other.data.digest
    _same(one.guard.ask(_request(id)), other.guard.ask(_request(id)))
    if system.release is not None:
        given = release_of(system, SEED).digest
        with monkeypatch.context() as patch:
            patch.setattr("casemate.core.build._released", OrderedDict())
            assert release_of(system, SEED).digest == given


@every_control
def test_changes_neither_request_nor_prediction_nor_data(id: str) -> None:
    system, guard = _system(id), _guard(id)
    digests = system.train.digest, system.test.digest
    if system.release is not None:
        raw = frame_digest(system.release.table)
        release_of(system, SEED)
        assert frame_digest(system.release.table) == raw
    request = _request(id)
    rows = request.X.copy()
    for control in guard.controls:
        control.on_request(request)
    np.testing.assert_array_equal(request.X, rows)
    assert not request.refused.any()
    assert not request.alarmed.any()
    assert request.reasons == {}
    prediction = replace(guard, controls=()).ask(request)
    kept = pickle.loads(pickle.dumps(prediction))
    for control in guard.controls:
        control.on_response(request, prediction)
    _same(prediction, kept)
    assert digests == (replace(system.train).digest, replace(system.test).digest)


@every_control
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_a_guard_takes_its_hooks_for_any_number_of_rows(id: str, rows: int) -> None:
    request = Request(_system(id).test.X[:rows], memory=ProcessMemory())
    reply = _guard(id).ask(request)
    assert len(reply) == len(reply.refused) == len(reply.alarmed) == rows
    assert ((reply.labels == REFUSED) == reply.refused).all()
    if reply.scores is not None:
        assert reply.scores.shape == (rows, _system(id).train.classes)
        assert (np.isnan(reply.scores).all(axis=1) == reply.refused).all()


@every_control
def test_honest_rows_are_answered(id: str) -> None:
    system = _system(id)
    reply = _guard(id).ask(Request(system.test.X, memory=FreshMemory()))
    assert reply.refused.mean() < 0.1
    bare = _bare(id).ask(Request(system.test.X))
    assert (reply.labels == system.test.y).mean() > (bare.labels == system.test.y).mean() - 0.1


@every_control
@pytest.mark.parametrize("policy", ["closed", "open"])
def test_a_failure_at_run_time_does_what_on_error_says(id: str, policy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, system = CONTROLS[id], _system(id)
    broken = replace(CASES[id].control, on_error=policy)  # type: ignore[type-var]

    def fail(*arguments: Any) -> Any:
        raise RuntimeError("out of order")

    at_run_time = [hook for hook in kind.hooks if hook in ("on_request", "on_response")]
    guard = build(replace(system, controls=(broken,)), SEED).guard
    for hook in at_run_time:
        with monkeypatch.context() as patch:
            patch.setattr(kind, hook, fail)
            reply = guard.ask(Request(system.test.X[:20], memory=FreshMemory()))
            assert reply.refused.all() == (policy == "closed"), hook
    for hook in set(kind.hooks) - set(at_run_time):
        make = release_of if hook == "on_release" else build
        with monkeypatch.context() as patch:
            patch.setattr(kind, hook, fail)
            for kept in ("_filtered", "_released"):  # what the control did before it failed
                patch.setattr(f"casemate.core.build.{kept}", OrderedDict())
            with pytest.raises(ControlFailed, match=hook):
                make(replace(system, controls=(broken,)), SEED)


# Inside.


@cache
def _shown_on(system: Any, attack: Any, access: Any, samples: int, control: Control | None) -> Evidence:
    made = system() if control is None else system().with_(control)
    evidence: Evidence = attack(Target(made, access, Seeds.of(SEED, "shown", "arm"), samples=samples))
    return evidence


def _shown(show: Demonstration, control: Control) -> tuple[Evidence, Evidence]:
    """The evidence without and with the control."""
    without = _shown_on(show.system, show.attack, show.access, show.samples, None)
    return without, _shown_on(show.system, show.attack, show.access, show.samples, control)


def _effect(evidence: Evidence) -> Effect:
    effect = effect_of(evidence, 0.95)
    assert effect is not None
    return effect


def _limit(threat: str) -> float:
    limit = catalogue().threats[threat].default_limit
    return NO_LIMIT if limit is None else limit


@cache
def _system(id: str) -> System:
    case = CASES[id]
    return next(iter(case.stops.values())).system().with_(case.control)


@cache
def _guard(id: str) -> Guard:
    return build(_system(id), SEED).guard


@cache
def _bare(id: str) -> Guard:
    return build(_system(id).bare(), SEED).guard


def _calibrated(id: str) -> Control:
    return _guard(id).controls[0]


def _may_be(kind: type[Control], option: str, value: Any) -> bool:
    """Whether the option's type has such a value."""
    plain = typing.get_type_hints(kind)[option.replace("-", "_")]
    kinds = {typing.get_origin(part) or part for part in (plain, *typing.get_args(plain))}
    of_list = isinstance(value, list) and tuple in kinds
    return of_list or type(value) in kinds & {bool, dict, type(None)}


def _request(id: str) -> Request:
    return Request(_system(id).test.X[:40], memory=ProcessMemory())


def _same(one: Prediction, other: Prediction) -> None:
    for name in ("labels", "scores", "refused", "alarmed"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name), err_msg=name)
