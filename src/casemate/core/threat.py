"""A threat: what an attacker wants from a machine-learning system, and who has described it. Data, not code."""

from dataclasses import dataclass
from typing import Literal, get_args

Family = Literal[
    "poisoning",
    "backdoor",
    "transfer",
    "evasion",
    "model_extraction",
    "data_extraction",
    "reidentification",
    "interception",
]
"""The eight families of attacks. Each is a folder of `casemate.attacks`."""

FAMILIES: tuple[Family, ...] = get_args(Family)
"""The families in the order in which reports show them."""

Asset = Literal["training data", "released data", "requests", "model", "decision", "service"]
"""What the attacker damages, learns or takes."""

Stage = Literal["collection", "training", "acquisition", "release", "deployment"]
"""Where in the life cycle the attacker acts. Acquisition: a model or data set comes in from someone else.
Release: data leave the organisation. Deployment: the model answers requests."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of a public framework that describes a threat.

    Attributes:
        framework: Name of the framework, such as `MITRE ATLAS`.
        edition: The edition in which id and title were looked up. Frameworks renumber; an id alone says little.
        id: The framework's own identifier, such as `AML.T0020`.
        title: The framework's own title. For a sub-technique: parent and child, joined by a colon.
        url: A page about the entry, or the framework's page; empty where there is none.
        checked: False where id and title were taken from a secondary source only.
    """

    framework: str
    edition: str
    id: str
    title: str
    url: str = ""
    checked: bool = True

    @property
    def label(self) -> str:
        """One line for a report: framework, edition, id and title, and a warning where it was not checked."""
        title = "" if self.title.casefold() in self.id.casefold() else f" {self.title}"  # BIML's ids hold the title
        warning = "" if self.checked else " (not checked against the original)"
        return f"{self.framework} {self.edition}: {self.id}{title}{warning}"


@dataclass(frozen=True, slots=True)
class Threat:
    """One entry of the threat catalogue.

    Attributes:
        id: Public id in kebab-case, such as `data-poisoning`. Attacks and controls name a threat by it.
        title: The name that a report shows.
        family: The family of attacks that test it; None where controls address it but no family of attacks does.
        asset: What is at stake.
        stage: Where in the life cycle the attacker acts.
        description: Two to four plain sentences: who does what, and what is lost.
        references: Entries of public frameworks that describe the same threat or its nearest parent.
        remedies: Two to four next steps, in words, the first to try first.
        default_limit: The largest effect that the default policy accepts, a fraction in [0, 1]; None where no
            general limit makes sense and the user must choose.
        effect: What the limit bounds, in words. A larger effect is always worse for the defender.
        aliases: Other spellings that people use for the id.
    """

    id: str
    title: str
    family: Family | None
    asset: Asset
    stage: Stage
    description: str
    references: tuple[Reference, ...]
    remedies: tuple[str, ...]
    default_limit: float | None
    effect: str
    aliases: tuple[str, ...] = ()
