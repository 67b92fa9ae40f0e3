"""The tables of a system file, typed. Keys are written in kebab case; every key says what it is for."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from casemate.core.access import Knowledge, Norm
from casemate.core.guard import Surface
from casemate.core.policy import Count
from casemate.core.schema import Kind, Role

Format = Literal["csv", "tsv", "parquet", "npz", "npy"]
ModelFormat = Literal["skops", "pickle", "xgboost", "lightgbm", "torch-export", "safetensors", "onnx"]
Text = Annotated[str, Meta(min_length=1)]
Character = Annotated[str, Meta(min_length=1, max_length=1)]
Function = Annotated[str, Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Fraction = Annotated[float, Meta(ge=0, le=1)]
OpenFraction = Annotated[float, Meta(gt=0, lt=1)]
Positive = Annotated[int, Meta(ge=1)]
PositiveNumber = Annotated[float, Meta(gt=0)]
Range = tuple[float, float]


class Table(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A table of the system file; a key that it does not know is a mistake."""


class SystemTable(Table, frozen=True):
    """What the system is called and what it gives away."""

    name: Annotated[str, Meta(min_length=1, description="What its owner calls it.")]
    description: Annotated[str, Meta(description="What it decides, and about whom.")] = ""
    surface: Annotated[Surface, Meta(description="Whether clients are given scores, or labels only.")] = "scores"


class ColumnTable(Table, frozen=True):
    """What is known of one column, or of all columns that a pattern such as ``"pixel_*"`` names."""

    role: Annotated[Role | None, Meta(description="What it is to a person in the data. Default: [data] role.")] = None
    kind: Annotated[Kind | None, Meta(description="How its values may look. Default: told from the data.")] = None
    range: Annotated[
        Range | None, Meta(description="Lowest and highest value, in its own unit. Default: as seen in training.")
    ] = None
    immutable: Annotated[bool | None, Meta(description="Whether the world stops attackers from changing it.")] = None
    one_hot: Annotated[Text | None, Meta(description="Its one-hot group: one column of a group is 1.")] = None
    categories: Annotated[
        tuple[str, ...], Meta(description="The values of a category, in the order of their codes. Default: sorted.")
    ] = ()


class DataTable(Table, frozen=True):
    """Where the rows are and what their columns mean."""

    train: Annotated[
        Text, Meta(description="Training rows: a file beside this one, sklearn:<name> or openml:<id or name>.")
    ]
    test: Annotated[Text | None, Meta(description="Test rows, from the same kinds of source.")] = None
    test_share: Annotated[OpenFraction | None, Meta(description="Share of the rows in train to test with.")] = None
    split_seed: Annotated[int, Meta(ge=0, description="Seed of the splits.")] = 0
    trusted: Annotated[Text | None, Meta(description="Rows that the owner vouches for.")] = None
    trusted_share: Annotated[OpenFraction | None, Meta(description="Share of the training rows to take as those.")] = (
        None
    )
    train_labels: Annotated[Text | None, Meta(description="Labels of train, where it is a .npy file.")] = None
    test_labels: Annotated[Text | None, Meta(description="Labels of test, where it is a .npy file.")] = None
    trusted_labels: Annotated[Text | None, Meta(description="Labels of trusted, where it is a .npy file.")] = None
    target: Annotated[Text | None, Meta(description="The column that holds the label.")] = None
    classes: Annotated[
        tuple[str | int, ...],
        Meta(description="The classes, in the order of their labels 0, 1, ... Default: sorted."),
    ] = ()
    shape: Annotated[
        tuple[Positive, ...], Meta(description="Shape of one sample: [height, width] or [channels, height, width].")
    ] = ()
    format: Annotated[Format | None, Meta(description="Format of the files. Default: by their endings.")] = None
    delimiter: Annotated[Character | None, Meta(description="What separates the fields of a text file.")] = None
    groups: Annotated[tuple[str, ...], Meta(description="Columns whose values form groups to compare.")] = ()
    range: Annotated[Range | None, Meta(description="Range of all numbers whose column names none.")] = None
    role: Annotated[
        Literal["feature", "quasi-identifier", "sensitive", "ignored"], Meta(description="Default role.")
    ] = "feature"
    columns: Annotated[
        dict[str, ColumnTable],
        Meta(description="Columns by name, or by a pattern such as pixel_*; names go before patterns."),
    ] = {}


