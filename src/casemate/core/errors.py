"""What can go wrong, as types that say what, where, why it matters and what to do next.

CasemateError
├── UnknownName               a name that nothing answers to ("Did you mean ...?")
├── SystemFileError           casemate.toml or a privacy policy: file, line and key
├── DataError
│   ├── DataMissing           no such file or data set
│   ├── DataUnreadable        not in the format that its name promises
│   ├── EmptyData             no rows
│   ├── TargetMissing         the target column is absent
│   ├── SingleClass           nothing to tell apart
│   ├── NotFinite             NaN or infinite values
│   ├── OutOfRange            a value outside the range that its column declares
│   ├── ShapeMismatch         arrays, columns or model inputs that disagree
│   ├── ReleaseMissing        a system that gives no table away
│   └── SchemaDrift           a table that is not what its privacy policy describes
│       └── Quarantined       the same, to be put aside until somebody has looked at it
├── ModelError
│   ├── ModelMissing          no such artefact
│   ├── ModelUnreadable       truncated or damaged artefact
│   ├── ModelUnsupported      a kind of model that no adapter knows
│   └── PickleRefused         a pickle where none is allowed, or one that failed its scan
├── EndpointError
│   ├── EndpointDown          no connection
│   ├── EndpointSlow          no answer within the time limit
│   ├── EndpointRateLimited   asked to slow down, more often than we may retry
│   └── EndpointNonsense      an answer that is not an inference response
├── RecipeError
│   ├── RecipeMissing         module or function not found
│   ├── RecipeRaised          the recipe raised; its traceback is kept
│   ├── RecipeTimedOut        the recipe ran into its time limit
│   ├── RecipeCrashed         the recipe took its process down
│   └── RecipeWrongReturn     the recipe returned something that is no model
├── SecretError
│   ├── KeyMissing            no key of that name, or not in that version
│   ├── KeyExists             a name that a key has already
│   ├── KeyShredded           the key was destroyed, and all it sealed with it
│   ├── KeyRefused            a key store that does not open: passphrase, token or rights
│   ├── KeyStoreDown          no answer from a key store in time
│   ├── KeyStoreUnreadable    a key store that is damaged, or an answer that is none
│   ├── SealBroken            a wrong key or altered bytes; the two cannot be told apart
│   └── PseudonymRefused      a value that a pseudonym cannot cover safely
├── EncryptedError            something is wrong with what is computed on encrypted
│   ├── BadEnvelope           a message that is cut off, altered, or of another kind
│   ├── NotCanonical          a message that says the same as another one in other bytes
│   ├── WrongKey              made with, or for, another key
│   ├── WrongProgram          made for another program, or with other parameters
│   ├── LevelMismatch         a ciphertext of another level or scale than the program takes
│   ├── Stale                 a message that is too old, or from the future
│   ├── Replayed              a message that was there before
│   ├── QuotaSpent            a tenant asks for more than it was granted
│   ├── RequestRefused        the server refused, and does not tell why
│   ├── ReplyImplausible      a reply that decrypts to what no model answers
│   ├── WrongPlan             made for another aggregation
│   ├── NotEnrolled           from somebody whom the plan of an aggregation does not name
│   ├── PlanFull              more contributions than a plan has room for
│   ├── TooFewContributions   a total of so few that it would tell of single ones
│   ├── KeyServed             a key that has served its one total
│   ├── ShareMissing          a holder's part is not there
│   └── TotalImplausible      a total that decrypts to what no contributions can add up to
├── StoreError                something is wrong with the store of lineage
│   ├── StoreUnreachable      no file, no server, or no permission
│   ├── StoreDamaged          not a store, or one that was damaged
│   ├── StoreTooNew           written by a newer Casemate
│   └── StoreBusy             another process kept it locked for too long
├── LineageError              something that cannot be recorded or traced
│   ├── ChainBroken           an entry is not what was recorded
│   └── ErasedSubject         data about somebody who was erased came back
├── ExtraMissing              an optional dependency is not installed
├── AccessDenied              an attack asked for what it was not granted
├── BudgetExceeded            an attack asked for more than it was granted
├── LedgerError
│   ├── BudgetSpent           a privacy budget does not hold what an answer would cost
│   ├── LedgerBusy            another process kept the epsilon ledger locked for too long
│   └── LedgerUnreadable      an epsilon ledger that was changed or cut off
├── ControlFailed             a control raised while the system was being built
└── AssessmentUnreadable      a stored assessment that is damaged or of an unknown schema
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class CasemateError(Exception):
    """An error that tells its reader what to do.

    Args:
        what: what is wrong, one sentence.
        where: the place: file and line, key, column, row.
        why: why it matters, one sentence.
        fix: the next thing to do, one sentence or a command.
        details: text to keep for the report, for example a traceback.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        why: str | None = None,
        fix: str | None = None,
        details: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.fix = fix
        self.details = details

    def __str__(self) -> str:
        lines = [self.what]
        for label, text in (("where", self.where), ("why", self.why), ("fix", self.fix)):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders; keyword arguments would be lost by the default.
        return _revive, (type(self), self.what, self.where, self.why, self.fix, self.details)


