import pytest

from casemate.cli.page import Page


def lines(page: Page, capsys: pytest.CaptureFixture[str]) -> list[str]:
    page.show()
    return capsys.readouterr().out.splitlines()


def test_sections_stand_under_their_headings(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page("title", "lead")
    page.items("Items", ["one", "two"])
    page.facts("Facts", {"short": "1", "much longer": "2", "empty": ""})
    assert lines(page, capsys) == [
        "title",
        "lead",
        "",
        "Items",
        "  one",
        "  two",
        "",
        "Facts",
        "  short        1",
        "  much longer  2",
    ]


def test_sections_without_content_leave_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page("title", "")
    page.items("Items", [])
    page.facts("Facts", {"empty": ""})
    page.text("Text", "")
    assert lines(page, capsys) == ["title"]


def test_a_docstring_flows_by_paragraphs_and_leaves_out_what_is_for_programmers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Page("title", "")
    page.text(
        "Text", "One line,\n    and ``another``.\n\n    Second.\n\n    Raises:\n        Error: never shown.\n    "
    )
    assert lines(page, capsys) == ["title", "", "Text", "  One line, and another.", "", "  Second."]


def test_long_lines_break_and_hang_and_addresses_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page("title", "")
    address = "https://example.org/" + "a" * 120
    page.items("Items", ["word " * 30, address])
    page.facts("Facts", {"name": "word " * 30})
    shown = lines(page, capsys)
    assert shown[3].startswith("  word word")
    assert shown[4].startswith("    word")
    assert f"  {address}" in shown
    assert shown[-1].startswith("        word")
    assert all(len(line) <= 100 for line in shown if address not in line)
