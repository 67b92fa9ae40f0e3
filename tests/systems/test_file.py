"""Loading casemate.toml: what it gives, and for every mistake the file, the line and the key."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate import systems
from casemate.core.access import Budget
from casemate.core.control import Control, control
from casemate.core.errors import DataMissing, RecipeMissing, SystemFileError, UnknownName, did_you_mean
from casemate.core.policy import Waiver
from casemate.systems.file import Declared, load, parse
from casemate.systems.rules import Override

ATTACKS = ("evasion.pgd", "evasion.hop-skip-jump", "poisoning.label-flip")
TODAY = datetime.date(2026, 6, 1)

RECIPE = """from sklearn.linear_model import LogisticRegression


def fit(data, seed):
    return LogisticRegression(max_iter=500).fit(data.X, data.y)
"""

FULL = """[system]
name = "iris"
description = "Tells irises apart."
surface = "labels"

[data]
train = "sklearn:iris"
test-share = 0.4
trusted-share = 0.2
split-seed = 3

[data.columns."petal *"]
range = [0, 10]

[data.columns."petal width (cm)"]
immutable = true

[model]
recipe = "train:fit"
time-limit = 30

[[controls]]
use = "test.file-first"
level = 3
on-error = "open"

[[controls]]
use = "test.file-second"

[access]
knowledge = "gray-box"
training-rows = false
queries = 1_000
queries-per-row = 50
training-share = 0.1
norm = "l2"
radius = 0.5
references = 4
clients = 2
seconds = 60

[assess]
seed = 7
samples = 20
jobs = 1
attacks = ["evasion", "poisoning.label-flip"]
skip = ["evasion.hop-skip-jump"]

[attacks."evasion.pgd"]
radius = 0.2
samples = 5

[policy]
count = "undetected"
level = 0.9

[policy.limits]
evasion = 0.3
"evasion.pgd" = 0.1

[policy.costs]
accuracy-loss = 0.02

[[policy.waivers]]
of = "evasion.pgd"
reason = "The camera is behind a fence."
expires = 2026-12-31

