"""A round of encrypted sums from the command line: everybody works on one folder, and keeps secrets to themselves."""

from __future__ import annotations

import importlib
import inspect
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from casemate.cli.encrypt.aggregate import HOMES, VERBS
from casemate.cli.encrypt.aggregate.plan import people
from casemate.core.errors import CasemateError
from casemate.lineage import Lineage
from cli.conftest import Run

LINES = {verb: line for verbs in VERBS.values() for verb, line in verbs.items()}
CLIENTS, HOLDERS = ("ann", "bob", "cyd"), ("lab", "hospital")
ASKED = ("--ask", "count", "--ask", "sum:income:0:1000", "--step", "0.5")


@pytest.mark.parametrize("verb", LINES)
def test_every_sub_verb_says_of_itself_what_the_help_says(run: Run, verb: str) -> None:
    function = importlib.import_module(f"casemate.cli.encrypt.aggregate.{HOMES.get(verb, verb)}").command
    doc = inspect.getdoc(function)
    assert doc is not None
    assert doc.splitlines()[0] == LINES[verb]
    for name in inspect.signature(function).parameters:
        assert f"\n    {name}: " in doc
    code, out, _ = run("encrypt", "aggregate", verb, "--help")
    assert code == 0
    assert LINES[verb] in " ".join(out.split())
    assert f"\n  {verb} " in run("encrypt", "aggregate", "--help")[1]


def told(run: Run, *words: object, code: int = 0) -> str:
    """What a command prints, both to stdout and to stderr."""
    done, out, err = run("encrypt", "aggregate", *words)
    assert done == code, err
    return str(out + err)


def everybody(run: Run, here: Path) -> None:
    """Identities of clients and holders, and a table for each client."""
    for file, names in (("clients", CLIENTS), ("holders", HOLDERS)):
        (here / file).write_text("".join(told(run, "identity", name) for name in names))
    for place, name in enumerate(CLIENTS, start=1):
        (here / f"{name}.csv").write_text(f"income,age\n{100 * place}.5,{20 + place}\n")


def planned(run: Run, *words: str, holders: str = "holders") -> str:
    return told(
        run, "plan", "round", *ASKED, "--contributor", "clients", "--holder", holders, "--min-clients", 2, *words
    )


def keyed(run: Run, holders: Sequence[str] = HOLDERS) -> str:
    for name in (*holders, *holders):
        last = told(run, "key", "round", "--identity", f"{name}.identity")
    return last


@pytest.fixture
def ready(run: Run, here: Path) -> Path:
    """A round whose key is there."""
    everybody(run, here)
    planned(run, "--quiet")
    keyed(run)
    return here


def contributed(run: Run, names: Sequence[str] = CLIENTS) -> None:
    for name in names:
        told(run, "contribute", "round", f"{name}.csv", "--identity", f"{name}.identity")


def test_three_clients_and_two_holders_add_up(run: Run, here: Path) -> None:
    everybody(run, here)
    assert "2 to 3 of 3, each of 1 row at most" in planned(run)
    assert "these have, too: hospital" in told(run, "key", "round", "--identity", "lab.identity")
    assert "waits for: lab" in told(run, "key", "round", "--identity", "hospital.identity")
    assert "the joint key is there" in told(run, "key", "round", "--identity", "lab.identity")
    contributed(run)
    with Lineage.open(here / ".casemate" / "lineage.db", create=False) as kept:  # each client has one of its own
        assert [thing.name for name in CLIENTS for thing in kept.find(name)] == list(CLIENTS)
    assert "added 3 contributions" in told(run, "sum", "round")
    assert told(run, "sum", "round", "--quiet") == ""
    assert "wait for: hospital" in told(run, "open", "round", "--identity", "lab.identity")
    found = told(run, "open", "round", "--identity", "hospital.identity", "-q")
    assert found == "figure,value\ncount,3\nsum of income,601.5\n"
    assert run("encrypt", "aggregate", "open", "round", "--output", "figures.csv", "-q") == (0, "", "")
    assert (here / "figures.csv").read_text() == found
    for path in here.glob("*.identity"), here.glob("*.holder"):
        assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in path)
    secrets = [path.read_bytes() for path in here.glob("*.identity")]
    assert not any(
        secret in path.read_bytes() for secret in secrets for path in here.glob("round/**/*") if path.is_file()
    )


