import datetime
from pathlib import Path

import pytest

from casemate.cli.policy import read
from casemate.core.errors import SystemFileError
from casemate.core.policy import Policy, Waiver

WHOLE = """
[policy]
count = "undetected"
level = 0.9
[policy.limits]
evasion = 0.3
"evasion.pgd" = 0.4
label-flipping = 0.1
[policy.costs]
refusals = 0.2
[[policy.waivers]]
of = "backdoor"
reason = "retrained in May"
expires = 2030-05-01
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_a_file_with_a_policy_alone(tmp_path: Path) -> None:
    assert read(write(tmp_path, WHOLE)) == Policy(
        limits={"evasion": 0.3, "evasion.pgd": 0.4, "data-poisoning": 0.1},
        costs={"refusals": 0.2},
        waivers=(Waiver("backdoor", "retrained in May", datetime.date(2030, 5, 1)),),
        count="undetected",
        level=0.9,
    )


def test_of_a_system_file_nothing_else_is_looked_at(tmp_path: Path) -> None:
    text = '[system]\nname = "x"\n[data]\ntrain = "no such file.csv"\n[controls]\nnonsense = 1\n' + WHOLE
    assert read(write(tmp_path, text)).limits["evasion"] == 0.3


@pytest.mark.parametrize(
    ("text", "told", "line"),
    [
        ("[policy.limits]\nevasoin = 0.1\n", "Did you mean 'evasion'", ":2"),
        ("[policy.limits]\nevasion = 7\n", "7", ":2"),
        ("[policy]\nlimit = 1\n", "Did you mean 'limits'", ":2"),
        ("[policy.costs]\nlatency = 5\n", "latency-ms", ":2"),
        ("[system]\nname = 'x'\n", "no [policy] table", ""),
        ("[policy\n", "not valid TOML", ""),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str, line: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SystemFileError) as error:
        read(path)
    assert told in str(error.value)
    assert str(error.value.where).startswith(f"{path}{line}")


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match="No such file") as error:
        read(tmp_path / "none.toml")
    assert "[policy] tables" in str(error.value.fix)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n[policy]\n")
    with pytest.raises(SystemFileError, match="not valid TOML"):
        read(tmp_path / "latin.toml")