def _revive(kind: type[CasemateError], what: str, *rest: str | None) -> CasemateError:
    where, why, fix, details = rest
    return kind(what, where=where, why=why, fix=fix, details=details)


class UnknownName(CasemateError):
    """A name that nothing answers to."""


class SystemFileError(CasemateError):
    """A mistake in the system file or in a privacy policy, with its file, line and key."""


class DataError(CasemateError):
    """Something is wrong with a data set."""


class DataMissing(DataError):
    """The file or named data set does not exist."""


class DataUnreadable(DataError):
    """The file is not in the format that its name promises."""


class EmptyData(DataError):
    """There are no rows."""


class TargetMissing(DataError):
    """The target column is absent."""


class SingleClass(DataError):
    """The target holds fewer than two classes."""


class NotFinite(DataError):
    """A feature holds NaN or an infinite value."""


class OutOfRange(DataError):
    """A value lies outside the range that its column declares."""


class ShapeMismatch(DataError):
    """Arrays, columns or model inputs disagree in shape."""


class SchemaDrift(DataError):
    """A table is not what its privacy policy describes: columns are undeclared, missing, renamed or of another type."""


class Quarantined(SchemaDrift):
    """A table that its privacy policy does not describe, to be put aside until somebody has looked at it."""


class ReleaseMissing(DataError):
    """The system gives no table away."""


class ModelError(CasemateError):
    """Something is wrong with a model."""


class ModelMissing(ModelError):
    """The model artefact does not exist."""


class ModelUnreadable(ModelError):
    """The model artefact is truncated or damaged."""


class ModelUnsupported(ModelError):
    """No adapter knows this kind of model."""


class PickleRefused(ModelError):
    """A pickle where none is allowed, or one whose scan found something that may run code."""


class EndpointError(CasemateError):
    """Something is wrong with a remote model."""


class EndpointDown(EndpointError):
    """No connection could be made."""


class EndpointSlow(EndpointError):
    """No answer came within the time limit."""


class EndpointRateLimited(EndpointError):
    """The endpoint asked to slow down, more often than we may retry."""


class EndpointNonsense(EndpointError):
    """The endpoint's answer is not an inference response for what was asked."""


class RecipeError(CasemateError):
    """Something is wrong with the user's training recipe."""


class RecipeMissing(RecipeError):
    """The module or function that the recipe names does not exist."""


class RecipeRaised(RecipeError):
    """The recipe raised an exception."""


class RecipeTimedOut(RecipeError):
    """The recipe ran into its time limit."""


class RecipeCrashed(RecipeError):
    """The recipe took its worker process down."""


class RecipeWrongReturn(RecipeError):
    """The recipe returned something that is no model."""


class SecretError(CasemateError):
    """Something is wrong with a key, or with what a key covers."""


class KeyMissing(SecretError):
    """The key store holds no key of that name, or not in that version."""


class KeyExists(SecretError):
    """The key store holds a key of that name already."""


class KeyShredded(SecretError):
    """The key was destroyed on purpose; nobody can read what it sealed."""


class KeyRefused(SecretError):
    """The key store does not open: a wrong passphrase, no token, or not the rights."""