def test_one_holder_needs_one_step_and_noise_is_paid_for(run: Run, here: Path) -> None:
    pytest.importorskip("opendp")
    everybody(run, here)
    (here / "one").write_text((here / "holders").read_text().splitlines()[0])
    planned(run, "--epsilon", "50", "--quiet", holders="one")
    assert "the joint key is there" in told(run, "key", "round", "--identity", "lab.identity")
    contributed(run)
    told(run, "sum", "round")
    asked = ("open", "round", "--identity", "lab.identity")
    assert "charged to nothing" in told(run, *asked, code=2)
    paid = ("--ledger", "lab.ledger", "--budget")
    assert "budget" in told(run, *asked, *paid, "10", code=2)
    found = told(run, *asked, *paid, "60", "-q")
    assert found.startswith("figure,value,within\n")
    assert abs(float(found.splitlines()[1].split(",")[1]) - 3) <= 3
    assert (here / "lab.ledger").is_file()


def test_a_contribution_that_was_altered_is_refused_and_the_others_added(run: Run, ready: Path) -> None:
    contributed(run)
    path = ready / "round" / "contributions" / "bob"
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    assert "refused bob" in told(run, "sum", "round", code=1)
    for name in HOLDERS:
        found = told(run, "open", "round", "--identity", f"{name}.identity", "-q")
    assert "sum of income,401.0" in found


def test_a_client_contributes_once_and_only_what_was_planned(run: Run, ready: Path) -> None:
    (ready / "ann.csv").write_text("income,age\n5000,20\n")
    assert "outside 0 to 1000" in told(run, "contribute", "round", "ann.csv", "--identity", "ann.identity", code=2)
    (ready / "ann.csv").write_text("age\n20\n")
    assert "no column 'income'" in told(run, "contribute", "round", "ann.csv", "--identity", "ann.identity", code=2)
    (ready / "ann.csv").write_text("income\n20\n")
    contributed(run, ["ann"])
    again = told(run, "contribute", "round", "ann.csv", "--identity", "ann.identity", code=2)
    assert "has contributed already" in again
    assert "does not name lab" in told(run, "contribute", "round", "ann.csv", "--identity", "lab.identity", code=2)


def test_too_few_contributions_are_not_added(run: Run, ready: Path) -> None:
    contributed(run, ["ann"])
    assert "at least 2" in told(run, "sum", "round", code=2)
    assert not (ready / "round" / "total").exists()


def test_a_sum_that_is_none_is_not_opened(run: Run, ready: Path) -> None:
    """Another total is passed off, made of fewer clients' contributions than it says."""
    contributed(run)
    told(run, "sum", "round")
    hidden = ready / "round" / "contributions" / "bob"
    hidden.rename(ready / "hidden")
    assert "contributions/bob" in told(run, "open", "round", "--identity", "lab.identity", code=2)
    (ready / "hidden").rename(hidden)
    hidden.write_bytes((ready / "round" / "contributions" / "ann").read_bytes())
    assert "not the sum" in told(run, "open", "round", "--identity", "lab.identity", code=2)
    told(run, "open", "round", "--identity", "lab.identity", "--trust-sum")


def test_who_is_no_holder_or_has_lost_its_part(run: Run, ready: Path) -> None:
    contributed(run)
    told(run, "sum", "round")
    next(ready.glob("lab.*.holder")).unlink()
    assert "holds no part" in told(run, "open", "round", "--identity", "lab.identity", code=2)
    assert "as a holder" in told(run, "key", "round", "--identity", "ann.identity", code=2)


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (("sum", "elsewhere"), "there is no plan.json"),
        (("sum", "round"), "there is no key"),
        (("open", "round"), "there is no key"),
        (("key", "round", "--identity", "none"), "cannot be read"),
        (("identity", "ann"), "there is an identity already"),
        (("identity", "a b"), "is no name"),
        (("plan", "other", "--ask", "quantile:x:0:1:.5"), "quantile is no sum"),
        (("plan", "other", "--ask", "median:x"), "is no question"),
        (("plan", "other", "--ask", "sum:x:0:1", "--step", "much"), "is no step"),
        (("plan", "round", "--ask", "count"), "another plan.json"),
        (("sun",), "Did you mean 'sum'"),
    ],
)
def test_what_cannot_be_done_is_two_and_says_why(run: Run, here: Path, words: tuple[str, ...], told_: str) -> None:
    everybody(run, here)
    planned(run, "-q")
    if words[0] == "plan":
        words = (*words, "--contributor", "clients", "--holder", "holders", "--min-clients", "2")
    found = told(run, *words, code=2)
    assert told_ in found
    assert "Traceback" not in found


def test_people_are_named_in_words_or_in_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bob=22\n\ncyd=33\n")
    assert people(["ann=11", str(tmp_path / "file")], "--holder") == {"ann": "11", "bob": "22", "cyd": "33"}
    for words in (["ann=11", "ann=12"], ["ann="], [str(tmp_path / "none")]):
        with pytest.raises(CasemateError):
            people(words, "--holder")
