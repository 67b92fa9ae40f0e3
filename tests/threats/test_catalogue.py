"""The threat catalogue: complete, consistent, true to the frameworks that it cites, and strict when it is damaged."""

from __future__ import annotations

import dataclasses
import pickle
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import CasemateError, UnknownName
from casemate.core.threat import FAMILIES, Asset, Reference, Stage, Threat
from casemate.threats import catalogue, read

CATALOGUE = catalogue()
THREATS = list(CATALOGUE.threats.values())
CITED = list(CATALOGUE.references.values())
TEXT = resources.files("casemate.threats").joinpath("catalogue.toml").read_text(encoding="utf-8")

each_threat = pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.id)
each_reference = pytest.mark.parametrize("reference", CITED, ids=lambda reference: reference.id)

# The forms of the ids and the titles below are written here a second time, from the frameworks, as a check on the file.
SYNTAX = {
    "MITRE ATLAS": r"AML\.(T\d{4}(\.\d{3})?|TA\d{4})",
    "OWASP ML Top 10": r"ML(0[1-9]|10):2023",
    "NIST AI 100-2": r"NISTAML\.(0[1-5]|0[1-5]\d)",
    "WP216": r"WP216:(singling-out|linkability|inference)",
    "BIML-78": r"(raw|assembly|data|eval|alg|input|model|inference|output|system):[1-9]\d?:[A-Za-z][A-Za-z -]+",
}
NIST_TITLES = {
    "01": "Availability Violations",
    "011": "Model Poisoning",
    "012": "Clean-label Poisoning",
    "013": "Data Poisoning",
    "014": "Energy-latency",
    "015": "Indirect Prompt Injection",
    "016": "Manipulate Resources",
    "017": "Time Consuming Tasks",
    "018": "Prompt Injection",
    "02": "Integrity Violations",
    "021": "Clean-label Backdoor",
    "022": "Evasion",
    "023": "Backdoor Poisoning",
    "024": "Targeted Poisoning",
    "025": "Black-box Evasion",
    "026": "Model Poisoning",
    "027": "Misaligned Outputs",
    "03": "Privacy Compromises",
    "031": "Model Extraction",
    "032": "Reconstruction",
    "033": "Membership Inference",
    "034": "Property Inference",
    "035": "Prompt Extraction",
    "036": "Leaking information from user interactions",
    "037": "Training Data Attacks",
    "038": "Data Extraction",
    "039": "Compromising connected resources",
    "04": "Misuse Violations",
    "05": "Supply Chain Attacks",
    "051": "Model Poisoning",
}
OWASP_TITLES = [
    "Input Manipulation Attack",
    "Data Poisoning Attack",
    "Model Inversion Attack",
    "Membership Inference Attack",
    "Model Theft",
    "AI Supply Chain Attacks",
    "Transfer Learning Attack",
    "Model Skewing",
    "Output Integrity Attack",
    "Model Poisoning",
]
LIMITS = {
    "data-poisoning": 0.05,
    "backdoor": 0.20,
    "transfer-learning": 0.20,
    "evasion": 0.20,
    "model-extraction": 0.90,
    "membership-inference": 0.10,
    "model-inversion": None,
    "attribute-inference": 0.05,
    "re-identification": 0.09,
    "singling-out": 0.05,
    "downcoding": 0.05,
    "pseudonym-frequency": 0.05,
    "request-disclosure": 0.10,
    "key-recovery": 0.05,
    "message-tampering": 0.01,
    "output-tampering": None,
    "denial-of-service": None,
}

SMALL = """
edition = "2026.11"
[frameworks.nist]
name = "NIST"
edition = "E2025"
url = "https://example.org/"
pattern = 'NISTAML\\.0\\d{1,2}'
[references]
"NISTAML.022" = { framework = "nist", title = "Evasion" }
[[renamed]]
was = "NISTAML.099"
was_title = "Fooling"
now = "NISTAML.022"
now_title = "Evasion"
framework = "nist"
since = "E2025"
[threats.evasion]
title = "Evasion"
family = "evasion"
asset = "decision"
stage = "deployment"
description = "Someone fools the model."
effect = "share fooled"
references = ["NISTAML.022"]
remedies = ["Train harder.", "Ask less."]
aliases = ["fooling"]
"""


# --- The catalogue that is shipped ----------------------------------------------------------------------------------


def test_the_threats_and_their_default_limits_are_the_agreed_ones() -> None:
    assert {threat.id: threat.default_limit for threat in THREATS} == LIMITS
    assert CATALOGUE.edition == "2026.11"


