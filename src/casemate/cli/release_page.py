"""What is printed of a release: the verdict first, then what was done, what is guaranteed, what was lost, and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli.screen import out
from casemate.cli.table import show_table
from casemate.core.finding import Finding
from casemate.report.words import printable

if TYPE_CHECKING:
    from casemate.assess.release_record import Outcome
    from casemate.controls.privacy.plan import Plan


def show_plan(plan: Plan) -> None:
    """Print what would become of a table."""
    _line(f"{plan.dataset} for {plan.purpose}: {len(plan.publish)} of {len(plan.steps)} columns would be published.")
    _line(_terms(plan))
    _line("")
    _columns(plan)
    for warning in plan.warnings:
        _line(f"note: {warning}")


def show_outcome(outcome: Outcome, reports: Mapping[str, Path]) -> None:
    """Print what came of a release."""
    _line(verdict(outcome))
    for line in guarantee(outcome):
        _line(line)
    _line(_terms(outcome.plan))
    for warning in outcome.warnings:
        _line(f"note: {warning}")
    _line("")
    _columns(outcome.plan)
    _line("")
    show_table(("Attack", "Verdict", "Effect", "Why"), [_attack(finding) for finding in outcome.findings])
    _line("")
    places = {"table": outcome.path, "record": outcome.record, **reports}
    for name, path in places.items():
        if path is not None:
            _line(f"{name:<8} {path}")


def verdict(outcome: Outcome) -> str:
    """Return what became of a release, in one line."""
    plan = outcome.plan
    name = f"{plan.dataset} for {plan.purpose}"
    if outcome.held:
        return f"{name}: held. {outcome.rows:,} rows were written."
    if not outcome.guaranteed:
        why = "broken: the published table does not hold the guarantee that was asked for"
    else:
        why = f"{outcome.assessment.verdict.value}: {_reason(outcome)}"
    if outcome.path is not None:
        return f"{name}: {why}. Written all the same: {outcome.waiver}"
    return f"{name}: {why}. Nothing was written."


def guarantee(outcome: Outcome) -> list[str]:
    """Return what the published table guarantees and what it lost, measured on what was written."""
    lines = []
    measured = outcome.anonymity
    if measured is not None:
        diverse = "" if measured.l is None else f", l = {measured.l} sensitive values in every group"
        close = "" if measured.t is None else f", t = {measured.t:.3f}"
        lines.append(
            f"Guarantee  k = {measured.k} rows look alike at least, in {measured.groups:,} groups{diverse}{close}"
        )
    if outcome.losses.columns:
        worst = max(outcome.losses.columns, key=lambda name: outcome.losses.columns[name])
        lines.append(
            f"Detail     {outcome.losses.mean:.1%} lost on average in blurred columns; most in {worst}, "
            f"{outcome.losses.columns[worst]:.1%}"
        )
    if outcome.suppressed:
        lines.append(f"Left out   {outcome.suppressed:,} rows, {outcome.losses.suppressed:.2%}")
    if outcome.attacked < outcome.rows:
        lines.append(f"Attacked   {outcome.attacked:,} of {outcome.rows:,} rows: whole groups, drawn at random")
    return lines


def _terms(plan: Plan) -> str:
    kept = "" if plan.retention_days is None else f"; to be deleted after {plan.retention_days} days"
    return f"Terms      key epoch {plan.key_epoch}{kept}"


def _columns(plan: Plan) -> None:
    show_table(
        ("Column", "Role", "What is done", "Why"),
        [(step.column, step.role, step.transformation, step.why) for step in plan.steps],
    )


def _attack(finding: Finding) -> tuple[str, str, str, str]:
    effect = finding.effect
    told = "" if effect is None else f"{effect.value:+.1%} ({effect.low:+.1%} to {effect.high:+.1%})"
    return finding.attack, finding.verdict.value, told, printable(finding.reason)


def _reason(outcome: Outcome) -> str:
    worst = [finding for finding in outcome.findings if finding.verdict is outcome.assessment.verdict]
    if not worst:
        return "no attack applies to it, so that nothing is known of how safe it is"
    more = f", and {len(worst) - 1} more" if len(worst) > 1 else ""
    return f"{worst[0].attack}: {printable(worst[0].reason)}{more}"


def _line(text: str) -> None:
    out().print(text, soft_wrap=True)