class ReleaseTable(Table, frozen=True):
    """A table about people that is to be given away: what it is, and what is known of the people in it."""

    table: Annotated[Text, Meta(description="The raw table: a CSV, TSV or Parquet file beside this one.")]
    policy: Annotated[
        Text | None,
        Meta(description="Privacy policy with the columns' roles (privacy.toml). Default: [privacy-policy] here."),
    ] = None
    columns: Annotated[dict[str, Role], Meta(description="Roles of columns; they go before those of the policy.")] = {}
    role: Annotated[
        Role | None, Meta(description="Role of columns that are not named. Default: that is a mistake.")
    ] = None
    known: Annotated[
        tuple[Text, ...],
        Meta(description="Columns that attackers know of people. Default: quasi-identifiers and identifiers."),
    ] = ()
    published: Annotated[
        Text | None, Meta(description="The table as another program made it ready. Default: as the controls make it.")
    ] = None
    key: Annotated[
        Text | None,
        Meta(description="Column of both files that tells which row is which, not published. Default: the same order."),
    ] = None
    format: Annotated[
        Literal["csv", "tsv", "parquet"] | None, Meta(description="Format of the files. Default: by their endings.")
    ] = None
    delimiter: Annotated[Character | None, Meta(description="What separates the fields of a text file.")] = None


class EndpointTable(Table, frozen=True):
    """A model that answers over the network (Open Inference Protocol, version 2)."""

    url: Annotated[str, Meta(pattern="^https?://", description="Base address of the server.")]
    model: Annotated[Text, Meta(description="Name of the model on the server.")]
    version: Annotated[Text | None, Meta(description="Version of the model. Default: the server's choice.")] = None
    timeout: Annotated[PositiveNumber, Meta(description="Seconds to wait for one answer.")] = 10.0
    retries: Annotated[int, Meta(ge=0, description="How often to ask again where the server is too busy.")] = 4
    longest_wait: Annotated[PositiveNumber, Meta(description="Seconds that one pause may last.")] = 30.0
    batch: Annotated[Positive, Meta(description="Rows per request.")] = 256
    token_env: Annotated[Text | None, Meta(description="Environment variable that holds the bearer token.")] = None
    headers_env: Annotated[dict[str, Text], Meta(description="Further headers, by their environment variables.")] = {}
    labels_only: Annotated[bool, Meta(description="Whether it answers with labels alone.")] = False


class TeacherTable(Table, frozen=True):
    """The public model whose frozen features the system's model re-uses."""

    factory: Annotated[Function, Meta(description="module:function that makes the network.")]
    layer: Annotated[Text, Meta(description="Name of the deepest frozen layer.")]
    weights: Annotated[Text | None, Meta(description="File of its weights. Default: those the factory sets.")] = None


class ModelTable(Table, frozen=True):
    """What answers: an artefact, an endpoint, or whatever the recipe trains."""

    artefact: Annotated[Text | None, Meta(description="Model file, beside this one.")] = None
    format: Annotated[ModelFormat | None, Meta(description="Format of the artefact. Default: by its ending.")] = None
    factory: Annotated[Function | None, Meta(description="module:function that makes a network for its weights.")] = (
        None
    )
    allow_pickle: Annotated[bool, Meta(description="Whether the artefact may be a pickle, once it is scanned.")] = False
    input: Annotated[
        Literal["matrix", "frame"], Meta(description="What the artefact takes: rows, or named columns.")
    ] = "matrix"
    recipe: Annotated[Function | None, Meta(description="module:function that trains a model.")] = None
    time_limit: Annotated[PositiveNumber, Meta(description="Seconds that one training may take.")] = 600.0
    endpoint: Annotated[EndpointTable | None, Meta(description="A model that answers over the network.")] = None
    teacher: Annotated[TeacherTable | None, Meta(description="The public model that it re-uses.")] = None


