from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from casemate.assess import Interrupted, Options, Override, Progress, assess
from casemate.assess.cache import Cache
from casemate.assess.engine import run_all
from casemate.assess.jobs import PreflightJob, TwinJob
from casemate.assess.run import _worth_keeping
from casemate.core.access import Access, Budget
from casemate.core.assessment import Assessment, Cell
from casemate.core.attack import Attack
from casemate.core.errors import CasemateError, RecipeCrashed, RecipeError, RecipeRaised, RecipeTimedOut
from casemate.core.evidence import Evidence
from casemate.core.finding import Verdict
from casemate.core.model import Model, PlainRecipe
from casemate.core.policy import Policy
from casemate.core.record import encode
from casemate.core.system import System
from casemate.core.target import Target
from fakes import AlarmAll, RefuseLeft, fit, points, square

EVERYTHING = Access.everything()


def mirror(target: Target) -> Evidence:
    """Mirror each victim at the middle.

    Source: made for tests.
    """
    victims = target.victims
    reply = target.ask(victims.X + 0.1 * target.rng.random(victims.X.shape))
    del reply
    return target.present(np.column_stack([1 - victims.X[:, 0], victims.X[:, 1]]), origin=victims)


def twin() -> System:
    return square(60)


def crash(target: Target) -> Evidence:
    os._exit(7)


def fail(target: Target) -> Evidence:
    raise RuntimeError("boom")


def greedy(target: Target) -> Evidence:
    target.ask(np.zeros((10**6, 2)))
    raise AssertionError("the budget stops it before")


def wrong(target: Target) -> Evidence:
    return "evidence"  # type: ignore[return-value]


def attack(run: object = mirror, id: str = "testing.mirror", **rest: object) -> Attack:
    needs = Access.black_box(queries=1000, norm="linf", radius=1.0)
    made = {"needs": needs, "twin": twin, "module": __name__, **rest}
    return Attack(id, "evasion", run=run, **made)  # type: ignore[arg-type]


def run(*attacks: Attack, system: System | None = None, **rest: object) -> Assessment:
    options = Options(**{"workers": 1, **rest})  # type: ignore[arg-type]
    return assess(system or square(60, RefuseLeft()), attacks, access=EVERYTHING, policy=Policy(), options=options)


def evidence_of(assessment: Assessment) -> bytes:
    """What must be the same in every run: everything but time, place and where it came from."""
    cells = [replace(c, cached=False, spent=replace(c.spent, seconds=0.0)) for c in assessment.cells]
    costs = [replace(cost, latency_ms=None) for cost in assessment.costs]
    return encode(
        replace(assessment, created="", cells=tuple(cells), costs=tuple(costs), findings=(), twins=(), environment={})
    )


def test_a_system_is_attacked_bare_and_full():
    assessment = run(attack())
    (full,) = assessment.of("full")
    (bare,) = assessment.of("bare")
    assert full.verdict is bare.verdict is Verdict.BROKEN
    assert full.effect is not None and bare.effect is not None and full.delta is not None
    assert full.effect.value < bare.effect.value
    assert assessment.exit_code == 1
    assert [t.verdict for t in assessment.twins] == [Verdict.BROKEN]
    assert {cost.arm for cost in assessment.costs} == {"bare", "full"}


def test_prices_are_measured():
    costs = {cost.arm: cost for cost in run(attack()).costs}
    assert costs["bare"].refusals == 0.0
    refused = (points(60, 2).X[:, 0] < 0.25).mean()
    assert costs["full"].refusals == pytest.approx(refused)
    assert costs["full"].loss is not None and costs["full"].loss.value == pytest.approx(refused, abs=0.05)
    assert costs["full"].latency_ms is not None and costs["full"].latency_ms > 0


def test_worst_group_is_found():
    test = points(60, 2)
    sides = np.where(test.X[:, 0] < 0.3, "left", "right")
    system = replace(square(60, RefuseLeft(line=0.3)), test=replace(test, groups={"side": sides}))
    cost = next(c for c in run(attack(), system=system).costs if c.arm == "full")
    assert cost.worst_group == ("side=left", 0.0)


