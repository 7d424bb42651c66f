"""The technical documentation of Annex IV to Regulation (EU) 2024/1689 (the EU AI Act) as data. Pure.

Titles and items are paraphrased; `clause` names the point each refers to. An item is answered by registry facts or by
sections of the model card; otherwise the document lists it as missing, with the place to supply it. A filled document
has the structure of Annex IV; whether its content is true and sufficient is for people to judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEMPLATE: Final = "eu-ai-act-annex-iv"
EDITION: Final = 2
"""Must increase whenever a point, an item or a way of answering changes."""
TITLE: Final = "Technical document in the shape of Annex IV"
SOURCE: Final = "Regulation (EU) 2024/1689, Annex IV"


@dataclass(frozen=True)
class RequiredItem:
    """One item that a point requires.

    Args:
        what: short description.
        facts: names of registry facts (`governance.documents.sections`); any of them answers the item.
        sections: headings of the model card that can answer it; the first with content is used.
        where: where to supply it, if not under the first of `sections`.
        conditional: required "where applicable" or "where relevant"; a statement that it does not apply answers it.
    """

    what: str
    facts: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    where: str = ""
    conditional: bool = False

    @property
    def place(self) -> str:
        """Where to supply what is missing."""
        return self.where or f"model card, section “{self.sections[0]}”"


@dataclass(frozen=True)
class Point:
    """A point of the annex."""

    clause: str
    title: str
    items: tuple[RequiredItem, ...]


GENERAL = "General description"
DEVELOPMENT = "Elements of the system and its development"

POINTS: Final[tuple[Point, ...]] = (
    Point(
        "1(a)",
        "Purpose, provider, version",
        (
            RequiredItem(
                "intended purpose", ("purpose",), ("Intended use", "Intended purpose"), "the model's page, Intended use"
            ),
            RequiredItem("name of the provider", (), ("Provider",)),
            RequiredItem("version, and its relation to earlier ones", ("version", "relatives")),
        ),
    ),
    Point(
        "1(b)",
        "How it works together with other hardware, software and AI systems",
        (
            RequiredItem(
                "interaction with other systems", (), ("Interaction", "Integration", "Interfaces"), conditional=True
            ),
        ),
    ),
    Point(
        "1(c)",
        "Versions of the software it needs, and what updates require",
        (
            RequiredItem(
                "versions of software", ("environment",), (), "the version's environment lock, given at registration"
            ),
            RequiredItem("requirements of updates", (), ("Updates", "Update requirements", "Maintenance")),
        ),
    ),
    Point(
        "1(d)",
        "Forms in which it is put into service",
        (RequiredItem("forms of delivery", ("files",), ("Deployment", "Distribution", "Delivery")),),
    ),
    Point(
        "1(e)", "Hardware it is meant to run on", (RequiredItem("hardware", (), ("Hardware", "Hardware requirements")),)
    ),
    Point(
        "1(f)",
        "Outside and inside of the product it is a part of",
        (RequiredItem("pictures of the product", (), ("Product",), conditional=True),),
    ),
    Point(
        "1(g)",
        "The user interface for the deployer",
        (RequiredItem("description of the user interface", (), ("User interface", "Interface")),),
    ),
    Point(
        "1(h)",
        "Instructions for the deployer",
        (RequiredItem("instructions for use", (), ("Instructions for use", "Instructions", "How to use", "Usage")),),
    ),
    Point(
        "2(a)",
        "Methods and steps of development, and what was taken from others",
        (
            RequiredItem("methods and steps", (), ("Training procedure", "Development", "Training", "Method")),
            RequiredItem(
                "code and run it came from", ("code",), (), "the version's code reference, given at registration"
            ),
            RequiredItem(
                "pre-trained systems and tools of others", ("parents", "base models"), ("Base model",), conditional=True
            ),
        ),
    ),
    Point(
        "2(b)",
        "Design: logic, choices and their reasons, what it optimises, expected output",
        (
            RequiredItem(
                "general logic, key choices and their reasons", (), ("Design", "Model details", "Model description")
            ),
            RequiredItem("parameters", ("parameters",), (), "the version's parameters, given at registration"),
            RequiredItem(
                "expected output", ("outputs",), ("Output", "Outputs"), "the version's signature, given at registration"
            ),
            RequiredItem("trade-offs", (), ("Trade-offs", "Tradeoffs")),
        ),
    ),
    Point(
        "2(c)",
        "Architecture, and the computing it took",
        (
            RequiredItem("how the components fit together", (), ("Architecture", "Model architecture")),
            RequiredItem("computing resources", (), ("Compute", "Computational resources")),
        ),
    ),
    Point(
        "2(d)",
        "Data: what it was trained on, where that is from, how it was chosen, labelled and cleaned",
        (
            RequiredItem(
                "data sets, by identity", ("datasets",), (), "the version's dataset references, given at registration"
            ),
            RequiredItem("description, provenance and selection", (), ("Training data", "Data")),
            RequiredItem(
                "labelling and cleaning", (), ("Data preparation", "Labelling", "Data cleaning"), conditional=True
            ),
        ),
    ),
    Point(
        "2(e)",
        "Human oversight: what is needed, and what helps people to read the output",
        (RequiredItem("assessment of human oversight", (), ("Human oversight", "Oversight")),),
    ),
    Point(
        "2(f)",
        "Changes planned beforehand",
        (RequiredItem("planned changes", (), ("Predetermined changes", "Planned changes"), conditional=True),),
    ),
    Point(
        "2(g)",
        "Validation and testing: procedures, data, metrics, reports signed and dated",
        (
            RequiredItem("procedures and data", (), ("Evaluation", "Validation", "Testing")),
            RequiredItem("metrics", ("metrics",), (), "the version's metrics"),
            RequiredItem(
                "impacts that may discriminate",
                ("slices",),
                ("Fairness", "Bias"),
                "metrics by slice, or the model card",
            ),
            RequiredItem(
                "test logs and reports", ("checks", "evidence"), (), "evidence of the version, and checks by policy"
            ),
            RequiredItem("signatures of those responsible", ("decisions",), (), "decisions on a promotion request"),
        ),
    ),
    Point(
        "2(h)",
        "Security against attacks",
        (RequiredItem("measures of cybersecurity", (), ("Cybersecurity", "Security")),),
    ),
    Point(
        "3",
        "Monitoring, functioning and control",
        (
            RequiredItem("capabilities and limits", (), ("Limitations", "Limits")),
            RequiredItem(
                "accuracy, overall and for groups", ("metrics", "slices"), (), "the version's metrics, by slice"
            ),
            RequiredItem("unintended outcomes and risks", ("prohibited use",), ("Ethical considerations", "Risks")),
            RequiredItem("human oversight", (), ("Human oversight", "Oversight")),
            RequiredItem("specification of the input", ("inputs",), ("Input", "Inputs"), "the version's signature"),
        ),
    ),
    Point(
        "4",
        "Why these metrics are the right ones",
        (
            RequiredItem("why the metrics fit", (), ("Metrics", "Choice of metrics")),
            RequiredItem("limits set on them", ("limits",), (), "the policies in force"),
        ),
    ),
    Point(
        "5",
        "Risk management (Article 9)",
        (
            RequiredItem("risk management system", (), ("Risk management",)),
            RequiredItem("risk tier and rules that apply", ("risk",), (), "the model's page, Risk tier"),
            RequiredItem("decisions of people", ("decisions",), (), "decisions on a promotion request"),
        ),
    ),
    Point(
        "6",
        "Changes over its life",
        (
            RequiredItem("history", ("history",)),
            RequiredItem("what changed in this version, and why", ("requests",), ("Changes",)),
        ),
    ),
    Point(
        "7",
        "Standards applied",
        (
            RequiredItem(
                "standards and specifications", ("standards",), ("Standards",), "model card, front matter “standards”"
            ),
        ),
    ),
    Point(
        "8",
        "EU declaration of conformity (Article 47)",
        (RequiredItem("copy of the declaration", ("declaration",), (), "evidence of the kind conformity.declaration"),),
    ),
    Point(
        "9",
        "Watching it after it was put into service (Article 72)",
        (
            RequiredItem("monitoring plan", (), ("Monitoring", "Post-market monitoring")),
            RequiredItem("next review", ("review",), (), "the model's page, Next review"),
        ),
    ),
)

GROUPS: Final = {"1": GENERAL, "2": DEVELOPMENT}
"""Headings of points with parts."""
