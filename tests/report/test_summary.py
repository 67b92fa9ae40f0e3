import datetime
import shlex
from dataclasses import replace

from casemate.assess.judge import judge
from casemate.core.policy import Policy
from casemate.report.describe import describe, threat_in_words
from casemate.report.facts import by_arm, facts, not_run, waivers
from casemate.report.reproduce import command
from casemate.report.standing import Standing
from casemate.report.summary import headline, look_again, next_steps, told, worst
from report.specimen import TODAY, empty, only, specimen


def test_the_headline_counts_what_broke() -> None:
    assert headline(specimen()) == "1 of 6 attacks broke loan-desk with all its controls."
    bare = replace(specimen(), system=replace(specimen().system, controls=()))
    assert headline(bare) == "1 of 6 attacks broke loan-desk, which has no controls."


def test_the_headline_of_a_system_that_held() -> None:
    assert headline(only("evasion.hop-skip-jump")) == "loan-desk held against 1 attack."
    waived = only("evasion.hop-skip-jump", "data-extraction.membership-rmia")
    assert headline(waived) == "loan-desk held against 2 attacks, 1 waived breach aside."


def test_the_headline_never_calls_held_what_was_not_decided() -> None:
    open_ = only("evasion.hop-skip-jump", "poisoning.label-flip", "backdoor.badnets")
    assert headline(open_) == "No attack broke loan-desk, but 1 of 3 could not be decided and 1 of 3 could not run."
    assert headline(empty()) == "No attack could be run against loan-desk: nothing was assessed."
    assert headline(only("transfer.mimicry")).endswith("nothing was assessed.")
    halted = replace(only("evasion.hop-skip-jump"), interrupted=True)
    assert headline(halted) == "The assessment of loan-desk was interrupted before every attack had run."


def test_the_headline_tells_of_a_price_that_is_not_accepted() -> None:
    dear = judge(only("evasion.hop-skip-jump"), Policy(costs={"accuracy-loss": 0.01}), TODAY)
    assert headline(dear) == "No attack broke loan-desk, but the price of its controls is not accepted."
    assert any(step.startswith("The price: accuracy-loss is at least") for step in next_steps(dear))


def test_the_worst_is_a_breach_then_a_failure_then_the_undecided() -> None:
    def worst_of(*attacks: str) -> str:
        found = worst(only(*attacks))
        assert found is not None
        return found.attack

    assert worst_of("evasion.hop-skip-jump", "model-extraction.copycat") == "evasion.hop-skip-jump"
    assert worst_of("evasion.hop-skip-jump", "data-extraction.membership-rmia") == "data-extraction.membership-rmia"
    assert worst_of("poisoning.label-flip", "data-extraction.membership-rmia") == "poisoning.label-flip"
    assert worst_of("poisoning.label-flip", "backdoor.badnets") == "backdoor.badnets"
    assert worst_of("evasion.pgd", "backdoor.badnets") == "evasion.pgd"
    assert worst(only("transfer.mimicry")) is None


def test_a_finding_is_told_with_its_interval_and_limit() -> None:
    found = worst(specimen())
    assert found is not None
    assert told(found) == "evasion success 40.5% (33.6–47.7); at most 20.0% is accepted."
    assert told(replace(found, limit=None)) == "evasion success 40.5% (33.6–47.7); no limit is set."
    strict = replace(found, effect=replace(found.effect, level=0.99)) if found.effect else found
    assert "99% interval" in told(strict)
    failed = worst(only("backdoor.badnets"))
    assert failed is not None
    assert told(failed) == "could not run: the recipe raised ValueError: Input X contains NaN."


def test_the_next_steps_start_with_the_worst_and_end_with_a_command() -> None:
    steps = next_steps(specimen())
    assert steps[0].startswith("evasion.pgd: Train on adversarial examples")
    assert steps[1] == "backdoor.badnets: let the recipe drop or fill empty values"
    assert "samples would decide" in steps[2]
    assert len(steps) == 3
    assert (look_again(specimen()) or "").endswith("--attack evasion.pgd --seed 7")
    assert look_again(only("evasion.hop-skip-jump")) is None
    assert look_again(empty()) is None
    assert next_steps(only("evasion.hop-skip-jump")) == ()


def test_what_another_command_made_is_made_again_by_it() -> None:
    made = replace(specimen(), command="casemate deidentify people.csv --purpose open")
    assert command(made, "evasion.pgd") == look_again(made) == "casemate deidentify people.csv --purpose open"


def test_a_missing_limit_is_something_to_set() -> None:
    record = only("poisoning.label-flip")
    without = replace(record, findings=tuple(replace(f, limit=None) for f in record.findings))
    assert next_steps(without) == (
        'poisoning.label-flip: set a limit under [policy.limits]: "data-poisoning" = 0.1, say.',
    )


def test_the_command_survives_a_shell() -> None:
    line = command(
        replace(specimen(), system=replace(specimen().system, path="a dir/$(rm -rf x);.toml")), "evasion.pgd"
    )
    assert shlex.split(line) == [
        "casemate",
        "assess",
        "a dir/$(rm -rf x);.toml",
        "--attack",
        "evasion.pgd",
        "--seed",
        "7",
    ]
    assert command(replace(specimen(), system=replace(specimen().system, path="")), "x.y").startswith(
        "casemate assess casemate.toml "
    )


def test_an_installed_attack_is_described_by_its_own_words() -> None:
    found = describe("evasion.pgd")
    assert found.title == "Projected gradient descent"
    assert found.summary.startswith("Climb the loss within a radius")
    assert found.method.startswith("40 steps from a random start")


def test_an_attack_that_is_not_installed_has_its_id() -> None:
    found = describe("evasion.never-heard-of")
    assert (found.title, found.summary, found.method) == ("Never heard of", "", "")
    assert threat_in_words("evasion")[0] == "Evasion"
    assert threat_in_words("no-such-threat") == ("no-such-threat", "")


def test_facts_leave_out_what_is_empty() -> None:
    told = dict(facts(specimen()))
    assert told["Rows"] == "1,200 to train on, 400 to test on"
    assert told["Inputs"] == "64 features, 1 x 8 x 8"
    assert told["Versions"] == "casemate 0.1.0, numpy 2.3.1, torch 2.8.0"
    assert "Versions" not in dict(facts(empty()))
    assert dict(facts(replace(specimen(), environment={"versions": "odd"})))["Made"] == "2026-11-23 17:20 UTC"


def test_waivers_say_what_they_cover() -> None:
    used, stale = waivers(specimen())
    assert used.covers == ("data-extraction.membership-rmia",)
    assert stale.waiver.expires == datetime.date(2026, 9, 30)
    assert stale.covers == ()


def test_what_did_not_run_is_grouped_by_reason() -> None:
    failed, absent = not_run(specimen())
    assert (failed.attack, failed.standing, failed.arms) == ("backdoor.badnets", Standing.FAILED, ("every arm",))
    assert (absent.attack, absent.standing) == ("transfer.mimicry", Standing.NOT_APPLICABLE)
    assert "no teacher" in absent.reason


def test_prices_go_from_no_controls_to_all() -> None:
    arms = [cost.arm.partition(":")[0] for cost in by_arm(specimen())]
    assert arms == ["bare", "only", "only", "only", "only", "without", "full"]
