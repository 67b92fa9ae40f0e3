"""Terminal: the verdict first, then the worst finding, the table, prices, what did not run, what to try next."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.assessment import Assessment, Cost
from casemate.core.finding import Effect, Finding
from casemate.report import summary, words
from casemate.report.facts import (
    ENCRYPTED_LEGEND,
    ENCRYPTED_PRICES,
    by_arm,
    encrypted_prices,
    has_model,
    has_release,
    lineage_commands,
    not_run,
    waivers,
)
from casemate.report.matrix import Row, matrix
from casemate.report.standing import Standing, standing, tally

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

WIDE = 116
"""Columns from which an interval stands beside its value, not under it."""

NARROW = 76
"""Columns below which every id of a table is set on two lines."""

LONGEST_NAME = 26
"""Characters of an id that fit on one line of a table that is not wide."""

STYLES = {
    Standing.BROKEN: "bold red",
    Standing.FAILED: "red",
    Standing.INCONCLUSIVE: "yellow",
    Standing.WAIVED: "red",
    Standing.HELD: "cyan",
    Standing.NOT_APPLICABLE: "dim",
}
_ASCII = str.maketrans({"–": "-", "−": "-", "→": "->", "·": "-", "“": '"', "”": '"'})


def render(assessment: Assessment, width: int = 100) -> str:
    """Return the report as plain text, at most ``width`` columns wide."""
    from rich.console import Console

    out = io.StringIO()
    show(assessment, Console(file=out, width=width, force_terminal=False, no_color=True, legacy_windows=False))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def show(assessment: Assessment, console: Console, reports: Mapping[str, Path] | None = None) -> None:
    """Print the report on a console. Colours, where the console has any, repeat what words say.

    Args:
        console: where to; it knows its width, its encoding, and whether it has colours (``NO_COLOR`` included).
        reports: where further reports were written, by format.
    """
    page = _Page(console)
    _verdict(page, assessment)
    _table(page, assessment)
    _prices(page, assessment)
    _gaps(page, assessment)
    page.listed("What to try next", summary.next_steps(assessment))
    again = summary.look_again(assessment)
    if again:
        page.line(("  Then look again:", ""))
        page.unwrapped(f"    {again}")
    asked = lineage_commands(assessment)
    if again and asked:
        page.line(("  Where the data went:", ""))
        for command in asked:
            page.unwrapped(f"    {command}")
    page.heading("Reports" if reports else "")
    for format, path in (reports or {}).items():
        page.line((f"  {format:<9} ", "dim"), (str(path), page.link(path.absolute().as_uri())))


class _Page:
    """A console on which everything that is printed is made printable first."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.utf = console.encoding.lower().startswith("utf")

    def text(self, *parts: tuple[str, str]) -> Text:
        from rich.text import Text

        made = Text(overflow="fold")
        for said, style in parts:
            made.append(self.clean(said), style or None)
        return made

    def clean(self, said: str) -> str:
        said = words.printable(said)
        return said if self.utf else said.translate(_ASCII).encode(self.console.encoding, "replace").decode("ascii")

    def line(self, *parts: tuple[str, str]) -> None:
        self.print(self.text(*parts))

    def print(self, what: RenderableType) -> None:
        self.console.print(what, emoji=False, markup=False, highlight=False, soft_wrap=False)

    def unwrapped(self, said: str) -> None:
        """Print a line to be copied: the terminal may break it, we do not."""
        self.console.print(self.text((said, "bold")), emoji=False, markup=False, highlight=False, soft_wrap=True)

    def heading(self, title: str) -> None:
        if title:
            self.line()
            self.line((title, "bold"))

    def listed(self, title: str, items: tuple[str, ...]) -> None:
        self.heading(title if items else "")
        for item in items:
            self.hang("  - ", "", (item, ""))

    def hang(self, lead: str, style: str, *parts: tuple[str, str]) -> None:
        """Print a text after a lead, its further lines set in under its first word."""
        width = max(self.console.width - len(lead), 20)
        for number, line in enumerate(self.text(*parts).wrap(self.console, width)):
            line.rstrip()
            self.print(self.text((lead, style) if not number else (" " * len(lead), "")).append_text(line))

    def table(self, *columns: tuple[str, bool]) -> Table:
        """A table with a line under its head; a column is a title, and whether it holds numbers."""
        from rich import box
        from rich.table import Table

        made = Table(
            box=box.SIMPLE_HEAD if self.utf else box.ASCII, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False
        )
        for title, number in columns:
            made.add_column(title, justify="right" if number else "left", overflow="fold", header_style="dim")
        return made

    def short(self, name: str) -> str:
        """Return an id on two lines where one line would leave no room for the figures."""
        family, dot, technique = name.partition(".")
        most = LONGEST_NAME if self.console.width >= NARROW else 0
        fits = self.console.width >= WIDE or len(name) <= most or not dot
        return name if fits else f"{family}.\n  {technique}"

    def link(self, address: str, style: str = "") -> str:
        """Return a style that links to an address; none where the console is no terminal."""
        shown = self.console.is_terminal and self.console.file.isatty() and words.printable(address) == address
        return f"{style} link {address}".strip() if shown and " " not in address else style


def _verdict(page: _Page, assessment: Assessment) -> None:
    kind = Standing[assessment.verdict.name]
    page.hang(f"{kind.value.upper()}  ", f"bold {STYLES[kind]}", (summary.headline(assessment), "bold"))
    counts = ", ".join(f"{n} {kind.value}" for kind, n in tally(assessment.of("full")))
    if counts:
        page.hang("", "", (f"{counts}.", "dim"))
    if assessment.interrupted:
        page.line(("Interrupted: not every attack has run.", "yellow"))
    for breach in assessment.cost_breaches:
        page.hang("Price  ", STYLES[Standing.BROKEN], (f"{breach}.", ""))
    finding = summary.worst(assessment)
    if finding is not None:
        _worst(page, finding)


