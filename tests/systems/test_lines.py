"""The line locator against texts whose lines are known, and against tomllib's own reading of arbitrary texts."""

from __future__ import annotations

import datetime
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.systems.lines import Lines, dotted, locate, quoted

TEXT = '''# a comment = "with a sign"
[system]                     # 2
name = "a # no comment"      # 3

[data.columns."mean radius"] # 5
range = [                    # 6
  0,                         # 7
  # between
  1,                         # 9
]
'literal.key' = 1            # 11

[[controls]]                 # 13
use = "one"                  # 14
text = """
[no.header]
key = 1 \\"""
"""                          # 18
[[controls]]                 # 19
use = 'two'                  # 20
inline = { a = 1, b.c = [ { d = 2 }, 3 ] }  # 21
[controls.deep]              # 22
x.y = 1979-05-27 07:32:00    # 23
after = \'\'\'it\'\'s here\'\'\'\'  # 24
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("system",), 2),
        (("system", "name"), 3),
        (("data",), 5),
        (("data", "columns"), 5),
        (("data", "columns", "mean radius"), 5),
        (("data", "columns", "mean radius", "range"), 6),
        (("data", "columns", "mean radius", "range", 0), 7),
        (("data", "columns", "mean radius", "range", 1), 9),
        (("data", "columns", "mean radius", "literal.key"), 11),
        (("controls",), 13),
        (("controls", 0), 13),
        (("controls", 0, "use"), 14),
        (("controls", 0, "text"), 15),
        (("controls", 1), 19),
        (("controls", 1, "use"), 20),
        (("controls", 1, "inline", "b", "c", 0, "d"), 21),
        (("controls", 1, "inline", "b", "c", 1), 21),
        (("controls", 1, "deep"), 22),
        (("controls", 1, "deep", "x"), 23),
        (("controls", 1, "deep", "x", "y"), 23),
        (("controls", 1, "deep", "after"), 24),
    ],
)
def test_every_kind_of_key_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert locate(TEXT).starts[path] == line


def test_nothing_but_keys_has_a_line() -> None:
    assert set(locate(TEXT).starts) == set(paths(tomllib.loads(TEXT)))


def test_a_key_that_is_absent_has_the_line_of_its_table() -> None:
    lines = locate(TEXT, "casemate.toml")
    assert lines.line("controls", 1, "deep", "x", "nothing") == 23
    assert lines.line("controls", 0, "on-error") == 13
    assert lines.line("model", "recipe") is None


def test_a_place_names_file_line_and_key() -> None:
    lines = locate(TEXT, "casemate.toml")
    assert lines.where("controls", 1, "use") == "casemate.toml:20: controls[1].use"
    assert lines.where("data", "columns", "mean radius") == 'casemate.toml:5: data.columns."mean radius"'
    assert lines.where("model") == "casemate.toml: model"
    assert Lines().where("data", "train") == "data.train"


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every key path below a parsed value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in ((*path, key), *paths(item, (*path, key)))]


# Texts that hold everything that could be taken for structure.
awkward = st.text(st.sampled_from("ab \t\"'#[]{}=,.\\\n1é"), max_size=8)
names = st.text(st.sampled_from("ab-_1 .\"'#[=é"), max_size=4)


def single_line(text: str) -> list[str]:
    literal = [f"'{text}'"] if not set(text) & set("'\n") else []
    return [quoted(text), *literal]


def multi_line(text: str) -> list[str]:
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    literal = [f"'''\n{text}'''"] if "'''" not in text and not text.endswith("'") else []
    return [f'"""{escaped}"""', f'"""\n{escaped}"""', *literal]


def keys(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([dotted((name,)), *single_line(name.replace("\n", " "))])


scalars = st.one_of(
    awkward.flatmap(lambda text: st.sampled_from([*single_line(text), *multi_line(text)])),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["true", "false", "1_000", "0xff", "inf", "2030-01-02", "2030-01-02 03:04:05", "03:04:05.6"]),
)
breaks = st.sampled_from(["", " ", "\n", " # ]}\n", "\n\n\t"])


@st.composite
def arrays(draw: st.DrawFn, inside: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(inside, max_size=3))
    text = "[" + ",".join(draw(breaks) + item + draw(breaks) for item in items)
    return text + (draw(st.sampled_from(["", ","])) if items else "") + draw(breaks) + "]"


@st.composite
def inline_tables(draw: st.DrawFn, inside: st.SearchStrategy[str]) -> str:
    own = draw(st.lists(names, unique=True, max_size=3))
    return "{" + ", ".join(f"{draw(keys(name))} = {draw(inside)}" for name in own) + "}"


values = st.recursive(scalars, lambda inside: st.one_of(arrays(inside), inline_tables(inside)), max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str | int, ...], int]]:
    """A text, and the line of every key and header in it."""
    text, expected = "", {}
    headers = [(), *[(name,) for name in draw(st.lists(names, unique=True, max_size=3))]]
    for header in headers:
        repeats = draw(st.integers(1, 2)) if header and draw(st.booleans()) else 0
        for item in range(max(repeats, 1)):
            path: tuple[str | int, ...] = header
            if header:
                text += draw(st.sampled_from(["", "\n", "  ", "# [x]\n"]))
                path = (*header, item) if repeats else header
                expected[path] = text.count("\n") + 1
                key = draw(keys(header[0]))
                text += f"[[ {key} ]]\n" if repeats else f"[{key}] # comment\n"
            own = draw(st.lists(names, unique=True, max_size=3))
            if not header:
                own = [name for name in own if (name,) not in headers]
            for name in own:
                expected[(*path, name)] = text.count("\n") + 1
                more = draw(st.sampled_from(["", ".deep"]))
                text += f"{draw(keys(name))}{more} {draw(st.sampled_from(['=', ' = ']))}{draw(values)}\n"
    return text, expected


@settings(deadline=None)
@given(documents())
def test_any_valid_text_has_all_its_keys_in_their_lines(document: tuple[str, dict[tuple[str | int, ...], int]]) -> None:
    text, expected = document
    parsed = tomllib.loads(text)
    starts = locate(text).starts
    assert set(starts) == set(paths(parsed))
    assert {path: starts[path] for path in expected} == expected


@settings(deadline=None)
@given(st.text())
def test_quoted_text_reads_back(text: str) -> None:
    clean = text.encode("utf-8", "ignore").decode()
    assert tomllib.loads(f"key = {quoted(clean)}") == {"key": clean}
    assert "\n" not in quoted(clean)


def test_windows_line_ends_count_once() -> None:
    assert locate("a = 1\r\nb = 2\r\n".replace("\r\n", "\n")).starts == {("a",): 1, ("b",): 2}


def test_dates_are_values_and_not_structure() -> None:
    text = "a = 2030-01-02\nb = 1\n"
    assert tomllib.loads(text)["a"] == datetime.date(2030, 1, 2)
    assert locate(text).starts == {("a",): 1, ("b",): 2}


def test_a_key_of_thousands_of_parts_is_refused():
    with pytest.raises(RecursionError):
        locate(".".join(["a"] * 1000) + " = 1\n")
    assert locate(".".join(["a"] * 50) + " = 1\n").line(*["a"] * 50) == 1