class KeyStoreDown(SecretError):
    """The key store cannot be reached, or does not answer in time."""


class KeyStoreUnreadable(SecretError):
    """The key store is damaged or of an unknown format, or its answer is none."""


class SealBroken(SecretError):
    """What is sealed does not open: a wrong or rotated key, or altered bytes; the two cannot be told apart."""


class PseudonymRefused(SecretError):
    """A value that a pseudonym cannot cover safely."""


class EncryptedError(CasemateError):
    """Something is wrong with what is computed on encrypted."""


class BadEnvelope(EncryptedError):
    """A message between client and server is cut off, too long, altered, or of another kind."""


class NotCanonical(EncryptedError):
    """A message could be written in another way, with other bytes, and mean the same."""


class WrongKey(EncryptedError):
    """A message was made with, or for, a key that is not the one expected here."""


class WrongProgram(EncryptedError):
    """A message was made for another program, or with other parameters."""


class LevelMismatch(EncryptedError):
    """A ciphertext has another level, scale or size than the program takes."""


class Stale(EncryptedError):
    """A message or a registration is past its time, or from the future."""


class Replayed(EncryptedError):
    """A message was there before."""


class QuotaSpent(EncryptedError):
    """A tenant asks for more than it was granted: rows, keys, bytes or requests."""


class RequestRefused(EncryptedError):
    """The server refused a request, and does not tell why."""


class ReplyImplausible(EncryptedError):
    """A reply is authentic, and decrypts to what the program never answers."""


class WrongPlan(EncryptedError):
    """A message was made for another aggregation than the one it was sent to."""


class NotEnrolled(EncryptedError):
    """A message comes from somebody whom the plan of the aggregation does not name."""


class PlanFull(EncryptedError):
    """More clients contribute than the plan has room for; the sum might wrap."""


class TooFewContributions(EncryptedError):
    """A total is of so few clients that it would tell of single ones."""


class KeyServed(EncryptedError):
    """A key has served its one total; two totals under one key would tell the difference between them."""


class ShareMissing(EncryptedError):
    """Somebody who holds a part of the key has not given what the others wait for."""


class TotalImplausible(EncryptedError):
    """A total decrypts to what no contributions within their bounds can add up to."""


class StoreError(CasemateError):
    """Something is wrong with the store of lineage."""


class StoreUnreachable(StoreError):
    """There is no such file or server, or it may not be used."""


class StoreDamaged(StoreError):
    """The file or database is no store of Casemate's, or it was damaged."""


class StoreTooNew(StoreError):
    """The store was written by a newer Casemate."""


class StoreBusy(StoreError):
    """Another process kept the store locked for too long."""


class LineageError(CasemateError):
    """Something cannot be recorded or traced."""


class ChainBroken(LineageError):
    """An entry of the lineage is not what was recorded."""


class ErasedSubject(LineageError):
    """Data holds somebody who was erased."""


class ExtraMissing(CasemateError):
    """An optional dependency is not installed."""


class AccessDenied(CasemateError):
    """An attack asked for something that it was not granted."""


class BudgetExceeded(CasemateError):
    """An attack asked for more queries, rows or seconds than it was granted."""


class LedgerError(CasemateError):
    """Something is wrong with a privacy budget."""


class BudgetSpent(LedgerError):
    """A privacy budget does not hold what an answer would cost."""


class LedgerBusy(LedgerError):
    """Another process kept the epsilon ledger locked for too long."""


class LedgerUnreadable(LedgerError):
    """An epsilon ledger was changed, cut off, or damaged."""


class ControlFailed(CasemateError):
    """A control raised while the system was being built."""


class AssessmentUnreadable(CasemateError):
    """A stored assessment is damaged, or of a schema that this version does not know."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` (with its leading space) for the nearest candidate, or an empty string."""
    known = list(candidates)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not near:  # perhaps without its family: pgd for evasion.pgd
        last = {candidate.rpartition(".")[2]: candidate for candidate in known}
        near = [last[found] for found in difflib.get_close_matches(name, last, n=1, cutoff=0.6)]
    return f" Did you mean {near[0]!r}?" if near else ""