def test_same_seed_same_evidence_whatever_the_workers(tmp_path: Path):
    system = square(60, RefuseLeft(), AlarmAll())
    alone, side_by_side = run(attack(), system=system), run(attack(), system=system, workers=2)
    assert evidence_of(alone) == evidence_of(side_by_side)
    assert evidence_of(alone) != evidence_of(run(attack(), system=system, seed=1))


def test_the_second_run_only_runs_what_changed(tmp_path: Path):
    seen: list[Progress] = []

    def again(*attacks: Attack, **rest: object) -> tuple[Assessment, int]:
        seen.clear()
        options = Options(workers=1, cache=tmp_path, **rest)  # type: ignore[arg-type]
        system = square(60, RefuseLeft())
        made = assess(system, attacks, access=EVERYTHING, policy=Policy(), options=options, watch=seen.append)
        return made, sum(not progress.cached for progress in seen)

    first, fresh = again(attack())
    assert fresh == len(seen)
    second, fresh = again(attack())
    assert fresh == 0
    assert all(cell.cached for cell in second.cells)
    assert evidence_of(first) == evidence_of(second)
    _, fresh = again(attack(), attack(id="testing.mirror-two"))
    assert fresh == 3  # two arms and a twin of the new attack
    _, fresh = again(attack(), seed=5)
    assert fresh == len(seen)


def test_a_damaged_cache_entry_is_run_again(tmp_path: Path):
    run(attack(), cache=tmp_path)
    for path in tmp_path.rglob("*.msgpack"):
        path.write_bytes(path.read_bytes()[:10])
    assert run(attack(), cache=tmp_path).exit_code == 1


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert run(attack(), cache=blocked / "cache").exit_code == 1


def test_the_cache_keeps_nothing_without_a_folder():
    cache = Cache(None)
    cache.put("ab", Cell("a", "b", "c", "done"))
    assert cache.get("ab", Cell) is None


@pytest.mark.parametrize(
    ("function", "kind", "words"),
    [
        (fail, "RuntimeError", "boom"),
        (greedy, "BudgetExceeded", "1e+06 queries"),
        (wrong, "CasemateError", "not Evidence"),
    ],
)
def test_a_failing_attack_is_a_finding_with_its_reason(function: object, kind: str, words: str):
    assessment = run(attack(function, "testing.bad"), attack())
    (full,) = [f for f in assessment.of("full") if f.attack == "testing.bad"]
    assert full.failure is not None
    assert full.failure.type == kind
    assert words in full.failure.message
    assert full.verdict is Verdict.INCONCLUSIVE
    assert [f for f in assessment.of("full") if f.attack == "testing.mirror"][0].verdict is Verdict.BROKEN


def test_the_traceback_of_a_failure_is_kept():
    (full,) = run(attack(fail, "testing.bad")).of("full")
    assert full.failure is not None and 'raise RuntimeError("boom")' in full.failure.traceback


def test_failures_are_not_cached(tmp_path: Path):
    run(attack(fail, "testing.bad"), cache=tmp_path)
    kept = [path for path in tmp_path.rglob("*.msgpack") if b"boom" in path.read_bytes()]
    assert kept == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_worker_that_dies_costs_its_own_cells_alone():
    assessment = run(attack(), attack(crash, "testing.crash", twin=None), workers=2)
    findings = {(f.attack, f.arm): f for f in assessment.findings}
    assert findings["testing.mirror", "full"].verdict is Verdict.BROKEN
    for arm in ("bare", "full"):
        failure = findings["testing.crash", arm].failure
        assert failure is not None and failure.type == "WorkerDied"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C is heard, though a shell may have started the tests in its background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interruption_keeps_what_is_done(tmp_path: Path, interruptible: None):
    def stop(progress: Progress) -> None:
        if progress.done == 3:
            os.kill(os.getpid(), signal.SIGINT)

    options = Options(workers=1, cache=tmp_path)
    with pytest.raises(Interrupted) as caught:
        assess(square(60, RefuseLeft()), [attack()], access=EVERYTHING, policy=Policy(), options=options, watch=stop)
    assert caught.value.done >= 3
    assert caught.value.total > caught.value.done
    assert len(list(tmp_path.rglob("*.msgpack"))) >= 3


