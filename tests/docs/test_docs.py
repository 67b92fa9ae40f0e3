"""The documentation against the code: pages, links, commands and system files that a reader would copy."""

from __future__ import annotations

import ast
import datetime
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from markdown.extensions.toc import slugify

from casemate import report
from casemate.attacks import attacks
from casemate.cli import selection
from casemate.cli.app import VERBS, app
from casemate.controls import controls
from casemate.controls.privacy.policy import parse_policy, policy_schema
from casemate.core.control import options_of
from casemate.systems.file import parse
from casemate.systems.json_schema import json_schema
from casemate.threats import catalogue

ROOT = Path(__file__).parents[2]
BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE")
WRITTEN = sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md") if "reference" not in path.parts)
PAGES = [Path("README.md"), Path("CONTRIBUTING.md"), *WRITTEN, Path("docs/reference/assessment.md")]
OURS = [attack for attack in attacks().values() if attack.module.startswith("casemate.")]
CONTROLS = [control for control in controls().values() if control.module.startswith("casemate.")]
LARGEST_IMAGE = 200_000


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: where it stands, its language, its title and its text."""

    page: Path
    language: str
    title: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in re.finditer(r'^```(\w*)(?: title="([^"]*)")?\n(.*?)^```$', text, re.MULTILINE | re.DOTALL):
        yield Block(page, found[1], found[2] or "", found[3])


BLOCKS = [block for page in PAGES for block in blocks(page)]
POLICIES = [block for block in BLOCKS if block.title == "privacy.toml"]
SYSTEM_FILES = [block for block in BLOCKS if block.title == "casemate.toml"]
FRAGMENTS = [b for b in BLOCKS if b.language == "toml" and b.title in ("", "policy.toml") and "[" in b.text]


def commands() -> list[tuple[str, str]]:
    """Every casemate command that a page shows, with the page."""
    found: list[tuple[str, str]] = []
    for block in BLOCKS:
        if block.language in ("console", "sh", "yaml"):
            pattern = r"^(?:\$ (?:time )?|\s*- (?:run: )?|)(casemate [a-z-][^\n]*)$"
            if block.language == "console":
                pattern = r"^\$ (?:time )?(casemate [^\n]*)$"
            found += [(str(block.page), line) for line in re.findall(pattern, block.text, re.MULTILINE)]
    for page in PAGES:
        prose = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        found += [(str(page), line) for line in re.findall(r"`(casemate [^`\n]+)`", prose)]
    return sorted(set(found))


COMMANDS = commands()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the documentation with its reference pages written anew."""
    root = tmp_path_factory.mktemp("docs")
    stale = shutil.ignore_patterns("attacks", "controls", "threats.md", "system-file.md", "__pycache__")
    shutil.copytree(ROOT / "docs", root / "docs", ignore=stale)
    (root / "docs" / "reference" / "words.md").unlink(missing_ok=True)
    for name in (*BESIDE, "mkdocs.yml"):
        shutil.copy(ROOT / name, root / name)
    run([sys.executable, "docs/generate.py"], root)
    return root


