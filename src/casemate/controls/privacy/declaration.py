"""The tables of a privacy policy, typed. Keys are written in kebab case; every key says what it is for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from casemate.core.schema import Role
from casemate.systems.declaration import Fraction, Positive, PositiveNumber, Range, Table, Text

PseudonymKind = Literal["hmac", "aes-siv", "ff1"]
Alphabet = Literal["digits", "lower", "upper", "alphanumeric"]
Unknown = Literal["quarantine", "refuse", "drop"]
Method = Literal["mondrian", "lattice", "microaggregation"]
Ranges = Literal["bands", "loose", "tight"]
Seal = Literal["none", "parquet", "envelope"]
ValueType = Literal["text", "integer", "number", "boolean", "date", "time"]


class PseudonymTable(Table, frozen=True):
    """A keyed stand-in for each value."""

    kind: Annotated[
        PseudonymKind,
        Meta(description="hmac cannot be reversed; aes-siv can, by whom reversible-by names; ff1 keeps the format."),
    ] = "hmac"
    reversible_by: Annotated[
        tuple[Text, ...], Meta(description="Roles of people who may turn it back (casemate reidentify).")
    ] = ()
    alphabet: Annotated[Alphabet, Meta(description="Characters that ff1 works in; others stay where they are.")] = (
        "digits"
    )


class GeneraliseTable(Table, frozen=True):
    """How a quasi-identifier may be blurred."""

    hierarchy: Annotated[
        Text | None, Meta(description="CSV file beside the policy: value, then ever wider names for it, to the right.")
    ] = None
    rows: Annotated[
        tuple[tuple[Text, ...], ...], Meta(description="A hierarchy written here: [[value, wider name, ...], ...].")
    ] = ()
    widths: Annotated[
        tuple[PositiveNumber, ...], Meta(description="A hierarchy of bands of numbers: their widths, narrow to wide.")
    ] = ()
    origin: Annotated[float, Meta(description="Where a band of numbers begins.")] = 0.0
    dates: Annotated[
        tuple[Literal["month", "quarter", "year", "decade"], ...],
        Meta(description="A hierarchy of dates: steps, narrow to wide."),
    ] = ()
    prefixes: Annotated[
        tuple[Positive, ...],
        Meta(description="A hierarchy of leading characters, as of postcodes: how many stay, many to few."),
    ] = ()
    order: Annotated[
        tuple[str, ...], Meta(description="Words in an order in which neighbours are alike. Default: sorted.")
    ] = ()
    ordinal: Annotated[
        bool | None, Meta(description="Whether values have an order. Default: numbers and dates do, words do not.")
    ] = None
    weight: Annotated[PositiveNumber, Meta(description="How much detail in this column matters beside the others.")] = (
        1.0
    )


class ColumnPolicy(Table, frozen=True):
    """What a column is to a person, and what becomes of it."""

    role: Annotated[Role, Meta(description="What it is to a person in the data.")]
    type: Annotated[
        ValueType | None, Meta(description="How its values look; data of another type has drifted. Default: any.")
    ] = None
    keep: Annotated[
        bool, Meta(description="Publish an identifier as it is. Needs a reason, which the lineage will tell.")
    ] = False
    drop: Annotated[bool, Meta(description="Leave the column out.")] = False
    pseudonym: Annotated[PseudonymTable | None, Meta(description="Replace each value by a keyed stand-in.")] = None
    shift_days: Annotated[
        Positive | None,
        Meta(description="Move dates by up to so many days, all dates of one person by the same, keyed."),
    ] = None
    clip: Annotated[Range | None, Meta(description="Top and bottom coding: values outside become the ends.")] = None
    round_to: Annotated[PositiveNumber | None, Meta(description="Round numbers to multiples of this.")] = None
    generalise: Annotated[GeneraliseTable | None, Meta(description="How the column may be blurred.")] = None
    ordinal: Annotated[
        bool | None, Meta(description="Whether values have an order. Default: numbers and dates do, words do not.")
    ] = None
    reason: Annotated[str, Meta(description="Why, for the lineage. Default: the role's.")] = ""


class PrivacyTable(Table, frozen=True):
    """What the released table must guarantee, and how that is reached."""

    k: Annotated[Positive, Meta(description="Rows that look alike, at least.")] = 5
    l: Annotated[Positive, Meta(description="Sensitive values in every such group, at least.")] = 1  # noqa: E741
    l_kind: Annotated[Literal["distinct", "entropy"], Meta(description="How sensitive values are counted.")] = (
        "distinct"
    )
    t: Annotated[
        Fraction | None,
        Meta(description="How far a group's sensitive values may lie from all rows' (earth mover's distance)."),
    ] = None
    max_suppression: Annotated[Fraction, Meta(description="Share of the rows that may be left out.")] = 0.0
    method: Annotated[Method, Meta(description="How groups are made.")] = "mondrian"
    relaxed: Annotated[bool, Meta(description="Equal values may fall on both sides of a cut.")] = False
    noise: Annotated[
        Fraction,
        Meta(description="How far a cut may lie from the middle, at random, as a share of the group: against attacks."),
    ] = 0.0
    ranges: Annotated[
        Ranges,
        Meta(
            description="What Mondrian's groups show: bands chosen before any row was seen, against downcoding; or "
            "free ranges, with ends at round places (loose) or at rows' values (tight)."
        ),
    ] = "bands"


class GateTable(Table, frozen=True):
    """The attacks that a release must withstand before it is given away."""

    limits: Annotated[
        dict[str, Fraction],
        Meta(description="Largest effect accepted, by attack. Default: that of its threat."),
    ] = {}
    skip: Annotated[tuple[str, ...], Meta(description="Attacks that are not run; the report says so.")] = ()
    samples: Annotated[Positive, Meta(description="People attacked by each attack.")] = 400


class BudgetDp(Table, frozen=True):
    """Differential privacy of what is published for a purpose."""

    epsilon: Annotated[PositiveNumber, Meta(description="Privacy loss that may be spent in one period.")]
    delta: Annotated[Fraction, Meta(description="Probability with which the guarantee may fail.")] = 0.0
    per: Annotated[Literal["ever", "year", "month"], Meta(description="When the budget is renewed.")] = "ever"
    contributions: Annotated[Positive, Meta(description="Rows of one person that count, at most.")] = 1


class PurposeTable(Table, frozen=True):
    """What a purpose may see, for how long, and under which keys."""

    columns: Annotated[
        Literal["all", "minimal"] | tuple[str, ...],
        Meta(description='Columns that it may see: a list, "all", or "minimal": what the model really needs.'),
    ] = "all"
    max_accuracy_loss: Annotated[Fraction, Meta(description="Accuracy that minimisation may cost.")] = 0.005
    retention_days: Annotated[Positive | None, Meta(description="Days after which its data must be deleted.")] = None
    key_epoch: Annotated[str, Meta(min_length=1, description="Epoch of its keys; a new one is a rotation.")] = "1"
    dp: Annotated[BudgetDp | None, Meta(description="Privacy budget of aggregates.")] = None
    min_group: Annotated[
        Positive, Meta(description="People in a group, at least, for plain aggregates within the house.")
    ] = 10


class EncryptionTable(Table, frozen=True):
    """How what is stored is sealed."""

    at_rest: Annotated[
        Seal, Meta(description="parquet: each group of columns under its own key. envelope: the file as a whole.")
    ] = "none"
    groups: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Columns by group; each group has a key of its own. Others are under the key of the rest."),
    ] = {}
    keys: Annotated[
        Text, Meta(description="Where keys are kept: file:PATH, vault:URL or the name of an installed key store.")
    ] = "file:keys.casemate"


class Declared(Table, frozen=True, rename="kebab"):
    """A privacy policy: what each column of a data set is, and what may leave the house, for what, and how."""

    dataset: Annotated[Text, Meta(description="Name of the data set, such as crm.people.")]
    columns: Annotated[
        dict[str, ColumnPolicy], Meta(min_length=1, description="Every column; whatever is not declared is unknown.")
    ]
    version: Annotated[Literal[1], Meta(description="Version of this format.")] = 1
    subject_key: Annotated[str | None, Meta(description="The column that says which person a row is about.")] = None
    unknown_column: Annotated[Unknown, Meta(description="What becomes of data with a column that is not declared.")] = (
        "quarantine"
    )
    privacy: PrivacyTable = PrivacyTable()
    gate: GateTable = GateTable()
    purposes: Annotated[dict[str, PurposeTable], Meta(description="What the data may be used for.")] = {}
    encryption: EncryptionTable = EncryptionTable()