def noisy_fit(data: object, seed: int) -> Model:
    train = points(60, np.random.default_rng().integers(1 << 30))
    return fit(train.relabel(np.arange(20), 1 - train.y[:20]), seed)


def test_a_recipe_that_is_not_deterministic_is_told():
    assessment = run(attack(), system=square(60, recipe=PlainRecipe(noisy_fit)))
    assert any("not deterministic" in warning for warning in assessment.warnings)
    assert not any("not deterministic" in warning for warning in run(attack()).warnings)


@pytest.mark.parametrize("error", [RecipeTimedOut, RecipeCrashed])
def test_a_recipe_that_hangs_or_dies_is_not_tried_again_in_every_cell(error: type[CasemateError]):
    calls: list[int] = []

    def dead(data: object, seed: int) -> Model:
        calls.append(seed)
        raise error("the recipe is gone")

    needs = Access.training(share=0.1)
    trained = attack(id="testing.training", needs=needs, requires=("recipe",), twin=None)
    assessment = run(attack(), trained, system=square(60, RefuseLeft(), recipe=PlainRecipe(dead)))
    assert len(calls) == 1
    assert {f.failure.type for f in assessment.findings if f.failure} == {error.__name__}
    assert all(f.failure for f in assessment.findings)
    assert all(cost.failure for cost in assessment.costs)
    assert assessment.exit_code == 2


def test_a_recipe_that_only_raises_is_tried_by_every_cell_that_needs_it():
    def unlucky(data: object, seed: int) -> Model:
        raise RecipeRaised("boom")

    shipped = square(60, RefuseLeft(), recipe=PlainRecipe(unlucky), model=fit(points(60, 1), 0))
    (full,) = run(attack(), system=shipped).of("full")
    assert full.verdict is Verdict.BROKEN  # the artefact serves; nothing needs the recipe


def test_a_recipe_that_makes_another_model_is_told():
    shipped = fit(points(60, 1).relabel(np.arange(60), 1 - points(60, 1).y), 0)
    assessment = run(attack(), system=square(60, model=shipped, model_digest="x"))
    assert any("does not make the shipped model" in warning for warning in assessment.warnings)


def test_single_attacks_may_be_given_other_budgets():
    override = {"testing.mirror": Override(Budget(queries=5), 3)}
    assessment = run(attack(), overrides=override)
    assert assessment.cells[0].access.budget.queries == 5
    assert len(assessment.cells[0].evidence) == 3  # type: ignore[arg-type]


def test_an_attack_without_a_twin_is_lent_one_on_the_same_threat():
    assessment = run(attack(), attack(id="testing.guest", twin=None))
    assert {t.attack: t.verdict for t in assessment.twins}["testing.guest"] is Verdict.BROKEN


def test_no_jobs_is_no_work():
    run_all([], lambda index, record: None, workers=2, engine="local")


@pytest.mark.filterwarnings("ignore")  # Ray warns of its own defaults
def test_ray_gives_the_same_evidence_bit_for_bit():
    pytest.importorskip("ray", reason="Ray is not installed")
    system = square(60, RefuseLeft())
    by_ray = run(attack(), attack(fail, "testing.bad"), system=system, workers=2, engine="ray")
    alone = run(attack(), attack(fail, "testing.bad"), system=system)
    assert [f.failure.type for f in by_ray.of("full") if f.failure] == ["RuntimeError"]
    drop = [replace(r, cells=tuple(c for c in r.cells if c.evidence)) for r in (by_ray, alone)]
    assert evidence_of(drop[0]) == evidence_of(drop[1])


def other_twin() -> System:
    return square(40)


def test_a_lent_twin_is_part_of_the_cache_key():
    one, other = (TwinJob(attack(twin=made), 0, 100).key for made in (twin, other_twin))
    assert one != other


def test_a_recipe_that_failed_is_tried_again(tmp_path: Path):
    def failing(data: object, seed: int) -> Model:
        raise RecipeError("no room on the disk")

    job = PreflightJob(square(20, recipe=PlainRecipe(failing)), 0)
    record = job.run()
    assert "no room on the disk" in record.warnings[0]
    assert not _worth_keeping(record)
    assert _worth_keeping(PreflightJob(square(20), 0).run())
