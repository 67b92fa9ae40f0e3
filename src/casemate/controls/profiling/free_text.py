"""Free text: what a sample of it holds that identifies people, found by Presidio where it is installed."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from casemate.controls.profiling.hints import fold
from casemate.controls.profiling.lexicon import family_names, given_names
from casemate.core.errors import ExtraMissing
from casemate.systems.models.extras import need

if TYPE_CHECKING:
    import polars

MOST_TEXTS = 100
"""Texts that are scanned; each takes about a millisecond."""

_LONGEST = 2_000
_SURE = 0.4
_NAME = "PERSON"


@dataclass(frozen=True)
class FreeText:
    """What was found in a column of free text.

    Args:
        column: its name.
        scanned: how many texts were scanned; 0 where the scanner is not installed.
        found: the share of the texts that hold each kind of entity, in 0 to 1, the most frequent first.
        note: what the reader must know of the scan.
    """

    column: str
    scanned: int
    found: dict[str, float]
    note: str


def scan(column: polars.Series) -> FreeText:
    """Return what a sample of a column's texts holds; without Presidio nothing is scanned, and the note says so."""
    import polars as pl

    try:
        analyser, names = _analyser()
    except ExtraMissing as error:
        return FreeText(column.name, 0, {}, f"not scanned: {error.fix} finds what it holds")
    different = column.drop_nulls().cast(pl.String).unique(maintain_order=True)
    texts = different.gather_every(max(len(different) // MOST_TEXTS, 1)).head(MOST_TEXTS).to_list()
    held: Counter[str] = Counter()
    for text in texts:
        kinds = {result.entity_type for result in analyser.analyze(text[:_LONGEST], "en", score_threshold=_SURE)}
        held.update(kinds | ({_NAME} if _names_somebody(text) else set()))
    found = {kind: count / len(texts) for kind, count in held.most_common()}
    how = "names by a language model" if names else "names only where two listed ones stand together"
    return FreeText(column.name, len(texts), found, f"{len(texts)} texts scanned by Presidio's patterns, {how}")


@cache
def _analyser() -> tuple[Any, bool]:
    """Return Presidio's analyser for English, and whether a language model for names is installed."""
    presidio = need("presidio_analyzer", "scan free text")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, about their own dependencies
        import spacy
        from presidio_analyzer.nlp_engine import SpacyNlpEngine

        _stay_offline()
        models = [model for model in spacy.util.get_installed_models() if model.startswith("en_core_web")]
        engine: Any = SpacyNlpEngine()
        engine.nlp = {"en": spacy.load(models[0]) if models else spacy.blank("en")}
        return presidio.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"]), bool(models)


def _stay_offline() -> None:
    """Keep Presidio's recogniser of e-mail from fetching the list of public suffixes; the one it brings will do."""
    import tldextract.tldextract as suffixes

    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)


def _names_somebody(text: str) -> bool:
    words = [word.strip(".,;:!?()\"'") for word in text[:_LONGEST].split()]
    return any(
        first[:1].isupper() and last[:1].isupper() and fold(first) in given_names() and fold(last) in family_names()
        for first, last in pairwise(words)
    )
