"""Attacks on released tables: our own output on Adult under all six, planted weak releases, and anonymeter beside.

    python bench/release_attacks.py ADULT_FOLDER --peer-python .venv-anonymeter/bin/python \
        --output bench/results/release_attacks.json

The folder holds adult.csv of ARX (30,162 rows). Part one attacks the raw table, and what Mondrian and full-domain bands
publish of it; part two releases that were made weak on purpose, each in a way that is known, and some that hide enough.
A weak release is detected where at least one attack is broken at the catalogue's limits. anonymeter (its three WP216
attacks, in an environment of its own) gets the same tables, ranges as their middle and sets as their first value, since
it reads synthetic data, and a tenth of the rows, which is in no release, as its control; it detects where the lower end
of a risk's interval is above 5 %. Seconds are CPU time.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from casemate.assess.release import Gate, attack_release
from casemate.controls.privacy.bands import Bands
from casemate.controls.privacy.declaration import GeneraliseTable
from casemate.controls.privacy.mondrian import Mondrian
from casemate.core.control import ReleaseFitting
from casemate.core.finding import Verdict
from casemate.core.release import Meanings, Release
from casemate.core.schema import Role

SENSITIVE = "salary-class"
PATIENCE = 600
Made = Callable[[Release, np.random.Generator], Release]


def adult(folder: Path) -> Release:
    table = pl.read_csv(folder / "adult.csv", separator=";")
    roles: dict[str, Role] = {c: "sensitive" if c == SENSITIVE else "quasi-identifier" for c in table.columns}
    return Release(table, roles, np.arange(table.height, dtype=np.int64))


def parted(raw: Release) -> tuple[Release, pl.DataFrame]:
    """Keep one row in ten out of all releases: the peer compares with people who are in none."""
    order = np.random.default_rng(0).permutation(len(raw))
    kept, out = np.sort(order[len(raw) // 10 :]), np.sort(order[: len(raw) // 10])
    return Release(raw.table[kept], raw.roles, np.arange(len(kept), dtype=np.int64)), raw.table[out]


def controlled(control: Any) -> Made:
    return lambda raw, rng: control.on_release(raw, ReleaseFitting(raw, rng, 0))


def within(folder: Path | None = None, **options: Any) -> Made:
    """Publish nodes of hierarchies alone: ARX's in the folder, else those that the control makes itself."""

    def make(raw: Release, rng: np.random.Generator) -> Release:
        columns = {}
        for name in raw.columns("quasi-identifier"):
            file = str(folder / f"adult_hierarchy_{name}.csv") if folder else None
            columns[name] = GeneraliseTable(hierarchy=file)
        made = Mondrian(columns=columns, **options)
        return made.on_release(raw, ReleaseFitting(raw, rng, 0))

    return make


OURS: dict[str, Made] = {
    "raw table": lambda raw, _: raw,
    "Mondrian, tight": controlled(Mondrian(ranges="tight")),
    "Mondrian, tight, noise .25": controlled(Mondrian(ranges="tight", noise=0.25)),
    "Mondrian, tight, relaxed": controlled(Mondrian(ranges="tight", relaxed=True)),
    "Mondrian, loose": controlled(Mondrian(ranges="loose")),
    "Mondrian, loose, noise .25": controlled(Mondrian(ranges="loose", noise=0.25)),
    "Mondrian, loose, l = 2": controlled(Mondrian(ranges="loose", l=2)),
    "Mondrian, loose, k = 11, l = 2": controlled(Mondrian(ranges="loose", k=11, l=2)),
    "Mondrian, loose, k = 25, l = 2": controlled(Mondrian(ranges="loose", k=25, l=2)),
    "bands (full domain), k = 5": controlled(Bands(max_suppression=0.05)),
    "bands (full domain), k = 11, l = 2": controlled(Bands(k=11, l=2, max_suppression=0.05)),
}


def chosen_beforehand(folder: Path) -> dict[str, Made]:
    """Mondrian within hierarchies: what withstands downcoding."""
    return {
        "Mondrian, within own bands, k = 5": within(),
        "Mondrian, within own bands, k = 5, l = 2": within(l=2),
        "Mondrian, within own bands, k = 11, l = 2": within(k=11, l=2),
        "Mondrian, within ARX's hierarchies, k = 5": within(folder),
        "Mondrian, within ARX's hierarchies, k = 5, l = 2": within(folder, l=2),
        "Mondrian, within ARX's hierarchies, k = 11": within(folder, k=11),
        "Mondrian, within ARX's hierarchies, k = 11, l = 2": within(folder, k=11, l=2),
    }