class BudgetTable(Table, frozen=True):
    """What an attacker may spend. What is not said is left to each attack's own default."""

    queries: Annotated[Positive | None, Meta(description="Rows asked in a whole attack.")] = None
    queries_per_row: Annotated[Positive | None, Meta(description="Rows asked per row attacked.")] = None
    training_share: Annotated[Fraction | None, Meta(description="Share of the training rows changed or added.")] = None
    norm: Annotated[Norm | None, Meta(description="How changes to an input are measured, in the unit box.")] = None
    radius: Annotated[
        PositiveNumber | None, Meta(description="Largest change; for linf a share of each column's range.")
    ] = None
    references: Annotated[Positive | None, Meta(description="Models that the attacker may train.")] = None
    clients: Annotated[Positive | None, Meta(description="Accounts that the attacker may ask through.")] = None
    seconds: Annotated[PositiveNumber | None, Meta(description="Seconds for one attack on one arm.")] = None


class AccessTable(BudgetTable, frozen=True):
    """What attackers are assumed to have. Without this table: everything but the server and the messages to it."""

    knowledge: Annotated[
        Knowledge, Meta(description="White box sees weights, gray box the recipe, black box answers.")
    ] = "white-box"
    scores: Annotated[bool, Meta(description="Sees confidence scores.")] = True
    training_rows: Annotated[bool, Meta(description="May change or add training rows.")] = True
    training_labels: Annotated[bool, Meta(description="May change training labels.")] = True
    recipe: Annotated[bool, Meta(description="Can train models as the owner does.")] = True
    population: Annotated[bool, Meta(description="Holds rows of the same population.")] = True
    teacher: Annotated[bool, Meta(description="Holds the public model that the system re-uses.")] = True
    server: Annotated[bool, Meta(description="Sees all that the machine holds that the model runs on.")] = False
    messages: Annotated[bool, Meta(description="May read, alter and replay messages between clients and server.")] = (
        False
    )


class AttackTable(BudgetTable, frozen=True):
    """What one attack is granted instead."""

    samples: Annotated[Positive | None, Meta(description="Rows attacked. Default: [assess] samples.")] = None


class AssessTable(Table, frozen=True):
    """How the system is assessed."""

    seed: Annotated[int, Meta(ge=0, description="Seed of everything random.")] = 0
    samples: Annotated[Positive, Meta(description="Rows attacked per attack.")] = 100
    jobs: Annotated[Positive | None, Meta(description="Worker processes. Default: one per core.")] = None
    attacks: Annotated[tuple[str, ...], Meta(description="Attacks or families to run. Default: all.")] = ()
    skip: Annotated[tuple[str, ...], Meta(description="Attacks or families to leave out.")] = ()


class WaiverTable(Table, frozen=True):
    """An accepted breach."""

    of: Annotated[Text, Meta(description="Id of an attack or a threat.")]
    reason: Annotated[str, Meta(pattern=r"\S", description="Why it is accepted.")]
    expires: Annotated[datetime.date, Meta(description="Last day on which it counts, as 2030-12-31.")]


class PolicyTable(Table, frozen=True):
    """What the owner accepts."""

    limits: Annotated[
        dict[str, Fraction], Meta(description="Largest effect accepted, by threat or attack. Default: the catalogue's.")
    ] = {}
    costs: Annotated[
        dict[str, Annotated[float, Meta(ge=0)]], Meta(description="Largest price accepted for all controls together.")
    ] = {}
    count: Annotated[Count, Meta(description="Count every answer an attacker got, or only undetected ones.")] = "all"
    level: Annotated[OpenFraction, Meta(description="Confidence level of every interval.")] = 0.95
    waivers: Annotated[tuple[WaiverTable, ...], Meta(description="Accepted breaches.")] = ()


class Declaration(Table, frozen=True):
    """One machine-learning system, or a table that is given away: data, model, controls, and what the owner accepts."""

    system: SystemTable
    data: Annotated[DataTable | None, Meta(description="Rows to train and test on; only with [release] left out.")] = (
        None
    )
    model: ModelTable = ModelTable()
    release: Annotated[ReleaseTable | None, Meta(description="A table about people that is to be given away.")] = None
    controls: Annotated[
        tuple[dict[str, Any], ...], Meta(description="Controls, in the order in which requests meet them.")
    ] = ()
    access: AccessTable = AccessTable()
    assess: AssessTable = AssessTable()
    attacks: Annotated[dict[str, AttackTable], Meta(description="What single attacks are granted instead.")] = {}
    policy: PolicyTable = PolicyTable()
    privacy_policy: Annotated[
        dict[str, Any], Meta(description="A privacy policy, where it has no file of its own (privacy.toml).")
    ] = {}
