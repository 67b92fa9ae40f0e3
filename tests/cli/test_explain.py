import pytest

from casemate.attacks import attacks
from casemate.controls import controls
from casemate.threats import catalogue
from cli.conftest import Run

ATTACKS, CONTROLS, THREATS = attacks(), controls(), catalogue().threats


@pytest.mark.parametrize("id", ATTACKS)
def test_an_attack(run: Run, id: str) -> None:
    code, out, err = run("explain", id)
    assert (code, err) == (0, "")
    threat = THREATS[ATTACKS[id].threat]
    assert out.startswith(f"{id}  (attack)\n")
    flowing = " ".join(out.split())
    assert all(reference.label in flowing for reference in threat.references)
    assert all(remedy in flowing for remedy in threat.remedies)
    assert all(control.id in out for control in CONTROLS.values() if threat.id in control.mitigates)
    assert f"casemate assess --attack {id}" in out
    assert "Raises:" not in out


@pytest.mark.parametrize("id", CONTROLS)
def test_a_control(run: Run, id: str) -> None:
    code, out, err = run("explain", id)
    assert (code, err) == (0, "")
    assert out.startswith(f"{id}  (control)\n")
    assert " ".join(CONTROLS[id].limit.split()) in " ".join(out.split())
    assert all(threat in out for threat in CONTROLS[id].mitigates)
    assert all(attack.id in out for attack in ATTACKS.values() if attack.threat in CONTROLS[id].mitigates)
    assert "on-error  (default 'closed')" in out
    assert f'use = "{id}"' in out


def test_an_option_whose_default_is_made_anew_each_time(run: Run) -> None:
    out = run("explain", "privacy.mondrian")[1]
    assert "columns  (default {})" in out
    assert "must be given" not in out


@pytest.mark.parametrize("id", THREATS)
def test_a_threat(run: Run, id: str) -> None:
    code, out, _ = run("explain", id)
    assert code == 0
    assert out.startswith(f"{id}  (threat)\n{THREATS[id].title}\n")
    assert all(attack.id in out for attack in ATTACKS.values() if attack.threat == id)
    unchecked = [r for r in THREATS[id].references if not r.checked]
    assert " ".join(out.split()).count("(not checked against the original)") == len(unchecked)


def test_a_threat_by_another_spelling(run: Run) -> None:
    alias = THREATS["data-poisoning"].aliases[0]
    assert run("explain", alias) == run("explain", "data-poisoning")


def test_pages_fit_a_hundred_columns_but_for_addresses(run: Run) -> None:
    for id in (*ATTACKS, *CONTROLS, *THREATS):
        long = [line for line in run("explain", id)[1].splitlines() if len(line) > 100 and "://" not in line]
        assert not long


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("evasion.pdg", "evasion.pgd"), ("hardening.label-onl", "hardening.label-only"), ("evasions", "evasion")],
)
def test_an_unknown_name(run: Run, name: str, nearest: str) -> None:
    code, out, err = run("explain", name)
    assert (code, out) == (2, "")
    assert f"Did you mean '{nearest}'?" in err
    assert "casemate list" in err