def whole(raw: Release, names: list[str]) -> Release:
    """Hide columns altogether: their label is ``*``."""
    meanings = {}
    for name in names:
        domain = domain_of(raw.table[name])
        meanings[name] = Meanings(domain, ("*",), np.zeros(1, np.int32), np.array([len(domain) - 1], np.int32))
    return Release(raw.table.with_columns(pl.lit("*").alias(n) for n in names), raw.roles, raw.rows, meanings)


def domain_of(column: pl.Series) -> np.ndarray:
    values = column.unique().sort()
    return (
        values.to_numpy().astype(np.float64) if column.dtype.is_numeric() else np.array(values.to_list(), dtype=object)
    )


def bands(release: Release, width: int) -> Release:
    """Publish ages in bands of a fixed width."""
    age = release.table["age"]
    domain = domain_of(age)
    low = (age // width * width).to_numpy()
    starts = np.unique(low)
    meanings = Meanings(
        domain,
        tuple(f"{a}..{a + width - 1}" for a in starts),
        np.searchsorted(domain, starts).astype(np.int32),
        (np.searchsorted(domain, starts + width - 1, side="right") - 1).astype(np.int32),
    )
    labels = pl.Series("age", [f"{a}..{a + width - 1}" for a in low])
    return Release(
        release.table.with_columns(labels), release.roles, release.rows, {**release.meanings, "age": meanings}
    )


def replaced(name: str, change: Callable[[pl.Series, np.random.Generator], pl.Series]) -> Made:
    return lambda raw, rng: Release(
        raw.table.with_columns(change(raw.table[name], rng).alias(name)), raw.roles, raw.rows
    )


def covered(*names: str) -> Made:
    """Put other words, one to one, in place of the values of columns."""

    def make(raw: Release, rng: np.random.Generator) -> Release:
        table = raw.table
        for name in names:
            values = table[name].unique().sort()
            stand_ins = [f"p{number:05d}" for number in rng.permutation(len(values))]
            table = table.with_columns(pl.col(name).cast(pl.String).replace_strict(values.cast(pl.String), stand_ins))
        return Release(table, raw.roles, raw.rows, pseudonyms=dict.fromkeys(names, "a permutation"))

    return make


def kept(share: float) -> Made:
    def make(raw: Release, rng: np.random.Generator) -> Release:
        rows = np.sort(rng.permutation(len(raw))[: int(share * len(raw))])
        return Release(raw.table[rows], raw.roles, rows)

    return make


def of_one_mind(raw: Release, rng: np.random.Generator) -> Release:
    """Make groups among people with the same sensitive value: k rows, and one secret."""
    parts = []
    for value in raw.table[SENSITIVE].unique().sort():
        rows = np.flatnonzero((raw.table[SENSITIVE] == value).to_numpy())
        part = Release(raw.table[rows], raw.roles, np.arange(len(rows), dtype=np.int64))
        made = Mondrian(k=5, ranges="tight").on_release(part, ReleaseFitting(part, rng, 0))
        parts.append((made, rows[made.rows]))
    return stacked(parts)


def layered(raw: Release, _: np.random.Generator) -> Release:
    """Recode locally in two layers, as ARX does: exact where five look alike, ages in decades where not."""
    names = [n for n in raw.table.columns if n != SENSITIVE]
    fine = (raw.table.select(pl.len().over(names))["len"] >= 5).to_numpy()
    exact = Release(raw.table.filter(pl.Series(fine)), raw.roles, np.flatnonzero(fine))
    rest = Release(raw.table.filter(pl.Series(~fine)), raw.roles, np.flatnonzero(~fine))
    wide = bands(rest, 10)
    domain = domain_of(raw.table["age"])
    labels = [*wide.meanings["age"].labels, *(f"{v:g}" for v in domain)]
    lows = [float(label.split("..")[0]) for label in labels]
    highs = [float(label.split("..")[-1]) for label in labels]
    meanings = Meanings(
        domain, tuple(labels), np.searchsorted(domain, lows).astype(np.int32),
        (np.searchsorted(domain, highs, side="right") - 1).astype(np.int32),
    )  # fmt: skip
    table = pl.concat([exact.table.with_columns(pl.col("age").cast(pl.String)), wide.table])
    return Release(table, raw.roles, np.concatenate([exact.rows, rest.rows]), {"age": meanings})


def stacked(parts: list[tuple[Release, np.ndarray]]) -> Release:
    """Put releases of different rows, each with labels of its own, below each other."""
    names = parts[0][0].table.columns
    meanings = {}
    for name in parts[0][0].meanings:
        told = [part.meanings[name] for part, _ in parts]
        domain = np.unique(np.concatenate([m.domain for m in told]))
        labels: dict[str, np.ndarray] = {}
        for m in told:
            at = np.searchsorted(domain, m.domain)
            for label, text in enumerate(m.labels):
                allowed = np.zeros(len(domain), bool)
                allowed[at[m.values(label)]] = True
                labels[text] = labels.get(text, allowed) | allowed
        members = np.array(list(labels.values()))
        low, high = members.argmax(1), len(domain) - 1 - members[:, ::-1].argmax(1)
        meanings[name] = Meanings(domain, tuple(labels), low.astype(np.int32), high.astype(np.int32), members)
    return Release(
        pl.concat([part.table.select(names) for part, _ in parts]), parts[0][0].roles,
        np.concatenate([rows for _, rows in parts]), meanings,
    )  # fmt: skip


def middled(raw: Release, _: np.random.Generator) -> Release:
    """Replace each age by the mean of three neighbours, without saying so."""
    age = raw.table["age"].to_numpy().astype(float)
    order = np.argsort(age, kind="stable")
    out = age.copy()
    for start in range(0, len(order), 3):
        out[order[start : start + 3]] = age[order[start : start + 3]].mean()
    return Release(raw.table.with_columns(pl.Series("age", out)), raw.roles, raw.rows)


WEAK: dict[str, Made] = {
    "nothing done": lambda raw, _: raw,
    "ages in bands of 5, the rest raw": lambda raw, _: bands(raw, 5),
    "ages in bands of 10, the rest raw": lambda raw, _: bands(raw, 10),
    "ages hidden, the rest raw": lambda raw, _: whole(raw, ["age"]),
    "country and race hidden, the rest raw": lambda raw, _: whole(raw, ["native-country", "race"]),
    "ages rounded to 5, unsaid": replaced("age", lambda s, _: (s / 5).round() * 5),
    "ages averaged by threes, unsaid": middled,
    "ages off by one year at random": replaced("age", lambda s, rng: s + pl.Series(rng.integers(-1, 2, len(s)))),
    "secrets shuffled, the rest raw": replaced(SENSITIVE, lambda s, _: s.shuffle(seed=1)),
    "half of the rows left out": kept(0.5),
    "four rows in five left out": kept(0.2),
    "a tenth left out": kept(0.9),
    "k = 2, tight": controlled(Mondrian(k=2, ranges="tight")),
    "k = 3, tight": controlled(Mondrian(k=3, ranges="tight")),
    "k = 5, tight": controlled(Mondrian(k=5, ranges="tight")),
    "k = 5, groups of one secret": of_one_mind,
    "two layers of local recoding": layered,
    "occupations under pseudonyms": covered("occupation"),
    "education and marital status under pseudonyms": covered("education", "marital-status"),
    "workclass under pseudonyms": covered("workclass"),
}
SAFE: dict[str, Made] = {
    "all hidden but sex": lambda raw, _: whole(raw, [n for n in raw.table.columns if n not in ("sex", SENSITIVE)]),
    "all hidden but age in bands of 20": lambda raw, _: bands(
        whole(raw, [n for n in raw.table.columns if n not in ("age", SENSITIVE)]), 20
    ),
    "all hidden but education": lambda raw, _: whole(
        raw, [n for n in raw.table.columns if n not in ("education", SENSITIVE)]
    ),
    "Mondrian, loose, k = 500": controlled(Mondrian(ranges="loose", k=500)),
}


def attacked(raw: Release, made: Made, samples: int) -> tuple[Release, dict[str, Any]]:
    release = made(raw, np.random.default_rng(0))
    start = time.process_time()
    done = attack_release(release, raw, Gate(samples=samples))
    seconds = time.process_time() - start
    found: dict[str, Any] = {"seconds": seconds, "verdict": done.verdict.value}
    found["loss"] = next(c.information_loss for c in done.costs if c.arm in ("full", "bare"))
    found["attacks"] = {
        f.attack.partition(".")[2]: {
            "verdict": f.verdict.value,
            "failure": f.failure.message if f.failure else "",
            "effect": [f.effect.value, f.effect.low, f.effect.high] if f.effect else None,
        }
        for f in done.of("full")
    }
    found["detected"] = any(f.verdict is Verdict.BROKEN for f in done.of("full"))
    found["cell seconds"] = sum(c.spent.seconds for c in done.cells if c.arm == "full")
    return release, found


def plain(release: Release) -> pl.DataFrame:
    """A release as a reader of synthetic data wants it: one value in every cell."""
    columns = {}
    for name in release.table.columns:
        told = release.meanings.get(name)
        if told is None:
            columns[name] = release.table[name]
            continue
        numbers = told.domain.dtype.kind == "f"
        shown = [
            (float(told.domain[told.low[at]]) + float(told.domain[told.high[at]])) / 2 if numbers
            else str(told.domain[told.low[at]])
            for at in range(len(told.labels))
        ]  # fmt: skip
        columns[name] = release.table[name].replace_strict(list(told.labels), shown, default=None)
    return pl.DataFrame(columns)


def peer(python: Path, raw: Release, control: pl.DataFrame, release: Release, samples: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        raw.table.write_csv(Path(folder) / "raw.csv")
        control.write_csv(Path(folder) / "control.csv")
        plain(release).write_csv(Path(folder) / "release.csv")
        script = Path(__file__).parent / "release_attacks_peer.py"
        try:
            answer = subprocess.run(
                [python, script, folder, str(samples)], capture_output=True, text=True, check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not done in {PATIENCE} s"}
    if answer.returncode:
        return {"error": answer.stderr.strip().splitlines()[-1][:200]}
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def line(name: str, found: dict[str, Any]) -> str:
    def cell(attack: str) -> str:
        told = found["attacks"][attack]
        if told["effect"] is None:
            return "-" if not told["failure"] else "failed"
        value, low, high = (100 * part for part in told["effect"])
        mark = {"broken": "**", "held": "", "inconclusive": "~"}[told["verdict"]]
        return f"{mark}{value:.1f} ({low:.1f} to {high:.1f}){mark}"

    order = ("linkage", "singling-out", "attribute-inference", "downcoding", "refinement", "frequency")
    return f"| {name} | {found['loss']:.3f} | " + " | ".join(map(cell, order)) + f" | {found['seconds']:.1f} |"


def own(raw: Release, folder: Path, samples: int) -> dict[str, Any]:
    print("| release | NCP | linkage | singling out | inference | downcoding | refinement | frequency | CPU s |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|--:|")
    result = {}
    for name, made in (OURS | chosen_beforehand(folder)).items():
        _, result[name] = attacked(raw, made, samples)
        print(line(name, result[name]), flush=True)
    return result


def planted(raw: Release, python: Path | None, samples: int, peer_samples: int) -> dict[str, Any]:
    print("\n| release | weak | Casemate | by | CPU s | anonymeter | CPU s |\n|:--|:--|:--|:--|--:|:--|--:|")
    result: dict[str, Any] = {}
    raw, control = parted(raw)
    for name, made, weak in [*((n, m, True) for n, m in WEAK.items()), *((n, m, False) for n, m in SAFE.items())]:
        release, found = attacked(raw, made, samples)
        found["weak"] = weak
        found["peer"] = peer(python, raw, control, release, peer_samples) if python else {}
        result[name] = found
        by = ", ".join(a for a, told in found["attacks"].items() if told["verdict"] == "broken")
        other = found["peer"]
        said = other.get("error") or ("yes" if other.get("detected") else "no") if other else "-"
        print(
            f"| {name} | {'yes' if weak else 'no'} | {'yes' if found['detected'] else 'no'} | {by} | "
            f"{found['seconds']:.1f} | {said} | {other.get('seconds', float('nan')):.1f} |", flush=True,
        )  # fmt: skip
    for who, ask in (("Casemate", lambda f: f["detected"]), ("anonymeter", lambda f: f["peer"].get("detected"))):
        weak = [bool(ask(f)) for f in result.values() if f["weak"]]
        safe = [bool(ask(f)) for f in result.values() if not f["weak"]]
        print(f"\n{who}: {sum(weak)} of {len(weak)} weak releases detected, {sum(safe)} of {len(safe)} false alarms")
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--peer-python", type=Path)
    arguments.add_argument("--samples", type=int, default=1000)
    arguments.add_argument("--peer-samples", type=int, default=500)
    arguments.add_argument("--only", choices=["own", "planted"], help="one part; the other one stays in the output")
    arguments.add_argument("--output", type=Path)
    asked = arguments.parse_args()
    raw = adult(asked.folder)
    kept = asked.only and asked.output and asked.output.is_file()
    result: dict[str, Any] = json.loads(asked.output.read_text()) if kept else {}
    result |= {"python": platform.python_version(), "rows": len(raw)}
    result |= {"samples": asked.samples, "peer samples": asked.peer_samples}
    if asked.only != "planted":
        result["own"] = own(raw, asked.folder, asked.samples)
    if asked.only != "own":
        result["planted"] = planted(raw, asked.peer_python, asked.samples, asked.peer_samples)
    if asked.output:
        asked.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
