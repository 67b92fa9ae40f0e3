"""casemate gate: a stored assessment judged again, today and under the policy given, for a pipeline to act on."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli import outputs, stored
from casemate.cli.screen import out
from casemate.core.finding import Verdict
from casemate.report.words import printable

if TYPE_CHECKING:
    from casemate.core.assessment import Assessment


def command(
    assessment: Path | None = None,
    /,
    *,
    policy: Path | None = None,
    output: Annotated[list[str] | None, Parameter(name=["--output", "-o"], metavar="FORMAT=PATH")] = None,
    exit_zero: bool = False,
) -> int:
    """Judge a stored assessment again, for a pipeline to act on.

    Nothing is attacked again; a waiver counts until it expires. Exit codes are those of casemate assess.

    Args:
        assessment: A stored assessment, or the system file or folder it belongs to. By default the last one here.
        policy: A system file whose policy to use, or a file with the same tables. Default: the policy it was run under.
        output: Write a report of the new judgement, for example html=report.html; may be repeated.
        exit_zero: Exit with 0 whatever the verdict.
    """
    from casemate.assess import judge
    from casemate.cli import policy as policies

    wanted = outputs.parse(output or [])
    record = stored.load(assessment)
    limits = policies.read(policy) if policy else record.policy
    today = datetime.datetime.now(datetime.UTC).date()
    judged = judge(record, limits, today)
    outputs.write(wanted, judged)
    for line in (*_verdict(judged), *_expired(judged, today)):
        out().print(printable(line), soft_wrap=True)
    return 0 if exit_zero else judged.exit_code


def _expired(assessment: Assessment, today: datetime.date) -> list[str]:
    """The waivers that count no longer."""
    gone = (waiver for waiver in assessment.policy.waivers if waiver.expires < today)
    return [f"  {'expired':<12}  the waiver of {w.of} counted until {w.expires}: {w.reason}" for w in gone]


def _verdict(assessment: Assessment) -> list[str]:
    """The verdict that counts, and what it rests on, one line each."""
    lines = [f"{assessment.system.name}: {assessment.verdict.value}"]
    for finding in assessment.of("full"):
        waived = f" (waived until {finding.waiver.expires}: {finding.waiver.reason})" if finding.waiver else ""
        if finding.verdict is not Verdict.NOT_APPLICABLE:
            lines.append(f"  {finding.verdict.value:<12}  {finding.attack}: {finding.reason}{waived}")
    lines += [f"  {'too costly':<12}  {breach}" for breach in assessment.cost_breaches]
    return lines