@each_threat
def test_every_threat_is_described_well_enough_to_act_on(threat: Threat) -> None:
    assert CATALOGUE.threats[threat.id] is threat
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", threat.id)
    assert threat.asset in get_args(Asset)
    assert threat.stage in get_args(Stage)
    sentences = re.findall(r"[.?!](?=\s|$)", threat.description)
    assert 2 <= len(sentences) <= 4
    assert "\n" not in threat.description
    assert "  " not in threat.description
    assert 2 <= len(threat.remedies) <= 4
    assert all(remedy[0].isupper() and remedy.endswith(".") for remedy in threat.remedies)
    assert threat.effect
    assert not threat.effect.endswith(".")
    assert threat.default_limit is None or 0 < threat.default_limit < 1


@each_threat
def test_every_threat_is_anchored_in_atlas_or_nist(threat: Threat) -> None:
    assert {"MITRE ATLAS", "NIST AI 100-2"} & {reference.framework for reference in threat.references}
    ids = [reference.id for reference in threat.references]
    assert len(ids) == len(set(ids))


@each_reference
def test_every_reference_has_the_form_of_its_framework_and_an_edition(reference: Reference) -> None:
    assert re.fullmatch(SYNTAX[reference.framework], reference.id)
    assert reference.edition
    assert reference.title
    assert reference.url.startswith("https://")


@each_reference
def test_every_listed_reference_is_cited(reference: Reference) -> None:
    assert CATALOGUE.citing(reference.id)


def test_each_framework_appears_in_one_edition() -> None:
    editions = {(reference.framework, reference.edition) for reference in CITED}
    assert editions == {
        ("MITRE ATLAS", "2026.09"),
        ("OWASP ML Top 10", "2023"),
        ("NIST AI 100-2", "E2025"),
        ("BIML-78", "1.0 (2020)"),
        ("WP216", "05/2014"),
    }


def test_nist_titles_are_those_of_the_taxonomy() -> None:
    ours = {reference.id: reference.title for reference in CITED if reference.framework == "NIST AI 100-2"}
    assert ours == {id: NIST_TITLES[id.removeprefix("NISTAML.")] for id in ours}
    assert len(ours) == 18


def test_all_ten_owasp_entries_are_covered_with_their_titles() -> None:
    ours = {reference.id: reference.title for reference in CITED if reference.framework == "OWASP ML Top 10"}
    assert ours == {f"ML{number:02d}:2023": title for number, title in enumerate(OWASP_TITLES, start=1)}


def test_what_was_not_checked_says_so() -> None:
    unchecked = {reference.id for reference in CITED if not reference.checked}
    biml = {reference.id for reference in CITED if reference.framework == "BIML-78"}
    wp216 = {reference.id for reference in CITED if reference.framework == "WP216"}
    assert len(wp216) == 3
    assert unchecked == biml | wp216 | {"AML.T0020", "AML.T0115.000", "AML.T0115.001"}
    for reference in CITED:
        assert reference.label.endswith("(not checked against the original)") is not reference.checked


def test_labels_read_well() -> None:
    labels = {id: reference.label for id, reference in CATALOGUE.references.items()}
    assert labels["AML.T0015"] == "MITRE ATLAS 2026.09: AML.T0015 Evade AI Model"
    assert labels["ML04:2023"] == "OWASP ML Top 10 2023: ML04:2023 Membership Inference Attack"
    expected = "BIML-78 1.0 (2020): model:2:Trojan (not checked against the original)"
    assert labels["model:2:Trojan"] == expected


def test_pages_point_at_the_entry_where_the_framework_has_one() -> None:
    references = CATALOGUE.references
    assert references["AML.T0043.004"].url == "https://atlas.mitre.org/techniques/AML.T0043.004"
    assert references["ML05:2023"].url.endswith("-machine-learning-security-top-10/docs/ML05_2023-Model_Theft")
    assert references["NISTAML.031"].url == "https://doi.org/10.6028/NIST.AI.100-2e2025"


def test_families_come_in_report_order_and_hold_every_threat_that_attacks_test() -> None:
    families = CATALOGUE.families()
    assert tuple(families) == FAMILIES
    assert len(FAMILIES) == 8
    assert all(families.values())
    tested = [threat.id for threats in families.values() for threat in threats]
    assert sorted(tested) == sorted(threat.id for threat in THREATS if threat.family is not None)
    assert {threat.id for threat in THREATS if threat.family is None} == {"output-tampering", "denial-of-service"}
    assert [threat.id for threat in families["data_extraction"]] == [
        "membership-inference",
        "model-inversion",
        "attribute-inference",
    ]


# --- Finding a threat -----------------------------------------------------------------------------------------------


