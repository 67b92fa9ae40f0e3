"""Markdown: for the summary page of a pipeline. Same order as the terminal; evidence folds away; under 1 MB."""

from __future__ import annotations

import re

from casemate.core.assessment import Assessment, Cost
from casemate.core.finding import Effect, Finding, Verdict
from casemate.report import summary, words
from casemate.report.facts import (
    ENCRYPTED_LEGEND,
    ENCRYPTED_PRICES,
    NotRun,
    by_arm,
    encrypted_prices,
    facts,
    has_model,
    has_release,
    lineage_commands,
    not_run,
    waivers,
)
from casemate.report.matrix import Column, Row, matrix
from casemate.report.reproduce import command
from casemate.report.standing import Standing, standing, tally

MAX_BYTES = 1_000_000
LONGEST = 2_000
_SPECIAL = re.compile(r"([\\`*_\[\]|#~$@!])")


def render(assessment: Assessment) -> str:
    """Return the report as GitHub-flavoured Markdown.

    What does not fit into 1 MB is left out from the end of the evidence, and the report says so.
    """
    head = [*_verdict(assessment), *_table(assessment), *_prices(assessment), *_gaps(assessment), *_steps(assessment)]
    tail = _facts(assessment)
    room = MAX_BYTES - len("\n".join([*head, *tail]).encode()) - 200
    return "\n".join([*head, *_evidence(assessment, room), *tail]) + "\n"


def plain(text: str) -> str:
    """Return text as Markdown that shows it as it stands: on one line, with nothing that acts."""
    text = " ".join(words.clip(words.printable(text), LONGEST).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text)


def code(text: str) -> str:
    """Return text as a Markdown code span that no backtick of it can end; a bar is escaped for tables."""
    text = " ".join(words.clip(words.printable(text), LONGEST).split())
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{' ' if '`' in text else ''}{text}{' ' if '`' in text else ''}{fence}".replace("|", "\\|")


def _verdict(assessment: Assessment) -> list[str]:
    worst = summary.worst(assessment)
    lines = [f"## Casemate: {assessment.verdict.value}", "", f"**{plain(summary.headline(assessment))}**", ""]
    counts = ", ".join(f"{n} {kind.value}" for kind, n in tally(assessment.of("full")))
    lines += [f"{counts}.", ""] if counts else []
    lines += [f"The price is not accepted: {plain(breach)}.\n" for breach in assessment.cost_breaches]
    if worst is not None:
        lead = "Closest" if standing(worst) is Standing.HELD else "Worst"
        lines += [f"{lead}: {code(worst.attack)}: {plain(summary.told(worst))}", ""]
    return lines


def _table(assessment: Assessment) -> list[str]:
    shown = matrix(assessment)
    if not shown.rows:
        return []
    titles = ["Attack", *map(_title, shown.columns), "Verdict", "Took off", "Limit"]
    lines = [f"| {' | '.join(titles)} |", f"|:--|{'--:|' * len(shown.columns)}:--|--:|--:|"]
    return [
        *lines,
        *map(_row, shown.rows),
        "",
        f"Intervals: {assessment.policy.level:.0%}. {words.TOOK_OFF}",
        "",
    ]


def _title(column: Column) -> str:
    return f"only {code(column.title)}" if column.kind == "only" else column.title.capitalize()


def _row(row: Row) -> str:
    cells = [_cell(finding) for finding in row.findings]
    said = f"**{standing(row.full).value}**" if row.full else words.NOTHING
    delta = words.gained(row.full.delta) if row.full else words.NOTHING
    limit = words.percent(row.any.limit if row.any else None)
    return f"| {' | '.join([code(row.attack), *cells, said, delta, limit])} |"


def _cell(finding: Finding | None) -> str:
    if finding is None:
        return ""
    return _measured(finding.effect) if finding.effect else standing(finding).value


def _measured(effect: Effect | None) -> str:
    return words.NOTHING if effect is None else f"{words.percent(effect.value)}<br><sub>{words.interval(effect)}</sub>"


def _steps(assessment: Assessment) -> list[str]:
    steps = summary.next_steps(assessment)
    again = summary.look_again(assessment)
    lines = [*(f"1. {plain(step)}" for step in steps), *([f"1. Then look again: {code(again)}"] if again else [])]
    return ["### What to try next", "", *lines, ""] if lines else []


def _prices(assessment: Assessment) -> list[str]:
    if not assessment.costs:
        return []
    lines = _model_prices(assessment) if has_model(assessment) else []
    lines += _encrypted_prices(assessment)
    return lines + (_release_prices(assessment) if has_release(assessment) else [])