[[policy.waivers]]
of = "backdoor"
reason = "Until the new supplier."
expires = 2026-05-31
"""


@control("test.file-first", mitigates=("evasion",), limit="nothing")
class First:
    """Has an option."""

    level: int = 1

    def __post_init__(self) -> None:
        if self.level > 10:
            raise ValueError("level must be at most 10")


@control("test.file-second", mitigates=("evasion",), limit="nothing")
class Second:
    """Has none."""


CONTROLS: dict[str, type[Control]] = {kind.id: kind for kind in (First, Second)}  # type: ignore[attr-defined]


def find(id: str) -> type[Control]:
    if id not in CONTROLS:
        raise UnknownName(f"there is no control {id!r}.{did_you_mean(id, CONTROLS)}", fix="casemate list controls")
    return CONTROLS[id]


def written(folder: Path, text: str) -> Path:
    (folder / "train.py").write_text(RECIPE)
    path = folder / "casemate.toml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str) -> Declared:
    return load(written(folder, text), find_control=find, attacks=ATTACKS, today=TODAY)


def test_a_whole_file_becomes_a_system(tmp_path: Path) -> None:
    declared = loaded(tmp_path, FULL)
    system = declared.system
    assert (system.name, system.surface) == ("iris", "labels")
    assert (len(system.train), len(system.test)) == (72, 60)
    assert system.trusted is not None
    assert len(system.trusted) == 18
    assert [c.id for c in system.controls] == ["test.file-first", "test.file-second"]
    assert (getattr(system.controls[0], "level"), system.controls[0].on_error) == (3, "open")  # noqa: B009
    petal = system.train.schema.columns[3]
    assert (petal.name, petal.low, petal.high, petal.immutable) == ("petal width (cm)", 0.0, 10.0, True)
    assert system.model is None
    assert system.recipe is not None
    assert system.recipe.name == "train:fit"


def test_access_settings_and_policy_say_what_the_file_says(tmp_path: Path) -> None:
    declared = loaded(tmp_path, FULL)
    access, settings, policy = declared.access, declared.settings, declared.policy
    assert (access.knowledge, access.training_rows, access.training_labels) == ("gray-box", False, True)
    assert access.budget == Budget(1000, 50, 0.1, None, "l2", 0.5, 4, 2, 60.0)
    assert (settings.seed, settings.samples, settings.jobs) == (7, 20, 1)
    assert (settings.attacks, settings.skip) == (("evasion", "poisoning.label-flip"), ("evasion.hop-skip-jump",))
    assert settings.overrides == {"evasion.pgd": Override(Budget(radius=0.2), 5)}
    assert (policy.limits, policy.costs) == ({"evasion": 0.3, "evasion.pgd": 0.1}, {"accuracy-loss": 0.02})
    assert (policy.count, policy.level) == ("undetected", 0.9)
    assert policy.waivers[0] == Waiver("evasion.pgd", "The camera is behind a fence.", datetime.date(2026, 12, 31))


def test_an_expired_waiver_is_a_warning_with_its_line(tmp_path: Path) -> None:
    (warning,) = loaded(tmp_path, FULL).warnings
    line = FULL.splitlines().index("expires = 2026-05-31") + 1
    assert f"casemate.toml:{line}: policy.waivers[1].expires" in warning
    assert "'backdoor' expired on 2026-05-31" in warning


def test_a_date_in_quotes_is_a_date(tmp_path: Path) -> None:
    declared = loaded(tmp_path, FULL.replace("2026-05-31", '"2026-05-31"'))
    assert declared.policy.waivers[1].expires == datetime.date(2026, 5, 31)


def test_what_is_left_out_is_the_strongest_attacker_and_the_defaults(tmp_path: Path) -> None:
    declared = loaded(tmp_path, FULL[: FULL.index("[[controls]]")])
    access = declared.access
    assert access.knowledge == "white-box"
    granted = (access.training_rows, access.training_labels, access.recipe, access.population, access.teacher)
    assert (*granted, access.scores) == (True,) * 6
    assert access.budget == Budget()
    assert declared.settings.attacks == ()
    assert declared.policy.limits == {}
    assert declared.warnings == ()


def test_the_loaded_system_can_be_built_and_asked(tmp_path: Path) -> None:
    from casemate.core.build import build
    from casemate.core.request import Request

    system = loaded(tmp_path, FULL).system
    answers = build(system, seed=1).guard.ask(Request(system.test.X))
    assert (answers.labels == system.test.y).mean() > 0.9
    assert answers.scores is None


def test_a_folder_stands_for_its_file_and_the_room_gives_load(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    assert systems.load is load
    assert load(tmp_path, find_control=find).path == path


def test_the_digest_follows_the_content_and_not_the_comments(tmp_path: Path) -> None:
    first = loaded(tmp_path, FULL).system.digest
    assert loaded(tmp_path, FULL.replace("[model]", "# a comment\n[model]")).system.digest == first
    assert loaded(tmp_path, FULL.replace("level = 3", "level = 4")).system.digest != first


MISTAKES = [
    # what is replaced, by what, the line where the mistake is, what the message says
    ('name = "iris"', 'nam = "iris"', "nam", "Did you mean 'name'?"),
    ('name = "iris"', "name = 3", "name", "expected text, got a whole number; it says 3"),
    ('name = "iris"', 'name = ""', "name", "length >= 1"),
    ('surface = "labels"', 'surface = "label"', "surface", "not one of: scores, labels. Did you mean 'labels'?"),
    ('train = "sklearn:iris"\n', "", "[data]", "[data] needs 'train'"),
    ("test-share = 0.4", "test-share = 1.4", "test-share", "expected a number < 1.0"),
    ("test-share = 0.4", "test-share = nan", "test-share", "not a finite number"),
    ("test-share = 0.4", "", "[data]", "names no test rows"),
    ("test-share = 0.4", 'test-share = 0.4\ntest = "x.csv"', "test-share", "both test and test-share"),
    ("trusted-share = 0.2", 'trusted-share = 0.2\ntrusted = "x.csv"', "trusted-share", "both trusted and"),
    ('[data.columns."petal *"]', "[data.columns.petals]", "[data.columns.petals]", "no column 'petals'"),
    ("range = [0, 10]", "range = [10, 0]", "range", "starts at 10 and ends below, at 0"),
    ("range = [0, 10]", "range = [0, 10, 20]", "range", "length 2"),
    ("range = [0, 10]", 'range = [0, 10]\nkind = "category"', "range", "only a number or an integer"),
    ("immutable = true", 'immutable = true\nrole = "secret"', "role", "not one of"),
    ("immutable = true", "imutable = true", "imutable", "Did you mean 'immutable'?"),
    ("split-seed = 3", 'split-seed = 3\ngroups = ["petal"]', "groups", "to group by"),
    ('recipe = "train:fit"', "", "[model]", "names nothing that answers"),
    ('recipe = "train:fit"', 'recipe = "train.fit"', "recipe", "of the form module:function"),
    ("time-limit = 30", "time-limit = 0", "time-limit", "expected a number > 0.0"),
    ("time-limit = 30", "allow-pickle = true", "allow-pickle", "speaks of an artefact"),
    ("time-limit = 30", 'endpoint = "http://x"', "endpoint", "model.endpoint must be a table"),
    ('use = "test.file-first"', 'use = "test.file-frist"', "use", "Did you mean 'test.file-first'?"),
    ('use = "test.file-first"', "", "[[controls]]", "needs 'use'"),
    ('use = "test.file-second"', 'use = "test.file-first"', 'use = "test.file-first"', "used twice"),
    ("level = 3", "levle = 3", "levle", "Did you mean 'level'?"),
    ("level = 3", 'level = "3"', "level", "expected `int`, got `str`; it says '3'"),
    ("level = 3", "level = 11", "[[controls]]", "level must be at most 10"),
    ('on-error = "open"', 'on-error = "ajar"', "on-error", "ajar"),
    ('knowledge = "gray-box"', 'knowledge = "gray"', "knowledge", "Did you mean 'gray-box'?"),
    ("training-rows = false", "training-rows = 0", "training-rows", "expected true or false"),
    ("queries = 1_000", "queries = 0", "queries", "expected a whole number >= 1"),
    ("training-share = 0.1", "training-share = 2", "training-share", "expected a number <= 1.0"),
    ('norm = "l2"', 'norm = "l1"', "norm", "not one of: linf, l2"),
    ("radius = 0.5", "radius = inf", "radius", "not a finite number"),
    ('attacks = ["evasion", ', 'attacks = ["evasoin", ', "attacks =", "no attack or family 'evasoin'. Did you mean"),
    ('skip = ["evasion.hop-skip-jump"]', 'skip = ["evasion.pdg"]', "skip", "Did you mean 'evasion.pgd'?"),
    ('[attacks."evasion.pgd"]', '[attacks."evasion.pg"]', '[attacks."evasion.pg"]', "Did you mean 'evasion.pgd'?"),
    ("samples = 5", "sample = 5", "sample", "Did you mean 'samples'?"),
    ('count = "undetected"', 'count = "some"', "count", "not one of: all, undetected"),
    ("level = 0.9", "level = 1", "level = 1", "expected a number < 1.0"),
    ("evasion = 0.3", "evasoin = 0.3", "evasoin", "Did you mean 'evasion'?"),
    ("evasion = 0.3", "evasion = 30", "evasion = 30", "expected a number <= 1.0; it says 30"),
    ("accuracy-loss = 0.02", "acuracy-loss = 0.02", "acuracy-loss", "Did you mean 'accuracy-loss'?"),
    ("accuracy-loss = 0.02", "accuracy-loss = -1", "accuracy-loss", "expected a number >= 0.0"),
    ('reason = "Until the new supplier."\n', "", "backdoor", "needs 'reason'"),
    ('reason = "Until the new supplier."', 'reason = " "', "reason", "that is not empty"),
    ("expires = 2026-05-31", "", "backdoor", "needs 'expires'"),
    ("expires = 2026-05-31", 'expires = "soon"', "expires", "date; it says 'soon'"),
    ("expires = 2026-05-31", "expires = 2026-05-31T10:00:00", "expires", "expected a date"),
    ('of = "backdoor"', 'of = "backdor"', "of", "Did you mean 'backdoor'?"),
    ('of = "backdoor"', "of = 3", "of", "expected text"),
    ("[assess]", "[asses]", "[asses]", "Did you mean 'assess'?"),
    ("seed = 7", "seed = -1", "seed = -1", "expected a whole number >= 0"),
    ("seed = 7", "seed = 7.5", "seed = 7.5", "expected a whole number, got a number"),
]


@pytest.mark.parametrize(("good", "bad", "spot", "message"), MISTAKES, ids=[m[1] or f"no {m[0]}" for m in MISTAKES])
def test_every_mistake_tells_its_file_and_line(tmp_path: Path, good: str, bad: str, spot: str, message: str) -> None:
    assert FULL.count(good) >= 1
    at = FULL.rindex(good)  # the last place, where several read alike
    text = FULL[:at] + bad + FULL[at + len(good) :]
    with pytest.raises(SystemFileError) as caught:
        loaded(tmp_path, text)
    error = caught.value
    assert message in str(error)
    assert error.where is not None
    line = int(error.where.removeprefix(f"{tmp_path / 'casemate.toml'}:").partition(":")[0])
    shown = "\n".join(text.splitlines()[line - 1 : line + 1])  # a missing key is placed at the head of its table
    assert spot in shown


@pytest.mark.parametrize(
    ("source", "told"), [(None, "no module"), ("def fot(): ...", "no function"), ("def", "Python")]
)
def test_a_recipe_that_surely_cannot_run_is_told_before_any_attack(
    tmp_path: Path, source: str | None, told: str
) -> None:
    loaded(tmp_path, FULL)
    (tmp_path / "train.py").unlink()
    if source is not None:
        (tmp_path / "train.py").write_text(source)
    with pytest.raises(RecipeMissing, match=told):
        load(tmp_path, find_control=find)


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    text = '[model]\nrecipe = "train:fit"\n'
    with pytest.raises(SystemFileError, match="the system file needs 'system'"):
        loaded(tmp_path, text + '[data]\ntrain = "sklearn:iris"\n')
    with pytest.raises(SystemFileError, match=r"neither a table \[data\] nor a table \[release\]"):
        loaded(tmp_path, text + '[system]\nname = "x"\n')


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[system]\nname = "iris\n', "casemate.toml:2:"),
        ("[system]\nname = iris\n", "casemate.toml:2:8"),
        ("[system]\n\n[system]\n", "casemate.toml:3:8"),
        ("[system]\nname = [1,", "casemate.toml:2"),
        ("[system\n", "casemate.toml:1:8"),
    ],
)
def test_a_syntax_error_tells_line_and_column(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(SystemFileError, match="not valid TOML") as caught:
        loaded(tmp_path, text)
    assert where in str(caught.value.where)


def test_an_artefact_and_an_endpoint_are_a_contradiction(tmp_path: Path) -> None:
    more = '[model]\nartefact = "m.skops"\n[model.endpoint]\nurl = "https://x"\nmodel = "m"\n'
    text = FULL[: FULL.index("[model]")] + more
    with pytest.raises(SystemFileError, match="both an artefact and an endpoint") as caught:
        loaded(tmp_path, text)
    assert caught.value.where is not None
    assert f":{text.splitlines().index('[model.endpoint]') + 1}: model.endpoint" in caught.value.where


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match=r"there is no system file .*other\.toml") as caught:
        load(tmp_path / "other.toml", find_control=find)
    assert "casemate init" in str(caught.value.fix)
    (tmp_path / "casemate.toml").write_bytes(b'[system]\nname = "\xff"\n')
    with pytest.raises(SystemFileError, match="not UTF-8: byte 0xff") as caught:
        load(tmp_path, find_control=find)
    assert str(caught.value.where).endswith("casemate.toml:2")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(RECIPE)
    path = tmp_path / "casemate.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    declared = load(path, find_control=find, attacks=ATTACKS, today=TODAY)
    assert declared.lines.line("model", "recipe") == FULL.splitlines().index('recipe = "train:fit"') + 1


def test_deep_nesting_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match="too deeply"):
        loaded(tmp_path, "a = " + "[" * 100_000 + "]" * 100_000)


def test_mistakes_of_the_file_come_before_any_data_is_read(tmp_path: Path) -> None:
    text = FULL.replace("sklearn:iris", "nothing.csv")
    with pytest.raises(DataMissing):
        loaded(tmp_path, text)
    with pytest.raises(SystemFileError, match="radius"):
        loaded(tmp_path, text.replace("radius = 0.5", "radius = -1"))


def test_without_a_list_of_attacks_their_names_pass_but_threats_do_not(tmp_path: Path) -> None:
    text = FULL.replace("evasion.pgd", "evasion.new")
    declared = load(written(tmp_path, text), find_control=find)
    assert "evasion.new" in declared.settings.overrides
    with pytest.raises(SystemFileError, match="evasoin"):
        load(written(tmp_path, FULL.replace("evasion = 0.3", "evasoin = 0.3")), find_control=find)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_parses_or_is_a_system_file_error(text: str) -> None:
    with pytest.raises(SystemFileError):
        parse(text.encode("utf-8", "ignore").decode())


@settings(deadline=None)
@given(st.sampled_from(range(len(FULL.splitlines()))))
def test_a_line_struck_out_never_raises_anything_else(row: int) -> None:
    rows = FULL.splitlines()
    with contextlib.suppress(SystemFileError):
        declaration, _ = parse("\n".join(rows[:row] + rows[row + 1 :]))
        assert declaration.system.name == "iris"


def test_a_file_that_is_no_description_is_not_read_whole(tmp_path: Path):
    path = tmp_path / "casemate.toml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SystemFileError, match="MiB"):
        load(path, find_control=find)


def test_keys_of_too_many_parts_are_told():
    with pytest.raises(SystemFileError, match="too deeply"):
        parse(".".join(["a"] * 500) + " = 1\n")