@each_threat
def test_a_threat_is_found_by_its_id_and_by_each_alias(threat: Threat) -> None:
    for name in (threat.id, *threat.aliases):
        assert CATALOGUE.threat(name) is threat


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("evasoin", "evasion"), ("data_poisoning", "data-poisoning"), ("membership-inferrence", "membership-inference")],
)
def test_an_unknown_threat_is_answered_with_the_nearest_one(typed: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean '{meant}'") as caught:
        CATALOGUE.threat(typed)
    assert caught.value.fix
    assert all(threat.id in caught.value.fix for threat in THREATS)
    assert caught.value.where == "threat catalogue 2026.11"


def test_a_name_that_is_near_to_nothing_gets_no_guess() -> None:
    with pytest.raises(UnknownName) as caught:
        CATALOGUE.threat("zzzzzzzz")
    assert "Did you mean" not in str(caught.value)


# --- Finding a reference --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("former", "today"),
    [
        ("AML.T0019", "AML.T0115.000"),
        ("AML.T0058", "AML.T0115.001"),
        ("AML.T0104", "AML.T0115.002"),
        ("aml.t0058", "AML.T0115.001"),
        (" AML.T0058 ", "AML.T0115.001"),
        ("Publish Poisoned Datasets", "AML.T0115.000"),
        ("Poison Training Data", "AML.T0020"),
        ("AI Attack Staging", "AML.TA0001"),
        ("AI Attack Adaptation", "AML.TA0001"),
        ("AML.TA0001", "AML.TA0001"),
        ("Model Stealing", "ML05:2023"),
        ("ml05:2023", "ML05:2023"),
        ("nistaml.033", "NISTAML.033"),
        ("Membership Inference", "NISTAML.033"),
        ("model:2:trojan", "model:2:Trojan"),
    ],
)
def test_former_ids_and_titles_lead_to_todays_id(former: str, today: str) -> None:
    assert CATALOGUE.resolve(former) == today


@each_reference
def test_a_present_id_stays_what_it_is(reference: Reference) -> None:
    assert CATALOGUE.resolve(reference.id) == reference.id


def test_renamings_lead_to_references_that_are_known_and_final() -> None:
    for renaming in CATALOGUE.renamings:
        today = CATALOGUE.resolve(renaming.was)
        assert today == renaming.now.id == CATALOGUE.resolve(renaming.was_title)
        assert CATALOGUE.resolve(today) == today
        assert re.fullmatch(SYNTAX[renaming.now.framework], renaming.was)
        assert renaming.was not in CATALOGUE.references or renaming.was == today
        assert (renaming.was, renaming.was_title) != (renaming.now.id, renaming.now.title)
        assert renaming.since
        assert renaming.now.edition
    elsewhere = {renaming.now.id for renaming in CATALOGUE.renamings} - set(CATALOGUE.references)
    assert elsewhere == {"AML.T0115.002", "AML.TA0001"}  # a tactic and agent tools: no threat here is about them
    former = [(renaming.was, renaming.was_title) for renaming in CATALOGUE.renamings]
    assert len(former) == len(set(former))


@pytest.mark.parametrize("title", ["Model Poisoning", "model poisoning"])
def test_a_title_that_several_entries_share_is_refused(title: str) -> None:
    assert sum(reference.title == "Model Poisoning" for reference in CITED) == 4
    with pytest.raises(UnknownName):
        CATALOGUE.resolve(title)


def test_an_unknown_reference_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'AML\.T0115\.00\d'"):
        CATALOGUE.resolve("AML.T0115.009")


def test_citing_follows_former_ids() -> None:
    assert [threat.id for threat in CATALOGUE.citing("AML.T0058")] == ["transfer-learning"]
    assert [threat.id for threat in CATALOGUE.citing("ML03:2023")] == ["model-inversion", "attribute-inference"]
    assert CATALOGUE.citing("AML.T0104") == ()  # agent tools: known, outside what Casemate tests


# --- Immutable, cached, portable ------------------------------------------------------------------------------------


def test_the_catalogue_is_read_once_and_cannot_be_changed() -> None:
    assert catalogue() is CATALOGUE
    with pytest.raises(TypeError):
        CATALOGUE.threats["evasion"] = THREATS[0]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        THREATS[0].default_limit = 1.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        CITED[0].checked = True  # type: ignore[misc]


def test_threats_cross_process_borders() -> None:
    assert pickle.loads(pickle.dumps(THREATS)) == THREATS


def test_a_missing_file_is_reported_as_a_damaged_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(CasemateError, match="cannot be opened") as caught:
        catalogue.__wrapped__()
    assert caught.value.fix
    assert "reinstall" in caught.value.fix


# --- A damaged file -------------------------------------------------------------------------------------------------


