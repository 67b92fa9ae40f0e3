"""Roles of columns against Presidio: F1 on two hundred labelled columns with decoys, and CPU time per value.

    python bench/profile_roles.py --output bench/results/profile_roles.json

The columns come from bench/labelled_columns.py. Presidio runs with its patterns over a blank spaCy model (a language
model cannot be downloaded here), with its recognisers for the countries in the set added, and with the words of the
column's name as context. It answers per value; a column is what most of its values are, at the threshold that is best
for Presidio. Entities that no column of the set is labelled with count as "none", not as mistakes. Kinds for which
Presidio has no pattern (names, addresses, sexes, ...) are left out of the first comparison, and shown apart.

Ours is told the same values under the same names, and once more with every column called "field". Time per value: CPU
time (time.process_time) of `guess_role` on 10,000 values a column, against Presidio's `analyze` on a few of the same
values, in turn; ratios are taken within a repetition.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
from labelled_columns import Labelled, labelled

from casemate.controls.profiling.hints import name_words
from casemate.controls.profiling.kinds import KINDS
from casemate.controls.profiling.roles import guess_role

VOTES = 40
TIMED_VALUES = 10_000
ENTITIES = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "IP_ADDRESS": "ip",
    "MAC_ADDRESS": "mac",
    "URL": "url",
    "UUID": "uuid",
    "DATE_TIME": "birth-date",
    "US_SSN": "national-id",
    "UK_NINO": "national-id",
    "UK_NHS": "national-id",
    "DE_TAX_ID": "national-id",
    "ES_NIF": "national-id",
    "ES_NIE": "national-id",
    "IT_FISCAL_CODE": "national-id",
    "PL_PESEL": "national-id",
    "SE_PERSONNUMMER": "national-id",
}
ADDED = (
    "NhsRecognizer",
    "UkNinoRecognizer",
    "DeTaxIdRecognizer",
    "EsNifRecognizer",
    "EsNieRecognizer",
    "ItFiscalCodeRecognizer",
    "PlPeselRecognizer",
    "SePersonnummerRecognizer",
    "MacAddressRecognizer",
    "UuidRecognizer",
    "IbanRecognizer",
)
SHARED = sorted(set(ENTITIES.values()))


def presidio() -> Any:
    """Presidio's analyser with its patterns and the set's countries, without a language model."""
    warnings.simplefilter("ignore")
    import presidio_analyzer.predefined_recognizers as known
    import spacy
    import tldextract.tldextract as suffixes
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)  # no network
    engine = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    made = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    regions = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "PT", "SE")
    made.registry.remove_recognizer("PhoneRecognizer")
    made.registry.add_recognizer(known.PhoneRecognizer(supported_regions=regions, supported_language="en"))
    present = {type(recogniser).__name__ for recogniser in made.registry.recognizers}
    for name in ADDED:
        if name not in present:
            made.registry.add_recognizer(getattr(known, name)(supported_language="en"))
    return made


def vote(analyser: Any, column: Labelled, values: list[str]) -> tuple[Counter[str], float]:
    """Count what Presidio takes each value for: the surest entity that covers most of it. Also its CPU seconds."""
    words = name_words(column.name)
    told: Counter[str] = Counter()
    start = time.process_time()
    answers = [analyser.analyze(value, "en", context=words) for value in values]
    took = time.process_time() - start
    for value, found in zip(values, answers, strict=True):
        whole = [one for one in found if one.end - one.start >= 0.8 * len(value) and one.score >= 0.3]
        mapped = [(one.score, ENTITIES[one.entity_type]) for one in whole if one.entity_type in ENTITIES]
        if mapped:
            told[max(mapped)[1]] += 1
    return told, took


def decide(told: Counter[str], threshold: float) -> str:
    kind, count = told.most_common(1)[0] if told else ("none", 0)
    return kind if count >= threshold * VOTES else "none"


def ours(values: list[str], name: str) -> str:
    kind = guess_role(series(values, name)).kind
    return kind if KINDS[kind].role not in ("feature", "ignored") and kind != "row-key" else "none"


def series(values: list[str], name: str) -> pl.Series:
    """The values as a reader would give them: as numbers where they all are numbers."""
    made = pl.Series(name, values)
    if all(value.isdigit() and (value[0] != "0" or value == "0") for value in values[:100]):
        whole = made.cast(pl.Int64, strict=False)
        return whole if not whole.null_count() else made
    return made


def f1(truth: list[str], told: list[str], kinds: list[str]) -> dict[str, float]:
    """Micro and macro F1 over some kinds; a prediction of another kind counts as none."""
    scores, right, wrong, missed = [], 0, 0, 0
    for kind in kinds:
        tp = sum(a == b == kind for a, b in zip(truth, told, strict=True))
        fp = sum(b == kind != a for a, b in zip(truth, told, strict=True))
        fn = sum(a == kind != b for a, b in zip(truth, told, strict=True))
        right, wrong, missed = right + tp, wrong + fp, missed + fn
        scores.append(2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0)
    micro = 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1.0
    return {"micro": micro, "macro": statistics.mean(scores), "false": wrong, "missed": missed} | dict(
        zip(kinds, scores, strict=True)
    )


def speed(analyser: Any, columns: list[Labelled], repetitions: int, few: int) -> dict[str, Any]:
    """Nanoseconds per value of both over all columns, and their ratio, repetition by repetition."""
    made = [series(column.values, column.name) for column in columns]
    for one in made:
        guess_role(one)  # warms up
    mine, theirs, ratios = [], [], []
    for repetition in range(repetitions):
        start = time.process_time()
        for values in made:
            guess_role(values)
        mine.append((time.process_time() - start) / sum(map(len, made)) * 1e9)
        some = [column.values[repetition * few : (repetition + 1) * few] for column in columns]
        took = sum(vote(analyser, column, values)[1] for column, values in zip(columns, some, strict=True))
        theirs.append(took / sum(map(len, some)) * 1e9)
        ratios.append(theirs[-1] / mine[-1])
    return {
        "ours, ns per value": statistics.median(mine),
        "presidio, ns per value": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "ratio, least": min(ratios),
        "ratio, most": max(ratios),
        "values per column": len(made[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--few", type=int, default=4, help="values per column and repetition that Presidio is timed on")
    given = parser.parse_args()
    columns, analyser = labelled(VOTES), presidio()
    truth = [column.kind for column in columns]
    votes = [vote(analyser, column, column.values)[0] for column in columns]
    every = sorted(set(truth) - {"none"})
    best = max(
        (step / 20 for step in range(2, 20)), key=lambda at: f1(truth, [decide(v, at) for v in votes], SHARED)["micro"]
    )
    told = {
        "presidio": [decide(one, best) for one in votes],
        "ours": [ours(column.values, column.name) for column in columns],
        "ours, names hidden": [ours(column.values, "field") for column in columns],
    }
    record: dict[str, Any] = {
        "columns": len(columns),
        "values per column": VOTES,
        "presidio's best threshold": best,
        "f1": {
            who: {"shared kinds": f1(truth, kinds, SHARED), "all kinds": f1(truth, kinds, every)}
            for who, kinds in told.items()
        },
        "speed": speed(analyser, labelled(TIMED_VALUES), given.repetitions, given.few),
        "versions": {"python": platform.python_version(), "machine": platform.machine()}
        | {package: version(package) for package in ("presidio-analyzer", "polars", "spacy")},
    }
    print(f"{len(columns)} columns, {VOTES} values each")
    print("| who | F1, shared kinds, micro | macro | false / missed | F1, all kinds, micro | macro |")
    print("|---|---|---|---|---|---|")
    for who, scores in record["f1"].items():
        shared, whole = scores["shared kinds"], scores["all kinds"]
        print(
            f"| {who} | {shared['micro']:.3f} | {shared['macro']:.3f} | {shared['false']} / {shared['missed']} "
            f"| {whole['micro']:.3f} | {whole['macro']:.3f} |"
        )
    print("\n| kind | " + " | ".join(record["f1"]) + " |\n|---|" + "---|" * len(record["f1"]))
    for kind in SHARED:
        print(
            f"| {kind} | "
            + " | ".join(f"{scores['shared kinds'][kind]:.2f}" for scores in record["f1"].values())
            + " |"
        )
    took = record["speed"]
    print(
        f"\n{took['ours, ns per value']:.0f} ns per value against {took['presidio, ns per value'] / 1e6:.2f} ms: "
        f"{took['ratio']:,.0f}x ({took['ratio, least']:,.0f}-{took['ratio, most']:,.0f})"
    )
    if given.output:
        given.output.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