def _worst(page: _Page, finding: Finding) -> None:
    lead = "Closest" if standing(finding) is Standing.HELD else "Worst"
    indent = " " * (len(lead) + 2)
    page.line()
    page.hang(f"{lead}  ", STYLES[standing(finding)], (f"{finding.attack}: {summary.told(finding)}", ""))
    if finding.undetected is not None and finding.undetected != finding.effect:
        page.line((f"{indent}Undetected: {words.measured(finding.undetected)}.", ""))
    for reference in finding.references[:1]:
        page.hang(indent, "", (reference.label, page.link(reference.url, "dim") if reference.url else "dim"))


def _table(page: _Page, assessment: Assessment) -> None:
    rows = matrix(assessment).rows
    if not rows:
        return
    page.line()
    table = page.table(
        ("Attack", False), ("No\ncontrols", True), ("All\ncontrols", True), ("Verdict", False), ("Took\noff", True),
        ("Limit", True),
    )  # fmt: skip
    for row in rows:
        table.add_row(*_row(page, row))
    page.print(table)
    page.line((f"Intervals: {assessment.policy.level:.0%}. {words.TOOK_OFF}", "dim"))


def _row(page: _Page, row: Row) -> list[Text]:
    full = row.full
    kind = standing(full) if full else Standing.NOT_APPLICABLE
    return [
        page.text((page.short(row.attack), "")),
        _value(page, row.bare.effect if row.bare else None, ""),
        _value(page, full.effect if full else None, STYLES[kind]),
        page.text((kind.value, STYLES[kind])),
        page.text((words.points(full.delta.value) if full and full.delta else words.NOTHING, "")),
        page.text((words.percent(full.limit if full else None), "dim")),
    ]


def _value(page: _Page, effect: Effect | None, style: str) -> Text:
    if effect is None:
        return page.text((words.NOTHING, "dim"))
    between = " " if page.console.width >= WIDE else "\n"
    return page.text((words.percent(effect.value), style), (f"{between}{words.interval(effect)}", "dim"))


def _prices(page: _Page, assessment: Assessment) -> None:
    if not assessment.costs:
        return
    shown = [cost for cost in by_arm(assessment) if not cost.arm.startswith("without:")]
    priced = [cost for cost in shown if cost.failure is None]
    page.heading("Prices")
    if has_model(assessment):
        grouped = any(cost.worst_group for cost in assessment.costs)
        titles = ["Accuracy", *(["Worst\ngroup"] if grouped else []), "Refused", "Alarms", "Latency"]
        _price_table(page, titles, [_price(page, cost, grouped) for cost in priced])
    encrypted = [(arm, values) for arm, values in encrypted_prices(assessment) if not arm.startswith("without")]
    if encrypted:
        page.heading("Encrypted requests")
        titles = [title.replace(" ", "\n", 1) for title in ENCRYPTED_PRICES]
        _price_table(page, titles, [[page.short(arm), *values] for arm, values in encrypted])
        page.hang("", "", (ENCRYPTED_LEGEND, "dim"))
    if has_release(assessment):
        titles = ["Detail\nlost", "Rows\nleft out", "Columns\nleft out"]
        _price_table(page, titles, [_release_price(page, cost) for cost in priced])
    for cost in shown:
        if cost.failure is not None:
            gap = f"{words.arm(cost.arm)} could not be measured: {cost.failure.message}"
            page.hang("- ", STYLES[Standing.FAILED], (gap, STYLES[Standing.FAILED]))


def _price_table(page: _Page, titles: list[str], rows: list[list[str]]) -> None:
    table = page.table(("", False), *((title, True) for title in titles))
    for row in rows:
        table.add_row(*(page.text((value, "")) for value in row))
    if table.row_count:
        page.print(table)


def _release_price(page: _Page, cost: Cost) -> list[str]:
    lost = (words.percent(cost.information_loss), words.percent(cost.suppressed_rows))
    return [page.short(words.arm(cost.arm)), *lost, str(len(cost.dropped_columns))]


def _price(page: _Page, cost: Cost, grouped: bool) -> list[str]:
    worst = [words.percent(cost.worst_group[1] if cost.worst_group else None)] if grouped else []
    shares = (words.percent(cost.accuracy), *worst, words.percent(cost.refusals), words.percent(cost.false_alarms))
    return [page.short(words.arm(cost.arm)), *shares, words.milliseconds(cost.latency_ms)]


def _gaps(page: _Page, assessment: Assessment) -> None:
    for kind, title in ((Standing.FAILED, "Could not run"), (Standing.NOT_APPLICABLE, "Does not apply")):
        gaps = [gap for gap in not_run(assessment) if gap.standing is kind]
        reasons = (gap.reason.removeprefix("could not run: ") for gap in gaps)
        page.listed(
            title, tuple(f"{gap.attack} ({', '.join(gap.arms)}): {why}" for gap, why in zip(gaps, reasons, strict=True))
        )
    page.listed("Warnings", assessment.warnings)
    page.listed("Waivers", tuple(
        f"{use.waiver.of} until {use.waiver.expires.isoformat()}: {use.waiver.reason}"
        + ("" if use.covers else " (covers nothing that broke)")
        for use in waivers(assessment)
    ))  # fmt: skip