def _model_prices(assessment: Assessment) -> list[str]:
    lines = ["### Prices", "", "| Arm | Accuracy | Lost, points | Worst group | Refused | False alarms | Latency |"]
    lines.append("|:--|--:|--:|--:|--:|--:|--:|")
    for cost in by_arm(assessment):
        if cost.failure is not None:
            lines.append(_unpriced(cost, 6))
            continue
        group = (
            f"{words.percent(cost.worst_group[1])} ({plain(cost.worst_group[0])})"
            if cost.worst_group
            else words.NOTHING
        )
        lost = words.gained(cost.loss).removeprefix("+")
        shares = (
            words.percent(cost.accuracy),
            lost,
            group,
            words.percent(cost.refusals),
            words.percent(cost.false_alarms),
        )
        lines.append(f"| {' | '.join([plain(words.arm(cost.arm)), *shares, words.milliseconds(cost.latency_ms)])} |")
    return [*lines, ""]


def _encrypted_prices(assessment: Assessment) -> list[str]:
    prices = encrypted_prices(assessment)
    if not prices:
        return []
    head = ["### Encrypted requests", "", ENCRYPTED_LEGEND, "", f"| Arm | {' | '.join(ENCRYPTED_PRICES)} |"]
    rows = [f"| {' | '.join([plain(arm), *values])} |" for arm, values in prices]
    return [*head, f"|:--|{'--:|' * len(ENCRYPTED_PRICES)}", *rows, ""]


def _release_prices(assessment: Assessment) -> list[str]:
    lines = ["### What the released table lost", "", "| Arm | Detail lost | Rows left out | Columns left out |"]
    lines.append("|:--|--:|--:|:--|")
    for cost in by_arm(assessment):
        if cost.failure is not None:
            lines.append(_unpriced(cost, 3))
            continue
        lost = (words.percent(cost.information_loss), words.percent(cost.suppressed_rows))
        gone = ", ".join(map(code, cost.dropped_columns)) or words.NOTHING
        lines.append(f"| {' | '.join([plain(words.arm(cost.arm)), *lost, gone])} |")
    return [*lines, ""]


def _unpriced(cost: Cost, columns: int) -> str:
    message = plain(cost.failure.message) if cost.failure else ""
    return f"| {plain(words.arm(cost.arm))} | could not be measured: {message}{' |' * columns}"


def _gaps(assessment: Assessment) -> list[str]:
    lines: list[str] = []
    for kind, title in ((Standing.FAILED, "Could not run"), (Standing.NOT_APPLICABLE, "Does not apply")):
        lines += _listed(title, [_gap(gap) for gap in not_run(assessment) if gap.standing is kind])
    lines += _listed("Warnings", [plain(warning) for warning in assessment.warnings])
    return lines + _listed("Waivers", [
        f"{code(use.waiver.of)} until {use.waiver.expires.isoformat()}: {plain(use.waiver.reason)}"
        + ("" if use.covers else " (covers nothing that broke)")
        for use in waivers(assessment)
    ])  # fmt: skip


def _gap(gap: NotRun) -> str:
    return (
        f"{code(gap.attack)} ({', '.join(map(plain, gap.arms))}): {plain(gap.reason.removeprefix('could not run: '))}"
    )


def _listed(title: str, items: list[str]) -> list[str]:
    return [f"### {title}", "", *(f"- {item}" for item in items), ""] if items else []


def _evidence(assessment: Assessment, room: int) -> list[str]:
    lines: list[str] = []
    for row in matrix(assessment).rows:
        block = _details(assessment, row)
        room -= len("\n".join(block).encode()) + 1
        if room < 0:
            return [*lines, "The rest of the evidence is left out: the page would be over 1 MB.", ""]
        lines += block
    return lines


def _details(assessment: Assessment, row: Row) -> list[str]:
    finding = row.any
    if finding is None:
        return []
    head = f"<details><summary>{plain(row.attack)}: {standing(finding).value}</summary>"
    lines = [head, "", plain(words.sentence(finding.reason)), ""]
    if finding.effect is not None:
        lines.append(
            f"- Effect: {plain(finding.effect.name)} {words.measured(finding.effect)}, {finding.effect.n:,} samples"
        )
        lines.append(f"- Spent: {words.spent(finding.spent)}")
    if finding.undetected is not None:
        lines.append(f"- Undetected: {words.measured(finding.undetected)}")
    lines.append(f"- Run it again: {code(command(assessment, row.attack))}")
    if finding.verdict is Verdict.BROKEN:
        lines += [f"- What became of the data: {code(asked)}" for asked in lineage_commands(assessment)]
    lines += [f"- Remedy: {plain(step)}" for step in finding.advice]
    lines += [f"- {_reference(reference.label, reference.url)}" for reference in finding.references]
    if finding.failure is not None and finding.failure.traceback:
        lines += ["", *_fenced(finding.failure.traceback)]
    return [*lines, "", "</details>", ""]


def _reference(label: str, url: str) -> str:
    safe = re.fullmatch(r"https?://[^\s()<>\"'\\]+", url)
    return f"[{plain(label)}]({url})" if safe else plain(label)


def _fenced(text: str) -> list[str]:
    text = words.clip(words.printable(text), LONGEST)
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return [f"{fence}text", text.rstrip("\n"), fence]


def _facts(assessment: Assessment) -> list[str]:
    told = [f"- {plain(name)}: {plain(value)}" for name, value in facts(assessment)]
    return ["<details><summary>About this assessment</summary>", "", *told, "", "</details>"]