def run(words: list[str], folder: Path) -> str:
    """Run a program and return what it wrote; what it says when it fails is the test's message."""
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("attack", OURS, ids=lambda attack: attack.id)
def test_every_attack_has_a_page(copy: Path, attack: Any) -> None:
    page = (copy / "docs/reference/attacks" / f"{attack.id}.md").read_text(encoding="utf-8")
    threat = catalogue().threat(attack.threat)
    assert page.startswith(f"# {attack.id}\n")
    assert re.search(r"^Source: \S", page, re.MULTILINE)
    assert f"](../threats.md#{threat.id})" in page
    assert "None" not in page
    assert all(remedy in page for remedy in threat.remedies)
    assert all(reference.label in page for reference in threat.references)
    assert attack.twin.__qualname__ in page
    assert f"]({attack.id}.md)" in (copy / "docs/reference/attacks/index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.id)
def test_every_control_has_a_page(copy: Path, control: Any) -> None:
    page = (copy / "docs/reference/controls" / f"{control.id}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {control.id}\n")
    assert re.search(r"^Source: \S", page, re.MULTILINE)
    assert control.limit in page
    assert "None" not in page
    assert all(f"](../threats.md#{threat})" in page for threat in control.mitigates)
    assert all(f"`{hook}`" in page for hook in control.hooks)
    assert f"]({control.id}.md)" in (copy / "docs/reference/controls/index.md").read_text(encoding="utf-8")
    for option in options_of(control()):
        row = re.search(rf"^\| `{option}` \| (.+?) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
        assert row, f"{option} has no row, or an empty cell"
        assert "required" not in row.group(2)


def test_every_threat_and_every_table_of_the_system_file_is_told(copy: Path) -> None:
    threats = (copy / "docs/reference/threats.md").read_text(encoding="utf-8")
    assert all(f"{{ #{id} }}" in threats for id in catalogue().threats)
    page = (copy / "docs/reference/system-file.md").read_text(encoding="utf-8")
    tables = set(re.findall(r"^## `(.+)`$", page, re.MULTILINE))
    assert {"[system]", "[data.columns.<name>]", "[[controls]]", "[policy]", "[[policy.waivers]]"} <= tables
    assert "None" not in threats + page


def anchors(page: Path) -> set[str]:
    """What a link may point to in a page: its headings' ids."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        own = re.search(r"\{ *#([\w.-]+) *\}", heading)
        found.add(own[1] if own else slugify(re.sub(r"[`*]", "", heading), "-"))
    return found


def links(page: Path) -> list[str]:
    """Where a page's links and images point to, code left out."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text))


def test_every_relative_link_resolves(copy: Path) -> None:
    broken, checked = [], 0
    for page in [copy / "README.md", copy / "CONTRIBUTING.md", copy / "SECURITY.md", *(copy / "docs").rglob("*.md")]:
        for link in links(page):
            if re.match(r"[a-z]+:", link):
                continue
            checked += 1
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            fits = target.is_file() and (not anchor or anchor in anchors(target))
            if not fits:
                broken.append(f"{page.relative_to(copy)}: {link}")
    assert not broken
    assert checked > 100


@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda value: value)
def test_every_command_parses(page: str, command: str) -> None:
    words = shlex.split(re.split(r" [>|] ", command)[0], comments=True)[1:]
    if len(words) == 1:  # a verb by its name alone
        assert words[0] in {"--version", "--help", *(verb for verbs in VERBS.values() for verb in verbs)}
        return
    _, bound, ignored = app.parse_args(words, exit_on_error=False, print_error=False)
    assert not ignored
    formats = {*report.FORMATS, *(("policy",) if words[0] == "profile" else ())}
    outputs = bound.arguments.get("output") or []
    for output in outputs if isinstance(outputs, list) else []:  # one alone is a file of any kind
        assert output.partition("=")[0] in formats
    selection.check([name for name in bound.arguments.get("attack") or [] if not name.startswith("acme.")], attacks())
    if words[0] == "explain":
        named = bound.arguments[next(iter(bound.arguments))]
        assert named.startswith("acme.") or named in {*attacks(), *controls(), *catalogue().threats}


def test_every_verb_is_shown() -> None:
    shown = {command.split()[1] for _, command in COMMANDS}
    assert {verb for verbs in VERBS.values() for verb in verbs} <= shown


def checked_against_the_schema(table: dict[str, Any]) -> None:
    """Raise ValidationError where a table does not fit; controls of other packages have no schema here."""
    foreign = any(control["use"].startswith("acme.") for control in table.get("controls", ()))
    schema = json_schema(() if foreign else controls().values())
    jsonschema.Draft202012Validator(schema).validate(plain(table))


def plain(value: Any) -> Any:
    """A TOML value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


@pytest.mark.parametrize("block", SYSTEM_FILES, ids=lambda block: str(block.page))
def test_every_system_file_is_right(block: Block) -> None:
    checked_against_the_schema(tomllib.loads(block.text))
    parse(block.text)


@pytest.mark.parametrize("block", POLICIES, ids=lambda block: str(block.page))
def test_every_privacy_policy_is_right(block: Block) -> None:
    jsonschema.Draft202012Validator(policy_schema()).validate(plain(tomllib.loads(block.text)))
    parse_policy(block.text)


@pytest.mark.parametrize("block", FRAGMENTS, ids=lambda block: str(block.page))
def test_every_part_of_a_system_file_would_fit_into_one(block: Block) -> None:
    part = tomllib.loads("\n".join(line for line in block.text.splitlines() if line.strip() != "..."))
    whole = {"system": {"name": "any"}, "data": {"train": "any.csv"}, "model": {"recipe": "any:train"}}
    if all(isinstance(value, dict | list) for value in part.values()):
        checked_against_the_schema({**whole, **part})
    else:  # keys of [data], shown alone
        checked_against_the_schema({**whole, "data": {**whole["data"], **part}})


def test_system_files_and_their_parts_are_found() -> None:
    assert len(SYSTEM_FILES) >= 8
    assert len(FRAGMENTS) >= 8
    with pytest.raises(jsonschema.ValidationError):
        checked_against_the_schema({"system": {"name": "any"}, "data": {"train": "any.csv", "trian": 1}})


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=lambda block: block.title)
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text)


def test_the_readme_shows_a_system_file_of_twenty_lines() -> None:
    (block,) = (block for block in SYSTEM_FILES if block.page == Path("README.md"))
    assert len(block.text.splitlines()) <= 20


def test_every_decision_is_listed_with_its_status() -> None:
    index = (ROOT / "docs/decisions/index.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        number, title = re.match(r"# (\d+)\. (.+)", text).groups()  # type: ignore[union-attr]
        status = re.search(r"^Status: (.+), (\d{4}-\d\d-\d\d)", text, re.MULTILINE)
        assert status, path.name
        assert f"| {number} | [{title}]({path.name}) | {status[1]} | {status[2]} |" in index


def test_images_are_small_and_shown() -> None:
    shown = {Path(link).name for page in PAGES for link in links(ROOT / page)}
    for image in (ROOT / "docs/images").iterdir():
        assert image.stat().st_size < LARGEST_IMAGE, image.name
        assert image.name in shown, image.name


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    said = run([sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", "site"], copy)
    assert "WARNING" not in said
    assert "not included in the" not in said, "a page is missing in the nav"
    assert not list((copy / "site").rglob("*.py")) + list((copy / "site").rglob("*.pyc"))
    for page in (copy / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]+src="([^"]+)"', text)
        loaded += re.findall(r'<link[^>]+rel="(?:stylesheet|preload|preconnect|icon)"[^>]*href="([^"]+)"', text)
        loaded += re.findall(r'<link[^>]+href="([^"]+)"[^>]*rel="(?:stylesheet|preload|preconnect|icon)"', text)
        assert loaded
        assert not [address for address in loaded if re.match(r"(?:[a-z]+:)?//", address)], page.name