def test_the_small_catalogue_of_these_tests_is_sound() -> None:
    small = read(SMALL)
    assert small.resolve("fooling") == "NISTAML.022"
    assert small.threat("fooling").references[0].url == "https://example.org/"
    assert small.threat("evasion").default_limit is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('edition = "2026.11"', 'edition = "2026.11', "cannot be read"),
        ('edition = "2026.11"', 'edition = "2026.13"', r"matching regex.*\$\.edition"),
        ('edition = "2026.11"', "", "missing required field `edition`"),
        ('stage = "deployment"', 'stage = "lunch"', "Invalid enum value 'lunch'"),
        ('family = "evasion"', 'family = "privacy"', "Invalid enum value 'privacy'"),
        ('effect = "share fooled"', 'effect = "share fooled"\nlimit = 0.1', "unknown field `limit`"),
        ('effect = "share fooled"', "", "missing required field `effect`"),
        ('effect = "share fooled"', 'effect = "share fooled"\ndefault_limit = 1.5', "<= 1"),
        ('effect = "share fooled"', 'effect = "share fooled"\ndefault_limit = -0.1', ">= 0"),
        ('effect = "share fooled"', 'effect = "share fooled"\ndefault_limit = nan', ">= 0"),
        ('effect = "share fooled"', 'effect = "share fooled"\ndefault_limit = "0.1"', "got `str`"),
        ('references = ["NISTAML.022"]', "references = []", "length >= 1"),
        ('references = ["NISTAML.022"]', 'references = ["NISTAML.02"]', r"does not list. Did you mean 'NISTAML\.022'"),
        ('references = ["NISTAML.022"]', 'references = ["NISTAML.022", "NISTAML.022"]', "more than once"),
        ('remedies = ["Train harder.", "Ask less."]', 'remedies = ["Train harder."]', "length >= 2"),
        ('aliases = ["fooling"]', 'aliases = ["fooling", "evasion"]', "'evasion' stands for more than one"),
        ('aliases = ["fooling"]', 'aliases = ["Not Kebab"]', "matching regex"),
        ("[threats.evasion]", "[threats.Evasion_Attack]", "matching regex"),
        ('"NISTAML.022" = {', '"NISTAML.2222" = {', "not of the form of an id of NIST"),
        ('was = "NISTAML.099"', 'was = "T0099"', "not of the form of an id of NIST"),
        ('framework = "nist", title', 'framework = "nits", title', "not declared. Did you mean 'nist'"),
        ('now_title = "Evasion"', 'now_title = "Evading"', "two titles today"),
        (r"0\d{1,2}'", "0[1'", "no regular expression"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(old: str, new: str, complaint: str) -> None:
    assert old in SMALL
    with pytest.raises(CasemateError, match=complaint) as caught:
        read(SMALL.replace(old, new), where="here.toml")
    assert caught.value.where == "here.toml"
    assert caught.value.why
    assert caught.value.fix


def test_a_renumbered_id_must_not_be_listed_any_more() -> None:
    stale = '"NISTAML.099" = { framework = "nist", title = "Fooling" }\n[[renamed]]'
    with pytest.raises(CasemateError, match=r"renumbered to 'NISTAML\.022' but is still listed"):
        read(SMALL.replace("[[renamed]]", stale))


def test_a_former_title_must_not_mean_two_things() -> None:
    entry = SMALL[SMALL.index("[[renamed]]") : SMALL.index("[threats.evasion]")]
    with pytest.raises(CasemateError, match="former title 'fooling' is listed more than once"):
        read(SMALL.replace(entry, entry + entry))


@given(st.text(max_size=200))
def test_any_text_is_a_catalogue_or_a_clean_error(text: str) -> None:
    with pytest.raises(CasemateError):
        read(text)


@settings(max_examples=150)
@given(st.data())
def test_a_file_with_a_piece_cut_out_is_read_or_refused_cleanly(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SMALL)))
    end = data.draw(st.integers(start, min(len(SMALL), start + 60)))
    try:
        rest = list(read(SMALL[:start] + SMALL[end:]).threats.values())
    except CasemateError:
        rest = []  # refused; any other exception fails the test
    assert all(threat.references for threat in rest)


@given(st.sampled_from(sorted(CATALOGUE.references)), st.data())
def test_resolving_ignores_case_and_is_final(id: str, data: st.DataObject) -> None:
    flips = data.draw(st.lists(st.booleans(), min_size=len(id), max_size=len(id)))
    spelt = "".join(letter.swapcase() if flip else letter for letter, flip in zip(id, flips, strict=True))
    assert CATALOGUE.resolve(spelt) == id == CATALOGUE.resolve(CATALOGUE.resolve(spelt))


def test_the_file_holds_nothing_that_the_catalogue_drops() -> None:
    raw = tomllib.loads(TEXT)
    assert set(raw) == {"edition", "frameworks", "references", "renamed", "threats"}
    assert list(raw["threats"]) == list(CATALOGUE.threats)
    assert list(raw["references"]) == list(CATALOGUE.references)
    assert len(raw["renamed"]) == len(CATALOGUE.renamings)
    for id, entry in raw["threats"].items():
        assert [reference.id for reference in CATALOGUE.threats[id].references] == entry["references"]
